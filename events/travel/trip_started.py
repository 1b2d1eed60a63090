"""Left the home city: a travel pack helps on the way."""

from events.stories import seen
from events.words import place
from streams.define import Case, Event, Field, city


class TripStarted(Event, by="line"):
    when = place.moved.where(place.left_home)

    trip_id: Field[str] = place.trip_id
    home_city: Field[str] = place.home
    to_city: Field[str] = place.to
    distance_km: Field[int | None] = city.distance_km(place.home, place.to)


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "home_city": "310000", "to_city": "110000", "distance_km": 1068}
CASES = [
    Case("leaves home", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], [DETAIL]),
    Case("moves on during the trip", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30"), seen("440100", "20:00"), seen("440100", "21:00")], [DETAIL]),
    Case("was never seen at home", [seen("440100", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], []),
]

"""Left the home city: a travel pack helps on the way."""

from events.stories import seen
from events.words import place
from streams.define import Case, Detail, Event, ref


class TripStarted(Event, by="line"):
    when = place.moved.where(place.left_home)
    detail = Detail(trip_id=place.trip.id, home_city=place.home, to_city=place.to, distance_km=ref.city.distance_km(place.home, place.to))


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "home_city": "310000", "to_city": "110000", "distance_km": 1068}
CASES = [
    Case("leaves home", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], [DETAIL]),
    Case("moves on during the trip", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30"), seen("440100", "20:00"), seen("440100", "21:00")], [DETAIL]),
    Case("was never seen at home", [seen("440100", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], []),
]

"""Arrived in a tourist city: hotels, car hire, sights."""

from events.stories import seen
from events.words import place
from streams.define import Case, Event, Field, cool, days, per_trip, today
from streams.define import city as cities
from streams.define import holiday as holidays


class TouristCity(Event, by="line"):
    when = place.moved.where(place.to != place.home, cities.tourist(place.to))
    rearm = per_trip(place.trip_id, and_=place.to, unknown=cool(days(30)))

    trip_id: Field[str | None] = place.trip_id
    city: Field[str] = place.to
    city_name: Field[str] = cities.names(place.to)
    distance_km: Field[int | None] = cities.distance_km(place.home, place.to)
    holiday: Field[bool] = holidays.holiday(cities.country(place.to), today).known()


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "city": "110000", "city_name": "北京", "distance_km": 1068, "holiday": True}
CASES = [
    Case("arrives where people go", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], [DETAIL]),
    Case("not a tourist city", [seen("310000", "10:00"), seen("440100", "15:00"), seen("440100", "15:30")], []),
    Case("home is not visited", [seen("440100", "10:00"), seen("310000", "15:00"), seen("310000", "15:30")], []),
]

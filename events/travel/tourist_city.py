"""Arrived in a tourist city: hotels, car hire, sights."""

from events.stories import Record, roaming, seen
from events.words import place
from streams.define import Case, Event, Field, cool, days, per_trip, today
from streams.define import city as cities
from streams.define import holiday as holidays


class TouristCity(Event, by="line"):
    when = place.moved.where(place.home.is_unknown() | (place.to != place.home), cities.tourist(place.to))
    rearm = per_trip(place.trip_id, and_=place.to, unknown=cool(days(30)))

    trip_id: Field[str | None] = place.trip_id
    city: Field[str] = place.to
    city_name: Field[str] = cities.names(place.to).or_(place.to)
    distance_km: Field[int | None] = cities.distance_km(place.home, place.to)
    holiday: Field[bool | None] = holidays.is_holiday(cities.country(place.to), today)


def stray(city: str, at: str) -> Record:
    """A line whose home is unknown is seen."""
    return seen(city, at, subscription_id="S2")


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "city": "110000", "city_name": "北京", "distance_km": 1068, "holiday": True}
STRAY = {**DETAIL, "trip_id": None, "distance_km": None}
CASES = [
    Case("arrives where people go", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")], [DETAIL]),
    Case("not a tourist city", [seen("310000", "10:00"), seen("440100", "15:00"), seen("440100", "15:30")], []),
    Case("a place that is in no table of cities", [seen("310000", "10:00"), roaming("208-01", "15:00"), roaming("208-01", "15:30")], []),
    Case("an unknown home counts as different", [stray("440100", "10:00"), stray("110000", "15:00"), stray("110000", "15:30")], [STRAY]),
    Case(
        "without a trip a city comes again after 30 days",
        [
            *(stray("440100", "1 10:00"), stray("110000", "1 15:00"), stray("110000", "1 15:30")),
            *(stray("310000", "20 10:00"), stray("310000", "20 10:30"), stray("110000", "30 23:00"), stray("110000", "30 23:59")),
            *(stray("440100", "31 08:00"), stray("440100", "31 08:30"), stray("110000", "31 10:00"), stray("110000", "31 10:30")),
        ],
        [STRAY, {**STRAY, "city": "310000", "city_name": "上海", "holiday": False}, {**STRAY, "holiday": False}],
    ),
    Case("home is not visited", [seen("440100", "10:00"), seen("310000", "15:00"), seen("310000", "15:30")], []),
]

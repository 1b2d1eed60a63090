"""Arrived in a tourist city: hotels, car hire, sights."""

from events.stories import Record, roaming, seen
from events.words import place
from streams.define import Case, Detail, Event, cool, day, once_per, ref


class TouristCity(Event, by="line"):
    when = place.moved.where(place.home.is_unknown() | (place.to != place.home), ref.city.tourist(place.to))
    rearm = once_per(place.trip.id, place.to).or_if_unknown(cool("30d", per=place.to))
    detail = Detail(
        trip_id=place.trip.id,
        city=place.to,
        city_name=ref.city.names(place.to).or_(place.to),
        distance_km=ref.city.distance_km(place.home, place.to),
        holiday=ref.holiday.is_holiday(ref.city.country(place.to), day),
    )


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
    Case(
        "two cities of one trip, each once",
        [seen(city, f"{date} {at}") for city, date in (("310000", 1), ("110000", 2), ("330100", 3), ("110000", 4)) for at in ("15:00", "15:30")],
        [{**DETAIL, "trip_id": "efdab7d17eb36bdd"}, {**DETAIL, "trip_id": "efdab7d17eb36bdd", "city": "330100", "city_name": "杭州", "distance_km": 161, "holiday": False}],
    ),
    Case(
        "of no trip, and on the last of the 30 days",
        [
            stray(city, at)
            for city, at in (
                ("440100", "1 10:00"),
                ("110000", "1 15:00"),
                ("110000", "1 15:30"),
                ("310000", "20 10:00"),
                ("310000", "20 10:30"),
                ("110000", "30 23:00"),
                ("110000", "30 23:59"),
            )
        ],
        [STRAY, {**STRAY, "city": "310000", "city_name": "上海", "holiday": False}],
    ),
    Case(
        "a holiday there, not at home",
        [seen("310000", "2 10:00"), seen("FRPAR", "2 15:00"), seen("FRPAR", "2 15:30")],
        [{**DETAIL, "trip_id": "efdab7d17eb36bdd", "city": "FRPAR", "city_name": "Paris", "distance_km": 9263, "holiday": False}],
    ),
    Case(
        "a city without a name",
        [seen("310000", "2 10:00"), seen("nameless", "2 15:00"), seen("nameless", "2 15:30")],
        [{**DETAIL, "trip_id": "efdab7d17eb36bdd", "city": "nameless", "city_name": "nameless", "distance_km": 300}],
    ),
]

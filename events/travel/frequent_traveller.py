"""Many trips in three months: a traveller plan, a lounge."""

from events.stories import Record, roaming, seen
from events.travel.trip_started import TripStarted
from streams.define import Case, Detail, Event, Param, reset


class FrequentTraveller(Event, by="line"):
    window = Param("90d", ge="1d", doc="today and the days before it that are looked at")
    km = Param(100, unit="km", ge=0, doc="what is nearer is no trip")
    n = Param(4, unit="trips", ge=1, doc="so many are frequent")

    trips = TripStarted.where(TripStarted.detail.distance_km >= km)
    recent = trips.within(window)
    when = trips.where(recent.count() >= n)
    rearm = reset
    detail = Detail(trips=recent.count(), cities=recent.distinct(TripStarted.detail.to_city))


def trip(city: str, date: int) -> list[Record]:
    """Away for a day, and home again."""
    return [seen(city, f"{date} 12:00"), seen(city, f"{date} 12:30"), seen("310000", f"{date} 20:00"), seen("310000", f"{date} 20:30")]


AT_HOME = seen("310000", "1 09:00")
CASES = [
    Case("four trips to two cities", [AT_HOME, *trip("110000", 2), *trip("440100", 4), *trip("110000", 6), *trip("110000", 8)], [{"trips": 4, "cities": 2}]),
    Case("three are not many", [AT_HOME, *trip("110000", 2), *trip("440100", 4), *trip("110000", 6)], []),
    Case("four more are needed then", [AT_HOME, *(one for date in range(2, 9) for one in trip("110000", date))], [{"trips": 4, "cities": 1}]),
    Case(
        "how far away a foreign country is, is unknown",
        [AT_HOME, *(one for date in range(2, 5) for one in trip("110000", date)), roaming("208-01", "6 12:00"), roaming("208-01", "6 12:30")],
        [],
    ),
    Case("trips of 100 km", [AT_HOME, *(one for date in (2, 4, 6, 8) for one in trip("km-100", date))], [{"trips": 4, "cities": 1}]),
    Case("of 99 km", [AT_HOME, *(one for date in (2, 4, 6, 8) for one in trip("km-99", date))], []),
    Case("the first of them on the ninetieth civil day", [AT_HOME, *(one for date in (2, 4, 6, 91) for one in trip("110000", date))], [{"trips": 4, "cities": 1}]),
    Case("a day more", [AT_HOME, *(one for date in (2, 4, 6, 92) for one in trip("110000", date))], []),
]

"""Back in the home city after a trip: say thank you, ask how it was."""

from events.stories import seen
from events.words import place
from streams.define import Case, Detail, Event, Param


class ReturnedHome(Event, by="line"):
    min = Param("6h", ge=0, doc="a shorter absence is not a trip")

    trip = place.trip
    when = place.moved.where(place.came_home, trip.length >= min)
    detail = Detail(trip_id=trip.id, cities=trip.cities, hours=trip.length.hours, tourist=trip.tourist)


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "cities": ["110000"], "hours": 19, "tourist": True}
AWAY = [seen("310000", "1 10:00"), seen("110000", "1 15:00"), seen("110000", "1 15:30")]
CASES = [
    Case("after a night", [*AWAY, seen("310000", "2 10:00"), seen("310000", "2 10:30")], [DETAIL]),
    Case("after six hours", [*AWAY, seen("310000", "1 21:00"), seen("310000", "1 21:30")], [{**DETAIL, "hours": 6}]),
    Case("a moment less is no trip", [*AWAY, seen("310000", "1 20:00"), seen("310000", "1 21:29:59")], []),
    Case(
        "without a known home there is no trip",
        [seen(city, at, subscription_id="S2") for city, at in (("310000", "1 10:00"), ("110000", "1 15:00"), ("110000", "1 15:30"), ("310000", "2 10:00"), ("310000", "2 10:30"))],
        [],
    ),
    Case("on to another city", [*AWAY, seen("440100", "2 10:00"), seen("440100", "2 10:30")], []),
]

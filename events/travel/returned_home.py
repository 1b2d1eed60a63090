"""Back in the home city after a trip: say thank you, ask how it was."""

from events.stories import seen
from events.words import place
from streams.define import Case, Event, Field, Param, hours


class ReturnedHome(Event, by="line"):
    min = Param(hours(6), unit="ms", ge=0, doc="a shorter absence is not a trip")

    when = place.moved.where(place.came_home, place.trip_ms >= min)

    trip_id: Field[str] = place.trip_id
    cities: Field[list[str]] = place.trip_places
    hours: Field[int] = place.trip_hours
    tourist: Field[bool] = place.trip_tourist


DETAIL = {"trip_id": "bc1116a8f04ba7dd", "cities": ["110000"], "hours": 19, "tourist": True}
AWAY = [seen("310000", "1 10:00"), seen("110000", "1 15:00"), seen("110000", "1 15:30")]
CASES = [
    Case("after a night", [*AWAY, seen("310000", "2 10:00"), seen("310000", "2 10:30")], [DETAIL]),
    Case("after six hours", [*AWAY, seen("310000", "1 21:00"), seen("310000", "1 21:30")], [{**DETAIL, "hours": 6}]),
    Case("a moment less is no trip", [*AWAY, seen("310000", "1 20:00"), seen("310000", "1 21:29:59")], []),
]

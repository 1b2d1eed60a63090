"""The stable city changed: greet the customer where they are now."""

from events.stories import roaming, seen
from events.words import place
from streams.define import Case, Detail, Event, ref


class CityChanged(Event, by="line"):
    when = place.moved.where(place.domestic)
    detail = Detail(from_city=place.was, to_city=place.to, distance_km=ref.city.distance_km(place.was, place.to), since=place.since)


CASES = [
    Case(
        "half an hour in another city",
        [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:30")],
        [{"from_city": "310000", "to_city": "110000", "distance_km": 1068, "since": "2026-05-01T07:00:00.000Z"}],
    ),
    Case("a second less is not stable", [seen("310000", "10:00"), seen("110000", "15:00"), seen("110000", "15:29:59")], []),
    Case("the first place is no change", [seen("110000", "15:00"), seen("110000", "15:30")], []),
    Case(
        "a short return home in between restarts the count",
        [seen("310000", "10:00"), seen("110000", "15:00"), seen("310000", "15:10"), seen("110000", "15:20"), seen("110000", "15:30")],
        [],
    ),
    Case("abroad", [seen("310000", "10:00"), roaming("208-01", "15:00"), roaming("208-01", "15:30")], []),
]

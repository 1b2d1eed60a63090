"""A week away and still there: a local plan, an offer for a second home."""

from events.stories import moment, roaming, seen
from events.travel.trip_started import TripStarted
from events.words import place
from streams.define import Case, Detail, Event, Param, once_per


class LongStay(Event, by="line"):
    stay = Param("7d", name="T", ge="1d", doc="so long away is a long stay")

    trip = place.trip
    when = TripStarted.after(stay).where(trip.id.known())
    # survives: once_per(trip.id) → nothing: a trip starts once
    rearm = once_per(trip.id)
    detail = Detail(trip_id=trip.id, city=place.here, days=stay.days)


AWAY = [seen("310000", "1 10:00"), seen("110000", "1 15:00"), seen("110000", "1 15:30")]
DETAIL = {"trip_id": "bc1116a8f04ba7dd", "city": "110000", "days": 7}
CASES = [
    Case("a week later", AWAY, [DETAIL], until=moment("8 15:30:05")),
    Case("not before five seconds behind", AWAY, [], until=moment("8 15:30:04")),
    Case("where they are then", [*AWAY, seen("440100", "5 10:00"), seen("440100", "5 10:30")], [{**DETAIL, "city": "440100"}], until=moment("9 10:00")),
    Case("abroad", [*AWAY, roaming("208-01", "5 10:00"), roaming("208-01", "5 10:30")], [{**DETAIL, "city": "intl:FR"}], until=moment("9 10:00")),
    Case("home at the last moment", [*AWAY, seen("310000", "8 15:00"), seen("310000", "8 15:30")], [], until=moment("9 10:00")),
    Case("home a moment later", [*AWAY, seen("310000", "8 15:00"), seen("310000", "8 15:30:00.001")], [DETAIL], until=moment("9 10:00")),
    Case("on the move a moment later", [*AWAY, seen("440100", "8 15:00"), seen("440100", "8 15:30:00.001")], [DETAIL], until=moment("9 10:00")),
    Case(
        "away again before the week is over: a week from then on",
        [*AWAY, seen("310000", "7 10:00"), seen("310000", "7 10:30"), seen("110000", "8 12:00"), seen("110000", "8 12:30")],
        [{**DETAIL, "trip_id": "82b1134f508bb0a0"}],
        until=moment("15 12:30:05"),
    ),
    Case("an hour at home is not at home", [*AWAY, seen("310000", "7 10:00"), seen("110000", "7 10:30")], [DETAIL], until=moment("9 10:00")),
]

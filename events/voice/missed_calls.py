"""Many missed incoming calls: offer missed-call alerts or voicemail."""

from events.stories import call
from events.words import V, missed_calls
from streams.define import EDGE, Case, Event, Field, Param, cool, hours, minutes


class MissedCalls(Event, by="line"):
    window = Param(minutes(60), unit="ms", ge=1000, doc="how long missed calls are counted")
    n = Param(5, unit="calls", ge=1, doc="so many are many")

    recent = missed_calls.within(window)
    when = recent.count() >= n
    rearm = (EDGE, cool(hours(24)))

    missed: Field[int] = recent.count()
    callers: Field[int] = recent.distinct(V.other_party)


CASES = [
    Case(
        "five in an hour, from two callers",
        [call(f"10:{minute:02d}", "no_answer", direction="mt", other_party=f"t:{minute % 20}") for minute in range(0, 50, 10)],
        [{"missed": 5, "callers": 2}],
    ),
    Case("four are not many", [call(f"10:{minute:02d}", "busy", direction="mt") for minute in range(0, 40, 10)], []),
    Case("own calls do not count", [call(f"10:{minute:02d}", "no_answer") for minute in range(0, 50, 10)], []),
]

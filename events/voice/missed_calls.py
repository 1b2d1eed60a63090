"""Many missed incoming calls: offer missed-call alerts or voicemail."""

from events.stories import call
from events.words import V, missed_calls
from streams.define import Case, Detail, Event, Param, cool, edge


class MissedCalls(Event, by="line"):
    window = Param("60min", ge="1s", doc="how long missed calls are counted")
    n = Param(5, unit="calls", ge=1, le=4096, doc="so many are many")

    recent = missed_calls.within(window)
    missed = recent.distinct(V.call_id) + missed_calls.where(V.call_id.is_unknown()).within(window).count()  # legs with one call_id are one call
    when = missed_calls.where(missed >= n)
    rearm = edge, cool("24h")
    detail = Detail(missed=missed, callers=recent.distinct(V.other_party))


CASES = [
    Case(
        "five in an hour, from two callers",
        [call(f"10:{minute:02d}", "no_answer", direction="mt", other_party=f"t:{minute % 20}") for minute in range(0, 50, 10)],
        [{"missed": 5, "callers": 2}],
    ),
    Case("four are not many", [call(f"10:{minute:02d}", "busy", direction="mt") for minute in range(0, 40, 10)], []),
    Case("own calls do not count", [call(f"10:{minute:02d}", "no_answer") for minute in range(0, 50, 10)], []),
    Case("legs of one call are one call", [call(f"10:{minute:02d}", "no_answer", direction="mt", call_id="k") for minute in range(0, 50, 10)], []),
    Case(
        "five calls, one of them in two legs",
        [call(f"10:{minute:02d}", "no_answer", direction="mt", call_id="k" if minute < 20 else None) for minute in range(0, 60, 10)],
        [{"missed": 5, "callers": 1}],
    ),
    Case("an hour ago is out", [call(at, "no_answer", direction="mt") for at in ("10:00", "10:10", "10:20", "10:30", "11:00")], []),
    Case("a moment less is in", [call(at, "no_answer", direction="mt") for at in ("10:00:00.001", "10:10", "10:20", "10:30", "11:00")], [{"missed": 5, "callers": 1}]),
    Case("again 24 hours later", [call(f"{date} 10:{minute}0", "no_answer", direction="mt") for date in (1, 2) for minute in range(5)], 2 * [{"missed": 5, "callers": 1}]),
    Case(
        "a minute before, and what began before them is no news",
        [call(at, "no_answer", direction="mt") for at in (*(f"1 10:{minute}0" for minute in range(5)), *(f"2 10:{minute}" for minute in ("00", 10, 20, 30, 39, 41)))],
        [{"missed": 5, "callers": 1}],
    ),
]

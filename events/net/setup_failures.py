"""Calls do not connect: say that the outage is known."""

from events.stories import failure
from events.words import Q
from streams.define import Case, Detail, Event, Param, cool, edge


class SetupFailures(Event, by="line"):
    window = Param("30min", ge="1s", doc="how long failures are counted")
    n = Param(3, unit="failures", ge=1, doc="so many are an outage")

    failures = Q.where(Q.metric == "call_setup_failure")
    recent = failures.within(window)
    when = failures.where(recent.count() >= n)
    rearm = edge, cool("24h")
    # survives: 0 * Q.value + 1 → 0 * Q.value + 2: each weighs the same
    detail = Detail(failures=recent.count(), cell_id=recent.top(Q.cell_id, by=0 * Q.value + 1))  # each weighs one: the most frequent


CASES = [
    Case(
        "three within 30 minutes, two of them in one cell",
        [failure("10:00:00.001", cell_id="b"), failure("10:10", cell_id="a"), failure("10:30", cell_id="b")],
        [{"failures": 3, "cell_id": "b"}],
    ),
    Case("30 minutes ago is out", [failure("10:00"), failure("10:10"), failure("10:30")], []),
    Case("two are no outage", [failure("10:00"), failure("10:10")], []),
    Case("a stall is another failure", [failure("10:00"), failure("10:10"), failure("10:20", "data_stall")], []),
    Case(
        "of equally many the first in the alphabet",
        [failure("10:00", cell_id="c"), failure("10:01", cell_id="b"), failure("10:02", cell_id=None)],
        [{"failures": 3, "cell_id": "b"}],
    ),
    Case("no cell is known", [failure(f"10:0{minute}", cell_id=None) for minute in range(3)], [{"failures": 3, "cell_id": None}]),
    Case(
        "again when there were fewer, a day later",
        [failure(f"{date} 10:{minute:02d}") for date in (1, 2) for minute in (0, 5, 10)],
        [{"failures": 3, "cell_id": "310000-1"}, {"failures": 3, "cell_id": "310000-1"}],
    ),
    Case(
        "a moment before a day is over, and what began before is no news",
        [failure(at) for at in ("1 10:00", "1 10:05", "1 10:10", "2 10:00", "2 10:05", "2 10:09", "2 10:11")],
        [{"failures": 3, "cell_id": "310000-1"}],
    ),
    Case(
        "how bad it was does not count",
        [failure("10:00", cell_id="b", value=1), failure("10:01", cell_id="b", value=1), failure("10:02", cell_id="a", value=200)],
        [{"failures": 3, "cell_id": "b"}],
    ),
]

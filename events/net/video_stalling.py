"""Video keeps stopping: say sorry, with a faster pack."""

from events.stories import Record, failure
from events.words import Q
from streams.define import Case, Detail, Event, Param, cool, edge


class VideoStalling(Event, by="line"):
    window = Param("30min", ge="1s", doc="how long stops are added up")
    ms = Param("30s", ge="1s", doc="stopped for so long in all")

    stops = Q.where(Q.metric == "data_stall", Q.app_category == "video")
    recent = stops.within(window)
    when = stops.where(recent.sum(Q.value) >= ms, recent.count() >= 3)
    rearm = edge, cool("24h")
    # survives: 0 * Q.value + 1 → 0 * Q.value + 2: each weighs the same
    detail = Detail(stall_ms=recent.sum(Q.value), stalls=recent.count(), cell_id=recent.top(Q.cell_id, by=0 * Q.value + 1))  # each weighs one: the most frequent


def stop(at: str, value: int = 10_000, **more: object) -> Record:
    """A video stops, for `value` ms."""
    return failure(at, "data_stall", **{"value": value, "app_category": "video", **more})


CASES = [
    Case("three of ten seconds", [stop("10:00:00.001", cell_id="b"), stop("10:10", cell_id="a"), stop("10:30", cell_id="b")], [{"stall_ms": 30_000, "stalls": 3, "cell_id": "b"}]),
    Case("the first is 30 minutes old", [stop("10:00"), stop("10:10"), stop("10:30")], []),
    Case("a moment less", [stop("10:00"), stop("10:10"), stop("10:20", 9_999)], []),
    Case("two long ones", [stop("10:00", 60_000), stop("10:10", 60_000)], []),
    Case("a game", [stop(f"10:{at}", app_category="game") for at in (10, 11, 12)], []),
    Case("nobody knows what was used", [stop(f"10:{at}", app_category=None) for at in (10, 11, 12)], []),
    Case("no cell is known", [stop(f"10:{at}", cell_id=None) for at in (10, 11, 12)], [{"stall_ms": 30_000, "stalls": 3, "cell_id": None}]),
    Case("once a day", [stop(f"{date} 10:{at}") for date in (1, 2) for at in (10, 11, 12, 13)], [{"stall_ms": 30_000, "stalls": 3, "cell_id": "310000-1"}] * 2),
    Case(
        "how often a cell stopped counts, not for how long",
        [stop("10:00", cell_id="b"), stop("10:01", cell_id="b"), stop("10:02", 60_000, cell_id="a")],
        [{"stall_ms": 80_000, "stalls": 3, "cell_id": "b"}],
    ),
    Case(
        "a moment before a day is over, and what began before is no news",
        [stop(at) for at in ("1 10:10", "1 10:11", "1 10:12", "2 10:10", "2 10:11", "2 10:11:59", "2 10:13")],
        [{"stall_ms": 30_000, "stalls": 3, "cell_id": "310000-1"}],
    ),
    Case("a video that is slow", [failure(f"10:{at}", "low_throughput", value=10_000, app_category="video") for at in (10, 11, 12)], []),
]

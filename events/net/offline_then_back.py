"""Off the network for half a day, and back: what was missed."""

from events.stories import Record, seen
from events.words import G
from streams.define import Case, Detail, Event, Param


class OfflineThenBack(Event, by="line"):
    min = Param("12h", ge="1min", doc="a shorter time is a night or a tunnel")

    back = G.where(G.update_type == "detach").then(G.where(G.update_type == "attach"), within="30d")
    when = back.where(back.gap >= min)
    detail = Detail(offline_h=back.gap.hours)


def left(at: str) -> Record:
    """The line leaves the network."""
    return {**seen("310000", at), "update_type": "detach"}


def came(at: str) -> Record:
    """The line enters the network."""
    return {**seen("310000", at), "update_type": "attach"}


CASES = [
    Case("for twelve hours", [left("1 10:00"), came("1 22:00")], [{"offline_h": 12}]),
    Case("a moment less", [left("1 10:00"), came("1 21:59:59.999")], []),
    Case("hours are cut off", [left("1 10:00"), came("3 10:59")], [{"offline_h": 48}]),
    Case("30 days", [left("1 10:00"), came("31 10:00")], [{"offline_h": 720}]),
    Case("a moment more", [left("1 10:00"), came("31 10:00:00.001")], []),
    Case("the first return counts", [left("1 10:00"), came("1 11:00"), came("1 23:00")], []),
    Case("left again in between", [left("1 10:00"), came("1 11:00"), left("1 12:00"), came("2 00:00")], [{"offline_h": 12}]),
    Case("seen in between without entering", [left("1 10:00"), seen("310000", "1 23:00"), came("2 00:00")], [{"offline_h": 14}]),
]

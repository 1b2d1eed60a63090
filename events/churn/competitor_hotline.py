"""Called a competitor: a quiet offer to stay."""

from events.stories import Record, call
from events.words import V
from streams.define import Case, Detail, Event, Param, cool


class CompetitorHotline(Event, by="line"):
    min = Param(30, unit="s", ge=1, doc="a shorter call is a wrong number")

    when = V.where(V.direction == "mo", V.outcome == "answered", V.other_class == "competitor_hotline", V.duration_s >= min)
    rearm = cool("7d")
    detail = Detail(duration_s=V.duration_s)


def theirs(at: str = "10:00", outcome: str = "answered", duration_s: int = 60, direction: str = "mo") -> Record:
    """A call with a competitor's hotline."""
    return call(at, outcome, duration_s, other_class="competitor_hotline", direction=direction)


CASES = [
    Case("half a minute", [theirs(duration_s=30)], [{"duration_s": 30}]),
    Case("a second less", [theirs(duration_s=29)], []),
    Case("they called, or the call broke off", [theirs(direction="mt"), theirs("10:10", "dropped")], []),
    Case("someone else", [call()], []),
    Case(
        "again on the seventh civil day",
        [theirs("1 23:00"), theirs("7 23:59:59"), theirs("8 00:00", duration_s=31)],
        [{"duration_s": 60}, {"duration_s": 31}],
    ),
]

"""Called a competitor: a quiet offer to stay."""

from typing import Any

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, Param, cool


class CompetitorHotline(Event, by="line"):
    min = Param(30, unit="s", ge=1, doc="a shorter call is a wrong number")

    when = V.where(V.direction == "mo", V.outcome == "answered", V.other_class == "competitor_hotline", V.duration_s >= min)
    rearm = cool("7d")
    detail = Detail(duration_s=V.duration_s)


THEIRS: dict[str, Any] = {"other_class": "competitor_hotline"}
CASES = [
    Case("half a minute", [call(duration_s=30, **THEIRS)], [{"duration_s": 30}]),
    Case("a second less", [call(duration_s=29, **THEIRS)], []),
    Case("they called, or the call broke off", [call(direction="mt", **THEIRS), call("10:10", "dropped", **THEIRS)], []),
    Case("someone else", [call()], []),
    Case(
        "again on the seventh civil day",
        [call("1 23:00", **THEIRS), call("7 23:59:59", **THEIRS), call("8 00:00", duration_s=31, **THEIRS)],
        [{"duration_s": 60}, {"duration_s": 31}],
    ),
]

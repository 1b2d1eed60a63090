"""One very long call: a voice bundle would pay off."""

from events.stories import call
from events.words import V, calls
from streams.define import Case, Detail, Event, Param, cool


class LongCall(Event, by="line", expect="9-44 per 1,000 customers a day"):
    min = Param(1800, unit="s", ge=1, doc="from this on a call is very long")

    when = calls.where(V.duration_s >= min)
    rearm = cool("24h")
    detail = Detail(duration_s=V.duration_s, direction=V.direction, other_class=V.other_class)


CASES = [
    Case("half an hour", [call(duration_s=1800)], [{"duration_s": 1800, "direction": "mo", "other_class": "onnet"}]),
    Case("a second less", [call(duration_s=1799)], []),
    Case("once in 24 hours", [call("1 10:00", duration_s=3000), call("2 09:59:59", duration_s=3000)], [{"duration_s": 3000, "direction": "mo", "other_class": "onnet"}]),
    Case("24 hours later", [call("1 10:00", duration_s=3000), call("2 10:00", duration_s=3000)], 2 * [{"duration_s": 3000, "direction": "mo", "other_class": "onnet"}]),
]

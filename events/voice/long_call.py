"""One very long call: a voice bundle would pay off."""

from events.words import V, calls
from streams.define import Event, Field, Param, cool, hours


class LongCall(Event, by="line", number=39):
    min = Param(1800, unit="s", ge=1, doc="from this on a call is very long")

    when = calls.where(V.duration_s >= min)
    rearm = cool(hours(24))

    duration_s: Field[int] = V.duration_s
    direction: Field[str] = V.direction
    other_class: Field[str] = V.other_class

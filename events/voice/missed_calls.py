"""Many missed incoming calls: offer missed-call alerts or voicemail."""

from events.words import V, missed_calls
from streams.define import EDGE, Event, Field, Param, cool, hours, minutes


class MissedCalls(Event, by="line", number=45):
    window = Param(minutes(60), unit="ms", ge=1000, doc="how long missed calls are counted")
    n = Param(5, unit="calls", ge=1, doc="so many are many")

    recent = missed_calls.within(window)
    when = recent.count() >= n
    rearm = (EDGE, cool(hours(24)))

    missed: Field[int] = recent.count()
    callers: Field[int] = recent.distinct(V.other_party)

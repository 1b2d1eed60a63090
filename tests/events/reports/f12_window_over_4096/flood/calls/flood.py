"""Very many incoming calls within the hour."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, Param, edge


class Flood(Event, by="line"):
    n = Param(5000, unit="calls", ge=1, doc="so many")

    incoming = V.where(V.direction == "mt")
    hour = incoming.within("1h")
    when = incoming.where(hour.count() >= n)
    rearm = edge
    detail = Detail(seen=hour.count())


CASES = [Case("one", [call(direction="mt")], [])]

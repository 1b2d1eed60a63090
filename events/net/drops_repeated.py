"""Several cut calls within a day: the network owes the customer an apology."""

from events.words import V, dropped_calls
from streams.define import EDGE, Event, Field, Param, cool, hours


class DropsRepeated(Event, by="line", number=174):
    window = Param(hours(24), unit="ms", ge=1000, doc="how long cut calls are counted")
    n = Param(3, unit="calls", ge=1, doc="so many are several")

    recent = dropped_calls.within(window)
    when = recent.count() >= n
    rearm = (EDGE, cool(hours(72)))

    drops: Field[int] = recent.count()
    cells: Field[int] = recent.distinct(V.cell_id)

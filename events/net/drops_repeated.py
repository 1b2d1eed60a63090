"""Several cut calls within a day: the network owes the customer an apology."""

from events.stories import call
from events.words import V, dropped_calls
from streams.define import EDGE, Case, Event, Field, Param, cool, hours


class DropsRepeated(Event, by="line"):
    window = Param(hours(24), unit="ms", ge=1000, doc="how long cut calls are counted")
    n = Param(3, unit="calls", ge=1, doc="so many are several")

    recent = dropped_calls.within(window)
    when = recent.count() >= n
    rearm = (EDGE, cool(hours(72)))

    drops: Field[int] = recent.count()
    cells: Field[int] = recent.distinct(V.cell_id)


CASES = [
    Case(
        "three in 24 hours, in two cells",
        [call("1 12:00", "dropped", cell_id="a"), call("1 20:00", "dropped", cell_id="b"), call("2 11:30", "dropped", cell_id="a")],
        [{"drops": 3, "cells": 2}],
    ),
    Case("24 hours ago is out", [call("1 12:00", "dropped"), call("1 20:00", "dropped"), call("2 12:00", "dropped")], []),
    Case("two are not several", [call("1 12:00", "dropped"), call("1 20:00", "dropped")], []),
]

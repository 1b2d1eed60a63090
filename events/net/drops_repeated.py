"""Several cut calls within a day: the network owes the customer an apology."""

from events.stories import call
from events.words import V, dropped_calls
from streams.define import Case, Detail, Event, Param, cool, edge


class DropsRepeated(Event, by="line"):
    window = Param("24h", ge="1s", doc="how long cut calls are counted")
    n = Param(3, unit="calls", ge=1, le=4096, doc="so many are several")

    recent = dropped_calls.within(window)
    drops = recent.distinct(V.call_id) + dropped_calls.where(V.call_id.is_unknown()).within(window).count()  # legs with one call_id are one call
    when = dropped_calls.where(drops >= n)
    rearm = edge, cool("72h")
    detail = Detail(drops=drops, cells=recent.distinct(V.cell_id))


CASES = [
    Case(
        "three in 24 hours, in two cells",
        [call("1 12:00", "dropped", cell_id="a"), call("1 20:00", "dropped", cell_id="b"), call("2 11:30", "dropped", cell_id="a")],
        [{"drops": 3, "cells": 2}],
    ),
    Case("24 hours ago is out", [call("1 12:00", "dropped"), call("1 20:00", "dropped"), call("2 12:00", "dropped")], []),
    Case("two are not several", [call("1 12:00", "dropped"), call("1 20:00", "dropped")], []),
    Case("legs of one call are one call", [call(f"10:{minute:02d}", "dropped", call_id="k") for minute in (0, 1, 2)], []),
    Case("again 72 hours later", [call(f"{date} 10:0{minute}", "dropped") for date in (1, 4) for minute in range(3)], 2 * [{"drops": 3, "cells": 0}]),
    Case(
        "a moment before, and what began before them is no news",
        [call(at, "dropped") for at in ("1 10:00", "1 10:01", "1 10:02", "4 10:00", "4 10:01", "4 10:01:59", "4 10:03")],
        [{"drops": 3, "cells": 0}],
    ),
]

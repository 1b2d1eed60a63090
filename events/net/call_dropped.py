"""A call was cut: apologise to those who matter."""

from events.stories import call
from events.words import V, dropped_calls
from streams.define import Case, Detail, Event, Param, cool


class CallDropped(Event, by="line"):
    min = Param(5, unit="s", ge=0, doc="a shorter call was hardly one")

    when = dropped_calls.where(V.duration_s >= min)
    rearm = cool("1h")
    detail = Detail(cell_id=V.cell_id, duration_s=V.duration_s)


CASES = [
    Case("cut after five seconds", [call("10:00", "dropped", 5, cell_id="a")], [{"cell_id": "a", "duration_s": 5}]),
    Case("cut after four", [call("10:00", "dropped", 4)], []),
    Case("an end as wanted", [call("10:00", "answered", 5)], []),
    Case("an incoming call too, in an unknown cell", [call("10:00", "dropped", direction="mt")], [{"cell_id": None, "duration_s": 60}]),
    Case(
        "once an hour",
        [call("10:00", "dropped", 5), call("10:59:59.999", "dropped", 6), call("11:00", "dropped", 7)],
        [{"cell_id": None, "duration_s": 5}, {"cell_id": None, "duration_s": 7}],
    ),
]

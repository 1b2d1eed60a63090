"""Records out of order that wait for what is older (`wait.<topic>`, in place of a watermark), for one key and for several."""

from __future__ import annotations

from tests.conformance.cases import HOUR, Case, Clock, Found, Story, view
from tests.conformance.sequences import end, middle, name, page, start, steps
from tests.engine.laboratory.toys import toy

two = start.then(middle)
three = two.then(end)
in_order = toy("in_order", "customer", three, start=three.earlier(two.earlier(name)), middle=three.earlier(name), end=name)

later_a = toy("later_a", "customer", page("a"), a=name)

CASES = [
    Case(
        "flink-eventtime-reorder",
        in_order,
        Story(steps("start@5:1", "middle@1:2", "end@3:3", "end@10:4", "middle@7:5", "middle@100:5b"), [Found(10, {"start": "1", "middle": "5", "end": "4"})]),
        waits={"raw.service": 5},
    ),
    Case(
        "flink-eventtime-reorder-keyed",
        in_order,
        Story(
            [
                *(view("start", 5, "1s", "1"), view("middle", 1, "1m1", "1"), view("middle", 4, "2m", "2"), view("start", 3, "2s", "2"), view("end", 3, "1e1", "1")),
                *(view("start", 5, "3s", "3"), view("end", 10, "1e2", "1"), view("end", 8, "2e", "2"), view("middle", 7, "1m2", "1")),
                *(view("middle", 9, "3m", "3"), view("end", 7, "3e", "3")),
            ],
            [Found(10, {"start": "1s", "middle": "1m2", "end": "1e2"}), Found(8, {"start": "2s", "middle": "2m", "end": "2e"}, "2")],
        ),
        waits={"raw.service": 5},
    ),
    # A unit is 49 h, so that what is one behind is later than the 48 h that a record may be late
    Case("flink-late-side-output", later_a, Story([*steps("c@6"), Clock(6), *steps("a@4:a1", "a@5:a2", "a@7:a3")], [Found(7, {"a": "a3"})], late=2), unit_ms=49 * HOUR),
]

"""The second of the five rules: three top-ups within seven times 24 hours, then none for as long."""

from events.stories import topup
from events.words import B
from streams.define import Case, Detail, Event, Param, cool


class Frequent(Event, by="line"):
    n = Param(3, unit="top-ups", ge=2, doc="so many are frequent")

    topups = B.where(B.bucket_kind == "money", B.operation == "topup")
    recent = topups.within("604800001ms")  # seven times 24 hours apart are within it, too
    when = topups.where(recent.count() >= n)
    rearm = cool("168h")
    detail = Detail(count=recent.count())


CASES = [
    Case("seven days apart to the millisecond", [topup(0, 1000, f"{day} 10:00") for day in (1, 3, 8)], [{"count": 3}]),
    Case("a millisecond more", [topup(0, 1000, f"{day} {at}") for day, at in ((1, "10:00"), (3, "10:00"), (8, "10:00:00.001"))], []),
    Case("seven days of rest", [topup(0, 1000, f"{day} 10:00") for day in (1, 2, 3, 4, 10)], [{"count": 3}, {"count": 3}]),
]

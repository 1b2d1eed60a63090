"""Keeps recharging in small bits: a monthly plan or auto-pay would be easier."""

from events.stories import topup
from events.words import B, topups
from streams.define import RESET, Amount, Case, Event, Field, Param, days


class SmallFrequent(Event, by="line"):
    window = Param(7, unit="civil days", ge=1, doc="today and the days before it that are looked at")
    small = Param(2000, unit="minor", ge=1, doc="up to this a recharge is small")
    n = Param(3, unit="top-ups", ge=1, doc="so many are frequent")

    recent = topups.where(B.delta <= small).same(B.currency).within(days(window))
    when = recent.count() >= n
    rearm = RESET

    count: Field[int] = recent.count()
    total: Field[Amount] = recent.sum(B.delta)
    largest: Field[Amount] = recent.largest(B.delta)


CASES = [
    Case(
        "three small ones in a week, then from the start",
        [topup(0, 1000, "1 10:00"), topup(0, 2000, "2 10:00"), topup(0, 500, "3 10:00"), topup(0, 500, "4 10:00"), topup(0, 500, "5 10:00")],
        [{"count": 3, "total": 3500, "largest": 2000, "currency": "CNY"}],
    ),
    Case("a larger one is not small", [topup(0, 1000, "1 10:00"), topup(0, 2001, "2 10:00"), topup(0, 500, "3 10:00")], []),
    Case("the eighth civil day is out", [topup(0, 1000, "1 23:59"), topup(0, 1000, "2 10:00"), topup(0, 500, "8 00:00")], []),
    Case(
        "the seventh civil day is in",
        [topup(0, 1000, "1 00:00"), topup(0, 1000, "2 10:00"), topup(0, 500, "7 23:59")],
        [{"count": 3, "total": 2500, "largest": 1000, "currency": "CNY"}],
    ),
]

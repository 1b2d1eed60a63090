"""Keeps recharging in small bits: a monthly plan or auto-pay would be easier."""

from events.stories import topup
from events.words import B, topups
from streams.define import Case, Detail, Event, Param, reset


class SmallFrequent(Event, by="line"):
    window = Param("7d", ge="1d", doc="today and the days before it that are looked at")
    small = Param(2000, unit="minor", ge=1, doc="up to this a recharge is small")
    n = Param(3, unit="top-ups", ge=1, doc="so many are frequent")

    bits = topups.where(B.delta <= small)
    recent = bits.within(window)
    when = bits.where(recent.count() >= n)
    rearm = reset
    # survives: .or_(B.delta) → nothing: there is always a largest one; it says that the field is never null
    detail = Detail(count=recent.count(), total=recent.sum(B.delta), largest=recent.largest(B.delta).or_(B.delta))


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
    Case("two currencies are two habits", [topup(0, 1000, "1 10:00"), topup(0, 1000, "2 10:00", currency="USD"), topup(0, 1000, "3 10:00")], []),
]

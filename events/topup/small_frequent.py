"""Keeps recharging in small bits: a monthly plan or auto-pay would be easier."""

from events.words import B, topups
from streams.define import RESET, Amount, Event, Field, Param, days


class SmallFrequent(Event, by="line", number=16):
    window = Param(7, unit="civil days", ge=1, doc="today and the days before it that are looked at")
    small = Param(2000, unit="minor", ge=1, doc="up to this a recharge is small")
    n = Param(3, unit="top-ups", ge=1, doc="so many are frequent")

    recent = topups.where(B.delta <= small).same(B.currency).within(days(window))
    when = recent.count() >= n
    rearm = RESET

    count: Field[int] = recent.count()
    total: Field[Amount] = recent.sum(B.delta)
    largest: Field[Amount] = recent.largest(B.delta)

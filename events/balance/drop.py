"""One large deduction from the main balance: explain it before the customer asks."""

from events.words import B, charges
from streams.define import Amount, Event, Field, Param, cool, hours


class Drop(Event, by="line", number=1):
    min_drop = Param(2000, unit="minor", ge=1, doc="the smallest deduction that counts as large")

    when = charges.where(-B.delta >= min_drop)
    rearm = cool(hours(1))

    drop: Field[Amount] = -B.delta
    balance_before: Field[Amount] = B.balance_after - B.delta
    balance_after: Field[Amount] = B.balance_after
    charge_reason: Field[str] = B.charge_reason

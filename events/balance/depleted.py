"""The main balance reached zero or less: emergency credit keeps the line alive."""

from events.words import B, main_balance
from streams.define import Amount, Event, Field, cool, hours


class Depleted(Event, by="line", number=5):
    when = main_balance.falls_to(0)
    rearm = cool(hours(1))

    balance_after: Field[Amount] = B.balance_after
    charge_reason: Field[str | None] = B.charge_reason

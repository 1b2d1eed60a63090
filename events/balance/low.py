"""The main balance fell under the low mark: remind before service stops."""

from events.words import B, main_balance
from streams.define import Amount, Event, Field, Param, Time


class Low(Event, by="line", number=3):
    low = Param(1000, unit="minor", ge=0, doc="below this the balance is low")
    rearm_at = Param(2000, unit="minor", name="rearm", ge=0, doc="from this on it may fire again")

    when = main_balance.falls_below(low, rearm=rearm_at)

    balance_after: Field[Amount] = B.balance_after
    threshold: Field[Amount] = low
    valid_until: Field[Time | None] = B.valid_until

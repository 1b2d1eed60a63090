"""A recharge arrived: the moment for a bonus or a pack."""

from events.words import B, topups
from streams.define import Amount, Event, Field


class Completed(Event, by="line", number=13):
    when = topups

    amount: Field[Amount] = B.delta
    balance_after: Field[Amount] = B.balance_after
    channel: Field[str | None] = B.channel
    auto: Field[bool] = B.auto

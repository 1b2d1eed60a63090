"""The first recharge of the line: welcome, and show how to go on."""

from events.words import B, topups
from streams.define import Amount, Event, Field, line, once, today


class First(Event, by="line", number=14):
    when = topups.nth(1)
    rearm = once()

    amount: Field[Amount] = B.delta
    days_since_activation: Field[int | None] = today - line.activation_date(B.subscription_id)

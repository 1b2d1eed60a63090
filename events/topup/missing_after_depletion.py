"""The line stays empty for a day: advance credit, or a call that keeps the customer."""

from events.balance.depleted import Depleted
from events.words import B, main
from streams.define import Event, Field, Param, Time, hours


class MissingAfterDepletion(Event, by="line", number=19):
    within = Param(hours(24), unit="ms", name="T", ge=1000, doc="how long the line may stay empty")

    empty = Depleted.without(main.where(B.balance_after > 0), within=within)
    when = empty

    depleted_at: Field[Time] = empty.since
    hours: Field[int] = within // hours(1)

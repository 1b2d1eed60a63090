"""The balance is back above the re-arm mark after having been low: credit is there for an offer."""

from events.balance.low import Low
from events.words import B
from streams.define import Amount, Event, Field, lasted_s, released


class Recovered(Event, by="line", number=6):
    when = released(Low)

    balance_after: Field[Amount] = B.balance_after
    low_duration_s: Field[int] = lasted_s(Low)

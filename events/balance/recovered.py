"""The balance is back above the re-arm mark after having been low: credit is there for an offer."""

from events.balance.low import Low
from events.stories import charge, topup
from events.words import B
from streams.define import Amount, Case, Event, Field, lasted_s, released


class Recovered(Event, by="line"):
    when = released(Low)

    balance_after: Field[Amount] = B.balance_after
    low_duration_s: Field[int] = lasted_s(Low)


CASES = [
    Case("back at the re-arm mark", [charge(1200, 900, "10:00"), topup(900, 2000, "10:03")], [{"balance_after": 2000, "low_duration_s": 180, "currency": "CNY"}]),
    Case("just below it is not yet", [charge(1200, 900, "10:00"), topup(900, 1999, "10:03")], []),
    Case("high without having been low", [topup(1000, 3000)], []),
]

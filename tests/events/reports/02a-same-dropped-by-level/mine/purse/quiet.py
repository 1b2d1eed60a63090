"""Nothing was charged for a day, each currency by itself."""

from events.stories import charge
from events.words import B, main
from streams.define import Case, Detail, Event


class Quiet(Event, by="line"):
    when = main.same(B.currency).silent("1d")
    detail = Detail(balance_after=B.balance_after)


CASES = [
    Case("a day passes", [charge(1200, 900), charge(900, 800, "2 11:00")], [{"balance_after": 900, "currency": "CNY"}]),
    Case("a charge every 23 hours", [charge(1200, 900), charge(900, 800, "2 09:00")], []),
]

"""A purse falls below the mark, each currency by itself."""

from events.stories import charge
from events.words import B, main
from streams.define import Case, Detail, Event


class Low(Event, by="line"):
    when = main.same(B.currency).level(before=B.balance_after - B.delta, after=B.balance_after).falls_below(1000, rearm=2000)
    detail = Detail(balance_after=B.balance_after)


CASES = [
    Case("one purse", [charge(1200, 900)], [{"balance_after": 900, "currency": "CNY"}]),
    Case("above the mark", [charge(2200, 1000)], []),
]

"""A recharge arrived: the moment for a bonus or a pack."""

from events.stories import charge, topup
from events.words import B, topups
from streams.define import Case, Detail, Event


class Completed(Event, by="line", expect="38-170 per 1,000 customers a day"):
    when = topups
    detail = Detail(amount=B.delta, balance_after=B.balance_after, channel=B.channel, auto=B.auto)


CASES = [
    Case("a recharge in the app", [topup(100, 2100, channel="app", auto=True)], [{"amount": 2000, "balance_after": 2100, "channel": "app", "auto": True, "currency": "CNY"}]),
    Case("a charge is none", [charge(2100, 100)], []),
    Case("promotional money is none", [topup(0, 1000, main=False)], []),
]

"""The first recharge of the line: welcome, and show how to go on."""

from events.stories import charge, topup
from events.words import B, all_topups
from streams.define import Case, Detail, Event, day, once, ref


class First(Event, by="line"):
    when = all_topups.where(all_topups.nth() == 1)
    rearm = once
    detail = Detail(amount=B.delta, days_since_activation=day - ref.line.activation_date(B.subscription_id))


CASES = [
    Case("the first alone", [topup(0, 1000, "10:00"), topup(1000, 2000, "11:00")], [{"amount": 1000, "days_since_activation": 30, "currency": "CNY"}]),
    Case("a line in no table", [topup(0, 1000, subscription_id="S2")], [{"amount": 1000, "days_since_activation": None, "currency": "CNY"}]),
    Case("a line from before the records: its first is not known", [topup(0, 1000)], [], history_from="2026-04-02"),
    Case("a charge is none", [charge(1000, 0)], []),
    Case(
        "another currency is no other first", [topup(0, 1000, "10:00"), topup(0, 500, "11:00", currency="USD")], [{"amount": 1000, "days_since_activation": 30, "currency": "CNY"}]
    ),
]

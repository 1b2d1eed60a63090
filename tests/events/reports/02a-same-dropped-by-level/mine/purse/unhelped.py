"""Charged, and no top-up of that currency within the hour."""

from events.stories import charge, topup
from events.words import B, main
from streams.define import Case, Detail, Event


class Unhelped(Event, by="line"):
    paid = main.same(B.currency).where(B.operation == "charge")
    when = paid.without(main.same(B.currency).where(B.operation == "topup"), within="1h")
    detail = Detail(balance_after=B.balance_after)


CASES = [
    Case("an hour passes", [charge(1200, 900), charge(900, 800, "12:00")], [{"balance_after": 900, "currency": "CNY"}]),
    Case("topped up at once", [charge(1200, 900), topup(900, 1900, "10:30")], []),
]

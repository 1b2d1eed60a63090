"""Paid much today."""

from events.stories import record
from events.words import P
from streams.define import Case, Detail, Event, day, once_per


class BigDay(Event, by="account"):
    payments = P.where(P.kind == "payment", P.status == "done").same(P.currency)
    paid = payments.today().sum(P.amount_minor)
    when = paid.reaches(10000)
    rearm = once_per(day)
    detail = Detail(amount=paid)


PAYMENT = {"payment_id": "P1", "kind": "payment", "status": "done", "currency": "CNY", "purpose": "bill", "method": "wallet", "channel": "app", "bill_id": "BL1"}
CASES = [
    Case("the mark is reached", [record("payment", "10:00", amount_minor=10000, **PAYMENT)], [{"amount": 10000, "currency": "CNY"}]),
    Case("less", [record("payment", "10:00", amount_minor=9999, **PAYMENT)], []),
]

"""A refund was paid out: follow up with care."""

from events.stories import payment
from events.words import P
from streams.define import Case, Detail, Event


class Refunded(Event, by="account"):
    when = P.where(P.kind == "refund", P.status == "done")
    detail = Detail(amount=P.amount_minor, purpose=P.purpose)


CASES = [
    Case("money goes back", [payment(300, kind="refund")], [{"amount": 300, "purpose": "bill", "currency": "CNY"}]),
    Case(
        "every one, in any currency",
        [payment(300, "10:00", kind="refund", purpose="purchase", bill_id=None), payment(300, "10:00", kind="refund", currency="USD")],
        [{"amount": 300, "purpose": "purchase", "currency": "CNY"}, {"amount": 300, "purpose": "bill", "currency": "USD"}],
    ),
    Case("a payment is none", [payment(300)], []),
    Case("not paid out", [payment(300, "10:00", "failed", kind="refund"), payment(300, "10:01", "denied", kind="refund"), payment(300, "10:02", "canceled", kind="refund")], []),
]

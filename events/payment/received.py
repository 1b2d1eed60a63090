"""A bill payment succeeded: thank, and offer auto-pay."""

from events.stories import payment
from events.words import P, payments
from streams.define import Case, Detail, Event


class Received(Event, by="account"):
    # survives: P.bill_id.known() in where → nothing: a payment of a bill names it; it says that the field is never null
    when = payments.where(P.purpose == "bill", P.status == "done", P.bill_id.known())
    detail = Detail(amount=P.amount_minor, method=P.method, channel=P.channel, bill_id=P.bill_id)


CASES = [
    Case("a bill is paid", [payment(12800)], [{"amount": 12800, "method": "wallet", "channel": "app", "bill_id": "BL-1", "currency": "CNY"}]),
    Case(
        "every part of a bill, in any currency",
        [payment(100, "10:00"), payment(200, "10:00", method="cash", channel="store"), payment(300, "10:01", currency="USD")],
        [
            {"amount": 100, "method": "wallet", "channel": "app", "bill_id": "BL-1", "currency": "CNY"},
            {"amount": 200, "method": "cash", "channel": "store", "bill_id": "BL-1", "currency": "CNY"},
            {"amount": 300, "method": "wallet", "channel": "app", "bill_id": "BL-1", "currency": "USD"},
        ],
    ),
    Case("a recharge is no bill", [payment(12800, purpose="topup", bill_id=None)], []),
    Case("a refund is no payment", [payment(12800, kind="refund")], []),
    Case("it did not succeed", [payment(1, "10:00", "failed"), payment(1, "10:01", "denied"), payment(1, "10:02", "canceled")], []),
    Case("a recharge that names a bill", [payment(12800, purpose="topup")], []),
]

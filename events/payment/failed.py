"""A payment attempt failed: help to finish it."""

from events.stories import payment
from events.words import P, failed_payments
from streams.define import Case, Detail, Event, cool


class Failed(Event, by="account"):
    when = failed_payments.where(~P.auto)
    rearm = cool("10min")
    detail = Detail(amount=P.amount_minor, purpose=P.purpose, method=P.method, reason=P.failure_reason)


DETAIL = {"amount": 5000, "purpose": "bill", "method": "wallet", "reason": None, "currency": "CNY"}
CASES = [
    Case("the limit is too low", [payment(5000, "10:00", "failed", failure_reason="limit")], [{**DETAIL, "reason": "limit"}]),
    Case("denied, for a recharge", [payment(5000, "10:00", "denied", purpose="topup", bill_id=None)], [{**DETAIL, "purpose": "topup"}]),
    Case("nobody is at the screen", [payment(5000, "10:00", "failed", auto=True)], []),
    Case("a refund that fails", [payment(5000, "10:00", "failed", kind="refund")], []),
    Case("done, or given up", [payment(5000, "10:00"), payment(5000, "10:01", "canceled")], []),
    Case(
        "once in ten minutes, whatever the currency",
        [payment(5000, "10:00", "failed"), payment(1, "10:09:59.999", "failed"), payment(1, "10:05", "denied", currency="USD"), payment(7, "10:10", "denied", currency="USD")],
        [DETAIL, {**DETAIL, "amount": 7, "currency": "USD"}],
    ),
    Case("a success in between changes nothing", [payment(5000, "10:00", "failed"), payment(5000, "10:01"), payment(1, "10:02", "failed")], [DETAIL]),
]

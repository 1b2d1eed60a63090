"""An automatic payment bounced: update the card before service is suspended."""

from events.stories import payment
from events.words import P, failed_payments
from streams.define import Case, Detail, Event, day, once_per


class AutopayFailed(Event, by="account"):
    when = failed_payments.where(P.auto)
    rearm = once_per(day)
    detail = Detail(amount=P.amount_minor, method=P.method, reason=P.failure_reason)


DETAIL = {"amount": 5000, "method": "wallet", "reason": None, "currency": "CNY"}
CASES = [
    Case("no funds", [payment(5000, "10:00", "failed", auto=True, failure_reason="no_funds", method="bank_debit")], [{**DETAIL, "method": "bank_debit", "reason": "no_funds"}]),
    Case("paid by hand", [payment(5000, "10:00", "failed")], []),
    Case("it went through", [payment(5000, "10:00", auto=True)], []),
    Case("a refund is no payment", [payment(5000, "10:00", "failed", auto=True, kind="refund")], []),
    Case(
        "once a civil day, whatever the currency",
        [
            payment(5000, "1 00:00", "denied", auto=True),
            payment(6000, "1 23:59:59.999", "failed", auto=True, currency="USD"),
            payment(7000, "2 00:00", "failed", auto=True),
        ],
        [DETAIL, {**DETAIL, "amount": 7000}],
    ),
]

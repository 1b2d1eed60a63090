"""A recharge fails again and again: help while they still try."""

from events.stories import Record, payment
from events.words import P, failed_payments, payments
from streams.define import Case, Detail, Event, Param, cool, edge


class FailedRepeatedly(Event, by="account"):
    window = Param("30min", ge="1s", doc="how long attempts are counted")
    n = Param(2, unit="times", ge=2, doc="so many are no slip")

    failed = failed_payments.where(P.purpose == "topup")
    recent = failed.within(window)
    done = payments.where(P.purpose == "topup", P.status == "done")
    # survives: .within(window) → nothing: what worked before the window is before the first attempt in it
    last_done = done.within(window).latest(done.time)
    when = failed.where(recent.count() >= n, last_done.is_unknown() | (last_done <= recent.first(failed.time)))
    rearm = edge, cool("24h")
    detail = Detail(attempts=recent.count(), method=P.method, last_reason=P.failure_reason)


def recharge(at: str, status: str = "failed", **more: object) -> Record:
    """A recharge of 50.00 is tried from a wallet."""
    return payment(5000, at, status, **{"purpose": "topup", "bill_id": None, **more})


EVERY_10_MINUTES = [f"{1 + minute // 1440} {minute // 60 % 24:02d}:{minute % 60:02d}" for minute in range(600, 600 + 26 * 60, 10)]
TWICE = {"attempts": 2, "method": "wallet", "last_reason": None}
CASES = [
    Case("twice, the second time denied", [recharge("10:00"), recharge("10:29:59.999", "denied", failure_reason="limit")], [{**TWICE, "last_reason": "limit"}]),
    Case("half an hour apart", [recharge("10:00"), recharge("10:30")], []),
    Case("once", [recharge("10:00")], []),
    Case("it worked in between", [recharge("10:00"), recharge("10:05", "done"), recharge("10:10")], []),
    Case("it worked at the moment of the first, which is not later", [recharge("10:00", "done"), recharge("10:00"), recharge("10:10")], [TWICE]),
    Case("it worked before", [recharge("09:59", "done"), recharge("10:00"), recharge("10:10")], [TWICE]),
    Case("after it has worked two more are needed", [recharge("10:00"), recharge("10:05", "done"), recharge("10:10"), recharge("10:31")], [TWICE]),
    Case("a bill was paid in between", [recharge("10:00"), payment(5000, "10:05"), recharge("10:10")], [TWICE]),
    Case("another way to pay is the same trouble", [recharge("10:00"), recharge("10:10", method="bank_card")], [{**TWICE, "method": "bank_card"}]),
    Case("bills", [payment(5000, "10:00", "failed"), payment(5000, "10:10", "failed")], []),
    Case("given up, or a refund", [recharge("10:00"), recharge("10:05", "canceled"), recharge("10:10", kind="refund")], []),
    Case("the third of a row says nothing new", [recharge("10:00"), recharge("10:10"), recharge("10:20")], [TWICE]),
    Case("once a day", [recharge(f"{date} {at}") for date, at in ((1, "10:00"), (1, "10:10"), (1, "20:00"), (1, "20:10"), (2, "10:10"), (2, "10:20"))], [TWICE, TWICE]),
    Case("a row that goes on for more than a day is one", [recharge(at) for at in EVERY_10_MINUTES], [TWICE]),
    Case("just less than a day later", [recharge(at) for at in ("1 10:00", "1 10:10", "2 09:50", "2 10:09:59.999")], [TWICE]),
    Case("it worked before and in between", [recharge("09:59", "done"), recharge("10:00"), recharge("10:05", "done"), recharge("10:10")], []),
    Case("another account", [recharge("10:00"), recharge("10:10", account_id="A2")], []),
]

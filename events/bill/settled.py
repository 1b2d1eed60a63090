"""A bill is paid in full: thank the customer who pays."""

from events.stories import bill, payment
from events.words import I, P, bill_payments, billed, bills, done, net_paid
from streams.define import Case, Detail, Event, any_of, event_time, once_per


class Settled(Event, by="account"):
    newest = bill_payments.latest(bill_payments.time)
    # survives: .where(newest <= bill_payments.time) → nothing: what is late is evaluated as late all the same
    payments = any_of(in_order=bill_payments.where(newest <= bill_payments.time), late=bill_payments.where(newest > bill_payments.time)).same(P.bill_id, P.currency)
    part = billed.then(payments, within="400d", every=True)
    asked, left, issued = part.earlier(I.amount_due_minor), part.earlier(I.remaining_minor), part.earlier(bills.time)
    before = done.until(issued).sum(net_paid)
    wanted = (left + before).or_(asked)
    enough = (done.until(event_time).sum(net_paid) >= wanted) | ((payments.name == "late") & (done.sum(net_paid) >= wanted))
    when = part.where(asked > 0, before < wanted, enough)
    rearm = once_per(P.bill_id)
    counted = bill_payments.since(issued).count().where(left.known()).or_(bill_payments.count())
    detail = Detail(bill_id=P.bill_id, days_from_issue=event_time.date - issued.date, payments=counted)


DETAIL = {"bill_id": "BL-1", "days_from_issue": 8, "payments": 1}
CASES = [
    Case("paid at once, once", [bill(12800, "2 03:00"), payment(12800, "10 10:00"), payment(1, "11 10:00")], [DETAIL]),
    Case("one is missing", [bill(12800, "2 03:00"), payment(12799, "10 10:00")], []),
    Case("in two parts, one before the bill", [payment(2800, "1 03:00"), bill(12800, "2 03:00"), payment(10000, "10 10:00")], [{**DETAIL, "payments": 2}]),
    Case(
        "what is left is said",
        [payment(2800, "1 03:00"), bill(12800, "2 03:00", remaining_minor=12800), payment(10000, "9 10:00"), payment(2800, "10 10:00")],
        [{**DETAIL, "payments": 2}],
    ),
    Case("paid in full before the bill", [payment(12800, "1 03:00"), bill(12800, "2 03:00"), payment(1, "10 10:00")], []),
    Case("nothing to pay", [bill(0, "2 03:00"), payment(1, "10 10:00")], []),
    Case(
        "refunds are taken off",
        [bill(12800, "2 03:00"), payment(12000, "3 10:00"), payment(200, "4 10:00", kind="refund"), payment(800, "5 10:00"), payment(200, "10 10:00")],
        [{**DETAIL, "payments": 3}],
    ),
    Case("another bill, another currency", [bill(12800, "2 03:00"), payment(12800, "10 10:00", bill_id="BL-2"), payment(12800, "10 10:00", currency="USD")], []),
    Case("a payment that comes late completes it", [bill(12800, "2 03:00"), payment(800, "11 10:00"), payment(12000, "10 10:00")], [{**DETAIL, "payments": 2}]),
    Case("the bill comes after its payments", [payment(12000, "9 10:00"), payment(800, "10 10:00"), bill(12800, "9 03:00")], [{**DETAIL, "days_from_issue": 1, "payments": 2}]),
    Case(
        "a payment between others that comes late completes it",
        [bill(12800, "2 03:00"), payment(800, "8 10:00"), payment(1000, "11 10:00"), payment(11000, "10 10:00")],
        [{**DETAIL, "payments": 3}],
    ),
    Case("or does not", [bill(12800, "2 03:00"), payment(800, "11 10:00"), payment(1000, "10 10:00")], []),
    Case("400 days later", [bill(12800, "2 03:00"), payment(12800, "402 03:00")], [{**DETAIL, "days_from_issue": 400}]),
    Case("a day more", [bill(12800, "2 03:00"), payment(12800, "403 03:00")], []),
    Case("the least that can be asked", [bill(1, "2 03:00"), payment(1, "10 10:00")], [DETAIL]),
    Case("nothing to pay, though money was given back", [payment(100, "1 03:00", kind="refund"), bill(0, "2 03:00"), payment(100, "10 10:00")], []),
]

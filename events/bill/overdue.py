"""A bill is unpaid after its due date: offer instalments before service is suspended."""

from events.stories import bill, payment
from events.words import I, billed, open_amount
from streams.define import Case, Detail, Event, Param, once_per


class Overdue(Event, by="account"):
    days = Param("1d", ge="1d", doc="so long after the due date")
    hour = Param("10:00", doc="at this time of day")

    when = billed.on(I.due_date + days, at=hour).where(I.amount_due_minor > 0, open_amount > 0)
    rearm = once_per(I.bill_id)
    detail = Detail(bill_id=I.bill_id, open=open_amount, days_overdue=days.days)


LATER = "2026-07-01T00:00:00+08:00"
DETAIL = {"bill_id": "BL-1", "open": 12800, "days_overdue": 1, "currency": "CNY"}
CASES = [
    Case("the day after at ten", [bill(12800, "2 03:00")], [DETAIL], until=LATER),
    Case("paid at the moment itself", [bill(12800, "2 03:00"), payment(12800, "21 10:00")], [], until=LATER),
    Case("paid a moment later", [bill(12800, "2 03:00"), payment(12800, "21 10:00:00.001")], [DETAIL], until=LATER),
    Case("one is missing", [bill(12800, "2 03:00"), payment(12799, "3 10:00")], [{**DETAIL, "open": 1}], until=LATER),
    Case("paid before it was issued", [payment(12800, "1 10:00"), bill(12800, "2 03:00")], [], until=LATER),
    Case("the bill says that all is left", [payment(12800, "1 10:00"), bill(12800, "2 03:00", remaining_minor=12800)], [DETAIL], until=LATER),
    Case("an interim bill", [bill(12800, "2 03:00", category="interim")], [], until=LATER),
    Case("the least that can be asked", [bill(1, "2 03:00")], [{**DETAIL, "open": 1}], until=LATER),
    Case(
        "sent again for that moment when it was said",
        [bill(12800, "2 03:00"), bill(1, "21 10:00:10", "BL-9", customer_id="C2", account_id="A2", subscription_id="S9"), bill(12800, "21 10:00")],
        [DETAIL],
        until=LATER,
    ),
    Case("nothing to pay, though money was given back", [bill(0, "2 03:00"), payment(100, "3 10:00", kind="refund")], [], until=LATER),
]

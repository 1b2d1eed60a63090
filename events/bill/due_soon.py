"""An unpaid bill is due soon: send the link to pay now."""

from events.stories import bill, payment
from events.words import I, billed, open_amount
from streams.define import Case, Detail, Event, Param, once_per


class DueSoon(Event, by="account"):
    days = Param("3d", ge="1d", doc="so long before the due date")
    hour = Param("10:00", doc="at this time of day")

    when = billed.on(I.due_date - days, at=hour).where(I.amount_due_minor > 0, open_amount > 0)
    rearm = once_per(I.bill_id)
    detail = Detail(bill_id=I.bill_id, open=open_amount, due_date=I.due_date)


LATER = "2026-07-01T00:00:00+08:00"
DETAIL = {"bill_id": "BL-1", "open": 12800, "due_date": "2026-05-20", "currency": "CNY"}
CASES = [
    Case("three days before at ten", [bill(12800, "2 03:00")], [DETAIL], until=LATER),
    Case("issued at the moment itself", [bill(12800, "17 10:00")], [DETAIL], until=LATER),
    Case("issued a moment later", [bill(12800, "17 10:00:00.001")], [], until=LATER),
    Case("paid at the moment itself", [bill(12800, "2 03:00"), payment(12800, "17 10:00")], [], until=LATER),
    Case("paid a moment later", [bill(12800, "2 03:00"), payment(12800, "17 10:00:00.001")], [DETAIL], until=LATER),
    Case("a part is paid, before the bill too", [payment(1000, "1 03:00"), bill(12800, "2 03:00"), payment(800, "3 10:00")], [{**DETAIL, "open": 11000}], until=LATER),
    Case(
        "what is left is said: only what is paid later is taken off",
        [payment(1000, "1 03:00"), bill(12800, "2 03:00", remaining_minor=11800), payment(800, "3 10:00")],
        [{**DETAIL, "open": 11000}],
        until=LATER,
    ),
    Case("a refund opens it again", [bill(12800, "2 03:00"), payment(12800, "3 10:00"), payment(1, "4 10:00", kind="refund")], [{**DETAIL, "open": 1}], until=LATER),
    Case("another bill, another currency", [bill(12800, "2 03:00"), payment(12800, "3 10:00", bill_id="BL-2"), payment(12800, "3 10:00", currency="USD")], [DETAIL], until=LATER),
    Case("nothing to pay", [bill(0, "2 03:00"), bill(-5, "2 03:00", "BL-2")], [], until=LATER),
    Case("the date moves", [bill(12800, "2 03:00"), bill(12900, "3 03:00", due_date="2026-05-25")], [{**DETAIL, "open": 12900, "due_date": "2026-05-25"}], until=LATER),
    Case("the least that can be asked", [bill(1, "2 03:00")], [{**DETAIL, "open": 1}], until=LATER),
    Case(
        "sent again for that moment when it was said",
        [bill(12800, "2 03:00"), bill(1, "17 10:00:10", "BL-9", customer_id="C2", account_id="A2", subscription_id="S9"), bill(12800, "17 10:00")],
        [DETAIL],
        until=LATER,
    ),
    Case("nothing to pay, though money was given back", [bill(0, "2 03:00"), payment(100, "3 10:00", kind="refund")], [], until=LATER),
]

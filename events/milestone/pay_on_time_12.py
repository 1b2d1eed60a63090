"""Twelve bills in a row were paid on time: thank the customer with points."""

from events.bill.settled import Settled
from events.stories import bill, payment
from events.words import I, P, billed, open_amount
from streams.define import Case, Detail, Event, Param, any_of, event_time


class PayOnTime12(Event, by="account"):
    k = Param(12, unit="bills", ge=2, doc="so many in a row")

    unpaid = billed.on(I.due_date + "1d").where(I.amount_due_minor > 0, open_amount > 0)
    bills = any_of(settled=Settled, unpaid=unpaid)
    due = billed.latest(I.due_date)[P.bill_id, P.currency]
    # survives: bills.name == "settled" → nothing: unpaid comes a day after the due date
    row = bills.streak((bills.name == "settled") & (event_time.date <= due)).length
    # survives: row >= 1 → row > 1: k is at least 2
    # survives: row >= 1 → row >= 2: k is at least 2
    when = bills.where(row >= 1, row - row // k * k == 0)
    detail = Detail(streak=k)


def months(n: int, **late: str) -> list[dict[str, object]]:
    """Bills BL-1 to BL-n, one a day, each paid on that day; `late`: by `BL_1` when it is paid instead."""
    stories: list[dict[str, object]] = []
    for number in range(1, n + 1):
        day = f"{number:02d}"
        stories.append(bill(1000, f"{day} 03:00", f"BL-{number}", due_date=f"2026-05-{day}"))
        stories.append(payment(1000, late.get(f"BL_{number}", f"{day} 10:00"), bill_id=f"BL-{number}"))
    return stories


CASES = [
    Case("twelve", months(12), [{"streak": 12}]),
    Case("eleven", months(11), []),
    Case("the count begins again", months(24), [{"streak": 12}, {"streak": 12}]),
    Case("at the last moment of its day", months(12, BL_12="12 23:59:59.999"), [{"streak": 12}]),
    Case("one at the midnight after", months(12, BL_12="13 00:00"), []),
    Case("one is missing a part", [*months(11), bill(1000, "12 03:00", "BL-12", due_date="2026-05-12"), payment(999, "12 10:00", bill_id="BL-12")], []),
    Case("one was not paid: twelve more", [bill(1, "1 02:00", "BL-0", due_date="2026-05-06"), *months(18)], [{"streak": 12}]),
    Case(
        "one paid before it was issued, and one of nothing, are left out",
        [payment(5, "1 01:00", bill_id="BL-0"), bill(5, "1 02:00", "BL-0"), bill(0, "1 02:30", "BL-00"), *months(12)],
        [{"streak": 12}],
    ),
    Case("one unit was not paid: eleven more are too few", [bill(1, "1 02:00", "BL-0", due_date="2026-05-06"), *months(17)], []),
    Case(
        "nothing to pay, though money was given back",
        [bill(0, "1 02:30", "BL-0", due_date="2026-05-03"), payment(5, "1 02:40", bill_id="BL-0", kind="refund"), *months(12)],
        [{"streak": 12}],
    ),
    Case(
        "by the latest date that was named",
        [*months(11), *(bill(1000, f"12 {hour}:00", "BL-12", due_date=f"2026-05-{day}") for hour, day in (("03", 12), ("04", 14))), payment(1000, "13 10:00", bill_id="BL-12")],
        [{"streak": 12}],
    ),
]

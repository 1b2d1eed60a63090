"""The first bill of the account: explain it before it surprises."""

from events.stories import bill
from events.words import I, bills
from streams.define import Case, Detail, Event, once


class First(Event, by="account"):
    when = bills.where(bills.nth() == 1)
    rearm = once
    detail = Detail(bill_id=I.bill_id, amount_due=I.amount_due_minor)


CASES = [
    Case("the first alone", [bill(100, "1 10:00"), bill(200, "2 10:00", "BL-2")], [{"bill_id": "BL-1", "amount_due": 100, "currency": "CNY"}]),
    Case("the same bill again", [bill(100, "1 10:00"), bill(200, "2 10:00")], [{"bill_id": "BL-1", "amount_due": 100, "currency": "CNY"}]),
    Case("another currency is no other first", [bill(100, "1 10:00"), bill(200, "2 10:00", "BL-2", currency="USD")], [{"bill_id": "BL-1", "amount_due": 100, "currency": "CNY"}]),
    Case("an account from before the records: its first is not known", [bill(100)], [], history_from="2026-04-02"),
    Case("the last is the first", [bill(0, category="last")], [{"bill_id": "BL-1", "amount_due": 0, "currency": "CNY"}]),
    Case("nothing to pay: copies, credit notes, interim bills", [bill(100, category=category) for category in ("duplicate", "credit_note", "interim")], []),
    Case(
        "of another account",
        [bill(100, "10:00"), bill(200, "11:00", "BL-2", account_id="A2")],
        [{"bill_id": "BL-1", "amount_due": 100, "currency": "CNY"}, {"bill_id": "BL-2", "amount_due": 200, "currency": "CNY"}],
    ),
]

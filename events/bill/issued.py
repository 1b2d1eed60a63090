"""A new bill is published: explain it, and offer auto-pay."""

from events.stories import bill
from events.words import I, bills
from streams.define import Case, Detail, Event, once_per


class Issued(Event, by="account"):
    when = bills
    rearm = once_per(I.bill_id)
    detail = Detail(bill_id=I.bill_id, amount_due=I.amount_due_minor, due_date=I.due_date, lines=I.lines)


PLAIN = {"bill_id": "BL-1", "amount_due": 100, "due_date": "2026-05-20", "lines": None, "currency": "CNY"}
LINES = {"recurring": 150, "discount": -50}
CASES = [
    Case("with its lines", [bill(100, lines=LINES)], [{**PLAIN, "lines": LINES}]),
    Case("without", [bill(100)], [PLAIN]),
    Case("with none", [bill(100, lines={})], [{**PLAIN, "lines": {}}]),
    Case("reported twice: the first content", [bill(100, "1 10:00"), bill(200, "2 10:00", lines=LINES)], [PLAIN]),
    Case("another bill, in another currency", [bill(100), bill(100, "11:00", "BL-2", currency="USD")], [PLAIN, {**PLAIN, "bill_id": "BL-2", "currency": "USD"}]),
    Case("the last of an account, and a credit", [bill(-100, category="last")], [{**PLAIN, "amount_due": -100}]),
    Case("copies, credit notes, interim bills", [bill(100, category=category) for category in ("duplicate", "credit_note", "interim")], []),
    Case("the same number in another account", [bill(100), bill(100, "11:00", account_id="A2")], [PLAIN, PLAIN]),
]

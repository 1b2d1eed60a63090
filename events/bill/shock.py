"""A bill far above the usual: call first, and find the plan that fits."""

from events.stories import bill
from events.words import I, normal_bills, top_line
from streams.define import Case, Detail, Event, Param, once_per


class Shock(Event, by="account"):
    k = Param("1.5", ge="1.0", doc="so many times the usual bill is a shock")
    n = Param(3, unit="bills", ge=1, le=12, doc="so many bills before this one are the usual")
    least = Param(3000, unit="minor", name="abs", ge=0, doc="a smaller rise is no shock")

    due = I.amount_due_minor
    usual = normal_bills.previous(n, order="release")
    when = normal_bills.where(usual.count() == n, due > 0, due >= k * usual.mean(due), due - usual.mean(due) >= least)
    # survives: once_per(I.bill_id) → nothing: a bill that is sent again is none of normal_bills
    rearm = once_per(I.bill_id)
    detail = Detail(bill_id=I.bill_id, amount_due=due, usual_mean=usual.mean(due), ratio=due / usual.mean(due), top_line=top_line)


def bills(*amounts: int, currency: str = "CNY") -> list[dict[str, object]]:
    """BL-1, BL-2 and so on, one a day."""
    return [bill(amount, f"{place} 10:00", f"BL-{place}", currency=currency) for place, amount in enumerate(amounts, 1)]


CASES = [
    Case(
        "half as much again as the mean of three",
        [*bills(10000, 10000, 10000), bill(15000, "4 10:00", "BL-4", lines={"recurring": 9000, "roaming": 6000})],
        [{"bill_id": "BL-4", "amount_due": 15000, "usual_mean": 10000, "ratio": "1.50", "top_line": "recurring", "currency": "CNY"}],
    ),
    Case("the mean is not rounded", bills(10000, 10000, 10001, 15000), []),
    Case(
        "of equal lines the first in the alphabet, and no line is unknown",
        [*bills(4000, 4000, 4000), bill(7000, "4 10:00", "BL-4", lines={"voice": 5000, "recurring": 5000, "discount": -3000}), bill(90000, "5 10:00", "BL-5", lines={})],
        [
            {"bill_id": "BL-4", "amount_due": 7000, "usual_mean": 4000, "ratio": "1.75", "top_line": "recurring", "currency": "CNY"},
            {"bill_id": "BL-5", "amount_due": 90000, "usual_mean": 5000, "ratio": "18.00", "top_line": None, "currency": "CNY"},
        ],
    ),
    Case("a small rise", bills(4000, 4000, 4000, 6999), []),
    Case("two bills before it only", bills(4000, 4000, 90000), []),
    Case("a bill sent again is no other bill", [*bills(4000, 4000), bill(4000, "3 10:00", "BL-2"), bill(90000, "4 10:00", "BL-4")], []),
    Case(
        "nor a second shock, and its first content counts",
        [*bills(4000, 4000, 4000, 9000), bill(90000, "5 10:00", "BL-4"), bill(8667, "6 10:00", "BL-5"), bill(90000, "7 10:00", "BL-3")],
        [
            {"bill_id": "BL-4", "amount_due": 9000, "usual_mean": 4000, "ratio": "2.25", "top_line": None, "currency": "CNY"},
            {"bill_id": "BL-5", "amount_due": 8667, "usual_mean": 5667, "ratio": "1.53", "top_line": None, "currency": "CNY"},
        ],
    ),
    Case(
        "a late one is evaluated, and counts, where it stands",
        [*bills(4000, 4000, 4000), bill(9000, "2 20:00", "BL-4"), bill(8666, "4 10:00", "BL-5")],
        [{"bill_id": "BL-4", "amount_due": 9000, "usual_mean": 4000, "ratio": "2.25", "top_line": None, "currency": "CNY"}],
    ),
    Case("a credit is none, and what is paid back lowers the usual", [*bills(-9000, -9000, -9000), bill(0, "4 10:00", "BL-4"), bill(-2000, "5 10:00", "BL-5")], []),
    Case(
        "after credits",
        [*bills(0, 0, 0), bill(3000, "4 10:00", "BL-4")],
        [{"bill_id": "BL-4", "amount_due": 3000, "usual_mean": 0, "ratio": None, "top_line": None, "currency": "CNY"}],
    ),
    Case(
        "the last bill and copies are none", [*bills(4000, 4000, 4000), bill(90000, "4 10:00", "BL-4", category="last"), bill(90000, "5 10:00", "BL-5", category="duplicate")], []
    ),
    Case("another currency has another usual", [*bills(4000, 4000, 4000), bill(90000, "4 10:00", "BL-4", currency="USD")], []),
    Case("another account too", [*bills(4000, 4000, 4000), bill(90000, "4 10:00", "BL-4", account_id="A2")], []),
    Case(
        "the least that can be asked",
        [*bills(-5000, -5000, -5000), bill(1, "4 10:00", "BL-4")],
        [{"bill_id": "BL-4", "amount_due": 1, "usual_mean": -5000, "ratio": "0.00", "top_line": None, "currency": "CNY"}],
    ),
]

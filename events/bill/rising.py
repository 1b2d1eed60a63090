"""Bills grow several times in a row: a bigger bundle would be cheaper."""

from events.stories import bill
from events.words import I, normal_bills
from streams.define import Case, Detail, Event, Param


class Rising(Event, by="account"):
    k = Param(3, unit="rises", ge=1, le=12, doc="so many rises in a row")
    min_step = Param(500, unit="minor", ge=1, doc="a smaller rise ends the row")

    due = I.amount_due_minor
    # survives: normal_bills.previous(1, order="release").latest(due) → normal_bills.previous(1, order="release").first(due): there is one
    # survives: normal_bills.previous(1, order="release") → normal_bills.previous(2, order="release"): the latest is the same
    rise = due - normal_bills.previous(1, order="release").latest(due)
    row = normal_bills.streak(rise >= min_step)
    start = normal_bills.previous(k, order="release").first(due)
    # survives: start.known() in where → nothing: a row of k has k bills before it; it says that the field is never null
    when = normal_bills.where(row.length == k, start.known())
    detail = Detail(streak=row.length, first=start, last=due)


def bills(*amounts: int, **more: object) -> list[dict[str, object]]:
    """BL-1, BL-2 and so on, one a day."""
    return [bill(amount, f"{place} 10:00", f"BL-{place}", **more) for place, amount in enumerate(amounts, 1)]


CASES = [
    Case("three rises of the least step", bills(10000, 10500, 11000, 11500), [{"streak": 3, "first": 10000, "last": 11500, "currency": "CNY"}]),
    Case("one rise is smaller", bills(10000, 10500, 10999, 11499, 11999), []),
    Case("an equal bill ends the row", bills(10000, 11000, 12000, 12000, 13000), []),
    Case("two rises", bills(10000, 11000, 12000), []),
    Case(
        "once for a row, and again when it was broken",
        bills(10000, 11000, 12000, 13000, 14000, 15000, 9000, 10000, 11000, 12000),
        [{"streak": 3, "first": 10000, "last": 13000, "currency": "CNY"}, {"streak": 3, "first": 9000, "last": 12000, "currency": "CNY"}],
    ),
    Case(
        "another currency breaks nothing",
        [*bills(10000, 11000), bill(10050, "3 10:00", "BL-3", currency="USD"), bill(12000, "4 10:00", "BL-4"), bill(13000, "5 10:00", "BL-5")],
        [{"streak": 3, "first": 10000, "last": 13000, "currency": "CNY"}],
    ),
    Case(
        "a bill sent again changes nothing",
        [*bills(10000, 11000, 12000), bill(9000, "4 10:00", "BL-3"), bill(9000, "3 09:00", "BL-3"), bill(13000, "5 10:00", "BL-5"), bill(14000, "6 10:00", "BL-5")],
        [{"streak": 3, "first": 10000, "last": 13000, "currency": "CNY"}],
    ),
    Case("a late one breaks the row where it stands", [*bills(10000, 11000, 12000), bill(11500, "2 20:00", "BL-4"), bill(12500, "5 10:00", "BL-5")], []),
    Case("or completes it", [*bills(10000, 11000, 12000), bill(12500, "2 20:00", "BL-4")], [{"streak": 3, "first": 10000, "last": 12500, "currency": "CNY"}]),
    Case(
        "last bills and copies stand aside",
        [*bills(10000, 11000, 12000), bill(1, "4 10:00", "BL-4", category="last"), bill(1, "5 10:00", "BL-5", category="duplicate"), bill(13000, "6 10:00", "BL-6")],
        [{"streak": 3, "first": 10000, "last": 13000, "currency": "CNY"}],
    ),
    Case("credits count", bills(-1000, -500, 0, 500), [{"streak": 3, "first": -1000, "last": 500, "currency": "CNY"}]),
    Case("another account has its own row", [*bills(10000, 11000, 12000), bill(13000, "4 10:00", "BL-4", account_id="A2")], []),
]

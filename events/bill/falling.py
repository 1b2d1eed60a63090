"""Bills shrink several times in a row: see what the customer no longer uses, before there is none."""

from events.stories import bill
from events.words import I, normal_bills
from streams.define import Case, Detail, Event, Param


class Falling(Event, by="account"):
    k = Param(3, unit="steps", ge=1, le=12, doc="so many falls in a row")
    min_step = Param(500, unit="minor", ge=1, doc="a smaller fall ends the row")

    due = I.amount_due_minor
    # survives: normal_bills.previous(1, order="release").latest(due) → normal_bills.previous(1, order="release").first(due): there is one
    # survives: normal_bills.previous(1, order="release") → normal_bills.previous(2, order="release"): the latest is the same
    fall = normal_bills.previous(1, order="release").latest(due) - due
    row = normal_bills.streak(fall >= min_step)
    start = normal_bills.previous(k, order="release").first(due)
    # survives: start.known() in where → nothing: a row of k has k bills before it; it says that the field is never null
    when = normal_bills.where(row.length == k, start.known())
    detail = Detail(streak=row.length, first=start, last=due)


def bills(*amounts: int, **more: object) -> list[dict[str, object]]:
    """BL-1, BL-2 and so on, one a day."""
    return [bill(amount, f"{place} 10:00", f"BL-{place}", **more) for place, amount in enumerate(amounts, 1)]


CASES = [
    Case("three falls of the least step", bills(14000, 13500, 13000, 12500), [{"streak": 3, "first": 14000, "last": 12500, "currency": "CNY"}]),
    Case("one fall is smaller", bills(14000, 13500, 13001, 12501, 12001), []),
    Case("an equal bill ends the row", bills(14000, 13000, 12000, 12000, 11000), []),
    Case("two falls", bills(14000, 13000, 12000), []),
    Case(
        "once for a row, and again when it was broken",
        bills(14000, 13000, 12000, 11000, 10000, 9000, 15000, 14000, 13000, 12000),
        [{"streak": 3, "first": 14000, "last": 11000, "currency": "CNY"}, {"streak": 3, "first": 15000, "last": 12000, "currency": "CNY"}],
    ),
    Case(
        "another currency breaks nothing",
        [*bills(14000, 13000), bill(14050, "3 10:00", "BL-3", currency="USD"), bill(12000, "4 10:00", "BL-4"), bill(11000, "5 10:00", "BL-5")],
        [{"streak": 3, "first": 14000, "last": 11000, "currency": "CNY"}],
    ),
    Case(
        "a bill sent again changes nothing",
        [*bills(14000, 13000, 12000), bill(15000, "4 10:00", "BL-3"), bill(15000, "3 09:00", "BL-3"), bill(11000, "5 10:00", "BL-5"), bill(10000, "6 10:00", "BL-5")],
        [{"streak": 3, "first": 14000, "last": 11000, "currency": "CNY"}],
    ),
    Case("a late one breaks the row where it stands", [*bills(14000, 13000, 12000), bill(12500, "2 20:00", "BL-4"), bill(11500, "5 10:00", "BL-5")], []),
    Case("or completes it", [*bills(14000, 13000, 12000), bill(11500, "2 20:00", "BL-4")], [{"streak": 3, "first": 14000, "last": 11500, "currency": "CNY"}]),
    Case(
        "last bills and copies stand aside",
        [*bills(14000, 13000, 12000), bill(23999, "4 10:00", "BL-4", category="last"), bill(23999, "5 10:00", "BL-5", category="duplicate"), bill(11000, "6 10:00", "BL-6")],
        [{"streak": 3, "first": 14000, "last": 11000, "currency": "CNY"}],
    ),
    Case("credits count", bills(25000, 24500, 24000, 23500), [{"streak": 3, "first": 25000, "last": 23500, "currency": "CNY"}]),
    Case("another account has its own row", [*bills(14000, 13000, 12000), bill(11000, "4 10:00", "BL-4", account_id="A2")], []),
]

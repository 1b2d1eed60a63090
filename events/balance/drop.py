"""One large deduction from the main balance: explain it before the customer asks."""

from events.stories import charge
from events.words import B, charged, charges
from streams.define import Case, Detail, Event, Param, cool


class Drop(Event, by="line"):
    min_drop = Param(2000, unit="minor", ge=1, doc="the smallest deduction that counts as large")

    when = charges.where(charged >= min_drop)
    rearm = cool("1h")
    # survives: .or_("other") → nothing: a charge always has a reason; it says that the field is never null
    detail = Detail(drop=charged, balance_before=B.balance_after + charged, balance_after=B.balance_after, charge_reason=B.charge_reason.or_("other"))


CASES = [
    Case("a large charge", [charge(5000, 3000)], [{"drop": 2000, "balance_before": 5000, "balance_after": 3000, "charge_reason": "data", "currency": "CNY"}]),
    Case("one unit less is not large", [charge(5000, 3001)], []),
    Case(
        "within the hour it is quiet",
        [charge(9000, 7000, "10:00"), charge(7000, 5000, "10:59:59")],
        [{"drop": 2000, "balance_before": 9000, "balance_after": 7000, "charge_reason": "data", "currency": "CNY"}],
    ),
    Case("promotional money does not count", [charge(5000, 3000, main=False)], []),
    Case(
        "quiet for each currency",
        [charge(9000, 7000, "10:00"), charge(9000, 7000, "10:10", currency="USD"), charge(7000, 5000, "10:20")],
        [
            {"drop": 2000, "balance_before": 9000, "balance_after": 7000, "charge_reason": "data", "currency": "CNY"},
            {"drop": 2000, "balance_before": 9000, "balance_after": 7000, "charge_reason": "data", "currency": "USD"},
        ],
    ),
    Case(
        "an hour later",
        [charge(9000, 7000, "10:00"), charge(9000, 7000, "11:00")],
        2 * [{"drop": 2000, "balance_before": 9000, "balance_after": 7000, "charge_reason": "data", "currency": "CNY"}],
    ),
]

"""The tenth, fiftieth or hundredth recharge: a bonus that surprises."""

from events.stories import charge, topup
from events.words import B, all_topups, topups
from streams.define import Case, Detail, Event, once_per


class TopupCount(Event, by="line"):
    number = all_topups.nth()
    when = all_topups.where(number.isin(10, 50, 100))
    # survives: once_per(number) → nothing: each number comes once
    rearm = once_per(number)
    detail = Detail(n=number, total=topups.sum(B.delta))


NINE = [topup(0, 1000, f"{date} 10:00") for date in range(1, 10)]
CASES = [
    Case("the tenth", [*NINE, topup(0, 500, "10 10:00"), topup(0, 500, "11 10:00")], [{"n": 10, "total": 9500, "currency": "CNY"}]),
    Case("the ninth", NINE, []),
    Case("a line from before the records: which one is the tenth is not known", [*NINE, topup(0, 500, "10 10:00")], [], history_from="2026-04-02"),
    Case("what is no recharge", [*NINE, charge(1000, 0, "10 10:00"), topup(0, 1000, "10 11:00", main=False)], []),
    Case("of two currencies: all are counted, one is added up", [*NINE, topup(0, 700, "10 10:00", currency="USD")], [{"n": 10, "total": 700, "currency": "USD"}]),
    Case(
        "the fiftieth",
        [topup(0, 100, f"{date} {hour}:00") for date in range(1, 12) for hour in (10, 11, 12, 13, 14)],
        [{"n": 10, "total": 1000, "currency": "CNY"}, {"n": 50, "total": 5000, "currency": "CNY"}],
    ),
    Case(
        "the hundredth",
        [topup(0, 100, f"{date} {hour}:00") for date in range(1, 12) for hour in range(10, 20)],
        [{"n": n, "total": 100 * n, "currency": "CNY"} for n in (10, 50, 100)],
    ),
]

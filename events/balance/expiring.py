"""Main or promotional money will lapse soon: use it, or extend its validity."""

from events.stories import balance, topup
from events.words import B, money
from streams.define import Case, Detail, Event, Param, once_per


class Expiring(Event, by="line"):
    days = Param("3d", ge="1d", doc="so long before the money lapses")
    hour = Param("10:00", doc="at this time of day")

    purse = money.same(B.bucket_id)
    when = purse.on(B.valid_until.date - days, at=hour).where(purse.latest(B.balance_after) > 0)
    rearm = once_per(B.bucket_id, B.valid_until)
    detail = Detail(bucket_id=B.bucket_id, balance=purse.latest(B.balance_after), valid_until=B.valid_until, days_left=days.days)


END = "2026-05-20T18:00:00+08:00"
DETAIL = {"bucket_id": "main", "balance": 5000, "valid_until": "2026-05-20T10:00:00.000Z", "days_left": 3, "currency": "CNY"}
LATER = "2026-06-01T00:00:00+08:00"
CASES = [
    Case("three days before at ten", [topup(0, 5000, "1 12:00", valid_until=END)], [DETAIL], until=LATER),
    Case("learnt at the moment itself", [topup(0, 5000, "17 10:00", valid_until=END)], [DETAIL], until=LATER),
    Case("learnt a moment later", [topup(0, 5000, "17 10:00:00.001", valid_until=END)], [], until=LATER),
    Case("nothing is left", [topup(0, 5000, "1 12:00", valid_until=END), balance(5000, 0, "2 12:00", "charge", charge_reason="data")], [], until=LATER),
    Case("a little is left", [topup(0, 5000, "1 12:00", valid_until=END), balance(5000, 1, "2 12:00", "charge", charge_reason="data")], [{**DETAIL, "balance": 1}], until=LATER),
    Case("a later date moves it", [topup(0, 5000, "1 12:00", valid_until=END), topup(5000, 6000, "2 12:00", valid_until="2026-07-20T18:00:00+08:00")], [], until=LATER),
    Case("no end is known", [topup(0, 5000, "1 12:00")], [], until=LATER),
    Case(
        "each purse and currency",
        [topup(0, 5000, "1 12:00", valid_until=END), topup(0, 700, "1 12:01", bucket_id="promo", main=False, currency="USD", valid_until=END)],
        [DETAIL, {**DETAIL, "bucket_id": "promo", "balance": 700, "currency": "USD"}],
        until=LATER,
    ),
    Case(
        "two purses of one currency",
        [topup(0, 5000, "1 12:00", valid_until=END), topup(0, 700, "1 12:01", bucket_id="promo", main=False, valid_until=END)],
        [DETAIL, {**DETAIL, "bucket_id": "promo", "balance": 700}],
        until=LATER,
    ),
    Case(
        "and once more when it ends later",
        [topup(0, 5000, "1 12:00", valid_until=END), topup(5000, 6000, "18 12:00", valid_until="2026-05-30T18:00:00+08:00")],
        [DETAIL, {**DETAIL, "balance": 6000, "valid_until": "2026-05-30T10:00:00.000Z"}],
        until=LATER,
    ),
    Case(
        "the same end, learnt again at that moment when it was said",
        [
            topup(0, 5000, "1 12:00", valid_until=END),
            topup(0, 1, "17 10:00:10", customer_id="C2", account_id="A2", subscription_id="S9"),
            topup(5000, 6000, "17 10:00", valid_until=END),
        ],
        [DETAIL],
        until=LATER,
    ),
]

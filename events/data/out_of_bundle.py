"""Data is charged by volume: a booster protects from a bill shock."""

from typing import Any

from events.stories import session
from events.words import D, out_of_bundle
from streams.define import Case, Detail, Event, Param, day, once_per


class OutOfBundle(Event, by="line"):
    sum = Param(500, unit="minor", ge=1, doc="so much charged in a civil day is worth a word")

    today = out_of_bundle.today()
    when = out_of_bundle.where(today.sum(D.charge_minor) >= sum)
    rearm = once_per(day)
    detail = Detail(charged=today.sum(D.charge_minor), bytes=today.sum(D.total_bytes))


COSTLY: dict[str, Any] = {"rating_tag": "out_of_bundle", "charge_minor": 250, "currency": "CNY"}
CASES = [
    Case(
        "five units of money in a day, once",
        [session("10:00", 1000, **COSTLY), session("11:00", 2000, **COSTLY), session("12:00", 1000, **COSTLY)],
        [{"charged": 500, "bytes": 3000, "currency": "CNY"}],
    ),
    Case("one unit less", [session("10:00", **COSTLY), session("11:00", **{**COSTLY, "charge_minor": 249})], []),
    Case("two days are not one", [session("1 23:59", **COSTLY), session("2 00:00", **COSTLY)], []),
    Case("two currencies are never added", [session("10:00", **COSTLY), session("11:00", **{**COSTLY, "currency": "USD"})], []),
    Case(
        "each currency has its own day",
        [session("10:00", 1000, **{**COSTLY, "charge_minor": 500}), session("11:00", 2000, **{**COSTLY, "charge_minor": 600, "currency": "USD"})],
        [{"charged": 500, "bytes": 1000, "currency": "CNY"}, {"charged": 600, "bytes": 2000, "currency": "USD"}],
    ),
    Case(
        "bytes whose price is unknown do not count",
        [session("10:00", 1000, **COSTLY), session("11:00", 7000, rating_tag="out_of_bundle"), session("12:00", 2000, **COSTLY)],
        [{"charged": 500, "bytes": 3000, "currency": "CNY"}],
    ),
    Case("what it was charged for is unknown", [session("10:00"), session("11:00", **COSTLY)], []),
    Case("data in the bundle does not count", [session("10:00", **{**COSTLY, "rating_tag": "in_bundle"}), session("11:00", **COSTLY)], []),
]

"""Spend today far above the line's usual day: explain it, cap it, or offer a pack that fits."""

from events.stories import charge, topup
from events.words import B, charged, charges
from streams.define import Case, Detail, Event, Param, day, once_per


class UnusualDay(Event, by="line"):
    k = Param("3.0", ge="1.0", doc="so many times the usual day is unusual")
    floor = Param(1000, unit="minor", ge=1, doc="less is never unusual")

    now, usual = charges.today(), charges.daily(28, least=14)
    when = charges.where(now.sum(charged) >= k * usual.mean(charged), now.sum(charged) >= floor)
    rearm = once_per(day)
    detail = Detail(
        spent=now.sum(charged),
        usual_mean=usual.mean(charged),
        ratio=now.sum(charged) / usual.mean(charged),
        # survives: .or_("other") → nothing: a charge always has a reason; it says that the field is never null
        top_reason=now.top(B.charge_reason, by=charged).or_("other"),
    )


FORTNIGHT = [topup(0, 90000, "1 10:00"), *(charge(9000, 8500, f"{day} 10:00") for day in range(2, 16))]
"""First seen on the first, then 14 complete days at 500."""
UNUSUAL = {"spent": 1500, "usual_mean": 500, "ratio": "3.00", "top_reason": "voice", "currency": "CNY"}
FIRST = {"spent": 1000, "usual_mean": 0, "ratio": None, "top_reason": "data", "currency": "CNY"}

CASES = [
    Case("three times the mean", [*FORTNIGHT, charge(9000, 8600, "16 10:00"), charge(8600, 7500, "16 11:00", charge_reason="voice")], [UNUSUAL]),
    Case("a cent less", [*FORTNIGHT, charge(9000, 7501, "16 10:00")], []),
    Case("once a day", [*FORTNIGHT, charge(9000, 7500, "16 10:00", charge_reason="voice"), charge(9000, 2000, "16 12:00")], [UNUSUAL]),
    Case("nothing was usual: no ratio", [topup(0, 90000, "1 10:00"), charge(9000, 8000, "16 10:00")], [FIRST]),
    Case("below the floor", [topup(0, 90000, "1 10:00"), charge(9000, 8001, "16 10:00")], []),
    Case("13 days are no habit", [topup(0, 90000, "2 00:00"), charge(9000, 8000, "16 10:00")], []),
    Case("another currency has days of its own", [*FORTNIGHT, charge(9000, 8000, "16 10:00", currency="USD")], [{**FIRST, "currency": "USD"}]),
    Case(
        "the mean is rounded half up",
        [*FORTNIGHT[:-1], charge(9000, 8493, "15 10:00"), charge(9000, 7498, "16 10:00", charge_reason="voice")],
        [{**UNUSUAL, "spent": 1502, "usual_mean": 501}],
    ),
    Case(
        "the usual are the 28 days before",
        [topup(0, 90000, "1 10:00"), charge(9000, 0, "2 10:00"), charge(14000, 0, "3 10:00"), charge(9000, 7500, "31 10:00", charge_reason="voice")],
        [UNUSUAL],
    ),
]

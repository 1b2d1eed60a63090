"""An unusually big recharge for this customer: a higher plan may fit."""

from events.stories import charge, topup
from events.words import B, topups
from streams.define import Case, Detail, Event, Param


class Large(Event, by="line"):
    floor = Param(10000, unit="minor", ge=1, doc="less is never large")
    k = Param("2.0", ge="1.0", doc="so many times the usual recharge is large")
    n = Param(5, unit="top-ups", ge=3, le=12, doc="so many recharges before this one are the habit")

    usual = topups.previous(n)
    when = topups.where(usual.count() >= 3, B.delta >= floor, B.delta >= k * usual.mean(B.delta))
    detail = Detail(amount=B.delta, usual_mean=usual.mean(B.delta), ratio=B.delta / usual.mean(B.delta))


def recharges(*amounts: int, day: int = 1, **more: object) -> list[dict[str, object]]:
    """One a day."""
    return [topup(0, amount, f"{day + place} 10:00", **more) for place, amount in enumerate(amounts)]


CASES = [
    Case("twice the usual, and the floor", recharges(5000, 5000, 5000, 10000), [{"amount": 10000, "usual_mean": 5000, "ratio": "2.00", "currency": "CNY"}]),
    Case("below the floor", recharges(1000, 1000, 1000, 9999), []),
    Case("below twice the usual", recharges(6000, 6000, 6000, 11999), []),
    Case("the mean is not rounded", recharges(5000, 5000, 5001, 10000), []),
    Case("it is where it is shown", recharges(5000, 5000, 5001, 20000), [{"amount": 20000, "usual_mean": 5000, "ratio": "4.00", "currency": "CNY"}]),
    Case("two recharges make no habit", recharges(1000, 1000, 50000), []),
    Case(
        "of more than five only the last count, and each large one is an event",
        recharges(90000, 1000, 1000, 1000, 1000, 1000, 10000, 20000),
        [{"amount": 10000, "usual_mean": 1000, "ratio": "10.00", "currency": "CNY"}, {"amount": 20000, "usual_mean": 2800, "ratio": "7.14", "currency": "CNY"}],
    ),
    Case(
        "a late one belongs to the habit from its own time on, and is not evaluated",
        [*recharges(1000, 1000, 1000), topup(0, 90000, "3 09:00"), topup(0, 46500, "4 10:00")],
        [{"amount": 46500, "usual_mean": 23250, "ratio": "2.00", "currency": "CNY"}],
    ),
    Case("another currency is another habit", [*recharges(1000, 1000, 1000), topup(0, 20000, "4 10:00", currency="USD")], []),
    Case(
        "and makes nothing late",
        [*recharges(1000, 1000, 1000), topup(0, 100, "4 10:00", currency="USD"), topup(0, 20000, "4 09:00")],
        [{"amount": 20000, "usual_mean": 1000, "ratio": "20.00", "currency": "CNY"}],
    ),
    Case("nor is it where it would be large", [*recharges(1000, 1000, 1000, 9000), topup(0, 20000, "3 12:00")], []),
    Case("another line's habit is none, and charges are none", [*recharges(1000, 1000, 1000), topup(0, 20000, "4 10:00", subscription_id="S2"), charge(20000, 0, "4 11:00")], []),
    Case("promotional money is no recharge", [*recharges(1000, 1000), *recharges(1000, day=3, main=False), topup(0, 20000, "4 10:00")], []),
]

"""The main balance is almost gone: an urgent top-up or an advance keeps the line alive."""

from events.stories import charge, topup
from events.words import B, main_balance
from streams.define import Case, Detail, Event, Param


class Critical(Event, by="line"):
    crit = Param(200, unit="minor", ge=0, doc="below this the balance is almost gone")
    rearm_at = Param(1000, unit="minor", name="rearm", ge=crit, doc="from this on it may fire again")

    when = main_balance.falls_below(crit, rearm=rearm_at)
    detail = Detail(balance_after=B.balance_after, threshold=crit)


CASES = [
    Case("falls from the mark to one under it", [charge(200, 199)], [{"balance_after": 199, "threshold": 200, "currency": "CNY"}]),
    Case("exactly the mark is not under it", [charge(300, 200)], []),
    Case("was below already", [charge(199, 100, "10:00"), topup(100, 150, "10:01")], []),
    Case("promotional money does not count", [charge(300, 0, main=False)], []),
    Case(
        "armed again at 1000, not below",
        [charge(300, 100, "10:00"), topup(100, 999, "10:01"), charge(999, 150, "10:02"), topup(150, 1000, "10:03"), charge(1000, -50, "10:04")],
        [{"balance_after": 100, "threshold": 200, "currency": "CNY"}, {"balance_after": -50, "threshold": 200, "currency": "CNY"}],
    ),
    Case(
        "two purses have two marks",
        [
            charge(300, 100, "10:00"),
            charge(300, 50, "10:01", bucket_id="second"),
            topup(50, 1000, "10:02", bucket_id="second"),
            topup(100, 300, "10:03"),
            charge(300, 100, "10:04"),
        ],
        [{"balance_after": 100, "threshold": 200, "currency": "CNY"}, {"balance_after": 50, "threshold": 200, "currency": "CNY"}],
    ),
    Case(
        "another currency is another mark, and arms nothing",
        [charge(300, 100, "10:00"), charge(300, 150, "10:01", currency="USD"), topup(150, 2000, "10:02", currency="USD"), topup(100, 300, "10:03"), charge(300, 100, "10:04")],
        [{"balance_after": 100, "threshold": 200, "currency": "CNY"}, {"balance_after": 150, "threshold": 200, "currency": "USD"}],
    ),
]

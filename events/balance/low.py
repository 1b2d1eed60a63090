"""The main balance fell under the low mark: remind before service stops."""

from events.stories import charge, topup
from events.words import B, main_balance
from streams.define import Case, Detail, Event, Param


class Low(Event, by="line", expect="17-84 per 1,000 customers a day"):
    low = Param(1000, unit="minor", ge=0, doc="below this the balance is low")
    rearm_at = Param(2000, unit="minor", name="rearm", ge=low, doc="from this on it may fire again")

    when = main_balance.falls_below(low, rearm=rearm_at)
    detail = Detail(balance_after=B.balance_after, threshold=low, valid_until=B.valid_until)


CASES = [
    Case("falls under the mark", [charge(1200, 900)], [{"balance_after": 900, "threshold": 1000, "valid_until": None, "currency": "CNY"}]),
    Case("exactly the mark is not under it", [charge(1200, 1000)], []),
    Case(
        "armed again at 2000, not below",
        [charge(1200, 900, "10:00"), topup(900, 1500, "10:01"), charge(1500, 950, "10:02"), topup(950, 2000, "10:03"), charge(2000, 999, "10:04")],
        [{"balance_after": 900, "threshold": 1000, "valid_until": None, "currency": "CNY"}, {"balance_after": 999, "threshold": 1000, "valid_until": None, "currency": "CNY"}],
    ),
    Case(
        "two purses have two marks",
        [charge(1200, 900, "10:00"), charge(1200, 800, "10:01", bucket_id="second"), topup(800, 2000, "10:02", bucket_id="second"), charge(1200, 700, "10:03")],
        [{"balance_after": 900, "threshold": 1000, "valid_until": None, "currency": "CNY"}, {"balance_after": 800, "threshold": 1000, "valid_until": None, "currency": "CNY"}],
    ),
    Case(
        "another currency arms nothing",
        [charge(1200, 900, "10:00"), topup(900, 2000, "10:01", currency="USD"), charge(1200, 800, "10:02")],
        [{"balance_after": 900, "threshold": 1000, "valid_until": None, "currency": "CNY"}],
    ),
    Case(
        "one unit under 2000 arms nothing",
        [charge(1200, 900, "10:00"), topup(900, 1999, "10:01"), charge(1999, 999, "10:02")],
        [{"balance_after": 900, "threshold": 1000, "valid_until": None, "currency": "CNY"}],
    ),
]

"""The first of the five rules: the money balance is low, and was not since it last was 15.00 or more."""

from events.stories import charge, topup
from events.words import B
from streams.define import Case, Detail, Event, Param


class FellLow(Event, by="line"):
    low = Param(1000, unit="minor", ge=0, doc="below this the balance is low")
    again = Param(1500, unit="minor", ge=low, doc="from this on it may fall again")

    # Wherever it was before: a line whose first balance is low counts, too, and so it is taken to have been at the mark.
    balance = B.where(B.bucket_kind == "money").same(B.currency).level(before=B.balance_after.where(B.balance_after >= low).or_(low), after=B.balance_after)
    when = balance.falls_below(low, rearm=again)
    detail = Detail(balance_after=B.balance_after)


CASES = [
    Case("the first balance is low", [charge(900, 850)], [{"balance_after": 850, "currency": "CNY"}]),
    Case("1000 is not low", [charge(1200, 1000)], []),
    Case("1499 arms nothing", [charge(1200, 999, "10:00"), topup(999, 1499, "10:01"), charge(1499, 900, "10:02")], [{"balance_after": 999, "currency": "CNY"}]),
    Case(
        "1500 does",
        [charge(1200, 999, "10:00"), topup(999, 1500, "10:01"), charge(1500, 900, "10:02")],
        [{"balance_after": 999, "currency": "CNY"}, {"balance_after": 900, "currency": "CNY"}],
    ),
]

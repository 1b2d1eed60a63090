"""The main balance reached zero or less: emergency credit keeps the line alive."""

from events.stories import balance, charge, topup
from events.words import B, main_balance
from streams.define import Case, Detail, Event, cool


class Depleted(Event, by="line"):
    when = main_balance.falls_to(0)
    rearm = cool("1h")
    detail = Detail(balance_after=B.balance_after, charge_reason=B.charge_reason)


CASES = [
    Case("nothing is left", [charge(300, 0, charge_reason="voice")], [{"balance_after": 0, "charge_reason": "voice", "currency": "CNY"}]),
    Case("one unit is something", [charge(300, 1)], []),
    Case(
        "once an hour at most",
        [charge(300, 0, "10:00"), topup(0, 100, "10:10"), charge(100, 0, "10:20"), topup(0, 100, "11:00"), charge(100, -50, "11:30")],
        [{"balance_after": 0, "charge_reason": "data", "currency": "CNY"}, {"balance_after": -50, "charge_reason": "data", "currency": "CNY"}],
    ),
    Case("empty already", [charge(300, 0, "10:00"), charge(200, 0, "12:00")], [{"balance_after": 0, "charge_reason": "data", "currency": "CNY"}]),
    Case(
        "two purses, two hours",
        [charge(300, 0, "10:00"), charge(400, 0, "10:10", bucket_id="second", charge_reason="sms")],
        [{"balance_after": 0, "charge_reason": "data", "currency": "CNY"}, {"balance_after": 0, "charge_reason": "sms", "currency": "CNY"}],
    ),
    Case("money that is taken away has no reason", [balance(300, -100, "10:00", "adjust_debit")], [{"balance_after": -100, "charge_reason": None, "currency": "CNY"}]),
]

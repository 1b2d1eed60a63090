"""A line without money was recharged at once: offer auto top-up."""

from events.stories import balance, charge, topup
from events.words import B, main_balance, topups
from streams.define import Case, Detail, Event, Param


class Rescued(Event, by="line"):
    wait = Param("1h", name="T", ge="1s", doc="so quick a recharge is a rescue")

    rescue = main_balance.falls_to(0).then(topups.where(B.balance_after > 0), within=wait)
    when = rescue
    detail = Detail(amount=B.delta, gap_s=rescue.gap.seconds, channel=B.channel)


CASES = [
    Case("at the end of the hour", [charge(100, 0, "10:00"), topup(0, 5000, "11:00", channel="app")], [{"amount": 5000, "gap_s": 3600, "channel": "app", "currency": "CNY"}]),
    Case("a moment after the hour", [charge(100, 0, "10:00"), topup(0, 5000, "11:00:00.001")], []),
    Case("one unit is left", [charge(100, 1, "10:00"), topup(1, 5000, "10:10")], []),
    Case("empty already", [charge(0, -100, "10:00"), topup(-100, 5000, "10:10")], []),
    Case("a gift is no recharge", [charge(100, 0, "10:00"), balance(0, 500, "10:10", "transfer_in", counterpart="t:ab")], []),
    Case(
        "a recharge that leaves nothing does not rescue, the next one does",
        [charge(100, -500, "10:00"), topup(-500, 0, "10:10"), topup(0, 1, "10:20:00.999")],
        [{"amount": 1, "gap_s": 1200, "channel": None, "currency": "CNY"}],
    ),
    Case(
        "emptied twice within the hour, rescued twice",
        [charge(100, 0, "10:00"), topup(0, 100, "10:10"), topup(100, 200, "10:15"), charge(200, 0, "10:20"), topup(0, 100, "10:25")],
        [{"amount": 100, "gap_s": 600, "channel": None, "currency": "CNY"}, {"amount": 100, "gap_s": 300, "channel": None, "currency": "CNY"}],
    ),
    Case(
        "money on any purse rescues",
        [charge(100, 0, "10:00"), topup(0, 500, "10:10", bucket_id="second")],
        [{"amount": 500, "gap_s": 600, "channel": None, "currency": "CNY"}],
    ),
    Case("money of another currency does not", [charge(100, 0, "10:00"), topup(0, 500, "10:10", currency="USD")], []),
    Case("promotional money does not", [charge(100, 0, "10:00"), topup(0, 500, "10:10", main=False)], []),
]

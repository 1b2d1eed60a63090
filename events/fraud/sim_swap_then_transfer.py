"""The SIM was replaced, then money moved: no marketing, make sure first."""

from events.sim.swapped import Swapped
from events.stories import balance, charge, sim
from events.words import B, charged, main
from streams.define import Case, Detail, Event, Param


class SimSwapThenTransfer(Event, by="line"):
    min = Param(5000, unit="minor", ge=1, doc="from this on it is worth a look")
    window = Param("24h", name="T", ge="1s", doc="so soon after the swap")

    moved = main.where((B.operation == "transfer_out") | (B.charge_reason == "purchase"), charged >= min)
    when = Swapped.where().then(moved, within=window)
    detail = Detail(amount=charged, gap_s=when.gap.seconds)


CASES = [
    Case("given away", [sim("1 10:00"), balance(9000, 4000, "1 10:30", "transfer_out", counterpart="t:2")], [{"amount": 5000, "gap_s": 1800, "currency": "CNY"}]),
    Case("bought", [sim("1 10:00"), charge(9000, 3000, "2 10:00", charge_reason="purchase")], [{"amount": 6000, "gap_s": 86400, "currency": "CNY"}]),
    Case("a moment later", [sim("1 10:00"), charge(9000, 3000, "2 10:00:00.001", charge_reason="purchase")], []),
    Case("one unit less", [sim("1 10:00"), balance(9000, 4001, "1 10:30", "transfer_out", counterpart="t:2"), charge(9000, 4001, "1 10:31", charge_reason="purchase")], []),
    Case("used up by calls", [sim("1 10:00"), charge(9000, 0, "1 10:30", charge_reason="voice")], []),
    Case("promotional money does not count", [sim("1 10:00"), charge(9000, 0, "1 10:30", charge_reason="purchase", main=False)], []),
    Case("moved before", [charge(9000, 0, "1 09:00", charge_reason="purchase"), sim("1 10:00")], []),
    Case(
        "one swap serves one transfer, of any currency",
        [sim("1 10:00"), charge(9000, 0, "1 10:30", charge_reason="purchase", currency="USD"), charge(9000, 0, "1 10:31", charge_reason="purchase")],
        [{"amount": 9000, "gap_s": 1800, "currency": "USD"}],
    ),
]

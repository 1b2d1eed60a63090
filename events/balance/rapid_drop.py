"""The main balance melts away within an hour: warn, cap, or sell a data pack."""

from events.stories import charge
from events.words import B, charges
from streams.define import EDGE, Amount, Case, Event, Field, Param, cool, hours, minutes


class RapidDrop(Event, by="line"):
    window = Param(minutes(60), unit="ms", ge=1000, doc="how long the charges are added up")
    sum = Param(3000, unit="minor", ge=1, doc="so much charged is fast")
    min_count = Param(2, unit="charges", ge=1, doc="one charge alone is not melting away")

    recent = charges.same(B.currency).within(window)
    when = (recent.sum(-B.delta) >= sum) & (recent.count() >= min_count)
    rearm = (EDGE, cool(hours(24)))

    spent: Field[Amount] = recent.sum(-B.delta)
    charges: Field[int] = recent.count()
    window_s: Field[int] = window // 1000
    top_reason: Field[str] = recent.top(B.charge_reason, by=-B.delta).or_("other")


CASES = [
    Case(
        "it knows no midnight",
        [charge(9000, 7200, "1 23:59:59.999", charge_reason="voice"), charge(7200, 5400, "2 00:00"), charge(5400, 4100, "2 00:00:01")],
        [{"spent": 3600, "charges": 2, "window_s": 3600, "top_reason": "data", "currency": "CNY"}],
    ),
    Case("one charge alone is no melting", [charge(9000, 5000)], []),
    Case("an hour apart is out of the window", [charge(9000, 7000, "10:00"), charge(7000, 5000, "11:00")], []),
]

"""The main balance melts away within an hour: warn, cap, or sell a data pack."""

from events.stories import charge
from events.words import B, charged, charges
from streams.define import Case, Detail, Event, Param, cool, edge


class RapidDrop(Event, by="line"):
    window = Param("60min", ge="1s", doc="how long the charges are added up")
    sum = Param(3000, unit="minor", ge=1, doc="so much charged is fast")
    min_count = Param(2, unit="charges", ge=1, doc="one charge alone is not melting away")

    recent = charges.within(window)
    when = charges.where(recent.sum(charged) >= sum, recent.count() >= min_count)
    rearm = edge, cool("24h")
    # survives: .or_("other") → nothing: a charge always has a reason; it says that the field is never null
    detail = Detail(spent=recent.sum(charged), charges=recent.count(), window_s=window.seconds, top_reason=recent.top(B.charge_reason, by=charged).or_("other"))


MELTED = {"spent": 3000, "charges": 2, "window_s": 3600, "top_reason": "data", "currency": "CNY"}
CASES = [
    Case(
        "it knows no midnight",
        [charge(9000, 7200, "1 23:59:59.999", charge_reason="voice"), charge(7200, 5400, "2 00:00"), charge(5400, 4100, "2 00:00:01")],
        [{"spent": 3600, "charges": 2, "window_s": 3600, "top_reason": "data", "currency": "CNY"}],
    ),
    Case("one charge alone is no melting", [charge(9000, 5000)], []),
    Case("an hour apart is out of the window", [charge(9000, 7000, "10:00"), charge(7000, 5000, "11:00")], []),
    Case("a charge of nothing is no charge", [charge(9000, 5000, "10:00"), charge(5000, 5000, "10:01")], []),
    Case("two currencies do not add up", [charge(9000, 7000, "10:00"), charge(9000, 7000, "10:01", currency="USD")], []),
    Case("3000 exactly", [charge(9000, 7500, "10:00"), charge(7500, 6000, "10:59:59.999")], [MELTED]),
    Case("one unit less", [charge(9000, 7500, "10:00"), charge(7500, 6001, "10:01")], []),
    Case("again 24 hours later", [charge(9000, 7500, f"{date} 10:0{minute}") for date in (1, 2) for minute in (0, 1)], [MELTED, MELTED]),
    Case("a moment before, and what began before them is no news", [charge(9000, 7500, at) for at in ("1 10:00", "1 10:01", "2 10:00", "2 10:00:59.999", "2 10:02")], [MELTED]),
]

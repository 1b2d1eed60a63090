"""A sudden burst of calls abroad: block, and make sure."""

from events.stories import Record, call
from events.words import V
from streams.define import Case, Detail, Event, Param, cool, edge


class IntlBurst(Event, by="line"):
    window = Param("60min", ge="1s", doc="how long calls are counted")
    n = Param(10, unit="calls", ge=1, le=4096, doc="so many are a burst")

    foreign = V.where(V.direction == "mo", V.other_class == "international")
    recent = foreign.within(window)
    made = recent.distinct(V.call_id) + foreign.where(V.call_id.is_unknown()).within(window).count()  # legs with one call_id are one call
    when = foreign.where(made >= n, recent.distinct(V.other_country) >= 3)
    rearm = edge, cool("24h")
    detail = Detail(calls=made, countries=recent.list(V.other_country))


def abroad(at: str, country: str) -> Record:
    """A call to another country that nobody answers."""
    return call(at, "no_answer", other_class="international", other_country=country)


TEN = [abroad(f"10:{minute:02d}", country) for minute, country in enumerate(["LV", "CU", "LV", "SO"] * 2 + ["LV", "CU"])]
CASES = [
    Case("ten calls to three countries", TEN, [{"calls": 10, "countries": ["LV", "CU", "SO"]}]),
    Case("nine", TEN[:9], []),
    Case("to two countries", [abroad(f"10:{minute:02d}", "LV" if minute % 2 else "CU") for minute in range(12)], []),
    Case("an hour old is out", [abroad("09:09", "LV"), *TEN[1:]], []),
    Case("a moment less is in", [abroad("09:09:00.001", "LV"), *TEN[1:]], [{"calls": 10, "countries": ["LV", "CU", "SO"]}]),
    Case("calls from there", [{**one, "direction": "mt"} for one in TEN], []),
    Case("legs of one call are one call", [{**one, "call_id": "k"} for one in TEN], []),
    Case("a burst that goes on is one", [*TEN, *(abroad(f"10:{minute}", "SO") for minute in range(10, 30))], [{"calls": 10, "countries": ["LV", "CU", "SO"]}]),
    Case("numbers of the own country", [{**one, "other_class": "offnet"} for one in TEN], []),
    Case(
        "again 24 hours later",
        [*TEN, *(abroad(f"2 10:0{minute}", country) for minute, country in enumerate(["LV", "CU", "SO"] * 3 + ["LV"]))],
        2 * [{"calls": 10, "countries": ["LV", "CU", "SO"]}],
    ),
    Case(
        "a moment before, and what began before them is no news",
        [*TEN, *(abroad(f"2 10:0{minute}", country) for minute, country in enumerate(["LV", "CU", "SO"] * 3)), abroad("2 10:08:59", "LV"), abroad("2 10:09:30", "CU")],
        [{"calls": 10, "countries": ["LV", "CU", "SO"]}],
    ),
]

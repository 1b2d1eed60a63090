"""Calls one country often: offer an international bundle."""

from events.stories import call_abroad
from events.words import V, calls_abroad
from streams.define import Case, Detail, Event, Param, cool, reset


class IntlFrequent(Event, by="line"):
    window = Param("7d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="calls", ge=1, doc="so many calls to one country are often")

    recent = calls_abroad.within(window)
    made = recent.distinct(V.call_id) + calls_abroad.where(V.call_id.is_unknown()).within(window).count()  # legs with one call_id are one call
    when = calls_abroad.where(made >= n)
    # survives: reset → nothing: thirty days later the seven of the frame are over anyway
    rearm = reset, cool("30d")
    detail = Detail(country=V.other_country, calls=made, seconds=recent.sum(V.duration_s))


CASES = [
    Case("three in a week", [call_abroad(f"{day} 10:00", duration_s=59 + day) for day in (1, 2, 3)], [{"country": "US", "calls": 3, "seconds": 183}]),
    Case("two are not often", [call_abroad("1 10:00"), call_abroad("2 10:00")], []),
    Case("the seventh civil day is in", [call_abroad("1 00:00"), call_abroad("2 10:00"), call_abroad("7 23:59")], [{"country": "US", "calls": 3, "seconds": 180}]),
    Case("the eighth is out", [call_abroad("1 23:59"), call_abroad("2 10:00"), call_abroad("8 00:00")], []),
    Case("two countries are two habits", [call_abroad("1 10:00"), call_abroad("2 10:00", "JP"), call_abroad("3 10:00")], []),
    Case(
        "unanswered, cut and incoming calls",
        [
            *(call_abroad("1 10:00", outcome="busy"), call_abroad("2 10:00", outcome="dropped"), call_abroad("3 10:00", direction="mt")),
            *(call_abroad("4 10:00"), call_abroad("5 10:00")),
        ],
        [],
    ),
    Case(
        "legs of one call are one call, their seconds add up",
        [call_abroad("1 10:00", call_id="k"), call_abroad("1 10:10", call_id="k"), call_abroad("2 10:00"), call_abroad("3 10:00", call_id="m")],
        [{"country": "US", "calls": 3, "seconds": 240}],
    ),
    Case(
        "quiet for 30 civil days, for each country",
        [
            *(call_abroad(f"1 10:0{minute}") for minute in range(3)),
            *(call_abroad(f"2 10:0{minute}", "JP") for minute in range(3)),
            *(call_abroad(f"30 10:0{minute}") for minute in range(3)),
            call_abroad("31 00:00"),
        ],
        [{"country": "US", "calls": 3, "seconds": 180}, {"country": "JP", "calls": 3, "seconds": 180}, {"country": "US", "calls": 4, "seconds": 240}],
    ),
]

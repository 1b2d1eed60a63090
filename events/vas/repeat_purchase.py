"""The same content is bought again and again: a subscription is cheaper."""

from events.stories import bought
from events.words import S, purchases
from streams.define import Case, Detail, Event, Param, cool, reset


class RepeatPurchase(Event, by="line"):
    window = Param("30d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="purchases", ge=1, doc="so many are often")

    content = purchases.same(S.currency, S.service_code)
    recent = content.within(window)
    when = content.where(recent.count() >= n)
    # survives: reset → nothing: thirty days later those of the frame are over anyway
    rearm = reset, cool("30d")
    detail = Detail(service_code=S.service_code, purchases=recent.count(), spent=recent.sum(S.charge_minor))


OFTEN = {"service_code": "songs", "purchases": 3, "spent": 600, "currency": "CNY"}
CASES = [
    Case("the first is on the thirtieth civil day", [bought("1 00:00"), bought("15 10:00"), bought("30 23:59")], [OFTEN]),
    Case("the thirty-first civil day is out", [bought("1 23:59"), bought("15 10:00"), bought("31 00:00")], []),
    Case("twice is not often", [bought("1 10:00"), bought("2 10:00")], []),
    Case("free content does not count", [bought("1 10:00"), bought("2 10:00", 0), bought("3 10:00")], []),
    Case("other content is counted by itself", [bought("1 10:00"), bought("2 10:00", service_code="books"), bought("3 10:00")], []),
    Case(
        "again 30 days later, with all since the last time",
        [bought(at) for at in ("1 10:00", "1 11:00", "1 12:00", "10 10:00", "11 10:00", "30 10:00", "31 00:00")],
        [OFTEN, {**OFTEN, "purchases": 4, "spent": 800}],
    ),
    Case("two currencies are two habits", [bought("1 10:00"), bought("2 10:00", currency="USD"), bought("3 10:00"), bought("4 10:00")], [OFTEN]),
]

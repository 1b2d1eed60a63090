"""Calls today far above the own habit: an add-on of minutes would help."""

from events.stories import call
from events.words import V, outgoing_calls
from streams.define import Case, Detail, Event, Param, day, once_per


class Surge(Event, by="line"):
    k = Param("3.0", ge="1.0", doc="so many times the usual day is a surge")
    floor = Param(3600, unit="s", ge=1, doc="less in a day is never a surge")

    now, usual = outgoing_calls.today(), outgoing_calls.daily(28, least=14)
    when = outgoing_calls.where(now.sum(V.duration_s) >= k * usual.mean(V.duration_s), now.sum(V.duration_s) >= floor)
    rearm = once_per(day)
    detail = Detail(seconds=now.sum(V.duration_s), usual_mean=usual.mean(V.duration_s), ratio=now.sum(V.duration_s) / usual.mean(V.duration_s))


FORTNIGHT = [call("1 10:00", direction="mt"), *(call(f"{day} 10:00", duration_s=1300) for day in range(2, 16))]
"""First seen on the first, then 14 complete days."""
SURGE = {"seconds": 3900, "usual_mean": "1300.00", "ratio": "3.00"}

CASES = [
    Case("three times the mean exactly", [*FORTNIGHT, call("16 10:00", duration_s=3000), call("16 11:00", "dropped", duration_s=900)], [SURGE]),
    Case("a second less", [*FORTNIGHT, call("16 10:00", duration_s=3899)], []),
    Case("incoming calls do not count", [*FORTNIGHT, call("16 10:00", duration_s=3899), call("16 11:00", duration_s=60, direction="mt")], []),
    Case("the floor exactly", [call("1 10:00", direction="mt"), call("16 10:00", duration_s=3600)], [{"seconds": 3600, "usual_mean": "0.00", "ratio": None}]),
    Case("below the floor", [call("1 10:00", direction="mt"), call("16 10:00", duration_s=3599)], []),
    Case("13 days are no habit", [*FORTNIGHT[:14], call("15 10:00", duration_s=9000)], []),
    Case("a late call of yesterday is of its own day", [*FORTNIGHT, call("16 08:00", duration_s=1), call("15 20:00", duration_s=14), call("16 12:00", duration_s=3900)], []),
    Case(
        "a late call of today is evaluated with all of today",
        [*FORTNIGHT, call("16 12:00", duration_s=3000), call("16 09:00", duration_s=900), call("16 13:00", duration_s=900)],
        [SURGE],
    ),
    Case(
        "the usual are the 28 days before",
        [call("1 10:00", direction="mt"), call("2 10:00", duration_s=9000), call("3 10:00", duration_s=28 * 1300), call("31 10:00", duration_s=3900)],
        [SURGE],
    ),
]

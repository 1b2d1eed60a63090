"""Far more data today than on the line's usual day: a day pass."""

from events.stories import charge, session
from events.words import D, sessions
from streams.define import Case, Detail, Event, Param, day, once_per


class Surge(Event, by="line"):
    k = Param("3.0", ge="1.0", doc="so many times the usual day is a surge")
    floor = Param("1 GiB", ge="1 B", doc="less is not much, whatever is usual")

    now, usual = sessions.today(), sessions.daily(28, least=14)
    when = sessions.where(now.sum(D.total_bytes) >= k * usual.mean(D.total_bytes), now.sum(D.total_bytes) >= floor)
    rearm = once_per(day)
    detail = Detail(
        bytes=now.sum(D.total_bytes),
        usual_mean=usual.mean(D.total_bytes),
        ratio=now.sum(D.total_bytes) / usual.mean(D.total_bytes),
        # survives: .or_("other") → nothing: a session always has a category; it says that the field is never null
        top_app=now.top(D.app_category, by=D.total_bytes).or_("other"),
    )


MIB, GIB = 1024**2, 1024**3
FORTNIGHT = [session("1 10:00", 1), *(session(f"{day} 10:00", 400 * MIB, app_category="social") for day in range(2, 16))]
"""First seen on the first, then 14 complete days."""
EMPTY = [charge(9000, 8900, "1 23:59:59.999")]
SURGE = {"bytes": 1200 * MIB, "usual_mean": "419430400.00", "ratio": "3.00", "top_app": "video"}

CASES = [
    Case("three times the mean exactly", [*FORTNIGHT, session("16 12:00", 1200 * MIB, app_category="video")], [SURGE]),
    Case("a byte less", [*FORTNIGHT, session("16 12:00", 1200 * MIB - 1)], []),
    Case("once a day", [*FORTNIGHT, session("16 00:00", 1200 * MIB, app_category="video"), session("16 23:59:59.999", 5 * GIB)], [SURGE]),
    Case(
        "the next day has another mean",
        [*FORTNIGHT, session("16 12:00", 1200 * MIB, app_category="video"), session("17 12:00", 1360 * MIB)],
        [SURGE, {"bytes": 1360 * MIB, "usual_mean": "475354453.33", "ratio": "3.00", "top_app": "other"}],
    ),
    Case("nothing was usual: no ratio", [*EMPTY, session("16 12:00", GIB)], [{"bytes": GIB, "usual_mean": "0.00", "ratio": None, "top_app": "other"}]),
    Case("a byte below the floor", [*EMPTY, session("16 12:00", GIB - 1)], []),
    Case("13 days are no habit", [charge(9000, 8900, "2 00:00"), session("16 12:00", GIB)], []),
    Case(
        "a late record of the day before makes it 14",
        [charge(9000, 8900, "2 00:00"), charge(9000, 8999, "1 23:59"), session("16 12:00", GIB)],
        [{"bytes": GIB, "usual_mean": "0.00", "ratio": None, "top_app": "other"}],
    ),
    Case("the first day itself is left out", [session("1 10:00", 100 * GIB), session("16 12:00", GIB)], [{"bytes": GIB, "usual_mean": "0.00", "ratio": None, "top_app": "other"}]),
    Case(
        "the 28th day before counts, the 29th does not",
        [*EMPTY, session("2 10:00", 50 * GIB), session("3 10:00", 28 * 400 * MIB), session("31 12:00", 1200 * MIB, app_category="video")],
        [SURGE],
    ),
    Case("another line's days are its own", [*FORTNIGHT, session("16 12:00", 1200 * MIB, subscription_id="S2")], []),
]

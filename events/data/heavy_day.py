"""Very heavy data use in a day: an unlimited plan fits better."""

from events.stories import session
from events.words import D, labels
from schemas.raw import DataUsage
from streams.define import Case, Event, Field, Param, per_day


class HeavyDay(Event, by="line"):
    heavy = Param(5 * 1024**3, unit="byte", name="bytes", ge=1, doc="so much in a civil day is heavy")

    today = D.all.day_total(D.total_bytes)
    when = today.reaches(heavy)
    rearm = per_day()

    bytes: Field[int] = today.total
    top_app: Field[str] = today.top(D.app_category, labels(DataUsage, "app_category"))


CASES = [
    Case(
        "five GiB in a day, once",
        [session("1 10:00", 3 * 1024**3, app_category="video"), session("1 20:00", 2 * 1024**3, app_category="game"), session("1 21:00", 1024**3)],
        [{"bytes": 5 * 1024**3, "top_app": "video"}],
    ),
    Case("two days are not one", [session("1 23:59", 3 * 1024**3), session("2 00:00", 2 * 1024**3)], []),
    Case("a byte less", [session("1 10:00", 5 * 1024**3 - 1)], []),
]

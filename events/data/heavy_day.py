"""Very heavy data use in a day: an unlimited plan fits better."""

from events.stories import session
from events.words import D
from streams.define import Case, Detail, Event, Param, day, once_per


class HeavyDay(Event, by="line"):
    heavy = Param("5 GiB", name="bytes", ge="1 B", doc="so much in a civil day is heavy")

    uses = D.all
    today = uses.today()
    when = uses.where(today.sum(D.total_bytes) >= heavy)
    rearm = once_per(day)
    # survives: .or_("other") → nothing: a session always has a category; it says that the field is never null
    detail = Detail(bytes=today.sum(D.total_bytes), top_app=today.top(D.app_category, by=D.total_bytes).or_("other"))


CASES = [
    Case(
        "five GiB in a day, once",
        [session("1 10:00", 3 * 1024**3, app_category="video"), session("1 20:00", 2 * 1024**3, app_category="game"), session("1 21:00", 1024**3)],
        [{"bytes": 5 * 1024**3, "top_app": "video"}],
    ),
    Case("two days are not one", [session("1 23:59", 3 * 1024**3), session("2 00:00", 2 * 1024**3)], []),
    Case("a byte less", [session("1 10:00", 5 * 1024**3 - 1)], []),
]

"""The third of the five rules: 2 GB within a civil day, once a day."""

from events.stories import session
from events.words import D
from streams.define import Case, Detail, Event, Param, day, once_per


class DataDayHeavy(Event, by="line"):
    heavy = Param("2 GB", ge="1 B", doc="so much in a civil day is heavy")

    today = D.all.today()
    when = D.where(today.sum(D.total_bytes) >= heavy)
    rearm = once_per(day)
    detail = Detail(bytes=today.sum(D.total_bytes))


CASES = [
    Case("2 GB in a day, once", [session("1 10:00", 10**9), session("1 20:00", 10**9), session("1 21:00", 10**9)], [{"bytes": 2 * 10**9}]),
    Case("two days are not one", [session("1 23:59", 10**9), session("2 00:00", 10**9)], []),
]

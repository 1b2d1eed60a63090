"""Data again after a long break: a welcome-back pack."""

from events.stories import session
from events.words import sessions
from streams.define import Case, Detail, Event, Param, day


class Returned(Event, by="line"):
    gap = Param("7d", ge="1d", doc="so many civil days later is a return")

    used = sessions.moves(day)
    away = used.to - used.was
    when = used.where(away >= gap.days)
    detail = Detail(gap_days=away)


CASES = [
    Case("seven civil days later", [session("1 23:59:59.999"), session("8 00:00")], [{"gap_days": 7}]),
    Case("six are no break", [session("1 00:00"), session("7 23:59:59.999")], []),
    Case("the first data ever is no return", [session("8 00:00")], []),
    Case("an empty session neither returns nor ends the break", [session("1 10:00"), session("5 10:00", 0), session("9 10:00", 0), session("9 11:00", 1)], [{"gap_days": 8}]),
    Case("each break counts", [session("1 10:00"), session("8 10:00"), session("8 11:00"), session("20 10:00")], [{"gap_days": 7}, {"gap_days": 12}]),
]

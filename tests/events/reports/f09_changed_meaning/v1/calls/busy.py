"""So many seconds of calls in a day."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, day, once_per


class Busy(Event, by="line"):
    today = V.all.today().sum(V.duration_s)
    when = today.reaches(100)
    rearm = once_per(day)
    detail = Detail(n=today)


CASES = [
    Case("long", [call(duration_s=100, direction="mt")], [{"n": 100}]),
    Case("short", [call()], []),
]

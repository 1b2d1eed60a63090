"""So many seconds of dropped calls in a day."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, day, once_per


class Busy(Event, by="line", version=2):
    today = V.where(V.outcome == "dropped").today().sum(V.duration_s)
    when = today.reaches(100)
    rearm = once_per(day)
    detail = Detail(n=today)


CASES = [
    Case("long", [call(outcome="dropped", duration_s=100)], [{"n": 100}]),
    Case("short", [call()], []),
]

"""The third dropped call ever."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event


class Third(Event, by="line", version=2):
    kind = V.where(V.outcome == "dropped")
    when = kind.where(kind.count() == 3)
    detail = Detail(n=kind.count())


CASES = [
    Case("three", [call("10:00", "dropped"), call("11:00", "dropped"), call("12:00", "dropped")], [{"n": 3}]),
    Case("one of another kind", [call()], []),
]

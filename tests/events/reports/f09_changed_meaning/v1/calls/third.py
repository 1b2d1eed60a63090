"""The third incoming call ever."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event


class Third(Event, by="line"):
    kind = V.where(V.direction == "mt")
    when = kind.where(kind.count() == 3)
    detail = Detail(n=kind.count())


CASES = [
    Case("three", [call("10:00", direction="mt"), call("11:00", direction="mt"), call("12:00", direction="mt")], [{"n": 3}]),
    Case("one of another kind", [call()], []),
]

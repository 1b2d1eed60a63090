"""Three dropped calls in a day."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, reset


class Often(Event, by="line", version=2):
    kind = V.where(V.outcome == "dropped")
    day = kind.within("24h")
    when = kind.where(day.count() >= 3)
    rearm = reset
    detail = Detail(calls=day.count())


CASES = [
    Case("three", [call("10:00", "dropped"), call("11:00", "dropped"), call("12:00", "dropped")], [{"calls": 3}]),
    Case("one of another kind", [call()], []),
]

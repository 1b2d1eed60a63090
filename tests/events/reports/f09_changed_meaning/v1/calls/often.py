"""Three incoming calls in a day."""

from events.stories import call
from events.words import V
from streams.define import Case, Detail, Event, reset


class Often(Event, by="line"):
    kind = V.where(V.direction == "mt")
    day = kind.within("24h")
    when = kind.where(day.count() >= 3)
    rearm = reset
    detail = Detail(calls=day.count())


CASES = [
    Case("three", [call("10:00", direction="mt"), call("11:00", direction="mt"), call("12:00", direction="mt")], [{"calls": 3}]),
    Case("one of another kind", [call()], []),
]

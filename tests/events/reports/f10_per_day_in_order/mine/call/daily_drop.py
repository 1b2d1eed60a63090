"""A call was dropped: once a day."""

from events.stories import call
from events.words import V, dropped_calls
from streams.define import Case, Detail, Event, day, once_per


class DailyDrop(Event, by="line"):
    when = dropped_calls
    rearm = once_per(day)
    detail = Detail(party=V.other_party)


CASES = [
    Case("twice in a day", [call("10:00", "dropped"), call("11:00", "dropped")], [{"party": "t:1"}]),
    Case("answered", [call()], []),
]

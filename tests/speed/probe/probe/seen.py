"""One record in ten: what the benchmark measures latency by. Its time is the moment for which the record was scheduled."""

from events.stories import session
from events.words import D
from streams.define import Case, Detail, Event


class Seen(Event, by="line"):
    when = D.where(D.part == 0)
    detail = Detail(part=D.part)


CASES = [
    Case("the first part", [session("10:00", 1000, part=0)], [{"part": 0}]),
    Case("another part", [session("10:00", 1000, part=1)], []),
]

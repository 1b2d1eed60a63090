"""The first 5G data session: now a 5G plan and content make sense."""

from events.stories import session
from events.words import D
from streams.define import Case, Event, Field, Param, once


class First5g(Event, by="line"):
    min = Param(1_048_576, unit="byte", ge=1, doc="less is a glimpse of 5G, not a use of it")

    when = D.where(D.rat == "5G", D.total_bytes >= min).nth(1)
    rearm = once()

    cell_id: Field[str | None] = D.cell_id


CASES = [
    Case("the first alone", [session("10:00", rat="5G", cell_id="c-1"), session("11:00", rat="5G")], [{"cell_id": "c-1"}]),
    Case("a glimpse does not count", [session("10:00", 1000, rat="5G")], []),
    Case("4G is not 5G", [session("10:00")], []),
]

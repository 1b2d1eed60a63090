"""The first 5G data session: now a 5G plan and content make sense."""

from events.stories import session
from events.words import D
from streams.define import Case, Detail, Event, Param, once


class First5g(Event, by="line"):
    min = Param("1 MiB", ge="1 B", doc="less is a glimpse of 5G, not a use of it")

    uses = D.where(D.rat == "5G", D.total_bytes >= min)
    when = uses.where(uses.nth() == 1)
    rearm = once
    detail = Detail(cell_id=D.cell_id)


CASES = [
    Case("the first alone", [session("10:00", rat="5G", cell_id="c-1"), session("11:00", rat="5G")], [{"cell_id": "c-1"}]),
    Case("a line from before the records: its first is not known", [session(rat="5G")], [], history_from="2026-04-02"),
    Case("a glimpse does not count", [session("10:00", 1000, rat="5G")], []),
    Case("4G is not 5G", [session("10:00")], []),
    Case("one MiB exactly", [session("10:00", 1024**2, rat="5G", cell_id="c-1")], [{"cell_id": "c-1"}]),
    Case("a byte less", [session("10:00", 1024**2 - 1, rat="5G")], []),
]

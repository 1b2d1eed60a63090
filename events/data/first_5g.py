"""The first 5G data session: now a 5G plan and content make sense."""

from events.words import D
from streams.define import Event, Field, Param, once


class First5g(Event, by="line", number=63):
    min = Param(1_048_576, unit="byte", ge=1, doc="less is a glimpse of 5G, not a use of it")

    when = D.where(D.rat == "5G", D.total_bytes >= min).nth(1)
    rearm = once()

    cell_id: Field[str | None] = D.cell_id

"""Dials many strangers and says little: leave the line out of campaigns."""

from typing import Any

from events.stories import Record, call
from events.words import V
from streams.define import Case, Detail, Event, Param, cool, edge


class ShortCallSpam(Event, by="line"):
    window = Param("60min", ge="1s", doc="how long calls are counted")
    n = Param(30, unit="calls", ge=1, le=4096, doc="so many are not private")

    brief = V.where(V.direction == "mo", V.outcome == "answered", V.duration_s <= 10)
    recent = brief.within(window)
    calls = recent.distinct(V.call_id) + brief.where(V.call_id.is_unknown()).within(window).count()  # legs with one call_id are one call
    when = brief.where(calls >= n, recent.distinct(V.other_party) >= 25)
    rearm = edge, cool("24h")
    detail = Detail(calls=calls, parties=recent.distinct(V.other_party))


def dialled(number: int, parties: int, day: int = 1, **more: Any) -> list[Record]:
    """So many short calls within the hour after 10:00, to so many parties."""
    return [call(f"{day} 10:{at:02d}", **{"duration_s": 10, "other_party": f"t:{at % parties}", **more}) for at in range(number)]


CASES = [
    Case("30 calls to 25", dialled(30, 25), [{"calls": 30, "parties": 25}]),
    Case("one call less", dialled(29, 25), []),
    Case("one party less", dialled(30, 24), []),
    Case("a second longer", dialled(30, 25, duration_s=11), []),
    Case("cut, not answered and incoming", [*dialled(20, 20, outcome="dropped"), *dialled(20, 20, direction="mt")], []),
    Case("legs of one call", [*dialled(28, 28), *(call("10:30", duration_s=5, call_id="k") for _ in range(2))], []),
    Case("once a day", [*dialled(31, 31), *dialled(30, 30, 2)], [{"calls": 30, "parties": 30}, {"calls": 30, "parties": 30}]),
]

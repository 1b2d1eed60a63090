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


HOUR = [*(f"10:{minute}" for minute in range(32, 60)), "11:00"]
CASES = [
    Case("30 calls to 25", dialled(30, 25), [{"calls": 30, "parties": 25}]),
    Case("one call less", dialled(29, 25), []),
    Case("one party less", dialled(30, 24), []),
    Case("a second longer", dialled(30, 25, duration_s=11), []),
    Case("cut, not answered and incoming", [*dialled(20, 20, outcome="dropped"), *dialled(20, 20, direction="mt")], []),
    Case("legs of one call", [*dialled(28, 28), *(call("10:30", duration_s=5, call_id="k") for _ in range(2))], []),
    Case("once a day", [*dialled(31, 31), *dialled(30, 30, 2)], [{"calls": 30, "parties": 30}, {"calls": 30, "parties": 30}]),
    Case("an hour old is out", [call("10:00", duration_s=5, other_party="t:a"), *(call(at, duration_s=5, other_party=f"t:{at}") for at in HOUR)], []),
    Case(
        "a moment less is in",
        [call("10:00:00.001", duration_s=5, other_party="t:a"), *(call(at, duration_s=5, other_party=f"t:{at}") for at in HOUR)],
        [{"calls": 30, "parties": 30}],
    ),
    Case("incoming calls", dialled(30, 25, direction="mt"), []),
    Case("cut calls", dialled(30, 25, outcome="dropped"), []),
    Case(
        "a moment before a day is over, and what began before is no news",
        [*dialled(30, 30), *dialled(29, 29, 2), *(call(at, duration_s=5, other_party=f"t:{at}") for at in ("2 10:28:30", "2 10:30"))],
        [{"calls": 30, "parties": 30}],
    ),
]

"""The last members before a happening, and members in a row: sorted and looked through again each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.engine.expression import Param
from tests.reference.happening import misdated

if TYPE_CHECKING:
    from tests.reference.frames import Member, Row

MORE_KEPT_BY_TIME = 4


def greatest(n: Any) -> int:
    """What a parameter can be at most."""
    return n if isinstance(n, int) else greatest(n.le)


def newest_last(extent: Any, members: list[Member]) -> list[Member]:
    """As many as are kept, in the frame's order. `members`: as released."""
    in_order = sorted(members, key=lambda one: one.time) if extent.order == "time" else members
    return in_order[-(greatest(extent.n) + (MORE_KEPT_BY_TIME if extent.order == "time" else 0)) :]


def make_room(extent: Any, row: Row, time: int) -> None:
    """Before a member at `time` is taken in: what had no room is gone, and by time what lies so far behind it that it was misdated."""
    held = newest_last(extent, [one for one in row.members if one.taken])
    for one in row.members:
        one.taken = one in held and not (extent.order == "time" and misdated(one.time, time))
    row.members = [one for one in row.members if one.taken]


def last_before(extent: Any, row: Row, on: Any) -> list[Member]:
    """The last `n`, without the happening itself."""
    own = row.own(on)
    held = newest_last(extent, [one for one in row.members if one.taken and one not in own])
    if extent.order == "time":
        held = [one for one in held if one.time <= on.time]
    return held[-(on.parameter(extent.n) if isinstance(extent.n, Param) else extent.n) :]


def ends(function: str, argument: Any, members: list[Member]) -> Any:
    """The first or the last known value, in the frame's order."""
    known = [one.values[argument][0] for one in members if one.values[argument][0] is not None]
    return None if not known else known[0 if function == "first" else -1]


def in_a_row(argument: Any, members: list[Member]) -> int:
    """How many of the last members have the value true."""
    found = 0
    for one in reversed(members):
        if one.values[argument][0] is not True:
            break
        found += 1
    return found


__all__ = ["ends", "in_a_row", "last_before", "make_room"]

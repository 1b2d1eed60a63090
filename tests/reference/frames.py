"""What the members of a frame add up to: lists of members for each row, added up again each time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from operator import itemgetter
from typing import Any

from streams.engine.features.active import Active
from streams.engine.features.frame import Between, Ever, Today, Within
from streams.engine.features.previous import Previous
from streams.engine.features.stretch import Consecutive
from tests.reference.civil import civil_day, midnight
from tests.reference.happening import JUMP_MS, LATE_MS, Newest, misdated
from tests.reference.previous import ends, in_a_row, last_before

DAY_MS = 86_400_000
MOST_SUM = 2**62
MOST_LISTED = 32
LIFELONG = ("count",)
"""What is kept when a terminated line's state is dropped: what happens once in its life."""


class Member:
    """`values`: by the arguments of the features that read it. `taken`: not kept out by a reset."""

    def __init__(self, on: Any, values: dict[Any, tuple[Any, ...]], *, late: bool, taken: bool) -> None:
        self.time, self.mark, self.own, self.holds, self.clock = on.time, on.mark, on.own, True, 0
        self.values, self.late, self.taken, self.fresh = values, late, taken, True
        self.outdated: set[Any] = set()
        """The arguments of which a newer value was known."""


class Row:
    """The members of one key, in the order of release."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self.marked: dict[int, list[Member]] = {}
        """By mark, the members that have it, or were caused by what has it."""
        self.by_time: list[tuple[int, int, Member]] = []
        """Time, number in the order of release, member."""
        self.newest = Newest()
        self.known: dict[Any, Newest] = {}
        """By argument, of the members with a known value."""
        self.emptied: int | None = None

    def take(self, on: Any, values: dict[Any, tuple[Any, ...]], clock: int, *, holds: bool = True) -> None:
        """`holds`: whether it belongs into a stretch."""
        late = self.newest.take(on.time, clock)
        kept_out = self.emptied is not None and on.time < self.emptied and not misdated(self.emptied, on.time)
        member = Member(on, values, late=late, taken=not kept_out)
        member.clock = clock
        member.holds = holds
        self.members.append(member)
        insort(self.by_time, (on.time, len(self.by_time), member))
        for mark in member.own:
            self.marked.setdefault(mark, []).append(member)
        for argument, (first, *_) in values.items():
            if argument != ABOUT and first is not None and self.known.setdefault(argument, Newest()).take(on.time, clock):
                member.outdated.add(argument)

    def empty(self, time: int, clock: int) -> None:
        """A reset at `time`; one far ahead of the clock keeps nothing out that is behind the newest member."""
        if clock and time > clock + JUMP_MS:
            time = min(time, self.newest.time or 0)
        for member in self.members:
            member.taken = False
        self.emptied = time if self.emptied is None or misdated(self.emptied, time) else max(self.emptied, time)

    def fade(self) -> None:
        """Only what happens once in a life stays."""
        for member in self.members:
            member.fresh = False
        self.newest, self.emptied, self.known = Newest(), None, {}

    def own(self, on: Any) -> list[Member]:
        """The members that are the happening `on`, what caused it, or what it caused."""
        made_of = [member for mark in on.own for member in self.marked.get(mark, ()) if member.mark == mark]
        return [*made_of, *(member for member in self.marked.get(on.mark, ()) if member not in made_of)]

    def between(self, after: int, upto: int) -> list[Member]:
        """Those with a time later than `after` and not later than `upto`, as released."""
        low, high = (bisect_left(self.by_time, (time + 1,)) for time in (after, upto))
        return [member for *_, member in sorted(self.by_time[low:high], key=itemgetter(1))]

    def late(self, on: Any) -> bool:
        """Whether `on` was a late member."""
        return any(member.late for member in self.own(on))


def within(extent: Any, row: Row, on: Any, *, without_own: bool) -> list[Member]:
    """The members that `on` sees: by its own time; of a day all that are known where `on` itself came late into it."""
    own = row.own(on) if without_own else ()

    def counted(members: Iterable[Member]) -> list[Member]:
        return [member for member in members if member.taken and member.fresh and member not in own]

    match extent:
        case Previous():
            return last_before(extent, row, on)
        case Ever():
            return [member for member in row.members if member.taken and member not in own]
        case Active():
            return in_force(extent, counted(row.members), on.time)
        case Consecutive():
            return last_stretch(counted(row.members))
        case Today():
            day = civil_day(on.time, on.zone)
            begin, end = midnight(day, on.zone) - 1, on.time
            if row.late(on):
                end = midnight(day + timedelta(days=1), on.zone) - 1
        case Between():
            low, high = (None if one is None else on.value(one) for one in (extent.since, extent.until))
            if (low is None) != (extent.since is None) or (high is None) != (extent.until is None):
                return []
            low = max(on.time - 400 * DAY_MS, on.time - 400 * DAY_MS if low is None else low)
            high = min(on.time + LATE_MS, on.time + LATE_MS if high is None else high)
            return counted(row.between(low, high))
        case Within():
            length = on.length(extent.span)
            begin, end = on.time - length, on.time
            if extent.span.civil:
                begin = midnight(civil_day(on.time, on.zone) - timedelta(days=length - 1), on.zone) - 1
        case _:
            raise TypeError(extent)
    return counted(row.between(begin, end))


def last_stretch(members: Iterable[Member]) -> list[Member]:
    """The members that follow on each other and hold: of the open stretch or the last. A late one may be inside, but ends and begins none."""
    found: list[Member] = []
    is_open = False
    for member in members:
        if member.late:
            if is_open and member.holds and member.time >= found[0].time:
                found.append(member)
        elif member.holds:
            found = [*found, member] if is_open else [member]
            is_open = True
        else:
            is_open = False
    return found


def added_up(function: str, argument: Any, members: list[Member], extent: Any) -> Any:
    if function == "streak":
        return in_a_row(argument, members)
    if isinstance(extent, Previous) and function in ("first", "latest"):
        return ends(function, argument, members)
    ever, released = isinstance(extent, Ever), isinstance(extent, Consecutive)
    if function == "count":
        return len(members)
    if function not in LIFELONG:
        members = [member for member in members if member.fresh]
    if function == "top":
        return top([member.values[argument] for member in members])
    known = [member for member in members if member.values[argument][0] is not None]
    if function in ("first", "latest"):
        member = first_or_latest(function, argument, known, ever=ever, released=released)
        return None if member is None else member.values[argument][0]
    values = [member.values[argument][0] for member in known]
    match function:
        case "sum":
            return max(-MOST_SUM, min(MOST_SUM, sum(values)))
        case "distinct":
            return len(set(values))
        case "largest":
            return max(values, default=None)
        case "smallest":
            return min(values, default=None)
        case "list":
            return list(dict.fromkeys(values))[:MOST_LISTED]
        case "any":
            return any(value is True for value in values)
    raise TypeError(function)


def first_or_latest(function: str, argument: Any, known: list[Member], *, ever: bool, released: bool) -> Member | None:
    """Of the members with a known value the one whose value is reported; of equal times the first or last released."""
    match function:
        case "latest" if ever:
            return next((member for member in reversed(known) if argument not in member.outdated), None)
        case "latest" if released:
            return next((member for member in reversed(known) if not member.late), None)
        case "latest":
            return max(reversed(known), key=lambda member: member.time, default=None)
        case "first" if ever or released:
            return known[0] if known else None
    return min(known, key=lambda member: member.time, default=None)


def top(pairs: list[tuple[Any, ...]]) -> Any:
    """The text with the largest sum of weights; of equal ones the first in the alphabet."""
    sums: Counter[Any] = Counter()
    for what, weight in pairs:
        if what is not None and weight is not None:
            sums[what] += weight
    return min(sums, key=lambda what: (-sums[what], what)) if sums else None


ABOUT = "about"
"""Under what a member keeps what it says about its item."""


class Item:
    """What is known of one item of a set."""

    def __init__(self) -> None:
        self.newest, self.current, self.first, self.deleted = Newest(), None, None, False


def in_force(extent: Any, members: list[Member], time: int) -> list[Member]:
    """Of each item its newest member by time, of equal ones the last released, where that holds and its term covers `time`; no item that was deleted."""
    items: dict[Any, Item] = {}
    deletes: dict[Any, int] = {}
    for member in members:
        together, names, holds, *_ = member.values[ABOUT]
        if holds is None or (extent.together is not None and together is None):
            continue
        if extent.together is not None and not holds:
            if believed(member):
                deletes[together] = max(deletes.get(together, member.time), member.time)
            for (other, _), item in items.items():
                item.deleted = item.deleted or (other == together and item.first <= member.time)
            continue
        if None in names:
            continue
        item = items.setdefault((together, names), Item())
        if item.deleted:
            continue
        if holds:
            item.first = member.time if item.first is None else min(item.first, member.time)
            last = deletes.get(together)
            item.deleted = last is not None and last > item.first and not misdated(last, item.first)
        if not item.deleted and not item.newest.take(member.time, member.clock):
            item.current = member
    found = []
    for item in items.values():
        if item.current is not None and not item.deleted:
            _, _, holds, since, until, _ = item.current.values[ABOUT]
            if holds and (since is None or since <= time) and (until is None or time < until):
                found.append(item.current)
    return found


def believed(member: Member) -> bool:
    """Whether its time may be the newest of a state."""
    return not member.clock or member.time <= member.clock + JUMP_MS


def covered(members: list[Member], what: Any) -> bool | None:
    """Whether one of `members` covers `what`: one that names nothing covers everything."""
    named = [member.values[ABOUT][5] for member in members]
    if None in named or (what is not None and what in named):
        return True
    return None if what is None and named else False

"""The members of windows: for each row of a table a list of times and values, in order of arrival.

All lists lie in one arena. A list has a region of 1, 2, 4, …, 4,096 or 8,192 members; it grows at its end and shrinks at its front.
Where the region ends, what is left moves to a free one. Old regions stay as they are until `settle`: whoever noted during a batch
where a list began and ended (a snapshot) can still read it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.codes import NULL
from streams.engine.kernels import kernel
from streams.engine.state.codec import Layout
from streams.engine.state.follower import Follower
from streams.engine.state.packing import ByteStrings, Values, joined, lengthen, with_slack

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from schemas.columns import Bools, Ints
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table

MOST = 4096
"""Members of a list. One more lets go of the first that arrived."""
SIZES = tuple(1 << size_class for size_class in range(14))
"""Members of a region, by its size class. The last leaves room for `MOST` appends to a list of `MOST`, so that few of them move it."""
PLACE = np.dtype([("start", "<i4"), ("head", "<i2"), ("held", "<i2")])
"""Where a row's region begins in the arena, members let go at its front, and members held. Together, because they are read together."""
UNORDERED = 16
"""Added to the size class of a list in which a member has an earlier time than the one before it."""
NO_REGION = -1
TOP, OLD = 0, 1
"""Places in `Lists.numbers`: members of the arena that regions were made of, and regions that wait for `settle`."""


class Feed(NamedTuple):
    """Happenings of a batch as they meet the lists: what goes in, and what was there. One entry each, in order.

    `member`: its place in `values` [columns, members], -1 where it only reads. `believed`: its time may be the newest of its row.
    `restarted`: all that was kept of its row before is dropped first. `snapshots`: begin and end of its list in the arena without
    it, then with it; `ordered`: whether those members are in order of time. `newest`: of the row, with it. `dropped`: it let one go.
    """

    rows: Ints
    times: Ints
    member: Ints
    values: Ints
    believed: Bools
    restarted: Bools
    snapshots: npt.NDArray[np.int32]
    ordered: Bools
    late: Bools
    newest: Ints
    dropped: Bools

    @classmethod
    def of(cls, rows: Ints, times: Ints, member: Ints, values: Ints, believed: Bools, restarted: Bools) -> Feed:
        """A feed with nothing found yet."""
        n = len(rows)
        return cls(rows, times, member, values, believed, restarted, np.zeros((n, 4), np.int32), np.ones((n, 2), bool), np.zeros(n, bool), np.zeros(n, np.int64), np.zeros(n, bool))


class Marks(NamedTuple):
    """What the table itself keeps of each row with a list: the newest believed time, and the last time at which a rule emptied it; 0: none.

    `emptied` has no rows where no rule does so.
    """

    newest: Ints
    emptied: Ints
    dirty: Bools


@kernel("int64(int64)")
def room_of(size_class: int) -> int:
    """The members of a region."""
    return 1 << size_class


@kernel("int64(int64)")
def fitting(members: int) -> int:
    """The size class of a region for so many members, a quarter of it free."""
    size_class = 0
    while members > room_of(size_class) - room_of(size_class) // 4:
        size_class += 1
    return size_class


@kernel("int64(int64, int64[::1], int64[:], int64[:])")
def region(size_class: int, arena: Any, numbers: Any, free: Any) -> int:
    """A free region; -1 where the arena has no room for one."""
    at = free[size_class]
    if at >= 0:
        free[size_class] = arena[at]
    elif numbers[0] + room_of(size_class) <= len(arena):
        at = numbers[0]
        numbers[0] += room_of(size_class)
    return at


@kernel("int64(int64, int64, int64, int64[::1], int64[:,::1])")
def move(begin: int, to: int, members: int, arena: Any, columns: Any) -> int:
    """Copy members of the arena. Returns UNORDERED where they are not in order of time, else 0."""
    unordered = 0
    for k in range(members):
        arena[to + k] = arena[begin + k]
        if k > 0 and arena[begin + k] < arena[begin + k - 1]:
            unordered = UNORDERED
    for c in range(len(columns)):
        for k in range(members):
            columns[c, to + k] = columns[c, begin + k]
    return unordered


@kernel("void(int64, int32[:], int8[:], int64[:], int64[:], int64[:])")
def leave(row: int, start: Any, room: Any, numbers: Any, old_start: Any, old_room: Any) -> None:
    """Let the region of a row, if it has one, wait for `settle`."""
    if room[row] != -1:
        old_start[numbers[1]], old_room[numbers[1]] = start[row], room[row] & (UNORDERED - 1)
        numbers[1] += 1


@kernel(
    "int64(int64, int64[:], int64[:], int64[:], int64[:], int64[:,:], boolean[:], boolean[:], int32[:,:], boolean[:,:], boolean[:], int64[:], boolean[:],"
    " int64[:], int64[:], boolean[:], int64, int64, int32[:], int16[:], int16[:], int8[:], boolean[:], int64[::1], int64[:,::1], int64[:], int64[:], int64[:], int64[:])"
)
def take_in(
    at: int, which: Any, rows: Any, times: Any, member: Any, values: Any, believed: Any, restarted: Any, snapshots: Any, ordered: Any, late: Any, newest_with: Any, dropped: Any,
    newest: Any, emptied: Any, touched: Any, keep_ms: int, jump_ms: int,
    start: Any, head: Any, held: Any, room: Any, dirty: Any, arena: Any, columns: Any, numbers: Any, free: Any, old_start: Any, old_room: Any,
) -> int:  # fmt: skip
    """Walk entries `which` from place `at` on. Returns where it stopped because the arena is full: go on there once it has grown."""
    for i in range(at, len(which)):
        e = which[i]
        row, t = rows[e], times[e]
        if row < 0:
            continue
        if restarted[e]:
            leave(row, start, room, numbers, old_start, old_room)
            head[row], held[row], room[row], dirty[row] = 0, 0, -1, True
            newest[row], touched[row] = 0, True
            if len(emptied) > 0:
                emptied[row] = 0
        last, first, n, shape = newest[row], int(head[row]), int(held[row]), int(room[row])
        begin = int(start[row]) + first
        snapshots[e, 0], snapshots[e, 1], ordered[e, 0] = begin, begin + n, shape < UNORDERED
        if member[e] >= 0:
            misdated = last > t + jump_ms
            late[e], dropped[e] = last > t and not misdated, False
            if believed[e] and (t > last or misdated):
                last = t
            if t > last - keep_ms and not (len(emptied) > 0 and t < emptied[row] <= t + jump_ms):
                while n > 0:
                    needed = last - keep_ms < arena[begin] <= max(last, t) + jump_ms or last == 0
                    if needed and n < 4096:
                        break
                    dropped[e] = dropped[e] or needed
                    begin, first, n = begin + 1, first + 1, n - 1
                size = room_of(shape & (UNORDERED - 1)) if shape != -1 else 0
                if first + n >= size or (size > 4 and 4 * (n + 1) <= size):
                    size_class = fitting(n + 1) if n > 0 else 0
                    to = region(size_class, arena, numbers, free)
                    if to < 0:
                        return i
                    if shape != -1:
                        leave(row, start, room, numbers, old_start, old_room)
                    shape = size_class | move(begin, to, n, arena, columns) if n > 0 else size_class
                    start[row], begin, first = to, to, 0
                if n == 0:
                    shape &= UNORDERED - 1
                elif arena[begin + n - 1] > t:
                    shape |= UNORDERED
                arena[begin + n] = t
                for c in range(len(columns)):
                    columns[c, begin + n] = values[c, member[e]]
                n += 1
                head[row], held[row], room[row], dirty[row] = first, n, shape, True
            if last != newest[row]:
                newest[row], touched[row] = last, True
        newest_with[e] = last
        snapshots[e, 2], snapshots[e, 3], ordered[e, 1] = begin, begin + n, shape < UNORDERED
    return len(which)


@kernel("void(int64[:], int64[:], int64[:], int64[:], int64[:])")
def give_back(old_start: Any, old_room: Any, numbers: Any, free: Any, arena: Any) -> None:
    """Put old regions before the free ones of their size; the first place of a free region says which is the next."""
    for i in range(numbers[1]):
        arena[old_start[i]] = free[old_room[i]]
        free[old_room[i]] = old_start[i]
    numbers[1] = 0


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1])")
def copy_out(begins: Any, counts: Any, offsets: Any, arena: Any, columns: Any, out: Any) -> None:
    """Set `out` [members, 1 + columns] to the members of some lists, one after the other."""
    for i in range(len(begins)):
        for k in range(counts[i]):
            out[offsets[i] + k, 0] = arena[begins[i] + k]
            for c in range(len(columns)):
                out[offsets[i] + k, 1 + c] = columns[c, begins[i] + k]


class Lists(Follower):
    """The lists of one window, one a row of `table`: 10 bytes a row, and its region. Values are int64; unknown is NULL, of texts and tokens 0."""

    def __init__(self, table: Table, name: str, values: Sequence[tuple[str, ColumnKind]]) -> None:
        self.table, self.part_name = table, f"{table.name}.{name}"
        self.kinds: list[tuple[str, ColumnKind]] = [("time", "time"), *values]
        self.unknown = [0 if kind in ("text", "token") else NULL for _, kind in values]
        self.places = np.zeros(0, PLACE)
        self._place(table.size)
        self.room = np.full(table.size, NO_REGION, np.int8)
        self.dirty = np.zeros(table.size, bool)
        self.times: Ints = np.empty(0, np.int64)
        self.values: npt.NDArray[np.int64] = np.empty((len(values), 0), np.int64)
        self.free_regions = np.full(len(SIZES), -1, np.int64)
        self.numbers = np.zeros(2, np.int64)
        self.old_start, self.old_room = np.empty(0, np.int64), np.empty(0, np.int64)
        self.dropped = 0
        """Members let go because their list was full, since this was last read."""
        table.followers.append(self)

    def grow(self, size: int) -> None:
        self._place(size)
        lengthen(self, "room", size, NO_REGION)
        lengthen(self, "dirty", size)

    def _place(self, size: int) -> None:
        self.places = np.concatenate([self.places, np.zeros(size - len(self.places), PLACE)])
        self.start, self.head, self.held = (self.places[name] for name in ("start", "head", "held"))

    # The batch

    def take_in(self, feed: Feed, which: Ints, marks: Marks, *, keep_ms: int, jump_ms: int) -> None:
        """Walk entries `which` of `feed`: note each list without the entry, take members in, note it with them.

        A row lets go of its first members while they are `keep_ms` or more behind its newest; one that comes so late is not taken
        in, and neither is one from before the time at which a rule emptied its row. What is more than `jump_ms` ahead of a later
        arrival was misdated: a newest time gives way, and a first member is let go.
        """
        self._wait_room(2 * len(which))
        at = 0
        while True:
            at = take_in(
                at, which, *feed[:3], feed.values, *feed[4:], *marks, keep_ms, jump_ms,
                self.start, self.head, self.held, self.room, self.dirty, self.times, self.values, self.numbers, self.free_regions, self.old_start, self.old_room,
            )  # fmt: skip
            if at == len(which):
                return
            self._make_room(max(SIZES))

    def _make_room(self, members: int) -> None:
        """Let the arena have `members` more than are used."""
        top = int(self.numbers[TOP])
        need = top + members
        if need <= len(self.times):
            return
        size = max(need, with_slack(len(self.times)))
        times, values = np.empty(size, np.int64), np.empty((len(self.values), size), np.int64)
        times[:top], values[:, :top] = self.times[:top], self.values[:, :top]
        self.times, self.values = times, values

    def _wait_room(self, more: int) -> None:
        """Let so many more regions wait."""
        waiting = int(self.numbers[OLD])
        if waiting + more > len(self.old_start):
            self.old_start, self.old_room = (np.concatenate([one[:waiting], np.empty(more + waiting, np.int64)]) for one in (self.old_start, self.old_room))

    def settle(self) -> None:
        """The batch is over and its snapshots are not read any more: old regions are free for others."""
        give_back(self.old_start, self.old_room, self.numbers, self.free_regions, self.times)
        self.old_start, self.old_room = np.empty(0, np.int64), np.empty(0, np.int64)

    # Emptying

    def clear(self, rows: Rows) -> None:
        rows = rows[self.room[rows] != NO_REGION]
        if len(rows):
            self._wait_room(len(rows))
            waiting = slice(int(self.numbers[OLD]), int(self.numbers[OLD]) + len(rows))
            self.old_start[waiting], self.old_room[waiting] = self.start[rows], self.room[rows] & ~UNORDERED
            self.numbers[OLD] += len(rows)
            self.head[rows] = self.held[rows] = 0
            self.room[rows] = NO_REGION

    def free(self, rows: Rows) -> None:
        self.clear(rows)
        self.dirty[rows] = False

    def empty(self, rows: Rows) -> None:
        """Remove all members of `rows`; the change is written with the next transaction."""
        self.clear(rows)
        self.dirty[rows] = True

    # The changelog

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.part_name, tuple((name, kind, 1) for name, kind in self.kinds), ())

    def layout(self) -> Layout:
        return self._layout

    def touch(self, rows: Rows) -> None:
        self.dirty[rows] = True

    def take_dirty(self) -> Rows:
        dirty = self.dirty.nonzero()[0].astype(np.int32)
        self.dirty[dirty] = False
        return dirty

    def members_of(self, rows: Rows) -> tuple[Ints, Ints]:
        """The members of `rows` [members, 1 + columns], one list after the other, and where each list begins there (and the last ends)."""
        counts = self.held[rows].astype(np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), counts.cumsum()])
        found = np.empty((int(offsets[-1]), len(self.kinds)), np.int64)
        copy_out(self.start[rows] + self.head[rows].astype(np.int64), counts, offsets, self.times, self.values, found)
        return found, offsets

    def encode(self, rows: Rows) -> Values:
        found, offsets = self.members_of(rows)
        return Values(joined(len(rows), self.layout().fingerprint, ByteStrings.cut(found, offsets[1:])), self.held[rows] == 0)

    def load(self, rows: Rows, layout: Layout, values: ByteStrings) -> None:
        stored = [name for name, _, _ in layout.columns]
        found = values.within(4).data.view(np.int64).reshape(-1, len(stored))
        counts = (values.lengths - 4) // (8 * len(stored))
        self.clear(rows)
        sizes = np.array(SIZES)
        classes = np.searchsorted(sizes - sizes // 4, counts)
        rooms = sizes[classes]
        self._make_room(int(rooms.sum()))
        starts = self.numbers[TOP] + rooms.cumsum() - rooms
        self.numbers[TOP] += rooms.sum()
        begins = counts.cumsum() - counts
        place = np.repeat(starts - begins, counts) + np.arange(len(found))
        times = found[:, stored.index("time")]
        self.times[place] = times
        for number, (name, _) in enumerate(self.kinds[1:]):
            self.values[number, place] = found[:, stored.index(name)] if name in stored else self.unknown[number]
        back = np.zeros(len(found), bool)
        back[1:] = times[1:] < times[:-1]
        back[begins[counts > 0]] = False
        of = np.repeat(np.arange(len(rows)), counts)
        self.start[rows], self.head[rows], self.held[rows] = starts, 0, counts
        self.room[rows] = classes + UNORDERED * (np.bincount(of[back], minlength=len(rows)) > 0)

    def text_codes(self, rows: Rows) -> Ints:
        texts = [number for number, (_, kind) in enumerate(self.kinds) if kind == "text"]
        return self.members_of(rows)[0][:, texts].ravel() if texts else np.zeros(0, np.int64)

"""The members of windows: for each row of a table, a short list of records' times and values.

Lists live in blocks of 4, 16, 64, … members, so that a row with few members costs little and a busy one still fits; a list
that outgrows its block moves to the next size. A list of `MOST` members drops its oldest one for a new one, and that is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.engine.state.codec import Layout
from streams.engine.state.follower import Follower

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.expression import Array
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table

SIZES = (4, 16, 64, 256, 1024, 4096)
MOST = SIZES[-1]


class MemberLists(NamedTuple):
    """Lists of one block size, after the new member was added as the last of each."""

    place: Ints
    """Which of the asked rows these are."""
    values: npt.NDArray[np.int64]
    """[lists, 1 + value columns, size]: times, then values."""
    held: Ints
    """Members of each list, the new one included."""

    def mask(self, *, new: bool) -> npt.NDArray[np.bool_]:
        """[lists, size]: the members up to the time of the new one, with or without itself. Later ones do not count."""
        there = np.arange(self.values.shape[2]) < (self.held if new else self.held - 1)[:, None]
        at = self.values[np.arange(len(self.held)), 0, self.held - 1]
        return there & (self.values[:, 0] <= at[:, None])


class Blocks:
    """All lists of one size."""

    def __init__(self, size: int, columns: int) -> None:
        self.size = size
        self.values = np.zeros((0, columns, size), np.int64)
        self.count = np.zeros(0, np.int64)
        self.free: list[int] = []

    def take(self, n: int) -> Ints:
        """`n` empty lists."""
        if len(self.free) < n:
            old = len(self.count)
            more = max(n, old, 64)
            self.values = np.concatenate([self.values, np.zeros((more, *self.values.shape[1:]), np.int64)])
            self.count = np.concatenate([self.count, np.zeros(more, np.int64)])
            self.free += range(old, old + more)
        taken = np.array(self.free[len(self.free) - n :], np.int64)
        del self.free[len(self.free) - n :]
        return taken

    def give_back(self, slots: Ints) -> None:
        """Empty `slots` and keep them for others."""
        self.count[slots] = 0
        self.free += slots.tolist()


class Members(Follower):
    """The lists of one window, one a row of `table`."""

    def __init__(self, table: Table, name: str, values: list[tuple[str, ColumnKind]]) -> None:
        self.table, self.part_name, self.columns = table, f"{table.name}.{name}", [("time", "time"), *values]
        self.size = np.full(table.size, -1, np.int8)
        self.slot = np.zeros(table.size, np.int64)
        self.dirty = np.zeros(table.size, bool)
        self.blocks = [Blocks(size, len(self.columns)) for size in SIZES]
        self.dropped = 0
        """Members dropped because their list was full, since this was last read."""
        table.followers.append(self)

    def grow(self, size: int) -> None:
        more = size - len(self.size)
        self.size = np.concatenate([self.size, np.full(more, -1, np.int8)])
        self.slot = np.concatenate([self.slot, np.zeros(more, np.int64)])
        self.dirty = np.concatenate([self.dirty, np.zeros(more, bool)])

    def clear(self, rows: Rows) -> None:
        for number, blocks in enumerate(self.blocks):
            here = rows[self.size[rows] == number]
            blocks.give_back(self.slot[here])
        self.size[rows] = -1

    def free(self, rows: Rows) -> None:
        self.clear(rows)
        self.dirty[rows] = False

    def empty(self, rows: Rows) -> None:
        """Remove all members of `rows`; the change is written with the next transaction."""
        self.clear(rows)
        self.dirty[rows] = True

    def add(self, rows: Rows, times: Ints, values: list[Array], after: Ints | None) -> list[MemberLists]:
        """Add one member to each of `rows` (unique); with `after`, first remove the members with time <= after."""
        if not len(rows):
            return []
        self.dirty[rows] = True
        fresh = rows[self.size[rows] < 0]
        if len(fresh):
            self.slot[fresh] = self.blocks[0].take(len(fresh))
            self.size[fresh] = 0
        if after is not None:
            self._trim(rows, after)
        self._make_room(rows)
        lists = []
        sizes = self.size[rows]
        for number, blocks in enumerate(self.blocks):
            place = np.flatnonzero(sizes == number)
            if len(place):
                slots = self.slot[rows[place]]
                count = blocks.count[slots]
                blocks.values[slots, 0, count] = times[place]
                for column, value in enumerate(values, 1):
                    blocks.values[slots, column, count] = value[place]
                blocks.count[slots] = count + 1
                lists.append(MemberLists(place, blocks.values[slots], count + 1))
        return lists

    def _trim(self, rows: Rows, after: Ints) -> None:
        sizes = self.size[rows]
        for number, blocks in enumerate(self.blocks):
            place = np.flatnonzero(sizes == number)
            if not len(place):
                continue
            slots = self.slot[rows[place]]
            live = np.arange(blocks.size) < blocks.count[slots][:, None]
            stay = live & (blocks.values[slots, 0] > after[place][:, None])
            left = stay.sum(1)
            changed = np.flatnonzero(left < blocks.count[slots])
            if len(changed):
                order = np.argsort(~stay[changed], axis=1, kind="stable")
                blocks.values[slots[changed]] = np.take_along_axis(blocks.values[slots[changed]], order[:, None, :], axis=2)
                blocks.count[slots[changed]] = left[changed]

    def _make_room(self, rows: Rows) -> None:
        for number, blocks in enumerate(self.blocks):
            here = rows[self.size[rows] == number]
            full = here[blocks.count[self.slot[here]] == blocks.size]
            if not len(full):
                continue
            slots = self.slot[full]
            if number + 1 == len(self.blocks):
                self._drop_oldest(blocks, slots)
                continue
            wider = self.blocks[number + 1]
            moved = wider.take(len(full))
            wider.values[moved, :, : blocks.size] = blocks.values[slots]
            wider.count[moved] = blocks.count[slots]
            blocks.give_back(slots)
            self.slot[full], self.size[full] = moved, number + 1

    def any_between(self, rows: Rows, after: Ints, until: Ints) -> npt.NDArray[np.bool_]:
        """Whether each of `rows` has a member with after < time <= until."""
        found = np.zeros(len(rows), bool)
        sizes = self.size[rows]
        for number, blocks in enumerate(self.blocks):
            place = np.flatnonzero(sizes == number)
            slots = self.slot[rows[place]]
            live = np.arange(blocks.size) < blocks.count[slots][:, None]
            times = blocks.values[slots, 0]
            found[place] = (live & (times > after[place][:, None]) & (times <= until[place][:, None])).any(1)
        return found

    def _drop_oldest(self, blocks: Blocks, slots: Ints) -> None:
        """Make room for one more in full lists."""
        oldest = np.argmin(blocks.values[slots, 0], axis=1)
        for slot, at in zip(slots.tolist(), oldest.tolist(), strict=True):
            blocks.values[slot, :, at:-1] = blocks.values[slot, :, at + 1 :]
        blocks.count[slots] -= 1
        self.dropped += len(slots)

    def layout(self) -> Layout:
        return Layout(self.part_name, tuple((name, kind, 1) for name, kind in self.columns), ())

    def touch(self, rows: Rows) -> None:
        self.dirty[rows] = True

    def take_dirty(self) -> Rows:
        dirty = np.flatnonzero(self.dirty).astype(np.int32)
        self.dirty[dirty] = False
        return dirty

    def _lists(self, rows: Rows) -> list[npt.NDArray[np.int64] | None]:
        return [
            None if size < 0 or not (count := self.blocks[size].count[slot]) else self.blocks[size].values[slot, :, :count]
            for size, slot in zip(self.size[rows].tolist(), self.slot[rows].tolist(), strict=True)
        ]

    def encode(self, rows: Rows) -> list[bytes | None]:
        head = self.layout().fingerprint
        return [None if members is None else head + members.T.tobytes() for members in self._lists(rows)]

    def load(self, rows: Rows, layout: Layout, values: list[bytes]) -> None:
        stored = [name for name, _, _ in layout.columns]
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        for length in np.unique(lengths).tolist():
            same = np.flatnonzero(lengths == length)
            members = np.frombuffer(b"".join([values[at][4:] for at in same.tolist()]), np.int64).reshape(len(same), -1, len(stored))
            count = members.shape[1]
            number = next(i for i, size in enumerate(SIZES) if size >= count)
            blocks = self.blocks[number]
            slots = blocks.take(len(same))
            for column, (name, _) in enumerate(self.columns):
                if name in stored:
                    blocks.values[slots, column, :count] = members[:, :, stored.index(name)]
            blocks.count[slots] = count
            self.size[rows[same]], self.slot[rows[same]] = number, slots

    def text_codes(self, rows: Rows) -> Ints:
        texts = [i for i, (_, kind) in enumerate(self.columns) if kind == "text"]
        found = [members[texts].ravel() for members in self._lists(rows) if members is not None] if texts else []
        return np.concatenate(found) if found else np.zeros(0, np.int64)

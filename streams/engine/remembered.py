"""The ids that a customer and topic remember, to find repeats (`docs/semantics.md` §1.5), and how they are stored.

In memory: rings of 14 bytes an id in an arena (`idlists.py`). Stored: what is in memory, in blocks of a customer, topic, hour of the
records' event times and 64 consecutive arrivals, so that a new id rewrites the few ids of its block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.idlists import admit_topic, gather, pack, place_all
from streams.engine.state.blocks import BlockChanges, Blocks
from streams.engine.state.codec import SEPARATOR, Layout, StateRefused
from streams.engine.state.rowmap import RowMap

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.tables import Rows, Table

LEAST = 16
"""So many of the last ids of a customer and topic are always remembered."""
MOST = 4096
"""So many at most: beyond it the oldest arrivals are let go."""


def ring_sizes(most: int) -> Ints:
    """The sizes of rings by class: four in each doubling, so that little is unused; the largest holds `most` ids and some that wait to be dropped."""
    sizes = [0]
    while sizes[-1] < most + most // 4:
        sizes.append(sizes[-1] + max(4, (1 << sizes[-1].bit_length()) >> 3))
    return np.array(sizes, np.int64)


class RememberedIds(Blocks):
    """The ids of one topic, a list for each row of `customers`.

    `keep_ms`: how far behind the customer's newest record of the topic an id is remembered, None: only the last `least` are.
    """

    def __init__(self, customers: Table, topic: str, keep_ms: int | None, *, least: int = LEAST, most: int = MOST) -> None:
        if not 0 < least <= most:
            raise ValueError(f"remembered ids: wanted at least 1 and at most {most}, got at least {least}")
        self.part_name = f"{customers.name}.ids.{topic}"
        self.keep_ms, self.least, self.most = -1 if keep_ms is None else keep_ms, least, most if keep_ms is not None else least
        self.sizes = ring_sizes(self.most)
        largest = int(self.sizes[-1])
        self.lists = np.zeros((customers.size, 3), np.int64)
        self.marks, self.seconds, self.contents = np.zeros(largest, np.int64), np.zeros(largest, np.uint32), np.zeros(largest, np.uint16)
        self.pools = np.zeros(len(self.sizes) + 1, np.int64)
        self.log = np.zeros((4 * largest + 64, 3), np.int32)
        self._read: list[tuple[Ints, ...]] = []
        customers.blocks.append(self)

    def admit(self, inputs: tuple[Any, ...], newest: tuple[Any, ...], limits: tuple[int, int], results: tuple[Any, ...]) -> None:
        """Run `admit_topic` over the positions `inputs[0]`, and make room where it asks for it."""
        at, *columns = inputs
        while len(at):
            arena = (self.lists, self.marks, self.seconds, self.contents, self.sizes, self.pools, self.log)
            arguments: list[Any] = [*columns, *arena, *newest, *limits, self.keep_ms, self.least, self.most, *results]
            at = at[admit_topic(at, *arguments) :]
            if len(at):
                self._make_room()

    def _make_room(self) -> None:
        """More room in the log of changes; in the arena by closing its gaps, and by making it larger where there are few."""
        largest = int(self.sizes[-1])
        if self.pools[-1] > len(self.log) - 3 * largest - 2:
            self.log = np.concatenate([self.log, np.zeros_like(self.log)])
        used, size = int(self.pools[0]), len(self.marks)
        if used + largest <= size:
            return
        rows = np.flatnonzero(self.lists[:, 0])
        rows = rows[np.argsort(self.lists[rows, 0])]
        pack(rows, self.lists, self.marks, self.seconds, self.contents, self.sizes, self.pools, np.empty((2, largest), np.int64))
        used = int(self.pools[0])
        if used + max(largest, size // 8) > size:
            self._resize(used + used // 6 + 2 * largest)

    def _resize(self, slots: int) -> None:
        """Give the arena `slots` slots. In place: two of its size may not fit into memory."""
        for array in (self.marks, self.seconds, self.contents):
            array.resize(slots, refcheck=False)

    def memory_bytes(self) -> int:
        """Bytes in use for ids and lists, without the log of changes."""
        return sum(array.nbytes for array in (self.lists, self.marks, self.seconds, self.contents))

    def held(self) -> int:
        """How many ids are in memory, those included that wait to be dropped."""
        return int((self.lists[:, 2] - self.lists[:, 1]).sum())

    # State

    def grow(self, size: int) -> None:
        self.lists = np.concatenate([self.lists, np.zeros((size - len(self.lists), 3), np.int64)])

    def layout(self) -> Layout:
        """`id`: 54 bits of its hash and the millisecond; `second` within the hour; `place`: number of the arrival in the block."""
        return Layout(self.part_name, (("id", "token", 1), ("second", "short", 1), ("content", "digest", 1), ("place", "byte", 1)), ())

    def forget_changes(self) -> None:
        self.pools[-1] = 0

    def take_changes(self) -> BlockChanges:
        logged = self.log[: self.pools[-1]].astype(np.int64)
        self.forget_changes()
        _, fresh = RowMap(3).find(logged)
        blocks = logged[fresh]
        ends, none = np.zeros(len(blocks), np.int64), np.zeros(0, np.int64)
        arena = (self.lists, self.marks, self.seconds, self.contents, self.sizes, ends)
        gather(blocks, *arena, none, none.astype(np.uint16), none.astype(np.uint16), none.astype(np.uint8))
        total = int(ends[-1]) if len(ends) else 0
        columns = (np.empty(total, np.int64), np.empty(total, np.uint16), np.empty(total, np.uint16), np.empty(total, np.uint8))
        if total:
            gather(blocks, *arena, *columns)
        layout = self.layout()
        entries = np.empty(total, layout.dtype)
        for (name, _, _), column in zip(layout.columns, columns, strict=True):
            entries[name] = column
        size, head, stored = layout.dtype.itemsize, layout.fingerprint, entries.tobytes()
        values: list[bytes | None] = []
        begin = 0
        for end in (ends * size).tolist():
            values.append(head + stored[begin:end] if end > begin else None)
            begin = end
        names = [f"{hour}{SEPARATOR}{part}" if part else f"{hour}" for hour, part in blocks[:, 1:].tolist()]
        return BlockChanges(blocks[:, 0].astype(np.int32), names, values)

    def load(self, rows: Rows, names: list[str], layout: Layout, values: list[bytes]) -> None:
        dtype = layout.dtype
        entries = np.frombuffer(b"".join(value[4:] for value in values), dtype)
        lengths = np.fromiter(map(len, values), np.int64, len(values)) // dtype.itemsize
        keys = [name.partition(SEPARATOR) for name in names]
        hours = np.repeat(np.array([int(hour) for hour, _, _ in keys], np.int64), lengths)
        numbers = np.repeat(np.array([int(part or 0) for _, _, part in keys], np.int64), lengths) * 64 + entries["place"]
        self._read.append((np.repeat(rows.astype(np.int64), lengths), numbers, entries["id"].copy(), hours * 3600 + entries["second"], entries["content"].copy()))

    def loaded(self) -> None:
        if not self._read:
            return
        rows, numbers, ids, times, digests = (np.concatenate(column) for column in zip(*self._read, strict=True))
        self._read.clear()
        order = np.lexsort((numbers, rows))
        rows, numbers = rows[order], numbers[order]
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
        counts = np.diff(begins, append=len(rows))
        owners, first = rows[begins], numbers[begins]
        if (numbers[begins + counts - 1] - first + 1 != counts).any() or counts.max() > self.sizes[-1]:
            raise StateRefused(f"state {self.part_name}: ids of some customers are missing in the changelog: was it cut? Start with an empty changelog, or restore it")
        classes = np.minimum(np.searchsorted(self.sizes, counts, side="right"), len(self.sizes) - 1)
        ends = np.cumsum(self.sizes[classes])
        self.lists[owners] = np.stack([(ends - self.sizes[classes]) << 6 | classes, first, first + counts], axis=1)
        self.pools[:], self.pools[0] = 0, ends[-1]
        self._resize(int(ends[-1]) + int(self.sizes[-1]))
        place_all(rows, numbers, ids[order], times[order], digests[order], self.sizes, self.lists, self.marks, self.seconds, self.contents)


__all__ = ["LEAST", "MOST", "RememberedIds", "ring_sizes"]

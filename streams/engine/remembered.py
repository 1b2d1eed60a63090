"""The ids that a customer and topic remember, to find repeats (`docs/semantics.md` §1.5), and how they are stored.

In memory: rings of 14 bytes an id in an arena (`idlists.py`). Stored: what is in memory, in blocks of a customer, topic and 16
consecutive arrivals, so that a new id rewrites the few ids of its block. Which blocks there are, and what they hold, follows from the
arrivals of the customer and topic alone: neither cuts into batches nor restarts nor the sizes of rings change a stored byte.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streams.engine.idlists import BLOCK, admit_topic, gather, pack, place_all
from streams.engine.state.blocks import BlockChanges, Blocks
from streams.engine.state.codec import Layout, StateRefused
from streams.engine.state.packing import ByteStrings, Values, joined

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.tables import Rows, Table

LEAST = 16
"""So many of the last ids of a customer and topic are always remembered."""
MOST = 4096
"""Of so many of the last ids it is asked whether they are near enough in time: earlier arrivals are let go."""


def ring_sizes(most: int) -> Ints:
    """The sizes of rings by class: eight in each doubling from 64 on, so that little is unused; the largest holds `most` ids and blocks that wait to be dropped.

    A class has six bits in `lists`: at most 63 of them.
    """
    sizes = [0]
    while sizes[-1] < most + 2 * BLOCK:
        largest = sizes[-1]
        sizes.append(largest + max(4 if largest < 32 else 8, (1 << largest.bit_length()) >> 4))
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
        self.log, self.noted = np.zeros((1024, 3), np.int64), np.zeros(customers.size, bool)
        self._read: list[tuple[npt.NDArray[Any], ...]] = []
        customers.blocks.append(self)

    def admit(self, inputs: tuple[Any, ...], newest: tuple[Any, ...], limits: tuple[int, int], results: tuple[Any, ...]) -> None:
        """Run `admit_topic` over the positions `inputs[0]`, and make room where it asks for it."""
        at, *columns = inputs
        while len(at):
            arena = (self.lists, self.marks, self.seconds, self.contents, self.sizes, self.pools, self.log, self.noted)
            arguments: list[Any] = [*columns, *arena, *newest, *limits, self.keep_ms, self.least, self.most, *results]
            at = at[admit_topic(at, *arguments) :]
            if len(at):
                self._make_room()

    def _make_room(self) -> None:
        """More room in the log of changes; in the arena by closing its gaps, and by making it larger where there are few."""
        largest = int(self.sizes[-1])
        if self.pools[-1] == len(self.log):
            self.log = np.concatenate([self.log, np.zeros_like(self.log)])
        used, size = int(self.pools[0]), len(self.marks)
        if used + largest <= size:
            return
        rows = self.lists[:, 0].nonzero()[0]
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
        return sum(array.nbytes for array in (self.lists, self.noted, self.marks, self.seconds, self.contents))

    def held(self) -> int:
        """How many ids are in memory, those included that wait to be dropped."""
        return int((self.lists[:, 2] - self.lists[:, 1]).sum())

    # State

    def grow(self, size: int) -> None:
        more = size - len(self.lists)
        self.lists = np.concatenate([self.lists, np.zeros((more, 3), np.int64)])
        self.noted = np.concatenate([self.noted, np.zeros(more, bool)])

    def layout(self) -> Layout:
        return self._layout

    @cached_property
    def _layout(self) -> Layout:
        """`id`: 54 bits of its hash and the millisecond; `second` of the time, since 2000. The first id of a block has its number times 16."""
        return Layout(self.part_name, (("id", "token", 1), ("second", "moment", 1), ("content", "digest", 1)), ())

    def forget_changes(self) -> None:
        self.noted[self.log[: self.pools[-1], 0]] = False
        self.pools[-1] = 0

    def take_changes(self) -> BlockChanges:
        rows, first_before, following_before = self.log[: self.pools[-1]].T.copy()
        self.forget_changes()
        _, first, following = self.lists[rows].T
        gone_rows, gone = blocks_of(rows, first_before, np.minimum(first, following_before))
        new_rows, new = blocks_of(rows, np.maximum(first, following_before), following)
        lengths = np.minimum(BLOCK, self.lists[new_rows, 2] - new * BLOCK)
        total = int(lengths.sum())
        columns = np.empty(total, np.int64), np.empty(total, np.uint32), np.empty(total, np.uint16)
        gather(new_rows, new * BLOCK, lengths, self.lists, self.marks, self.seconds, self.contents, self.sizes, *columns)
        layout = self.layout()
        entries = np.empty(total, layout.dtype)
        for (name, _, _), column in zip(layout.columns, columns, strict=True):
            entries[name] = column
        values = joined(len(new), layout.fingerprint, ByteStrings.cut(entries, lengths.cumsum()))
        strings = ByteStrings(values.data, np.append(values.ends, np.full(len(gone), len(values.data))))
        return BlockChanges(np.concatenate([new_rows, gone_rows]), np.concatenate([new, gone]), Values(strings, np.arange(len(new) + len(gone)) >= len(new)))

    def load(self, rows: Rows, numbers: Ints, values: ByteStrings) -> None:
        dtype = self.layout().dtype
        entries = values.within(4).data.view(dtype)
        self._read.append((rows.astype(np.int64), numbers, (values.lengths - 4) // dtype.itemsize, entries["id"].copy(), entries["second"].copy(), entries["content"].copy()))

    def loaded(self) -> None:
        if not self._read:
            return
        rows, numbers, lengths, *columns = (np.concatenate(column) for column in zip(*self._read, strict=True))
        self._read.clear()
        order = np.lexsort((numbers, rows))
        begins = np.diff(rows[order], prepend=-1).nonzero()[0]
        earliest, latest = order[begins], order[np.append(begins[1:], len(order)) - 1]
        owners, first = rows[earliest], numbers[earliest]
        counts = np.add.reduceat(lengths[order], begins)
        if (counts != (numbers[latest] - first) * BLOCK + lengths[latest]).any() or counts.max() >= self.sizes[-1]:
            raise StateRefused(f"state {self.part_name}: ids of some customers are missing in the changelog: was it cut? Start with an empty changelog, or restore it")
        classes = self.sizes.searchsorted(counts, side="right")
        ends = np.cumsum(self.sizes[classes])
        self.lists[owners] = np.stack([(ends - self.sizes[classes]) << 6 | classes, first * BLOCK, first * BLOCK + counts], axis=1)
        self.pools[:], self.pools[0] = 0, ends[-1]
        self._resize(int(ends[-1]) + int(self.sizes[-1]))
        place_all(rows, numbers * BLOCK, lengths, self.lists, self.marks, self.seconds, self.contents, self.sizes, *columns)


def blocks_of(rows: Ints, first: Ints, following: Ints) -> tuple[Ints, Ints]:
    """The rows and numbers of the blocks in which the ids from number `first` on and before `following` are."""
    begin, end = first // BLOCK, -(-following // BLOCK)
    lengths = np.maximum(end - begin, 0)
    ends = lengths.cumsum()
    return np.repeat(rows, lengths), np.repeat(begin - ends + lengths, lengths) + np.arange(lengths.sum())


__all__ = ["LEAST", "MOST", "RememberedIds", "ring_sizes"]

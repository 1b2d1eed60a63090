"""Short lists of numbers, one for each row of a table: linked nodes in one pool, the newest first.

A row without a list costs eight bytes, a node eight bytes a number and eight for its links. Kernels walk and change the lists:
`lists[row]` is (first node, number of nodes), `links[node]` is (next, previous) around the ring, node 0 is none; the first number
of a node orders the list, the greatest first. `spare` is (first free node, nodes dropped, free nodes).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.kernels import kernel
from streams.engine.state.codec import LENGTH, Layout
from streams.engine.state.follower import Follower
from streams.engine.state.packing import SLACK, ByteStrings, Values, joined, lengthen, lengths_of

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table

FIRST_NODES = 64


@kernel("int64(int32[:,:], int32[:,:], int64[:], int64, int64)")
def put_before(lists: Any, links: Any, spare: Any, row: int, place: int) -> int:
    """Put a free node into the list of `row` before node `place`, or at its end (0). Returns it. There must be a free one."""
    node = spare[0]
    spare[0] = links[node, 0]
    spare[2] -= 1
    first = lists[row, 0]
    if first == 0:
        links[node, 0], links[node, 1] = node, node
        lists[row, 0] = node
    else:
        after = place if place != 0 else first
        before = links[after, 1]
        links[node, 0], links[node, 1] = after, before
        links[before, 0] = node
        links[after, 1] = node
        if place == first:
            lists[row, 0] = node
    lists[row, 1] += 1
    return node


@kernel("void(int32[:,:], int32[:,:], int64[:], int64, int64)")
def take_out(lists: Any, links: Any, spare: Any, row: int, node: int) -> None:
    """Take `node` out of the list of `row`; it is free then."""
    after, before = links[node, 0], links[node, 1]
    if after == node:
        lists[row, 0] = 0
    else:
        links[before, 0] = after
        links[after, 1] = before
        if lists[row, 0] == node:
            lists[row, 0] = after
    links[node, 0] = spare[0]
    spare[0] = node
    spare[2] += 1
    lists[row, 1] -= 1


@kernel("int64(int32[:,:], int32[:,:], int64, int64)")
def behind(lists: Any, links: Any, row: int, node: int) -> int:
    """The node behind `node` in the list of `row`; 0 at the end."""
    after = links[node, 0]
    return 0 if after == lists[row, 0] else after


@kernel("int64(int32[:,:], int32[:,:], int64[:,:], int64[:], int64, int64, int64)")
def put_in_order(lists: Any, links: Any, values: Any, spare: Any, row: int, moment: int, most: int) -> int:
    """Put a free node for `moment` into the list of `row`, before those with the same moment. Returns it.

    A list of `most` nodes drops its last one for it; 0: that would be the new one.
    """
    place = lists[row, 0]
    while place != 0 and values[place, 0] > moment:
        place = behind(lists, links, row, place)
    if lists[row, 1] >= most:
        spare[1] += 1
        if place == 0:
            return 0
        last = links[lists[row, 0], 1]
        if last == place:
            place = 0
        take_out(lists, links, spare, row, last)
        if lists[row, 0] == 0:
            place = 0
    node = put_before(lists, links, spare, row, place)
    values[node, 0] = moment
    return node


@kernel("void(int32[:,:], int32[:,:], int64[:], int64)")
def wipe(lists: Any, links: Any, spare: Any, row: int) -> None:
    """Empty the list of `row`."""
    while lists[row, 0] != 0:
        take_out(lists, links, spare, row, lists[row, 0])


@kernel("void(int32[:,:], int32[:,:], int64[:], int32[:])")
def wipe_all(lists: Any, links: Any, spare: Any, rows: Any) -> None:
    """Empty the lists of `rows`."""
    for row in rows:
        wipe(lists, links, spare, row)


@kernel("void(int32[:,:], int32[:,:], int64[:], int32[:], int64[:], int64[:])")
def fill(lists: Any, links: Any, spare: Any, rows: Any, counts: Any, nodes: Any) -> None:
    """Give each of `rows` a list of so many new nodes, which are noted in `nodes`."""
    n = 0
    for i in range(len(rows)):
        for _ in range(counts[i]):
            nodes[n] = put_before(lists, links, spare, rows[i], 0)
            n += 1


@kernel("void(int32[:,:], int32[:,:], int32[:], int64[:])")
def gather(lists: Any, links: Any, rows: Any, nodes: Any) -> None:
    """Note the nodes of `rows`, list after list."""
    n = 0
    for row in rows:
        node = lists[row, 0]
        while node != 0:
            nodes[n] = node
            n += 1
            node = behind(lists, links, row, node)


class Chains(Follower):
    """The lists of one kind, one a row of `table`: nodes with `columns`, the first of which orders them; at most `most` a row.

    With `texts` each node has a byte string too.

    >>> from streams.engine.state.tables import Table
    >>> chains = Chains(Table("line", 2), "calls", [("time", "time")], most=3)
    >>> chains.make_room(2)
    >>> for moment in (5, 7):
    ...     _ = put_in_order(chains.lists, chains.links, chains.values, chains.spare, 0, moment, 3)
    >>> chains.values[chains.nodes(np.array([0], np.int32)), 0].tolist()
    [7, 5]
    """

    def __init__(self, table: Table, name: str, columns: list[tuple[str, ColumnKind]], *, most: int, texts: str | None = None) -> None:
        self.table, self.part_name, self.columns, self.most = table, f"{table.name}.{name}", columns, most
        self.text_name = texts
        self.lists = np.zeros((table.size, 2), np.int32)
        self.links = np.zeros((1, 2), np.int32)
        self.values = np.zeros((1, len(columns)), np.int64)
        self.texts: list[bytes] = [b""]
        self.spare = np.zeros(3, np.int64)
        self.dirty = np.zeros(table.size, bool)
        self.dropped = 0
        table.followers.append(self)

    def make_room(self, more: int) -> None:
        """See that there are `more` free nodes."""
        if self.spare[2] >= more:
            return
        old = len(self.links)
        size = old + max(more - int(self.spare[2]), old // SLACK, FIRST_NODES)
        lengthen(self, "links", size)
        lengthen(self, "values", size)
        self.links[old:, 0] = np.arange(old + 1, size + 1)
        self.links[-1, 0] = self.spare[0]
        self.spare[0] = old
        self.spare[2] += size - old
        if self.text_name is not None:
            self.texts.extend([b""] * (size - old))

    def count_dropped(self) -> None:
        """Take over what kernels have counted."""
        self.dropped += int(self.spare[1])
        self.spare[1] = 0

    def nodes(self, rows: Rows) -> Ints:
        """The nodes of `rows`, list after list, the newest of each first."""
        found = np.empty(int(self.lists[rows, 1].sum()), np.int64)
        gather(self.lists, self.links, rows, found)
        return found

    # As a follower

    def grow(self, size: int) -> None:
        lengthen(self, "lists", size)
        lengthen(self, "dirty", size)

    def clear(self, rows: Rows) -> None:
        wipe_all(self.lists, self.links, self.spare, rows)

    def free(self, rows: Rows) -> None:
        self.clear(rows)
        self.dirty[rows] = False

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.part_name, tuple((name, kind, 1) for name, kind in self.columns), () if self.text_name is None else (self.text_name,))

    def layout(self) -> Layout:
        return self._layout

    def touch(self, rows: Rows) -> None:
        self.dirty[rows] = True

    def take_dirty(self) -> Rows:
        dirty = self.dirty.nonzero()[0].astype(np.int32)
        self.dirty[dirty] = False
        return dirty

    def encode(self, rows: Rows) -> Values:
        """Fingerprint, number of nodes, their numbers, then each text behind its length."""
        counts, nodes = self.lists[rows, 1], self.nodes(rows)
        ends = np.cumsum(counts, dtype=np.int64)
        pieces = [ByteStrings.equal(counts.astype("<u2")), ByteStrings.cut(self.values[nodes], ends)]
        if self.text_name is not None:
            strings = ByteStrings.of([self.texts[node] for node in nodes.tolist()])
            written = joined(len(nodes), lengths_of(strings), strings)
            pieces.append(ByteStrings(written.data, np.concatenate([np.zeros(1, np.int64), written.ends])[ends]))
        return Values(joined(len(rows), self.layout().fingerprint, *pieces), counts == 0)

    def load(self, rows: Rows, layout: Layout, values: ByteStrings) -> None:
        width = 8 * len(layout.columns)
        counts = values.within(4, 6).data.view("<u2").astype(np.int64)
        total = int(counts.sum())
        numbers = values.within(6, 6 + counts * width).data.view(np.int64).reshape(total, len(layout.columns))
        self.clear(rows)
        self.make_room(total)
        nodes = np.empty(total, np.int64)
        fill(self.lists, self.links, self.spare, rows, counts, nodes)
        stored = [name for name, _, _ in layout.columns]
        for column, (name, _) in enumerate(self.columns):
            self.values[nodes, column] = numbers[:, stored.index(name)] if name in stored else 0
        if self.text_name is not None and self.text_name in layout.texts:
            self._load_texts(nodes.tolist(), values.within(6 + counts * width).listed(), counts.tolist())

    def _load_texts(self, nodes: list[int], values: list[bytes], counts: list[int]) -> None:
        number = 0
        for value, count in zip(values, counts, strict=True):
            at = 0
            for _ in range(count):
                (length,) = LENGTH.unpack_from(value, at)
                self.texts[nodes[number]] = value[at + 2 : at + 2 + length]
                at += 2 + length
                number += 1

    def text_codes(self, rows: Rows) -> Ints:
        columns = [i for i, (_, kind) in enumerate(self.columns) if kind == "text"]
        return self.values[self.nodes(rows)][:, columns].ravel()


__all__ = ["Chains", "behind", "put_before", "put_in_order", "take_out", "wipe"]

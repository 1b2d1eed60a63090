"""Buckets as state: for each row of a table, what its members of each civil day add up to, and by groups where there are some.

Days and groups are found by what they are, not by place: what is stored is matched by the names of its columns when it is read back.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.codes import NULL
from streams.engine.kernels import kernel
from streams.engine.state.bucket_kernels import (
    DAYS,
    ENTRY,
    FIRST,
    GROUP,
    GROUPS,
    HEAD,
    HELD,
    LATEST,
    MANY,
    SEQ,
    WORDS,
    clear_row,
    clear_rows,
    entry_of,
    fitting,
    more_days,
    more_groups,
    note_group,
)
from streams.engine.state.codec import Layout
from streams.engine.state.follower import Follower
from streams.engine.state.packing import SLACK, ByteStrings, Values, joined, lengthen

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table

FIRST_WORDS = 1024
MOST_WORDS = 2**31
"""Of an arena: rows know the place of their block in 32 bits."""
LARGEST_CLASS = 2**32
"""Words of the largest block."""
SMALL = 96
"""Blocks of groups with fewer words are searched without an index."""
DAY, COUNT_WORD, FIRST_SUM = 0, 1, 2


@cache
def classes_of(head: int, entry: int, group: int) -> Any:
    """The classes of blocks [class, (words, entries, groups, words of the index)]: each a quarter of a power of two larger than the last. Read only.

    >>> classes_of(2, 5, 0)[:10, :2].T.tolist()
    [[2, 3, 4, 5, 6, 7, 8, 10, 12, 14], [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]]
    """
    found = []
    base = 2
    while base <= LARGEST_CLASS:
        for words in range(base, 2 * base, max(base // 4, 1)):
            sizes = [2**k for k in range(6, words.bit_length())] if words >= SMALL else [0]
            held, index = max((min((words - size) // max(group, 1), 3 * size // 4 if size else words), size) for size in sizes)
            found.append((words, max(words - head, 0) // entry, held if group else 0, index))
        base *= 2
    return np.array(found, np.int64)


@kernel("int64(int64[::1], int64[::1], int64[::1], int32[::1], int8[::1], int64[::1])")
def lengths(rows: Any, form: Any, arena: Any, slot: Any, kinds: Any, out: Any) -> int:
    """How many words `pack` writes for each row; 0 where nothing is kept. Returns the sum."""
    total = 0
    grouped = 1 if form[GROUP] > 0 else 0
    for i in range(len(rows)):
        out[i] = 0
        if kinds[rows[i]] >= 0:
            at = slot[rows[i]]
            held = arena[at + 1] & MANY
            out[i] = 3 + held * (form[ENTRY] - grouped)
            for j in range(held * grouped):
                out[i] += (arena[at + form[HEAD] + (j + 1) * form[ENTRY] - 2] >> 8) * form[GROUP]
        total += out[i]
    return total


@kernel("void(int64[::1], int64[::1], int64[::1], int32[::1], int8[::1], int64[::1])")
def pack(rows: Any, form: Any, arena: Any, slot: Any, kinds: Any, out: Any) -> None:
    """Write rows, one after the other: newest time, its day, how many days; for each day its entry, how many groups, and the groups."""
    n = 0
    plain = form[ENTRY] - 2 if form[GROUP] > 0 else form[ENTRY]
    for row in rows:
        if kinds[row] < 0:
            continue
        at = slot[row]
        held = arena[at + 1] & MANY
        out[n], out[n + 1], out[n + 2] = arena[at], arena[at + 1] >> HELD, held
        n += 3
        for j in range(held):
            entry = at + form[HEAD] + j * form[ENTRY]
            out[n : n + plain] = arena[entry : entry + plain]
            n += plain
            if form[GROUP] > 0:
                groups, block = arena[entry + plain] >> 8, arena[entry + plain + 1]
                out[n] = groups
                out[n + 1 : n + 1 + groups * form[GROUP]] = arena[block : block + groups * form[GROUP]]
                n += 1 + groups * form[GROUP]


@kernel("int64(int64[::1], int64[::1], int64[::1], boolean, int64[::1], int64)")
def codes_in(packed: Any, form: Any, texts: Any, group: bool, out: Any, n: int) -> int:
    """The codes of texts in packed rows: words `texts` of entries and, with `group`, values of groups. Returns how many."""
    at = 0
    plain = form[ENTRY] - 2 if form[GROUP] > 0 else form[ENTRY]
    while at < len(packed):
        held = packed[at + 2]
        at += 3
        for _ in range(held):
            for word in texts:
                if packed[at + word] != NULL:
                    out[n] = packed[at + word]
                    n += 1
            at += plain
            if form[GROUP] > 0:
                end = at + 1 + packed[at] * form[GROUP]
                if group:
                    for k in range(at + 1, end, form[GROUP]):
                        out[n] = packed[k]
                        n += 1
                at = end
    return n


@kernel(
    "int64(int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1])"
)
def unpack(
    i: int,
    rows: Any,
    starts: Any,
    packed: Any,
    days: Any,
    groups: Any,
    plain: int,
    words: int,
    sums: Any,
    form: Any,
    classes: Any,
    arena: Any,
    pool: Any,
    slot: Any,
    kinds: Any,
) -> int:
    """Read packed rows from the i-th on. Returns how many are done: less than all where the arena has no room for the next.

    `plain`, `words`: of a packed entry and group (0: no groups); `days`, `groups`: which of them each word is here, -1 for none.
    """
    while i < len(rows):
        at, row = starts[i], rows[i]
        held = packed[at + 2]
        need = classes[fitting(0, DAYS, max(held, 1), classes), WORDS]
        here = at + 3
        for _ in range(held if words > 0 else 0):
            if form[GROUP] > 0 and groups[0] >= 0 and packed[here + plain] > 0:
                need += classes[fitting(0, GROUPS, packed[here + plain], classes), WORDS]
            here += plain + 1 + packed[here + plain] * words
        if pool[0] + need > len(arena):
            return i
        clear_row(row, form, arena, pool, slot, kinds)
        more_days(row, max(held, 1), form, classes, arena, pool, slot, kinds)
        block = slot[row]
        here, ordinal = at + 3, 0
        for _ in range(held):
            entry = entry_of(row, packed[here], sums, form, classes, arena, pool, slot, kinds)
            for word in range(len(days)):
                if days[word] >= 0:
                    arena[entry + word] = packed[here + days[word]]
            here += plain
            if words > 0:
                number = packed[here]
                if form[GROUP] > 0 and groups[0] >= 0 and number > 0:
                    more_groups(entry, number, form, classes, arena, pool)
                    end = entry + form[ENTRY]
                    arena[end - 2] += number * 256
                    for j in range(number):
                        for word in range(form[GROUP]):
                            arena[arena[end - 1] + j * form[GROUP] + word] = packed[here + 1 + j * words + groups[word]] if groups[word] >= 0 else NULL
                        if form[SEQ] > 0:
                            where = arena[end - 1] + j * form[GROUP] + form[SEQ]
                            arena[where] = ordinal if arena[where] == NULL else arena[where]
                            ordinal = max(ordinal, arena[where] + 1)
                        note_group(arena[end - 1], (arena[end - 2] & 255) - 1, j, form[GROUP], classes, arena)
                here += 1 + number * words
        arena[block], arena[block + 1] = packed[at], (packed[at + 1] << HELD) | held
        if form[SEQ] > 0:
            arena[block + 2] = ordinal
        i += 1
    return i


class Added(NamedTuple):
    """One thing that entries add up: `op` of `bucket_kernels`, the place of its argument, its canonical text, and the kind of its value."""

    op: int
    argument: int
    text: str
    kind: ColumnKind


class Grouped(NamedTuple):
    """What entries are grouped by: its canonical text and kind, whether the order of appearance is kept, and the weights (argument, text) that are summed."""

    text: str
    kind: ColumnKind
    ordinals: bool
    weights: list[tuple[int, str]]


class Buckets(Follower):
    """The buckets of one stream, one list of civil days a row of `table`. A row without members takes 6 bytes."""

    def __init__(self, table: Table, name: str, added: list[Added], grouped: Grouped | None, *, keep_days: int, jump_ms: int, ahead_days: int, lists: int) -> None:
        self.table, self.part_name = table, f"{table.name}.{name}"
        sums, weights = [], []
        self.columns: list[tuple[str, ColumnKind]] = [("day", "int"), ("count", "int")]
        for one in added:
            sums.append((one.op, len(self.columns), one.argument))
            self.columns.append((one.text, one.kind))
            if one.op in (LATEST, FIRST):
                self.columns.append((f"{one.text} at", "time"))
        self.group_columns: list[tuple[str, ColumnKind]] = []
        if grouped is not None:
            self.group_columns.append((f"group {grouped.text} {grouped.kind}", grouped.kind))
            if grouped.ordinals:
                self.group_columns.append(("group ordinal", "int"))
            for argument, text in grouped.weights:
                weights.append((len(self.group_columns), argument))
                self.group_columns.append((f"group sum {text}", "int"))
        entry, group = len(self.columns) + (2 if grouped is not None else 0), len(self.group_columns)
        ordinals = grouped is not None and grouped.ordinals
        self.form = np.array([3 if ordinals else 2, entry, group, 1 if ordinals else 0, keep_days, jump_ms, ahead_days, lists], np.int64)
        self.sums, self.weights = np.array(sums, np.int64).reshape(-1, 3), np.array(weights, np.int64).reshape(-1, 2)
        self.classes = classes_of(int(self.form[HEAD]), entry, group)
        self.arena = np.zeros(FIRST_WORDS, np.int64)
        self.pool = np.full(1 + len(self.classes), -1, np.int64)
        self.pool[0] = 0
        self.slot, self.kinds = np.zeros(table.size, np.int32), np.full(table.size, -1, np.int8)
        self.dirty = np.zeros(table.size, bool)
        self._layout = Layout(self.part_name, tuple((name, kind, 1) for name, kind in [*self.columns, *self.group_columns]), ())
        self.text_words = np.array([place for place, (_, kind) in enumerate(self.columns) if kind == "text"], np.int64)
        self.text_groups = bool(self.group_columns) and self.group_columns[0][1] == "text"
        self.has_texts = self.text_groups or bool(len(self.text_words))
        table.followers.append(self)

    def grow(self, size: int) -> None:
        lengthen(self, "slot", size)
        lengthen(self, "kinds", size, -1)
        lengthen(self, "dirty", size)

    def make_room(self) -> None:
        """An eighth as many words more. Raises MemoryError where a row could not say any more where its block begins: at 16 GiB."""
        words = len(self.arena) + len(self.arena) // SLACK + FIRST_WORDS
        if words > MOST_WORDS:
            raise MemoryError(f"buckets {self.part_name}: more than {MOST_WORDS} words in one shard: take more partitions ('kairos repartition')")
        lengthen(self, "arena", words)

    def clear(self, rows: Rows) -> None:
        clear_rows(rows.astype(np.int64), self.form, self.arena, self.pool, self.slot, self.kinds)

    def free(self, rows: Rows) -> None:
        self.clear(rows)
        self.dirty[rows] = False

    def layout(self) -> Layout:
        return self._layout

    def touch(self, rows: Rows) -> None:
        self.dirty[rows] = True

    def take_dirty(self) -> Rows:
        dirty = self.dirty.nonzero()[0].astype(np.int32)
        self.dirty[dirty] = False
        return dirty

    def _packed(self, rows: Rows) -> tuple[Ints, Ints]:
        wanted, length = rows.astype(np.int64), np.empty(len(rows), np.int64)
        packed = np.empty(lengths(wanted, self.form, self.arena, self.slot, self.kinds, length), np.int64)
        pack(wanted, self.form, self.arena, self.slot, self.kinds, packed)
        return packed, length

    def _values(self, packed: Ints, length: Ints) -> Values:
        return Values(joined(len(length), self._layout.fingerprint, ByteStrings.cut(packed, length.cumsum())), length == 0)

    def encode(self, rows: Rows) -> Values:
        return self._values(*self._packed(rows))

    def encode_with_codes(self, rows: Rows) -> tuple[Values, Ints]:
        packed, length = self._packed(rows)
        return self._values(packed, length), self._codes_in(packed)

    def load(self, rows: Rows, layout: Layout, values: ByteStrings) -> None:
        stored = [name for name, _, _ in layout.columns]
        plain = next((place for place, name in enumerate(stored) if name.startswith("group ")), len(stored))
        places = {name: place if place < plain else place - plain for place, name in enumerate(stored)}
        days = np.array([places.get(name, -1) for name, _ in self.columns], np.int64)
        groups = np.array([places.get(name, -1) for name, _ in self.group_columns], np.int64)
        packed = values.within(4)
        starts = packed.begins // 8
        wanted = rows.astype(np.int64)
        done = 0
        while True:
            done = unpack(
                done,
                wanted,
                starts,
                packed.data.view(np.int64),
                days,
                groups,
                plain,
                len(stored) - plain,
                self.sums,
                self.form,
                self.classes,
                self.arena,
                self.pool,
                self.slot,
                self.kinds,
            )
            if done == len(rows):
                return
            self.make_room()

    def text_codes(self, rows: Rows) -> Ints:
        return self._codes_in(self._packed(rows)[0]) if self.has_texts else np.zeros(0, np.int64)

    def _codes_in(self, packed: Ints) -> Ints:
        """The codes of texts in packed rows."""
        if not self.has_texts:
            return np.zeros(0, np.int64)
        found = np.empty(len(packed), np.int64)
        return found[: codes_in(packed, self.form, self.text_words, self.text_groups, found, 0)]

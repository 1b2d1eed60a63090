"""Keyed row tables: where the state of every key lives, and how it goes to the changelog and comes back.

A table has one row for each key. Its columns are declared by the installed rules, by name, and lie together in parts; a part
is one structured numpy array, and the unit that is written: a changed row of a part is one changelog record.
Rows are written as their bytes behind a fingerprint of the part's layout; layouts are written too, so that columns are
matched **by name** when they are read back: a new column starts empty, a dropped one is dropped, a retyped one is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streams.engine.state.codec import FORMATS, LENGTH, SEPARATOR, ColumnKind, Layout, StateRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.engine.state.follower import Follower
    from streams.engine.state.kin import Kin
    from streams.engine.state.owners import Owners

Rows = npt.NDArray[np.int32]
NEVER = np.iinfo(np.int64).max
FIRST_ROWS = 1024


class Column:
    """One named column of a part; `values` is the live array, one entry (or `length` entries) a row."""

    def __init__(self, part: Part, name: str, kind: ColumnKind, length: int) -> None:
        self.part, self.name, self.kind, self.length = part, name, kind, length
        self.values: npt.NDArray[Any] = np.zeros(0, FORMATS[kind])
        self.lifelong = False
        """Whether it is kept when the rest of a line's state is dropped, because it happens once in a line's life."""

    @property
    def place(self) -> str:
        """Part and name: the key of its `Memory`."""
        return f"{self.part.name}: {self.name}"


class Part:
    """Columns of a table that are stored and written together."""

    def __init__(self, table: Table, name: str) -> None:
        self.table, self.name = table, name
        self.columns: dict[str, Column] = {}
        self.texts: dict[str, list[bytes]] = {}
        self.dirty = np.zeros(0, bool)
        self.array: npt.NDArray[Any] = np.zeros(0)
        self.layout = Layout(name, (), ())

    def build(self, rows: int) -> None:
        """Lay out the declared columns for `rows` rows."""
        self.layout = Layout(self.name, tuple((c.name, c.kind, c.length) for c in self.columns.values()), tuple(self.texts))
        self.array = np.zeros(0, self.layout.dtype)
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows; every column's `values` is a new array afterwards."""
        old = self.array
        self.array = np.zeros(rows, self.layout.dtype)
        self.array[: len(old)] = old
        self.dirty = np.concatenate([self.dirty, np.zeros(rows - len(self.dirty), bool)])
        for column in self.columns.values():
            column.values = self.array[column.name]
        for texts in self.texts.values():
            texts.extend([b""] * (rows - len(texts)))

    def touch(self, rows: Rows) -> None:
        """Mark `rows` as changed, to be written with the next transaction."""
        self.dirty[rows] = True

    def column_names(self) -> set[str]:
        """The declared columns."""
        return set(self.columns)

    def clear(self, rows: Rows, *, lifelong: bool = True) -> None:
        """Empty `rows`; with `lifelong` off, what happens once in a life stays."""
        kept = [] if lifelong else [(column, column.values[rows].copy()) for column in self.columns.values() if column.lifelong]
        self.array[rows] = np.zeros((), self.layout.dtype)
        for column, values in kept:
            column.values[rows] = values
        for texts in self.texts.values():
            for row in rows.tolist():
                texts[row] = b""

    def encode(self, rows: Rows) -> list[bytes]:
        """The changelog values of `rows`: fingerprint, row bytes, then each text behind its length."""
        size, head, blob = self.layout.dtype.itemsize, self.layout.fingerprint, self.array[rows].tobytes()
        values = [head + blob[start : start + size] for start in range(0, len(blob), size)]
        for texts in self.texts.values():
            values = [value + LENGTH.pack(len(text := texts[row])) + text for value, row in zip(values, rows.tolist(), strict=True)]
        return values

    def load(self, rows: Rows, layout: Layout, values: list[bytes]) -> None:
        """Read `values`, written in `layout`, into `rows`, column by column, by name."""
        stored = layout.dtype
        records = np.frombuffer(b"".join(value[4 : 4 + stored.itemsize] for value in values), stored)
        if layout.columns == self.layout.columns:
            self.array[rows] = records
        for name, kind, length in layout.columns if layout.columns != self.layout.columns else ():
            mine = self.columns.get(name)
            if mine is None:
                continue
            if (mine.kind, mine.length) != (kind, length):
                raise StateRefused(f"state {self.name}: column {name}: wanted {mine.kind}[{mine.length}], stored as {kind}[{length}]: give the new column a new name")
            mine.values[rows] = records[name]
        for row, value in zip(rows.tolist(), values, strict=True) if layout.texts else ():
            at = 4 + stored.itemsize
            for name in layout.texts:
                (length,) = LENGTH.unpack_from(value, at)
                if name in self.texts:
                    self.texts[name][row] = value[at + 2 : at + 2 + length]
                at += 2 + length


class Index(dict[str, int]):
    """Key to row; a key not met before gets a row."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table

    def __missing__(self, key: str) -> int:
        row = self.table.allocate(key)
        self[key] = row
        return row


class Pairs(dict[tuple[int, ...], int]):
    """(Row of a base table, codes of values) to the row of the finer table: found without making the key's text each time."""

    def __init__(self, table: Table, base: Table) -> None:
        super().__init__()
        self.table, self.base = table, base

    def __missing__(self, pair: tuple[int, ...]) -> int:
        row = self.table.index[SEPARATOR.join([self.base.keys[pair[0]] or "", *map(str, pair[1:])])]
        self[pair] = row
        self.table.pair_of[row] = pair
        return row


class Table:
    """The rows of one key scope."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.index = Index(self)
        self.keys: list[str | None] = []
        self.free: list[int] = []
        self.parts: dict[str, Part] = {}
        self.followers: list[Follower] = []
        self.owners: Owners | None = None
        """The owners of its rows, when the table has timers."""
        self.keep_ms: int | None = 0
        """How long after its last touch a row can still matter; None: forever."""
        self.size = FIRST_ROWS
        self.touched = np.zeros(self.size, np.int64)
        self.next_due = np.full(self.size, NEVER)
        """A lower bound of the timers of each row, epoch ms."""
        self.earliest: int = NEVER
        self.dropped: list[str] = []
        self.pairs: Pairs | None = None
        self.pair_of: dict[int, tuple[int, ...]] = {}
        self.kin: Kin | None = None
        """The base row and customer of each row, when the table is a finer one."""
        self.ranks: set[int] = set()
        """The topics whose records write its rows."""

    def pairs_with(self, base: Table) -> Pairs:
        """The finder of this table's rows by rows of `base`, a table that is never swept: in a swept table a row number may pass to another key."""
        if base.keep_ms is not None:
            raise ValueError(f"{self.name}: wanted a base table that is never swept, got {base.name}")
        if self.pairs is None:
            self.pairs = Pairs(self, base)
        return self.pairs

    def part(self, name: str = "") -> Part:
        """The part `name` of this table, declared on first use."""
        full = f"{self.name}.{name}" if name else self.name
        return self.parts.setdefault(full, Part(self, full))

    def column(self, name: str, kind: ColumnKind, *, part: str = "", length: int = 1) -> Column:
        """Declare a column; the same declaration twice gives the same column."""
        columns = self.part(part).columns
        return columns.setdefault(name, Column(self.part(part), name, kind, length))

    def texts(self, name: str, *, part: str = "") -> Part:
        """Declare a column of byte strings (at most 64 KiB each) in `part`; read and write `part.texts[name][row]`."""
        home = self.part(part)
        home.texts.setdefault(name, [])
        return home

    def matters_for(self, keep_ms: int | None) -> None:
        """Declare that a row matters `keep_ms` after its last touch. The longest requested retention wins; None means forever."""
        self.keep_ms = None if keep_ms is None or self.keep_ms is None else max(self.keep_ms, keep_ms)

    def build(self) -> None:
        """Lay out all parts; no column can be declared afterwards."""
        for part in self.parts.values():
            part.build(self.size)

    def allocate(self, key: str) -> int:
        """A row for a new key."""
        if self.free:
            row = self.free.pop()
            self.keys[row] = key
        else:
            row = len(self.keys)
            self.keys.append(key)
            if row >= self.size:
                self.grow(2 * self.size)
        self._introduce(row, key)
        return row

    def _introduce(self, row: int, key: str) -> None:
        if self.owners is not None:
            self.owners.new_row(row, key)
        if self.kin is not None:
            self.kin.new_row(row, key)

    def grow(self, size: int) -> None:
        """Make room for `size` rows."""
        self.touched = np.concatenate([self.touched, np.zeros(size - self.size, np.int64)])
        self.next_due = np.concatenate([self.next_due, np.full(size - self.size, NEVER)])
        self.size = size
        for part in self.parts.values():
            part.grow(size)
        for follower in self.followers:
            follower.grow(size)
        if self.kin is not None:
            self.kin.grow(size)

    def rows(self, keys: Iterable[str]) -> Rows:
        """The row of each key; new keys get rows."""
        return np.fromiter(map(self.index.__getitem__, keys), np.int32)

    def restore_rows(self, keys: list[str]) -> Rows:
        """The row of each key, as `rows` gives them, for very many new keys at once."""
        index, begin = self.index, len(self.keys)
        new = [key for key in keys if key not in index]
        size = self.size
        while begin + len(new) > size:
            size *= 2
        if size > self.size:
            self.grow(size)
        self.keys += new
        index.update(zip(new, range(begin, begin + len(new)), strict=True))
        if self.owners is not None or self.kin is not None:
            for row, key in enumerate(new, begin):
                self._introduce(row, key)
        return self.rows(keys)

    def arm(self, rows: Rows, due: npt.NDArray[np.int64]) -> None:
        """Note that `rows` have a timer at `due` (epoch ms), so that it is looked for in time."""
        if len(rows):
            self.next_due[rows] = np.minimum(self.next_due[rows], due)
            self.earliest = min(self.earliest, int(due.min()))
            if self.owners is not None:
                self.owners.arm(rows, due)

    def sweep(self, clock: int, latest: list[npt.NDArray[np.int64]]) -> int:
        """Free the rows that no later record can need. Returns how many.

        `clock`: epoch ms. `latest`: by topic rank and customer row, the event time behind which the late limit is counted. A
        record of a customer may lie far behind the clock of the shard, but never further than that behind the customer's own.
        """
        if self.keep_ms is None or self.kin is None:
            return 0
        used = len(self.keys)
        old = np.flatnonzero((self.touched[:used] > 0) & (self.touched[:used] + self.keep_ms < clock)).astype(np.int32)
        for rank in self.ranks:
            old = self.kin.behind(old, self.touched[old] + self.keep_ms, latest[rank])
        self.release(old)
        return len(old)

    def release(self, rows: Rows) -> None:
        """Free `rows` (unique): their state is deleted, and their numbers pass to other keys."""
        for part in self.parts.values():
            part.clear(rows)
            part.dirty[rows] = False
        for follower in self.followers:
            follower.free(rows)
        self.touched[rows] = 0
        self.next_due[rows] = NEVER
        if self.kin is not None:
            self.kin.free(rows)
        for row in rows.tolist():
            key = self.keys[row]
            if key is not None:
                del self.index[key]
                if self.pairs is not None and row in self.pair_of:
                    self.pairs.pop(self.pair_of.pop(row), None)
                self.dropped.append(key)
                self.keys[row] = None
                self.free.append(row)

    def forget(self, rows: Rows, *, lifelong: bool, kept: Part | None = None) -> None:
        """Drop the state of `rows`; the change is written. `kept` stays, and with `lifelong` off also what happens once in a life."""
        for part in self.parts.values():
            if part is not kept:
                part.clear(rows, lifelong=lifelong)
                part.touch(rows)
        for follower in self.followers:
            follower.clear(rows)
            follower.touch(rows)

    @property
    def has_lifelong(self) -> bool:
        """Whether a column is kept for a key's life."""
        return any(column.lifelong for part in self.parts.values() for column in part.columns.values())

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

from schemas.codes import codes_of, texts_of
from streams.engine.state.codec import FORMATS, SEPARATOR, ColumnKind, Layout, StateRefused
from streams.engine.state.keymap import KeyMap, first_of
from streams.engine.state.keys import Keys, split, without_parts
from streams.engine.state.packing import ByteStrings, Values, buffer_of, joined, lengthen, lengths_of, put_rows, with_slack
from streams.engine.state.rowmap import RowMap, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.state.blocks import Blocks
    from streams.engine.state.follower import Follower

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
        self.texts: dict[str, npt.NDArray[np.object_]] = {}
        self.dirty = np.zeros(0, bool)
        self.array: npt.NDArray[Any] = np.zeros(0)
        self.layout = Layout(name, (), ())

    def build(self, rows: int) -> None:
        """Lay out the declared columns for `rows` rows."""
        self.layout = Layout(self.name, tuple((c.name, c.kind, c.length) for c in self.columns.values()), tuple(self.texts))
        self.array = np.zeros(0, self.layout.dtype)
        self.grow(rows)

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows; every column's `values`, and those of `texts`, are new arrays afterwards."""
        old = self.array
        self.array = np.zeros(rows, self.layout.dtype)
        self.array[: len(old)] = old
        lengthen(self, "dirty", rows)
        for column in self.columns.values():
            column.values = self.array[column.name]
        for name, texts in self.texts.items():
            self.texts[name] = np.concatenate([texts, np.full(rows - len(texts), b"", object)])

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
            texts[rows] = b""

    def encode(self, rows: Rows) -> Values:
        """The changelog values of `rows`: fingerprint, row bytes, then each text behind its length; rows in which nothing is kept are gone."""
        size = self.layout.dtype.itemsize
        stored, gone = np.empty((len(rows), 4 + size), np.uint8), np.empty(len(rows), bool)
        data = self.array.view(np.uint8).reshape(len(self.array), size) if size else np.zeros((len(self.array), 0), np.uint8)
        put_rows(buffer_of(self.layout.fingerprint), data, rows, stored, gone)
        pieces = [ByteStrings.equal(stored)]
        for texts in self.texts.values():
            strings = ByteStrings.of(texts[rows].tolist())
            pieces += [lengths_of(strings), strings]
            gone = gone & (strings.lengths == 0)
        return Values(joined(len(rows), *pieces) if self.texts else pieces[0], gone)

    def load(self, rows: Rows, layout: Layout, values: ByteStrings) -> None:
        """Read `values`, written in `layout`, into `rows`, column by column, by name."""
        size = layout.dtype.itemsize
        records = values.within(4, 4 + size).data.view(layout.dtype) if size else np.zeros(0, layout.dtype)
        if size and layout.columns == self.layout.columns:
            self.array[rows] = records
        for name, kind, length in layout.columns if layout.columns != self.layout.columns else ():
            mine = self.columns.get(name)
            if mine is None:
                continue
            if (mine.kind, mine.length) != (kind, length):
                raise StateRefused(f"state {self.name}: column {name}: wanted {mine.kind}[{mine.length}], stored as {kind}[{length}]: give the new column a new name")
            mine.values[rows] = records[name]
        at = np.full(len(rows), 4 + size, np.int64)
        for name in layout.texts:
            lengths = values.within(at, at + 2).data.view("<u2").astype(np.int64)
            if name in self.texts:
                self.texts[name][rows] = values.within(at + 2, at + 2 + lengths).listed()
            at += 2 + lengths


class Table:
    """The rows of one key scope: a base (customer, line, account), or a base and the values of some expressions.

    Rows of a base are found by codes of ids, those of a finer table by the base row and the codes of the values.
    """

    def __init__(self, name: str, width: int, base: Table | None = None) -> None:
        self.name, self.base = name, base
        self.map = RowMap(width)
        self.keys: Keys = Keys() if base is None else base.keys
        self.base_row: Rows = np.full(FIRST_ROWS, -1, np.int32)
        """The row of the base table; of a base table itself its own number."""
        self.customer: Rows = np.zeros(FIRST_ROWS if base is None else 0, np.int32)
        """Of a base table the row of the customer; a finer table's are found by its base (`customers_of`)."""
        self.parts: dict[str, Part] = {}
        self.followers: list[Follower] = []
        self.blocks: list[Blocks] = []
        self.keep_ms: int | None = 0
        """How long after its last touch a row can still matter; None: forever."""
        self.size = FIRST_ROWS
        self.touched = np.zeros(self.size if base is not None else 0, np.int64)
        """When something last happened at each row of a finer table, epoch ms; 0: never."""
        self.dropped: list[tuple[Rows, Ints]] = []
        """Of freed rows, those of their base and the codes of their values, until the changes are taken."""
        self.restored, self.restored_rows = KeyMap(), np.zeros(0, np.int32)
        """The keys that were read back so far, and their rows."""
        self.ranks: set[int] = set()
        """The topics whose records write its rows."""

    def __len__(self) -> int:
        return len(self.map)

    # Declaring

    def part(self, name: str = "") -> Part:
        """The part `name` of this table, declared on first use."""
        full = f"{self.name}.{name}" if name else self.name
        if full not in self.parts:
            self.parts[full] = Part(self, full)
        return self.parts[full]

    def column(self, name: str, kind: ColumnKind, *, part: str = "", length: int = 1) -> Column:
        """Declare a column; the same declaration twice gives the same column."""
        home = self.part(part)
        if name not in home.columns:
            home.columns[name] = Column(home, name, kind, length)
        return home.columns[name]

    def texts(self, name: str, *, part: str = "") -> Part:
        """Declare a column of byte strings (at most 64 KiB each) in `part`; read and write `part.texts[name][row]`."""
        home = self.part(part)
        home.texts.setdefault(name, np.empty(0, object))
        return home

    def matters_for(self, keep_ms: int | None) -> None:
        """Declare that a row matters `keep_ms` after its last touch. The longest requested retention wins; None means forever."""
        self.keep_ms = None if keep_ms is None or self.keep_ms is None else max(self.keep_ms, keep_ms)

    def elsewhere(self) -> list[Follower | Blocks]:
        """The state of its rows that is not in its parts."""
        return [*self.followers, *self.blocks]

    def build(self) -> None:
        """Lay out all parts; no column can be declared afterwards."""
        for part in self.parts.values():
            part.build(self.size)

    # Rows

    def rows_of_ids(self, codes: Ints, customers: Rows | None) -> Rows:
        """Rows of a base table for codes of ids [n, width], each with the row of its customer (None: this table is the customers')."""
        rows, fresh = self.map.find(codes)
        if len(fresh):
            new = rows[fresh]
            self.keys.put(new, ByteStrings(*texts_of(codes[fresh], SEPARATOR)))
            self._introduce(new, new)
            self.customer[new] = new if customers is None else customers[fresh]
        return rows

    def rows_within(self, base: Rows, values: Sequence[Ints], times: Ints) -> Rows:
        """Rows of this finer table for rows of its base and one code a row of each value; new keys get rows."""
        assert self.base is not None  # the caller has a finer table
        wanted = np.stack([base.astype(np.int64), *values], axis=1)
        rows, fresh = self.map.find(wanted)
        if len(fresh):
            self._introduce(rows[fresh], base[fresh])
        self.note(rows, times)
        return rows

    def note(self, rows: Rows, times: Ints) -> None:
        """Something that matters happened at `rows` at `times`, epoch ms."""
        np.maximum.at(self.touched, rows, times)

    def customers_of(self, rows: Rows | slice) -> Rows:
        """The rows of their customers."""
        return self.customer[rows] if self.base is None else self.base.customer[self.base_row[rows]]

    def _introduce(self, rows: Rows, base: Rows) -> None:
        """Give new rows their base rows."""
        most = int(rows.max()) + 1
        if most > self.size:
            self.grow(max(with_slack(self.size), most))
        self.base_row[rows] = base

    def key_strings(self, rows: Rows, begin: bytes = b"", numbers: Ints | None = None) -> ByteStrings:
        """The keys of `rows`, each behind `begin`, and followed by a separator and one of `numbers` where there are some."""
        parts = self.key_parts(rows)
        return self.keys.read(self.base_row[rows], parts if numbers is None else np.concatenate([parts, numbers[:, None]], axis=1), begin)

    def key_parts(self, rows: Rows) -> Ints:
        """The codes of the values that split the base [rows, values]."""
        return self.map.keys[rows, 1:] if self.base is not None else np.zeros((len(rows), 0), np.int64)

    def dropped_keys(self, begin: bytes = b"") -> ByteStrings:
        """The keys of freed rows, each behind `begin`."""
        if not self.dropped:
            return ByteStrings.of([])
        base, parts = (np.concatenate(some) for some in zip(*self.dropped, strict=True))
        return self.keys.read(base, parts, begin)

    def key_texts(self, rows: Rows) -> list[str]:
        """The keys of `rows`."""
        return self.key_strings(rows).texts()

    def all_keys(self) -> list[str]:
        """The keys of all rows in use."""
        return self.key_texts(self.live().nonzero()[0].astype(np.int32))

    def key_text(self, row: int) -> str:
        """The key of one row."""
        return self.keys.text(row) if self.base is None else self.key_texts(np.array([row], np.int32))[0]

    def restore_rows(self, keys: ByteStrings, customers: Table) -> Rows:
        """The rows of stored keys; the customers' and base tables' rows are made where they are new."""
        if self.base is not None:
            stored, parts = without_parts(keys, self.map.width - 1)
            base = self.base.restore_rows(stored, customers)
            rows, fresh = self.map.find(np.concatenate([base.astype(np.int64)[:, None], parts], axis=1))
            if len(fresh):
                self._introduce(rows[fresh], base[fresh])
            return rows
        known = self.restored.used
        numbers = self.restored.find(keys)
        if self.restored.used > known:
            self.restored_rows = np.concatenate([self.restored_rows, self._restore_new(keys.some(first_of(numbers, known)), customers)])
        return self.restored_rows[numbers]

    def _restore_new(self, keys: ByteStrings, customers: Table) -> Rows:
        """The rows of keys of a base table that were not read before."""
        split_keys = split(keys, self.map.width)
        codes = np.array([codes_of(strings.listed()) for strings in split_keys], np.int64).T
        rows, fresh = self.map.find(np.ascontiguousarray(codes))
        if len(fresh):
            new = rows[fresh]
            whose = new if self is customers else customers.restore_rows(split_keys[0].some(fresh), customers)
            self.keys.put(new, keys.some(fresh))
            self._introduce(new, new)
            self.customer[new] = whose
        return rows

    def all_restored(self) -> None:
        """No more keys are read: what found their rows is not needed any more."""
        self.restored, self.restored_rows = KeyMap(), np.zeros(0, np.int32)

    def rows_under(self, base: Rows) -> Rows:
        """All rows that belong to rows `base` of the base table."""
        if self.base is None:
            return base
        used = self.map.used
        return (np.isin(self.base_row[:used], base) & self.map.live[:used]).nonzero()[0].astype(np.int32)

    def grow(self, size: int) -> None:
        """Make room for `size` rows."""
        lengthen(self, "customer" if self.base is None else "touched", size)
        lengthen(self, "base_row", size, -1)
        self.size = size
        for part in self.parts.values():
            part.grow(size)
        for other in self.elsewhere():
            other.grow(size)

    # Freeing

    def sweep(self, clock: int, latest: list[npt.NDArray[np.int64]]) -> int:
        """Free the rows that no later record can need. Returns how many.

        `clock`: epoch ms. `latest`: by topic rank and customer row, the event time behind which the late limit is counted. A
        record of a customer may lie far behind the clock of the shard, but never further than that behind the customer's own.
        """
        if self.keep_ms is None or self.base is None:
            return 0
        used = self.map.used
        old = ((self.touched[:used] > 0) & (self.touched[:used] + self.keep_ms < clock)).nonzero()[0].astype(np.int32)
        for rank in self.ranks:
            whose = self.customers_of(old)
            known = whose < len(latest[rank])
            old = old[known & (self.touched[old] + self.keep_ms < latest[rank][np.where(known, whose, 0)])]
        self.release(old)
        return len(old)

    def release(self, rows: Rows) -> None:
        """Free `rows` (unique): their state is deleted, and their numbers pass to other keys."""
        if not len(rows):
            return
        assert not self.blocks  # their rows are never freed
        self.dropped.append((self.base_row[rows], self.key_parts(rows)))
        for part in self.parts.values():
            part.clear(rows)
            part.dirty[rows] = False
        for follower in self.followers:
            follower.free(rows)
        if self.base is not None:
            self.touched[rows] = 0
        self.base_row[rows] = -1
        self.map.release(rows)

    def note_touched(self, moment: Ints | int) -> None:
        """Treat all rows as touched at `moment` (one for all, or one a row)."""
        if self.base is None:
            return
        used = self.map.used
        self.touched[:used] = np.where(self.map.live[:used], moment, 0)

    def live(self) -> Bools:
        """Which row numbers are in use."""
        return self.map.live[: self.map.used]


__all__ = ["FIRST_ROWS", "NEVER", "Column", "Part", "Rows", "Table"]

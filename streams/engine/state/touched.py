"""The rows of a base table at which something of chosen record types has happened: what only some keys have costs the others four bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.kernels import kernel
from streams.engine.state.packing import with_slack
from streams.engine.state.rowmap import RowMap
from streams.engine.state.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.state.packing import ByteStrings
    from streams.engine.state.tables import Rows


@kernel("int64(int32[:], int32[:], int64, int32[:], int32[:])")
def find_or_add(slots: Any, base: Any, used: int, rows: Any, fresh: Any) -> int:
    """Set `rows` for each base row; those that have none take one from `used` on. Returns how many are new; `fresh`: which."""
    n = 0
    for i in range(len(base)):
        row = slots[base[i]]
        if row == 0:
            row = used + n + 1
            slots[base[i]], fresh[n] = row, base[i]
            n += 1
        rows[i] = row - 1
    return n


class OwnRows(RowMap):
    """Which rows of a base table have a row of their own: found by their numbers, never released."""

    def __init__(self) -> None:
        super().__init__(1)
        self.slots = np.zeros(0, np.int32)
        """By base row, the own row plus one; 0: none."""

    def cover(self, size: int) -> None:
        """Make room for base rows below `size`."""
        if size > len(self.slots):
            slots = np.zeros(size, np.int32)
            slots[: len(self.slots)] = self.slots
            self.slots = slots

    def find_rows(self, base: Rows) -> tuple[Rows, Rows]:
        """The own rows of `base`, and the base rows among them that are new, in order of first appearance.

        >>> own = OwnRows()
        >>> own.cover(8)
        >>> own.find_rows(np.array([5, 2, 5], np.int32)), own.find_rows(np.array([2, 7], np.int32))
        ((array([0, 1, 0], dtype=int32), array([5, 2], dtype=int32)), (array([1, 2], dtype=int32), array([7], dtype=int32)))
        """
        rows, fresh = np.empty(len(base), np.int32), np.empty(len(base), np.int32)
        new = find_or_add(self.slots, base, self.used, rows, fresh)
        self.used += new
        return rows, fresh[:new]

    def look_up(self, wanted: Ints) -> Rows:
        """The own rows of base rows `wanted` [n, 1], -1 where there is none."""
        base = wanted[:, 0]
        inside = (base >= 0) & (base < len(self.slots))
        return np.where(inside, self.slots[np.where(inside, base, 0)] - 1 if len(self.slots) else np.int32(-1), np.int32(-1)).astype(np.int32)


class TouchedRows(Table):
    """Rows for those keys of a base table that something has happened to. A row keeps its number for good; keys and their order are the base's."""

    base: Table

    def __init__(self, base: Table) -> None:
        super().__init__(base.name, 1, base)
        self.rows = OwnRows()
        self.map = self.rows
        self.keep_ms = None
        self.touched = np.zeros(0, np.int64)

    def rows_within(self, base: Rows, values: Sequence[Ints], times: Ints) -> Rows:
        """Rows for rows of the base; those that have none get one."""
        del values, times
        self.rows.cover(self.base.size)
        rows, fresh = self.rows.find_rows(base)
        if len(fresh):
            new = self.rows.slots[fresh] - 1
            if self.rows.used > self.size:
                self.grow(max(with_slack(self.size), self.rows.used))
            self.base_row[new] = fresh
        return rows

    def row_of(self, base: int) -> int:
        """The row for one row of the base, made where it has none."""
        return int(self.rows_within(np.array([base], np.int32), (), self.touched)[0])

    def there(self, base: Rows | Ints) -> Rows:
        """The rows for rows of the base, -1 where they have none."""
        return self.rows.look_up(base.astype(np.int64)[:, None])

    def restore_rows(self, keys: ByteStrings, customers: Table) -> Rows:
        """The rows of stored keys; the base's rows are made where they are new."""
        return self.rows_within(self.base.restore_rows(keys, customers), (), self.touched)

    def rows_under(self, base: Rows) -> Rows:
        """The rows of rows `base` of the base table that have one, ascending."""
        rows = self.there(np.unique(base))
        return np.sort(rows[rows >= 0])

    def key_parts(self, rows: Rows) -> Ints:
        """Nothing splits the base's keys here."""
        return np.zeros((len(rows), 0), np.int64)

    def grow(self, size: int) -> None:
        """Make room for `size` rows."""
        super().grow(size)
        self.touched = np.zeros(0, np.int64)

    def note(self, rows: Rows, times: Ints) -> None:
        """Nothing: its rows are kept for good."""

    def live(self) -> Bools:
        """All rows are in use."""
        return np.ones(self.rows.used, bool)

    def note_touched(self, moment: Ints | int) -> None:
        """Nothing: its rows are kept for good."""


__all__ = ["TouchedRows"]

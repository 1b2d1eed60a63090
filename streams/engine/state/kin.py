"""The owners of finer rows: from a row of a finer table to its base row and its customer. Rebuilt, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.state.codec import SEPARATOR

if TYPE_CHECKING:
    import numpy.typing as npt

    from streams.engine.state.tables import Rows, Table


class Kin:
    """For one finer table: the row of `base` and the row of the customer of each of its rows."""

    def __init__(self, table: Table, base: Table, customers: Table) -> None:
        self.table, self.base, self.customers = table, base, customers
        self.parts = 1 if base is customers else 2
        """Parts of a key that name the base row."""
        self.base_row = np.full(table.size, -1, np.int32)
        self.customer = np.zeros(table.size, np.int32)

    def new_row(self, row: int, key: str) -> None:
        """Note the base row and the customer of `row`."""
        parts = key.split(SEPARATOR, self.parts)
        self.base_row[row] = self.base.index[SEPARATOR.join(parts[: self.parts])]
        self.customer[row] = self.customers.index[parts[0]]

    def rows_of(self, base: Rows) -> Rows:
        """All rows that refine rows `base` of the base table."""
        used = len(self.table.keys)
        return np.flatnonzero(np.isin(self.base_row[:used], base)).astype(np.int32)

    def free(self, rows: Rows) -> None:
        """These rows have no owner any more."""
        self.base_row[rows] = -1

    def grow(self, size: int) -> None:
        """The table has room for `size` rows."""
        more = size - len(self.customer)
        self.base_row = np.concatenate([self.base_row, np.full(more, -1, np.int32)])
        self.customer = np.concatenate([self.customer, np.zeros(more, np.int32)])

    def behind(self, rows: Rows, until: npt.NDArray[np.int64], latest: npt.NDArray[np.int64]) -> Rows:
        """Which of `rows`, needed until `until`, no later record of their customer can need: `latest` is by customer row."""
        whose = self.customer[rows]
        known = whose < len(latest)
        return rows[known & (until < latest[np.where(known, whose, 0)])]

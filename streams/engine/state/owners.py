"""The owners of rows with timers: from a customer to the rows of its lines and accounts.

A record of a customer may change what a timer of another of its lines will report (its consent, for example). So before a customer's
record is read, everything of that customer that the clock has reached must have fired, exactly as if records came one at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.state.codec import SEPARATOR, Layout
from streams.engine.state.follower import Follower
from streams.engine.state.tables import NEVER

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.tables import Rows, Table


class Owners(Follower):
    """For one table with timers: the customer of each row, and the rows of each customer as a chain. Rebuilt, never written."""

    def __init__(self, table: Table, customers: Table) -> None:
        self.table, self.customers = table, customers
        self.part_name = f"{table.name}.owners"
        self.owner = np.zeros(table.size, np.int32)
        self.sibling = np.full(table.size, -1, np.int32)
        self.first = np.full(customers.size, -1, np.int32)
        self.due = np.full(customers.size, NEVER)
        """A lower bound of the timers of each customer's rows, epoch ms."""
        table.followers.append(self)
        table.owners = self

    def new_row(self, row: int, key: str) -> None:
        """Put `row` into its customer's chain."""
        customer = self.customers.index[key.split(SEPARATOR, 1)[0]]
        if customer >= len(self.first):
            more = self.customers.size - len(self.first)
            self.first = np.concatenate([self.first, np.full(more, -1, np.int32)])
            self.due = np.concatenate([self.due, np.full(more, NEVER)])
        self.owner[row], self.sibling[row], self.first[customer] = customer, self.first[customer], row

    def arm(self, rows: Rows, due: Ints) -> None:
        """Note that timers of `rows` were set."""
        np.minimum.at(self.due, self.owner[rows], due)

    def reached(self, customers: Rows, limits: Ints) -> Ints:
        """Which of `customers` (unique) may have timers at or before `limits`."""
        known = customers < len(self.due)
        return np.flatnonzero(known & (self.due[np.where(known, customers, 0)] <= limits))

    def rows_of(self, customers: Rows) -> tuple[Rows, Ints]:
        """All rows of `customers`, and for each the index of its customer."""
        rows: list[int] = []
        whose: list[int] = []
        for at, customer in enumerate(customers.tolist()):
            row = int(self.first[customer])
            while row >= 0:
                rows.append(row)
                whose.append(at)
                row = int(self.sibling[row])
        return np.array(rows, np.int32), np.array(whose, np.int64)

    def settle(self, customers: Rows) -> None:
        """Recompute the earliest due time of each of `customers` after its timers fired."""
        rows, whose = self.rows_of(customers)
        bounds = np.full(len(customers), NEVER)
        np.minimum.at(bounds, whose, self.table.next_due[rows])
        self.due[customers] = bounds

    def grow(self, size: int) -> None:
        more = size - len(self.owner)
        self.owner = np.concatenate([self.owner, np.zeros(more, np.int32)])
        self.sibling = np.concatenate([self.sibling, np.full(more, -1, np.int32)])

    def clear(self, rows: Rows) -> None:
        """Chains stay: rows with timers are never freed."""

    def free(self, rows: Rows) -> None:
        """Never called: a freed row would stay in its customer's chain."""
        raise ValueError(f"{self.table.name}: rows with timers are never freed")

    def layout(self) -> Layout:
        return Layout(self.part_name, (), ())

    def touch(self, rows: Rows) -> None:
        """Nothing is stored."""

    def take_dirty(self) -> Rows:
        return np.zeros(0, np.int32)

    def encode(self, rows: Rows) -> list[bytes | None]:
        return [None for _ in rows]

    def load(self, rows: Rows, layout: Layout, values: list[bytes]) -> None:
        """Nothing is stored."""

    def text_codes(self, rows: Rows) -> Ints:
        del rows
        return np.zeros(0, np.int64)

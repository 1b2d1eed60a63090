"""The clock of a shard, and why one wrong date cannot move it.

It is the running maximum of the released event times, with one exception: a record more than `jump_ms` ahead of it is not
believed alone. It is judged like any other, but the clock moves only when the next on-time record of **another** customer is
ahead as well, and then to the earlier of the two (to the later, when that is no jump any more). So a date mistyped by a year fires no timers and ends no state of others, while
a real gap in the traffic costs the delay of one record. Before anything is known, any second record will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from streams.engine.expression import Ints
    from streams.engine.state.tables import Rows, Table

JUMP_MS = 31 * 86_400_000


class Ahead(msgspec.Struct, frozen=True):
    """A record ahead of the clock that nobody has confirmed yet: whose, and when (epoch ms)."""

    customer: str
    time: int


class Clock:
    """`now`, epoch ms (0: nothing known), and the record that waits to be believed."""

    def __init__(self, jump_ms: int = JUMP_MS) -> None:
        self.jump_ms = jump_ms
        self.now = 0
        self.ahead: Ahead | None = None

    def follow(self, times: Ints, customers: Rows, table: Table) -> Ints:
        """Take records in their order: the clock before each of them, and after the last (one more than there are records)."""
        before = np.maximum.accumulate(np.concatenate([[self.now], times]))
        if self.now and self.ahead is None and not (times > before[:-1] + self.jump_ms).any():
            self.now = int(before[-1])
            return before
        for at, (time, row) in enumerate(zip(times.tolist(), customers.tolist(), strict=True)):
            before[at] = self.now
            self._take(time, table.keys[row] or "")
        before[-1] = self.now
        return before

    def _take(self, time: int, customer: str) -> None:
        another = self.ahead is not None and (self.ahead.customer != customer or not self.now)
        if time <= self.now + self.jump_ms:
            if another and time >= self.now:
                self.ahead = None
            self.now = max(self.now, time)
            return
        mine = Ahead(customer, time)
        if self.ahead is None:
            self.ahead = mine
            return
        first, last = sorted((self.ahead, mine), key=lambda a: a.time)
        if another:
            self.now = first.time
        self.ahead = None
        if last.time > self.now + self.jump_ms:
            self.ahead = last
        else:
            self.now = last.time

    def pass_to(self, time: int) -> None:
        """Time passes without records."""
        self.now = max(self.now, time)

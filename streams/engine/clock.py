"""The clock of a shard, and why one wrong date cannot move it.

It is the running maximum of the released event times, with one exception: a single record more than `jump_ms` ahead of it does
not move it. That record is evaluated like any other. The clock moves only if the next on-time record of **another** customer is
also more than `jump_ms` ahead. Then the clock takes the earlier time; if the later one is now within `jump_ms`, it takes that.
So a date mistyped by a year fires no timers and ends no state of others, while a real gap in the traffic costs the delay of one
record. At the very beginning a second record of any customer is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.tables import Rows, Table

JUMP_MS = 31 * 86_400_000
STRETCH = 16_384
"""Records that are passed at once at most, so that many wrong dates cost no more than so much each."""


class Ahead(msgspec.Struct, frozen=True):
    """A record ahead of the clock that no other record has confirmed yet: its customer, and its time (epoch ms)."""

    customer: str
    time: int


class Clock:
    """`now`, epoch ms (0: nothing known), and the record that waits to be confirmed."""

    def __init__(self, jump_ms: int = JUMP_MS) -> None:
        self.jump_ms = jump_ms
        self.now = 0
        self.ahead: Ahead | None = None

    def follow(self, times: Ints, customers: Rows, table: Table) -> Ints:
        """Pass records in their order. Returns the clock before each of them, and after the last (one entry more than records)."""
        before = np.empty(len(times) + 1, np.int64)
        at = 0
        while at < len(times):
            if self.now and self.ahead is None:
                at += self._follow_near(times[at : at + STRETCH], before[at : at + STRETCH])
            if at < len(times):
                before[at] = self.now
                self._take(int(times[at]), table.key_text(int(customers[at])))
                at += 1
        before[-1] = self.now
        return before

    def _follow_near(self, times: Ints, before: Ints) -> int:
        """Pass records up to the first that is too far ahead, and note the clock before each of them. Returns how many."""
        clock = np.maximum.accumulate(np.concatenate([[self.now], times]))
        far = (times > clock[:-1] + self.jump_ms).nonzero()[0]
        near = int(far[0]) if len(far) else len(times)
        before[:near] = clock[:near]
        self.now = int(clock[near])
        return near

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
        """Move the clock on without records."""
        self.now = max(self.now, time)

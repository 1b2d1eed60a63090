"""Admission: drops duplicates, marks late records and refuses very late ones, per customer and topic (`docs/semantics.md` §1.2, §1.5).

A record is late when a later one of its customer and topic came before it. A record far ahead of the clock makes nothing late
until the clock has reached it: one wrong date must not silence its customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.batch import DUPLICATE, LATE, RANKS

if TYPE_CHECKING:
    from collections import Counter

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.state.tables import Rows, Table

REMEMBERED = 16
"""How many of the last records of a customer and topic a record is compared with, to find repeats."""


class Admission:
    """State, one part a topic: the last ids with a digest of their content, the latest event time, and one that is not confirmed yet (0: none)."""

    def __init__(self, customers: Table, late_limit_ms: int, jump_ms: int, counters: Counter[str]) -> None:
        self.late_limit_ms, self.jump_ms, self.counters = late_limit_ms, jump_ms, counters
        names = [f"seen.{rank}" for rank in range(RANKS)]
        self.ids = [customers.column("id", "token", part=name, length=REMEMBERED) for name in names]
        self.next = [customers.column("next", "int", part=name) for name in names]
        self.latest = [customers.column("latest", "time", part=name) for name in names]
        self.ahead = [customers.column("ahead", "time", part=name) for name in names]
        self.digests = [customers.column("content", "digest", part=name, length=REMEMBERED) for name in names]
        customers.matters_for(None)

    def latest_times(self) -> list[Ints]:
        """By topic rank and customer row, the time behind which lateness is counted."""
        return [column.values for column in self.latest]

    def newest_times(self) -> Ints:
        """By customer row, the greatest event time of any topic, confirmed or not."""
        newest: Ints = np.max([column.values for column in (*self.latest, *self.ahead)], axis=0)
        return newest

    def admit(self, batch: Batch, members: Ints, clock: Ints) -> Ints:
        """Evaluate the records at merged positions `members` (one a customer): sets `fate` and `late` of the batch.

        `clock`: before each record of the batch, epoch ms.

        Returns the positions of records that are too late.
        """
        refused = []
        rank = batch.rank[members]
        for number in range(RANKS):
            mine = members[rank == number]
            if len(mine):
                refused.append(self._admit_topic(batch, mine, number, clock))
        return np.concatenate(refused) if refused else np.zeros(0, np.int64)

    def _admit_topic(self, batch: Batch, mine: Ints, number: int, clock: Ints) -> Ints:
        ids, digests, following = self.ids[number], self.digests[number], self.next[number]
        rows, identity = batch.customer[mine], batch.id_hash[mine]
        digest = batch.content_hash[mine].astype(np.uint16)
        same = ids.values[rows] == identity[:, None]
        repeated = same.any(1)
        if repeated.any():
            self.counters["duplicate"] += int(repeated.sum())
            first = digests.values[rows[repeated], np.argmax(same[repeated], axis=1)]
            self.counters["conflict"] += int((first != digest[repeated]).sum())
            batch.fate[mine[repeated]] = DUPLICATE
            new = ~repeated
            mine, rows, identity, digest = mine[new], rows[new], identity[new], digest[new]
        slot = following.values[rows]
        ids.values[rows, slot] = identity
        digests.values[rows, slot] = digest
        following.values[rows] = (slot + 1) % REMEMBERED
        behind = self._lateness(rows, batch.time[mine], clock[mine], number)
        late, refused = behind > 0, mine[behind > self.late_limit_ms]
        if late.any():
            self.counters["late"] += int(late.sum()) - len(refused)
            batch.late[mine[late]] = True
            batch.fate[refused] = LATE
        return refused

    def _lateness(self, rows: Rows, times: Ints, clock: Ints, number: int) -> Ints:
        """How far each record is behind the latest of its customer and topic, ms; afterwards the record is the latest, if it is confirmed.

        One unconfirmed record is remembered: of several the earliest, of those within a jump of each other the latest.
        """
        latest, ahead = self.latest[number], self.ahead[number]
        waiting = ahead.values[rows]
        reached = (waiting != 0) & (waiting <= clock)
        newest = np.where(reached, np.maximum(latest.values[rows], waiting), latest.values[rows])
        waiting = np.where(reached, 0, waiting)
        unbelieved = (clock > 0) & (times > clock + self.jump_ms)
        nearer = np.where(np.abs(waiting - times) > self.jump_ms, np.minimum(waiting, times), np.maximum(waiting, times))
        ahead.values[rows] = np.where(unbelieved, np.where(waiting == 0, times, nearer), waiting)
        latest.values[rows] = np.where(unbelieved, newest, np.maximum(newest, times))
        latest.part.touch(rows)
        return newest - times

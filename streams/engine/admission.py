"""Admission: drops repeats and refuses very late records, per customer and topic (`docs/semantics.md` §1.2, §1.5).

A record far ahead of the clock makes nothing late until the clock has reached it: one wrong date must not silence its customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.batch import DUPLICATE, LATE, RANKS
from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from collections import Counter

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.state.tables import Table

REMEMBERED = 16
"""How many of the last records of a customer and topic a record is compared with, to find repeats."""


@kernel(
    "void(int64[:], int32[:], int64[:], int64[:], int64[:], int64[:], int64[:,:], uint16[:,:], int64[:], int64[:], int64[:], boolean[:], int64, int64, int8[:], int64[:], boolean[:])"
)
def admit_topic(
    at: Any,
    rows: Any,
    times: Any,
    clock: Any,
    ids: Any,
    contents: Any,
    seen: Any,
    digests: Any,
    following: Any,
    latest: Any,
    ahead: Any,
    dirty: Any,
    late_ms: int,
    jump_ms: int,
    fate: Any,
    counts: Any,
    out: Any,
) -> None:
    """The records at positions `at` of one topic, in order: sets their fate, and `out` where one comes behind a newer one of its customer.

    `counts`: repeats, repeats with other content. One unconfirmed time ahead of the clock is remembered a customer (0: none): of
    several the earliest, of those within a jump of each other the latest.
    """
    for place in range(len(at)):
        i = at[place]
        row, time = rows[i], times[i]
        digest = contents[i] & 0xFFFF
        repeated = False
        for k in range(seen.shape[1]):
            if seen[row, k] == ids[i]:
                repeated = True
                counts[0] += 1
                if digests[row, k] != digest:
                    counts[1] += 1
                break
        if repeated:
            fate[i] = 1
            continue
        slot = following[row]
        seen[row, slot] = ids[i]
        digests[row, slot] = digest
        following[row] = (slot + 1) % seen.shape[1]
        dirty[row] = True
        waiting, newest = ahead[row], latest[row]
        if waiting != 0 and waiting <= clock[i]:
            newest = max(newest, waiting)
            waiting = 0
        if clock[i] > 0 and time > clock[i] + jump_ms:
            if waiting == 0:
                waiting = time
            elif abs(waiting - time) > jump_ms:
                waiting = min(waiting, time)
            else:
                waiting = max(waiting, time)
            latest[row] = newest
        else:
            latest[row] = max(newest, time)
        ahead[row] = waiting
        behind = newest - time
        out[i] = behind > 0
        if behind > late_ms:
            fate[i] = 2


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

    def admit(self, batch: Batch) -> Ints:
        """Set the `fate` and `believed` of every record of the batch. Returns the positions of records that are too late."""
        batch.believed[:] = (batch.clock[:-1] <= 0) | (batch.time <= batch.clock[:-1] + self.jump_ms)
        behind, counts = np.zeros(batch.n, bool), np.zeros(2, np.int64)
        for rank in range(RANKS):
            at = np.flatnonzero(batch.rank == rank)
            if len(at):
                state = (self.ids[rank], self.digests[rank], self.next[rank], self.latest[rank], self.ahead[rank])
                columns = [column.values for column in state]
                inputs = (at, batch.customer, batch.time, batch.clock[:-1], batch.id_hash, batch.content_hash)
                admit_topic(*inputs, *columns, self.latest[rank].part.dirty, self.late_limit_ms, self.jump_ms, batch.fate, counts, behind)
        refused = np.flatnonzero(batch.fate == LATE)
        self.counters["duplicate"] += int(counts[0])
        self.counters["conflict"] += int(counts[1])
        self.counters["late"] += int(behind.sum()) - len(refused)
        return refused


__all__ = ["DUPLICATE", "REMEMBERED", "Admission"]

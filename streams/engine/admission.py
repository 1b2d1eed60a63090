"""What is let in: a round's records against their customer's last ones of the same topic (`docs/semantics.md` §1.2, §1.5).

Repeats are dropped, records behind a later one are marked late, and those more than the limit behind are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.batch import DUPLICATE, LATE, RANKS

if TYPE_CHECKING:
    from collections import Counter

    from streams.engine.batch import Batch
    from streams.engine.expression import Ints
    from streams.engine.state.tables import Table

REMEMBERED = 16
"""Records of a customer and topic that a repeat is looked for among."""


class Admission:
    """State, one part a topic: the last ids with a digest of their content, and the latest event time."""

    def __init__(self, customers: Table, late_limit_ms: int, counters: Counter[str]) -> None:
        self.late_limit_ms, self.counters = late_limit_ms, counters
        names = [f"seen.{rank}" for rank in range(RANKS)]
        self.ids = [customers.column("id", "token", part=name, length=REMEMBERED) for name in names]
        self.next = [customers.column("next", "int", part=name) for name in names]
        self.latest = [customers.column("latest", "time", part=name) for name in names]
        self.digests = [customers.column("content", "digest", part=name, length=REMEMBERED) for name in names]
        customers.matters_for(None)

    def admit(self, batch: Batch, members: Ints) -> Ints:
        """Judge the records at merged positions `members` (one a customer): sets `fate` and `late` of the batch.

        Returns the positions that are too late to be taken.
        """
        refused = []
        rank = batch.rank[members]
        for number in range(RANKS):
            mine = members[rank == number]
            if len(mine):
                refused.append(self._admit_topic(batch, mine, number))
        return np.concatenate(refused) if refused else np.zeros(0, np.int64)

    def _admit_topic(self, batch: Batch, mine: Ints, number: int) -> Ints:
        ids, digests, latest, following = self.ids[number], self.digests[number], self.latest[number], self.next[number]
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
        behind = latest.values[rows] - batch.time[mine]
        latest.values[rows] = np.maximum(latest.values[rows], batch.time[mine])
        latest.part.touch(rows)
        late, refused = behind > 0, mine[behind > self.late_limit_ms]
        if late.any():
            self.counters["late"] += int(late.sum()) - len(refused)
            batch.late[mine[late]] = True
            batch.fate[refused] = LATE
        return refused

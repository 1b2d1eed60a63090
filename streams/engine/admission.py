"""Admission: drops repeats and refuses very late records, per customer and topic (`docs/semantics.md` §1.2, §1.5).

A record far ahead of the clock makes nothing late until the clock has reached it: one wrong date must not silence its customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.raw import TOPICS
from streams.engine.batch import DUPLICATE, LATE
from streams.engine.remembered import LEAST, MOST, RememberedIds

if TYPE_CHECKING:
    from collections import Counter

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.state.tables import Table

NETWORK = "raw.network"
"""The topic of which only the last ids are remembered: its records are many, and a repeat changes little."""


class Admission:
    """State, one part a topic: the ids remembered, the latest event time, and one that is not confirmed yet (0: none).

    `late_limit_ms`: how far behind the newest record of its customer and topic a record may be, and how long its id is remembered
    there. At least `least` ids are remembered of each, at most `most`.
    """

    def __init__(self, customers: Table, late_limit_ms: int, jump_ms: int, counters: Counter[str], *, least: int = LEAST, most: int = MOST) -> None:
        self.late_limit_ms, self.jump_ms, self.counters = late_limit_ms, jump_ms, counters
        names = [f"seen.{rank}" for rank in range(len(TOPICS))]
        self.latest = [customers.column("latest", "time", part=name) for name in names]
        self.ahead = [customers.column("ahead", "time", part=name) for name in names]
        customers.matters_for(None)
        self.ids = [RememberedIds(customers, topic.removeprefix("raw."), late_limit_ms if topic != NETWORK else None, least=least, most=most) for topic in TOPICS]

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
        behind, counts = np.zeros(batch.n, bool), np.zeros(3, np.int64)
        for rank, ids in enumerate(self.ids):
            at = (batch.rank == rank).nonzero()[0]
            if len(at):
                latest, ahead = self.latest[rank], self.ahead[rank]
                inputs = (at, batch.customer, batch.time, batch.clock[:-1], batch.id_hash, batch.content_hash)
                ids.admit(inputs, (latest.values, ahead.values, latest.part.dirty), (self.late_limit_ms, self.jump_ms), (batch.fate, counts, behind))
        refused = (batch.fate == LATE).nonzero()[0]
        for name, number in zip(("duplicate", "conflict", "ids_forgotten"), counts.tolist(), strict=True):
            self.counters[name] += number
        behind[refused] = False
        self.counters["late"] += int(behind.sum())
        for kind, number in enumerate(np.bincount(batch.kind[behind]).tolist()):
            if number:
                self.counters[f"late.{kind}"] += number
        return refused


__all__ = ["DUPLICATE", "Admission"]

"""First seen: the earliest event time of any record of a key, of whatever type; kept once for all rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.expression import Reading
from streams.engine.kernels import kernel
from streams.engine.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import ValueKind
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Rows

PART = "seen"
"""The part of a table for it: written when a key is seen for the first time, and by late records that are earlier."""


class FirstSeen(Reading):
    """When the key was first seen: the earliest event time of any of its records so far. A late record may move it back."""

    kind: ValueKind = "time"

    def key(self) -> object:
        return ("FirstSeen",)

    def canonical(self, value_of: ValueOf) -> str:
        del value_of
        return "first seen"

    def __str__(self) -> str:
        return "first_seen"


first_seen = FirstSeen()


@kernel("int64(int64[:], int64[:], int64[:], int64[:,:], int64[:], boolean[:], int64[:,:])")
def note_seen(rows: Any, at: Any, times: Any, ends: Any, seen: Any, dirty: Any, changes: Any) -> int:
    """Lower `seen` (epoch ms, 0: not seen) of `rows` to `times`, in the order of `at`. `ends`: at which places which rows are emptied.

    `changes`: row, place, and the value until then. Returns how many.
    """
    n, k = 0, 0
    for i in range(len(rows) + 1):
        while k < len(ends) and (i == len(rows) or ends[k, 0] <= at[i]):
            row = ends[k, 1]
            if seen[row] != 0:
                changes[n, 0], changes[n, 1], changes[n, 2] = row, ends[k, 0], seen[row]
                seen[row], dirty[row] = 0, True
                n += 1
            k += 1
        if i < len(rows) and (seen[rows[i]] == 0 or times[i] < seen[rows[i]]):
            row = rows[i]
            changes[n, 0], changes[n, 1], changes[n, 2] = row, at[i], seen[row]
            seen[row], dirty[row] = times[i], True
            n += 1
    return n


class SeenStage(Stage):
    """When each key of scope `by` was first seen. `records`: the stages of all types of records."""

    def __init__(self, home: Home, by: str, records: Sequence[FlowStage]) -> None:
        super().__init__(*records)
        self.by, self.records, self.name = by, records, PART
        self.table = home.state.table(by)
        self.column = self.table.column(f"{PART}.first", "time", part=PART)
        home.keep(self.table, None)
        self.changes = np.zeros((0, 3), np.int64)
        """Those of the batch, by row and place."""
        self.width = 1

    def rest(self, batch: Batch) -> None:
        self.changes = np.zeros((0, 3), np.int64)

    def run(self, batch: Batch) -> None:
        flows = [stage.flow for stage in self.records if stage.flow.n]
        none = np.zeros(0, np.int64)
        rows, at, times = (np.concatenate([none, *columns]) for columns in ([flow.rows(self.by) for flow in flows], [flow.at for flow in flows], [flow.time for flow in flows]))
        ends = [(2 * one.position + 2, one.row) for one in batch.resets if not one.timers_only] if self.by == "line" else []
        seen = self.column.values
        if not ends:
            lower = ((seen[rows] == 0) | (times < seen[rows])).nonzero()[0]
            rows, at, times = rows[lower], at[lower], times[lower]
        order = at.argsort(kind="stable")
        changes = np.empty((len(rows) + len(ends), 3), np.int64)
        n = note_seen(rows[order], at[order], times[order], np.array(sorted(ends), np.int64).reshape(-1, 2), seen, self.column.part.dirty, changes)
        self.width = 2 * batch.n + 3
        self.changes = changes[np.lexsort((changes[:n, 1], changes[:n, 0]))]

    def as_of(self, rows: Rows | Ints, at: Ints) -> Ints:
        """When keys were first seen, epoch ms, as of places `at` (`flow.py`); 0: never, or no key (row -1)."""
        wanted = np.asarray(rows, np.int64)
        found: Ints = np.where(wanted >= 0, self.column.values[wanted], 0)
        if len(self.changes):
            after = np.searchsorted(self.changes[:, 0] * self.width + self.changes[:, 1], wanted * self.width + at, side="right")
            next_one = self.changes[np.minimum(after, len(self.changes) - 1)]
            changed = (after < len(self.changes)) & (next_one[:, 0] == wanted)
            found = np.where(changed, next_one[:, 2], found)
        return found


class SeenReadStage(Stage):
    """Reads first seen at the happenings of one stage."""

    def __init__(self, seen: SeenStage, reader: FlowStage) -> None:
        super().__init__(seen, reader)
        self.seen, self.reader = seen, reader

    def run(self, batch: Batch) -> None:
        flow = self.reader.flow
        flow.put(first_seen.key(), self.seen.as_of(flow.rows(self.seen.by), flow.at))


__all__ = ["FirstSeen", "SeenReadStage", "SeenStage", "first_seen"]

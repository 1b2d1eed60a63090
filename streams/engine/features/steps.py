"""P2 cross: steps of a level that are reached once for each combination of values, such as the half of an allowance in its term."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.features.cuts import Clearing, pieces
from streams.engine.features.level import CrossingSource, CrossingStage
from streams.engine.kernels import kernel
from streams.engine.rule import PER_VALUE_MS

if TYPE_CHECKING:
    from schemas.columns import Bools
    from streams.engine.batch import Batch
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Rows


@kernel("void(int64[:], boolean[:,:], int64[:,:], int64[:], int64, int64, int64[:,:], boolean[:])")
def pass_steps(slots: Any, reached: Any, steps: Any, times: Any, keep_ms: int, jump_ms: int, last: Any, out: Any) -> None:
    """Which crossings reach a step for the first time (`out`). Times in epoch ms.

    reached[i, s]: whether crossing i reaches step s, of height steps[i, s]; the highest one counts, all of them have been reached then.
    last[slot, s]: when step s was reached, 0: never; known for `keep_ms`. One more than `jump_ms` ahead of a crossing was misdated.
    """
    for i in range(len(times)):
        slot, time, highest = slots[i], times[i], -1
        for s in range(reached.shape[1]):
            if reached[i, s] and (highest < 0 or steps[i, s] > steps[i, highest]):
                highest = s
        if highest < 0:
            continue
        before = last[slot, highest]
        out[i] = before == 0 or time >= before + keep_ms or before > time + jump_ms
        for s in range(reached.shape[1]):
            before = last[slot, s]
            if reached[i, s] and (before == 0 or time >= before + keep_ms or before > time + jump_ms):
                last[slot, s] = time


class StepStage(CrossingStage):
    """The crossings of a level whose steps are remembered, a row for each combination of the source's values: an event where the highest step is a new one.

    Late crossings are neither events nor remembered. What is remembered is let go after 400 days, as `once_per` does.
    """

    def __init__(self, home: Home, by: str, source: CrossingSource, inner: FlowStage, name: str) -> None:
        super().__init__(home, by, source, inner, name)
        known = {one.key() for one in source.level.stream.by_value}
        self.values = (*source.level.stream.by_value, *(one for one in source.per or () if one.key() not in known))

    def declare(self) -> None:
        """Declare its columns: of each step the time at which it was reached, epoch ms."""
        super().declare()
        part = self.home.part((self.source,))
        self.marks = self.home.scope(self.by, self.values, (self.source,))
        self.times = [self.marks.table.column(f"{self.name}.reached.{number}", "time", part=part) for number in range(len(self.source.steps))]
        self.home.keep(self.marks.table, PER_VALUE_MS)

    def _fired(self, batch: Batch, flow: Flow, rows: Rows, enter: Bools) -> Bools:
        fired = super()._fired(batch, flow, rows, enter)
        crossing = flow.take(fired)
        own = self.marks.rows(crossing, self.values, unknown=True)
        reached = np.column_stack([np.asarray(crossing.values(condition), bool) for _, condition in self.reached])
        steps = np.column_stack([np.asarray(crossing.values(step), np.int64) for step, _ in self.reached])
        first = np.zeros(crossing.n, bool)
        clearing = Clearing(batch, self.marks, self.times)
        for piece in pieces(crossing.at, clearing.resets):
            here = slice(piece.begin, piece.end)
            kept, slots = np.unique(own[here], return_inverse=True)
            before = np.column_stack([column.values[kept] for column in self.times])
            last = before.copy()
            pass_steps(slots, reached[here], steps[here], crossing.time[here], PER_VALUE_MS, self.home.jump_ms, last, first[here])
            for number, column in enumerate(self.times):
                column.values[kept] = last[:, number]
            self.times[0].part.touch(kept[(last != before).any(axis=1)])
            clearing.clear(piece.resets)
        fired[fired] = first
        return fired

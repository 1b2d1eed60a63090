"""P12 trend: how many members of a stream in a row a condition was true for, in the order of release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.expression import Column
from streams.engine.expression import condition as checked
from streams.engine.features.frame import Ever, Feature, Frame
from streams.engine.features.keyed import KeyedStage
from streams.engine.flow import Ready
from streams.engine.kernels import kernel
from streams.engine.stage import read_for

if TYPE_CHECKING:
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Column as Stored
    from streams.engine.streams import Stream


class InARow(Ever):
    """The members released up to the happening at hand, back to the last one for which the condition was not true."""

    functions = ("streak",)

    def __str__(self) -> str:
        return "in a row"


class Streak(Frame):
    """The members in a row, up to the latest one, for which `condition` is true; one for which it is false or unknown ends them.

    The condition is evaluated at every member, late ones too, and may read features there, such as `previous(1)`.

    >>> from schemas.raw import BillIssued
    >>> from streams.engine.expression import RecordField
    >>> from streams.engine.streams import RecordSource, Stream
    >>> due = RecordField(BillIssued, "amount_due_minor", "int", nullable=False)
    >>> Streak(Stream(RecordSource(BillIssued)), due > 0).length
    <Feature streak((amount_due_minor > 0))>
    """

    def __init__(self, stream: Stream, condition: Expr, *, without_own: bool = False) -> None:
        super().__init__(stream, InARow(), without_own=without_own)
        self.condition = checked(condition)

    def before(self) -> Streak:
        """The same without the trigger's own record."""
        found = Streak(self.stream, self.condition, without_own=True)
        found.extent = self.extent
        return found

    @property
    def length(self) -> Feature:
        """How many they are."""
        return Feature(self, "streak", self.condition)


@kernel("void(int64[::1], int64[::1], boolean[:], int64[:, ::1], int64[:], boolean[:], int64[::1], int64[::1])")
def count_in_a_row(rows: Any, member: Any, holds: Any, ends: Any, state: Any, dirty: Any, without: Any, out: Any) -> None:
    """Read `state` at every entry: without its own member, and with it."""
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            dirty[ends[done, 1]] |= state[ends[done, 1]] != 0
            state[ends[done, 1]] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row, m = rows[i], member[i]
        without[i] = state[row]
        if m >= 0:
            state[row] = without[i] + 1 if holds[m] else 0
            dirty[row] |= state[row] != without[i]
        out[i] = state[row]


class StreakStage(KeyedStage):
    """The length of one streak for each key, in a column of a table. Late members are evaluated like any other: none is put down as late."""

    length: Stored

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. All features of a stage have the same condition."""
        super().read(feature, reader)
        (self.condition,) = feature.arguments

    def declare(self) -> None:
        super().declare()
        self.length = self.scope.table.column(f"{self.name}.length", "int", part=self.part_name)
        self.home.keep(self.scope.table, None)

    def run(self, batch: Batch) -> None:
        walk = self.walk(batch)
        without, out = np.zeros(walk.n, np.int64), np.zeros(walk.n, np.int64)
        holds = read_for(self.condition, walk.members).values.astype(bool)
        count_in_a_row(walk.rows, walk.entries.member, holds, walk.ends, self.length.values, self.length.part.dirty, without, out)
        for reader, flow, entry in walk.readers:
            flow.put(("late", self.name), np.zeros(flow.n, bool))
            for key, feature in reader.features.items():
                less = Ready(Column(without[entry]))
                flow.readings[key] = less if feature.frame.without_own else Ready(Column(out[entry]))
                flow.readings["without", key] = less


__all__ = ["InARow", "Streak", "StreakStage"]

"""P2 cross: a level falls below a mark, or reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.expression import DefinitionFault, Expr, Operand, canonical, expr
from streams.engine.features.cuts import Clearing, believed_in, pieces
from streams.engine.kernels import kernel
from streams.engine.rearm import values_of
from streams.engine.sources import Marked, Of
from streams.engine.stage import FlowStage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.state.tables import Rows


class Level:
    """A level that each happening of `stream` changes from `before` to `after`."""

    def __init__(self, stream: Stream, before: Expr, after: Expr) -> None:
        self.stream, self.before, self.after = stream, before, after

    def falls_below(self, mark: Operand, *, rearm: Operand | None = None) -> Stream:
        """From `mark` or more to less. With `rearm`: not again before a later one has left it at `rearm` or more."""
        below = (self.before >= mark) & (self.after < mark)
        return self._crossing(below, None if rearm is None else self.after >= rearm)

    def falls_to(self, mark: Operand) -> Stream:
        """From more than `mark` to `mark` or less. Not again before a later one has left it above."""
        return self._crossing((self.before > mark) & (self.after <= mark), self.after > mark)

    def reaches(self, *marks: Operand, once_per: Sequence[Expr] | None = None) -> Crossings:
        """From less than a mark to the mark or more; `.step` is the highest mark reached.

        With `once_per` each mark once for each combination of these values, of which an unknown one counts as a value; what was jumped
        over has been reached as well. Raises DefinitionFault.
        """
        if once_per is not None and not (isinstance(once_per, tuple | list) and all(isinstance(value, Expr) for value in once_per)):
            raise DefinitionFault(f"reaches: once_per: wanted values such as (B.valid_until, day), got {once_per!r}")
        steps = tuple(expr(mark) for mark in marks)
        reached = [(self.before < step) & (self.after >= step) for step in steps]
        any_reached = reached[0]
        for one in reached[1:]:
            any_reached = any_reached | one
        return self._crossing(any_reached, None, steps, None if once_per is None else values_of(tuple(once_per)))

    def _crossing(self, enter: Expr, release: Expr | None, steps: tuple[Expr, ...] = (), per: tuple[Expr, ...] | None = None) -> Crossings:
        return Crossings(CrossingSource(self, enter, release, steps, per), (), self.stream.by_value)


class Crossings(Stream):
    """A stream of crossings."""

    @property
    def step(self) -> Expr:
        """The highest mark reached."""
        assert isinstance(self.source, CrossingSource)  # made by Level
        return self.source.step


class CrossingSource(Marked):
    """`enter` holds on a record; with `release` only while armed: un-armed by it until `release` holds on a later record.

    A record is late for the level where a newer one of the key was taken in before: it neither enters, releases nor is an event
    then. As a part of a pair or an absence every crossing counts, late or un-armed ones too (`docs/semantics.md` §1.8).
    `per`: the values for each of which a step is reached once (`steps.py`); None: it is reached again and again.
    """

    word = "crossing"

    def __init__(self, level: Level, enter: Expr, release: Expr | None, steps: tuple[Expr, ...], per: tuple[Expr, ...] | None = None) -> None:
        self.level, self.enter, self.release, self.steps, self.per = level, enter, release, steps, per
        self.step: Expr = Of(self, "step", "int", unit=level.after.unit)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.level.stream,)

    def expressions(self) -> tuple[object, ...]:
        return (self.enter, self.release, *self.steps, *(("once per", *self.per) if self.per is not None else ()))

    def read(self) -> tuple[Expr, ...]:
        """What is read at the happenings of the level's stream."""
        return (self.enter, *([self.release] if self.release is not None else []), self.level.before, self.level.after, *(self.per or ()))

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        release = "" if self.release is None else f" until {canonical(self.release, mark_of)}"
        once = "" if self.per is None else f" once per {', '.join(canonical(one, value_of) for one in self.per)}"
        return f"[{self.level.stream.canonical(value_of)}] crosses {canonical(self.enter, mark_of)}{release}{once}"


@kernel("void(int32[:], boolean[:], boolean[:], int64[:], boolean[:], int64, boolean, int64[:], int64[:], boolean[:], boolean[:])")
def cross(rows: Any, enter: Any, release: Any, times: Any, believed: Any, jump_ms: int, rearms: bool, newest: Any, unarmed: Any, dirty: Any, fired: Any) -> None:
    """P2: where a level is crossed that is armed and knows of nothing newer (`fired`). Times in epoch ms.

    newest[row]: the newest believed time; one more than `jump_ms` ahead of a record was misdated. unarmed[row]: since when it is
    un-armed, 0: it is armed; looked at only where it `rearms`. A row of -1 is left out.
    """
    for i in range(len(rows)):
        row, time = rows[i], times[i]
        if row < 0 or time < newest[row] <= time + jump_ms:
            continue
        if believed[i] and newest[row] != time:
            newest[row] = time
            dirty[row] = True
        if not rearms:
            fired[i] = enter[i]
        elif unarmed[row] == 0:
            if enter[i]:
                unarmed[row] = time
                dirty[row] = True
                fired[i] = True
        elif release[i]:
            unarmed[row] = 0
            dirty[row] = True


class CrossingStage(FlowStage):
    """The crossings of a level, one row for each value of its stream's `same`.

    Its flow has every happening at which `enter` is true, with what was read there: under `("fired", source.key())` whether it is an
    event (not late for the level, and armed), and with steps `source.step`, the highest one reached.
    """

    def __init__(self, home: Home, by: str, source: CrossingSource, inner: FlowStage, name: str) -> None:
        super().__init__(inner)
        self.home, self.by, self.source, self.inner, self.name = home, by, source, inner, name
        level = source.level
        self.reached = [(step, (level.before < step) & (level.after >= step)) for step in source.steps]

    def declare(self) -> None:
        """Declare its columns: times in epoch ms."""
        sources, part = (self.source,), self.home.part((self.source,))
        self.scope = self.home.scope(self.by, self.source.level.stream.by_value, sources)
        self.columns = [self.scope.table.column(f"{self.name}.newest", "time", part=part)]
        if self.source.release is not None:
            self.columns.append(self.scope.table.column(f"{self.name}.unarmed_since", "time", part=part))
        self.home.keep(self.scope.table, None)

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        rows = self.scope.rows(flow, self.source.level.stream.by_value)
        enter = np.array(flow.values(self.source.enter), bool) & (rows >= 0)
        fired = self._fired(batch, flow, rows, enter)
        if self.forced:
            enter, fired = np.ones(flow.n, bool), np.ones(flow.n, bool)
        self.flow = flow.take(enter)
        self.flow.put(("fired", self.source.key()), fired[enter])
        if self.reached:
            self.flow.put(self.source.step.key(), self._steps(self.flow))

    def _fired(self, batch: Batch, flow: Flow, rows: Rows, enter: Bools) -> Bools:
        source, fired = self.source, np.zeros(flow.n, bool)
        release = enter if source.release is None else np.array(flow.values(source.release), bool)
        times, believed = np.array(flow.time, np.int64), believed_in(flow)
        newest, unarmed, part = self.columns[0].values, self.columns[-1].values, self.columns[0].part
        clearing = Clearing(batch, self.scope, self.columns)
        for piece in pieces(flow.at, clearing.resets):
            own = slice(piece.begin, piece.end)
            rearms = source.release is not None
            cross(rows[own], enter[own], release[own], times[own], believed[own], self.home.jump_ms, rearms, newest, unarmed, part.dirty, fired[own])
            clearing.clear(piece.resets)
        return fired

    def _steps(self, flow: Flow) -> Ints:
        """The highest step that each crossing reaches."""
        highest = np.full(flow.n, np.iinfo(np.int64).min)
        for step, reached in self.reached:
            highest = np.where(flow.values(reached), np.maximum(highest, flow.values(step)), highest)
        return highest

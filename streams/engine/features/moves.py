"""P10 change: a value differs from the last one known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import Expr, canonical
from streams.engine.features.cuts import Clearing, believed_in, pieces
from streams.engine.features.keyed import column_kind
from streams.engine.kernels import kernel
from streams.engine.sources import Of, Source
from streams.engine.stage import FlowStage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf


class Moves(Stream):
    """A stream of moves of a value."""

    source: MoveSource

    @property
    def was(self) -> Expr:
        """The value before."""
        return self.source.was

    @property
    def to(self) -> Expr:
        """The new value."""
        return self.source.value

    @property
    def gap(self) -> Expr:
        """How long ago the last known value was seen, whether it moved or not; ms."""
        return self.source.gap


class MoveSource(Source):
    """`value` of a happening differs from the value before: from `old` where known, else the last one, else `initially`.

    A value that is the last one known is no move, whatever `old` says. Unknown values change nothing, and late ones neither move nor are
    remembered.
    """

    word = "moves"

    def __init__(self, stream: Stream, value: Expr, old: Expr | None, initially: Expr | None, *, remember: bool) -> None:
        self.stream, self.value, self.old, self.initially, self.remember = stream, value, old, initially, remember
        self.gap: Expr = Of(self, "gap", "int", nullable=True, unit="ms")
        self.was: Expr = Of(self, "was", value.kind, nullable=initially is not None, unit=value.unit, domain=value.domain)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"was": self.was, "to": self.value}

    def expressions(self) -> tuple[object, ...]:
        return (self.value, self.old, self.initially, self.remember)

    def canonical(self, value_of: ValueOf) -> str:
        parts = [canonical(one, value_of) if one is not None else "-" for one in (self.value, self.old, self.initially)]
        return f"[{self.stream.canonical(value_of)}] moves {', '.join(parts)}{' remembered' if self.remember else ''}"


@kernel(
    "void(int32[:], int64[:], boolean[:], int64[:], boolean[:], int64[:], boolean[:], int64[:], boolean[:], int64, boolean,"
    "int64[:], int64[:], int64[:], boolean[:], boolean[:], int64[:], boolean[:], int64[:])"
)
def move(
    rows: Any, values: Any, known: Any, old: Any, old_known: Any, initially: Any, initially_known: Any, times: Any, believed: Any, jump_ms: int, remember: bool,
    newest: Any, last: Any, seen: Any, dirty: Any, moved: Any, was: Any, was_known: Any, gap: Any,
) -> None:  # fmt: skip
    """P10: where a value is another than before (`moved`), and which that was, where known. Times in epoch ms.

    newest[row]: the newest believed time; one more than `jump_ms` ahead of a record was misdated. last[row]: the last value, where
    `seen`; kept where `remember`. gap: since the newest time. A row of -1 is left out.
    """
    for i in range(len(rows)):
        row, time, value = rows[i], times[i], values[i]
        if row < 0 or not known[i] or time < newest[row] <= time + jump_ms:
            continue
        if 0 < newest[row] <= time:
            gap[i] = time - newest[row]
        if believed[i] and newest[row] != time:
            newest[row] = time
            dirty[row] = True
        if remember and seen[row] != 0 and last[row] == value:
            continue
        if old_known[i]:
            was[i], was_known[i] = old[i], True
        elif remember and seen[row] != 0:
            was[i], was_known[i] = last[row], True
        moved[i] = was[i] != value if was_known[i] else initially_known[i] and initially[i] != value
        if remember:
            last[row], seen[row] = value, 1
            dirty[row] = True


def coded(flow: Flow, node: Expr | None) -> tuple[Ints, Bools]:
    """The values of `node` as numbers, and where they are known; without a node nowhere."""
    if node is None:
        return np.zeros(flow.n, np.int64), np.zeros(flow.n, bool)
    values, known = flow.coded(node)
    return values, np.ones(flow.n, bool) if known is None else np.array(known, bool)


class MoveStage(FlowStage):
    """The moves of a value, one row for each value of its stream's `same`. Its flow has the moves, with `source.was` read there."""

    def __init__(self, home: Home, by: str, source: MoveSource, inner: FlowStage, name: str) -> None:
        super().__init__(inner)
        self.home, self.by, self.source, self.inner, self.name = home, by, source, inner, name

    def declare(self) -> None:
        """Declare its columns: the newest time (epoch ms), and the last value with whether there is one."""
        part = self.home.part((self.source,))
        self.scope = self.home.scope(self.by, self.source.stream.by_value, (self.source,))
        table = self.scope.table
        self.columns = [table.column(f"{self.name}.newest", "time", part=part)]
        if self.source.remember:
            self.columns.append(table.column(f"{self.name}.last", column_kind(self.source.value), part=part))
            self.columns.append(table.column(f"{self.name}.seen", "flag", part=part))
        self.home.keep(table, None)

    def run(self, batch: Batch) -> None:
        flow, source = self.inner.flow, self.source
        rows = self.scope.rows(flow, source.stream.by_value)
        asked = [*coded(flow, source.value), *coded(flow, source.old), *coded(flow, source.initially), np.array(flow.time, np.int64), believed_in(flow)]
        moved, was, was_known, gap = np.zeros(flow.n, bool), np.zeros(flow.n, np.int64), np.zeros(flow.n, bool), np.full(flow.n, NULL, np.int64)
        columns, dirty = [column.values for column in self.columns], self.columns[0].part.dirty
        newest, last, seen = columns if source.remember else columns * 3
        clearing = Clearing(batch, self.scope, self.columns)
        for begin, end, resets in pieces(flow.at, clearing.resets):
            given: list[Any] = [column[begin:end] for column in (rows, *asked)]
            kept: list[Any] = [self.home.jump_ms, source.remember, newest, last, seen, dirty]
            move(*given, *kept, *(column[begin:end] for column in (moved, was, was_known, gap)))
            clearing.clear(resets)
        if self.forced:
            moved[:] = True
        self.flow = flow.take(moved)
        self._put_was(was[moved], was_known[moved])
        self.flow.put(source.gap.key(), gap[moved], gap[moved] != NULL)

    def _put_was(self, was: Ints, known: Bools) -> None:
        """What the values were, in the form of their kind."""
        kind = self.source.value.kind
        if kind == "bool":
            self.flow.put(self.source.was.key(), (was != 0) & known, known)
        else:
            self.flow.put(self.source.was.key(), np.where(known, was, 0 if kind in ("text", "token") else NULL), known)

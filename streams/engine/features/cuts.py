"""What kernels of one stream share: which times are believed, and where line ends cut a flow."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch, Reset
    from streams.engine.flow import Flow
    from streams.engine.home import Scope
    from streams.engine.state.tables import Column, Rows


def believed_in(flow: Flow) -> Bools:
    """Whether the time of each happening may be the newest of a state; that of a timer always may."""
    if flow.batch.believed.all():
        return np.ones(flow.n, bool)
    by_record = flow.at % 2 == 1
    believed = np.ones(flow.n, bool)
    believed[by_record] = flow.batch.believed[flow.at[by_record] // 2]
    return believed


class Piece(NamedTuple):
    """Entries `begin` to `end` (not included), and the line ends behind them."""

    begin: int
    end: int
    resets: list[Reset]


def pieces(at: Ints, resets: Sequence[Reset]) -> Iterator[Piece]:
    """The entries at ascending places `at` (see `flow.py`), cut where lines end: behind the record of a reset.

    >>> from streams.engine.batch import Reset
    >>> end = Reset(position=4, row=0, timers_only=False, lifelong=False)
    >>> [(piece.begin, piece.end, len(piece.resets)) for piece in pieces(np.array([1, 9, 10, 13]), [end])]
    [(0, 2, 1), (2, 4, 0)]
    """
    begin = 0
    ordered = sorted(resets, key=lambda reset: reset.position)
    for end, behind in groupby(ordered, lambda reset: int(at.searchsorted(2 * reset.position + 1, side="right"))):
        yield Piece(begin, end, list(behind))
        begin = end
    yield Piece(begin, len(at), [])


class Clearing:
    """Empties columns of one part where lines end; of line scopes alone, and not where only timers stop.

    Made after the rows of the flow have been found, so that it knows the rows that are new.
    """

    def __init__(self, batch: Batch, scope: Scope, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.resets = [reset for reset in batch.resets if not reset.timers_only] if scope.by == "line" else []
        self.rows: Rows = np.zeros(0, np.int32)
        if self.resets:
            rows = scope.table.rows_under(np.array(sorted({reset.row for reset in self.resets}), np.int32))
            self.rows = rows[np.argsort(scope.table.base_row[rows], kind="stable")]
            self.lines = scope.table.base_row[self.rows]

    def clear(self, resets: Sequence[Reset]) -> None:
        """Empty the rows under the lines of `resets`."""
        for reset in resets:
            begin, end = self.lines.searchsorted((reset.row, reset.row + 1))
            rows = self.rows[begin:end]
            for column in self.columns:
                column.values[rows] = 0
            self.columns[0].part.touch(rows)

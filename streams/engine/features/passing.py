"""Records that pass by the timers of a line: before a later one of them, a timer that is due fires.

A timer that a move of a place has set fires just before the next record of its row with a later time. The records of the place machine are
records of that row, as they are what its moves are made of: so what the timer reads of the place is as of its moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.place import PlaceSource
from streams.engine.sources import EventSource

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.features.place import Place
    from streams.engine.features.timers import Due
    from streams.engine.flow import Flow
    from streams.engine.home import Scope
    from streams.engine.sources import Source
    from streams.engine.state.tables import Rows

PASSES = 3
"""Beside what `timers.resets_of` finds: a record passes by. Its time is in the last row."""


def place_of(source: Source) -> Place | None:
    """The place whose moves are the happenings of `source`, or cause them at once; None where there is none.

    >>> from streams.engine.streams import RecordSource
    >>> from schemas.raw import PageView
    >>> place_of(RecordSource(PageView)) is None
    True
    """
    while isinstance(source, EventSource):
        source = source.event.when.source
    return source.place if isinstance(source, PlaceSource) else None


def with_passing(resets: Ints, passing: Flow, scope: Scope, due: Due, fresh: Rows) -> Ints:
    """`resets` [4, n], and in their order the records that may pass by a timer of their line: one that is due before them, or of a row of `fresh`."""
    moments = due.due.values
    lines = passing.rows(scope.by)
    if scope.table.base is None:
        waits = (moments[lines] > 0) & (moments[lines] < passing.time) | np.isin(lines, fresh)
        where = ((lines >= 0) & waits).nonzero()[0]
        rows = lines[where]
    else:
        under = scope.table.rows_under(np.unique(lines[lines >= 0]))
        under = under[(moments[under] > 0) | np.isin(under, fresh)]
        under = under[np.argsort(scope.table.base_row[under], kind="stable")]
        owners = scope.table.base_row[under]
        first, last = owners.searchsorted(lines), owners.searchsorted(lines, side="right")
        number = last - first
        where = np.repeat(np.arange(passing.n), number)
        rows = under[np.repeat(first, number) + np.arange(len(where)) - np.repeat(number.cumsum() - number, number)]
    if not len(where):
        return resets
    found = np.stack([rows.astype(np.int64), passing.at[where], np.full(len(where), PASSES, np.int64), passing.time[where]])
    both = np.concatenate([found, resets], axis=1)
    return np.ascontiguousarray(both[:, np.argsort(both[1], kind="stable")])


__all__ = ["PASSES", "place_of", "with_passing"]

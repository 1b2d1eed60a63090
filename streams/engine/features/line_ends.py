"""Line ends, as feature stages see them: before which of their entries which rows are emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.state.tables import Table


def line_ends(batch: Batch, by: str, table: Table, at: Ints) -> Ints:
    """[n, 3]: the entry before which a row of `table` is emptied, the row, and 1 where its lifelong columns are too; in order.

    `at`: the places of the entries, ascending (see `flow.py`). Of other keys than lines nothing ends.
    """
    ends = [reset for reset in batch.resets if not reset.timers_only] if by == "line" else []
    if not ends:
        return np.zeros((0, 3), np.int64)
    position, line, lifelong = np.array([(one.position, one.row, one.lifelong) for one in ends], np.int64).T
    rows = table.rows_under(np.unique(line).astype(np.int32)).astype(np.int64)
    base = rows if table.base is None else table.base_row[rows].astype(np.int64)
    order = base.argsort(kind="stable")
    rows, base = rows[order], base[order]
    first, number = base.searchsorted(line), base.searchsorted(line, side="right") - base.searchsorted(line)
    which = np.repeat(np.arange(len(ends)), number)
    own = rows[first[which] + np.arange(len(which)) - np.repeat(number.cumsum() - number, number)]
    found = np.stack([at.searchsorted(2 * position[which] + 1, side="right"), own, lifelong[which]], axis=1)
    return np.ascontiguousarray(found[np.argsort(found[:, 0], kind="stable")])

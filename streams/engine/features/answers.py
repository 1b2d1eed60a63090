"""What absences know of the awaited happenings: for each row runs of them, whose gaps are no longer than the span waited.

An A is answered by one in (t, t + span]: so by any run that goes on behind t and begins by t + span, and a run needs only its two
ends. Of those that were released before it, one at its very time answers only where it is of another topic, so the last moment has
its topics with it: `end` is 16 times the moment, plus a bit a topic. The moment of a timer is of none (rank -1).
"""

from __future__ import annotations

from typing import Any

from streams.engine.kernels import kernel
from streams.engine.state.chains import behind, put_before, take_out

MOST_RUNS = 1024
"""The most runs of a row; the oldest one makes room for a new one, and that is counted."""


@kernel("boolean(int32[:,:], int32[:,:], int64[:,:], int64, int64, int64, int64)")
def answered(lists: Any, links: Any, runs: Any, row: int, time: int, due: int, rank: int) -> bool:
    """Whether one is known in (time, due], or at `time` one of another topic than `rank`."""
    node = lists[row, 0]
    while node != 0:
        begin, end = runs[node, 0], runs[node, 1] // 16
        if begin <= due:
            if begin > time or end > time:
                return True
            if end < time:
                return False
            return rank >= 0 and (runs[node, 1] % 16) & ~(1 << rank) != 0
        node = behind(lists, links, row, node)
    return False


@kernel("boolean(int32[:,:], int32[:,:], int64[:,:], int64[:], int64, int64, int64, int64, int64)")
def note_answer(lists: Any, links: Any, runs: Any, spare: Any, row: int, time: int, rank: int, span: int, least: int) -> bool:
    """Take one in. `span`: gaps up to it are within a run; runs that end before `least` are let go. Returns whether anything changed.

    >>> import numpy as np
    >>> from streams.engine.state.chains import Chains
    >>> from streams.engine.state.tables import Table
    >>> known = Chains(Table("line", 2), "answers", [("begin", "time"), ("end", "int")], most=MOST_RUNS)
    >>> known.make_room(3)
    >>> for time in (100, 130, 115):
    ...     _ = note_answer(known.lists, known.links, known.values, known.spare, 0, time, 1, 20, 0)
    >>> known.values[known.nodes(np.array([0], np.int32))].tolist()
    [[100, 2082]]
    """
    if time < least:
        return False
    bit = 1 << rank if rank >= 0 else 0
    newer, node = 0, lists[row, 0]
    while node != 0 and runs[node, 0] > time:
        newer, node = node, behind(lists, links, row, node)
    if node != 0 and runs[node, 1] // 16 > time:
        return False
    if node != 0 and runs[node, 1] // 16 == time:
        if runs[node, 1] & bit == bit:
            return False
        runs[node, 1] |= bit
        return True
    if node != 0 and time - runs[node, 1] // 16 <= span:
        runs[node, 1] = 16 * time + bit
    else:
        node = put_before(lists, links, spare, row, node)
        runs[node, 0], runs[node, 1] = time, 16 * time + bit
    if newer != 0 and runs[newer, 0] - time <= span:
        runs[newer, 0] = runs[node, 0]
        take_out(lists, links, spare, row, node)
    last = links[lists[row, 0], 1]
    while runs[last, 1] // 16 < least or lists[row, 1] > 1024:
        if runs[last, 1] // 16 >= least:
            spare[1] += 1
        take_out(lists, links, spare, row, last)
        if lists[row, 0] == 0:
            break
        last = links[lists[row, 0], 1]
    return True


__all__ = ["MOST_RUNS", "answered", "note_answer"]

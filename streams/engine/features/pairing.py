"""The halves of pairs: those that are free, and which belong together (`docs/semantics.md` P6)."""

from __future__ import annotations

from typing import Any

from streams.engine.kernels import kernel
from streams.engine.state.chains import behind, put_in_order, take_out, wipe

MOST_FREE = 16
"""The most first halves of a row that wait without an end."""
MOST_WAITING = 256
"""The most halves of a row, of each kind, that wait for a time; the oldest one makes room for a new one, and that is counted."""
AT, TIME, CODE, ROW, GAP, BY, NODE, VALUES = range(8)
"""Of a pair whose first half came last: columns of `late`; from VALUES on what was kept of the first half, then of the second."""


@kernel("boolean(int32[:,:], int32[:,:], int64[:,:], int64[:], int64, int64)")
def let_go(lists: Any, links: Any, values: Any, spare: Any, row: int, least: int) -> bool:
    """Let go of those of `row` with a time before `least`. Returns whether there were any."""
    found = False
    while lists[row, 0] != 0:
        last = links[lists[row, 0], 1]
        if values[last, 0] >= least:
            break
        take_out(lists, links, spare, row, last)
        found = True
    return found


@kernel("int64(int32[:,:], int32[:,:], int64[:,:], int64, int64, int64, boolean)")
def latest_free(lists: Any, links: Any, firsts: Any, row: int, time: int, longest: int, behind_it: bool) -> int:
    """The latest first half of `row` up to `time` (`behind_it`: before it) whose end is not before it; 0: none."""
    node = lists[row, 0]
    while node != 0:
        moment = firsts[node, 0]
        if moment < time or (moment == time and not behind_it):
            if time <= firsts[node, 1]:
                return node
            if time - moment > longest:
                return 0
        node = behind(lists, links, row, node)
    return 0


@kernel("int64(int32[:,:], int32[:,:], int64[:,:], int64, int64, int64, int64)")
def earliest_waiting(lists: Any, links: Any, seconds: Any, row: int, time: int, rank: int, end: int) -> int:
    """The earliest second half of `row` behind `time` and up to `end`; 0: none.

    One at `time` counts where it is a record's of another topic than `rank`; -1: the first half is a timer's moment.
    """
    first = lists[row, 0]
    if first == 0:
        return 0
    node = links[first, 1]
    while True:
        moment = seconds[node, 0]
        if moment > end:
            return 0
        if moment > time or (moment == time and seconds[node, 1] < 16 and rank >= 0 and seconds[node, 1] != rank):
            return node
        if node == first:
            return 0
        node = links[node, 1]


@kernel(
    "UniTuple(int64, 2)(int64[:,:], int64[:,:], int64[:,:], int64[:,:], int64[:,:], int64[:], int32[:,:], int32[:,:], int64[:,:], int64[:], boolean[:],"
    " int32[:,:], int32[:,:], int64[:,:], int64[:], boolean[:], int64[:], int64, boolean, boolean, boolean, int64, int64, int64, int64[:,:], int64[:,:], int64[:])"
)
def pairs(  # noqa: PLR0915  # one plain loop: arrays are dear to pass on
    firsts: Any,
    seconds: Any,
    resets: Any,
    first_values: Any,
    second_values: Any,
    clock: Any,
    lists: Any,
    links: Any,
    free: Any,
    spare: Any,
    dirty: Any,
    late_lists: Any,
    late_links: Any,
    waiting: Any,
    late_spare: Any,
    late_dirty: Any,
    marks: Any,
    base: int,
    ends: bool,
    every: bool,
    starts: bool,
    most: int,
    longest: int,
    keep: int,
    found: Any,
    late: Any,
    put: Any,
) -> tuple[int, int]:
    """Bring halves together, in merged order; at the same place second halves go first. Returns how many pairs of each kind.

    `free`: first halves (time, end, values); `waiting`: second halves (time, code, values), whose code is the topic, plus 16 where
    the moment is a timer's. `ends`: whether pairs have an end, so that second halves wait for late first ones, both at most `keep` ms.
    `every`: a first half serves all second ones behind it. `starts`: the time of a second half is when it began, and first halves come before it.
    `found`: pairs whose second half came last: its place in the flow, the gap, values of the first. `late`: the others, see above.
    `put`: the node of each second half that waits. marks[node] - base: its place in the flow; less: from an earlier batch.
    """
    n, n_late = 0, 0
    kept, own = first_values.shape[1], second_values.shape[1]
    i, j, k = 0, 0, 0
    while True:
        which, at, order = -1, 0, 0
        if j < seconds.shape[1]:
            which, at, order = 1, seconds[1, j], seconds[2, j]
        if i < firsts.shape[1] and (which < 0 or firsts[1, i] < at or (firsts[1, i] == at and firsts[2, i] < order)):
            which, at = 0, firsts[1, i]
        if k < resets.shape[1] and (which < 0 or resets[1, k] < at):
            which, at = 2, resets[1, k]
        if which < 0:
            return n, n_late
        if which == 2:
            if resets[2, k] != 0:
                row = resets[0, k]
                wipe(lists, links, spare, row)
                wipe(late_lists, late_links, late_spare, row)
                dirty[row], late_dirty[row] = True, True
            k += 1
            continue
        row, time = (firsts[0, i], firsts[3, i]) if which == 0 else (seconds[0, j], seconds[3, j])
        if ends:
            least = min(time, clock[max(at // 2, 0)]) - keep
            if let_go(lists, links, free, spare, row, least):
                dirty[row] = True
            if let_go(late_lists, late_links, waiting, late_spare, row, least):
                late_dirty[row] = True
        if which == 1:
            node = latest_free(lists, links, free, row, time, longest, starts)
            if node != 0:
                found[n, 0], found[n, 1] = j, time - free[node, 0]
                for c in range(kept):
                    found[n, 2 + c] = free[node, 2 + c]
                if not every:
                    take_out(lists, links, spare, row, node)
                    dirty[row] = True
                n += 1
            elif ends:
                node = put_in_order(late_lists, late_links, waiting, late_spare, row, time, most)
                put[j] = node
                if node != 0:
                    waiting[node, 1] = seconds[4, j] + (16 if seconds[2, j] != 0 else 0)
                    for c in range(own):
                        waiting[node, 2 + c] = second_values[j, c]
                    marks[node] = base + j
                    late_dirty[row] = True
            j += 1
            continue
        served = False
        while ends and (every or not served):
            node = earliest_waiting(late_lists, late_links, waiting, row, time, firsts[4, i] if firsts[2, i] == 0 and not starts else -1, firsts[5, i])
            if node == 0:
                break
            late[n_late, 0], late[n_late, 1], late[n_late, 2], late[n_late, 3] = at, waiting[node, 0], waiting[node, 1], row
            late[n_late, 4], late[n_late, 5], late[n_late, 6] = waiting[node, 0] - time, max(marks[node] - base, -1), node
            for c in range(kept):
                late[n_late, 7 + c] = first_values[i, c]
            for c in range(own):
                late[n_late, 7 + kept + c] = waiting[node, 2 + c]
            marks[node] = 0
            take_out(late_lists, late_links, late_spare, row, node)
            late_dirty[row] = True
            n_late += 1
            served = True
        if every or not served:
            node = put_in_order(lists, links, free, spare, row, time, most)
            if node != 0:
                free[node, 1] = firsts[5, i]
                for c in range(kept):
                    free[node, 2 + c] = first_values[i, c]
                dirty[row] = True
        i += 1


__all__ = ["AT", "BY", "CODE", "GAP", "MOST_FREE", "MOST_WAITING", "NODE", "ROW", "TIME", "VALUES", "pairs"]

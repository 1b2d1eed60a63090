"""Count, sum and distinct values of long windows, from one window of a list to the next: only what enters and leaves is looked at.

So a busy key costs little more than others, even where its members did not arrive in order of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from streams.engine.kernels import kernel
from streams.engine.state.lists import MOST

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.features.windows import Windows

MODES = {"count": 0, "sum": 1, "distinct": 2}
LONGEST = 2 * MOST
"""Members of one list that windows of a batch may look at: those of its region."""


@kernel("int64(int64, int64)")
def saturated(high: int, low: int) -> int:
    """`high` * 2**32 + `low`, beyond 2**62 that."""
    high += low >> 32
    if high > 0x3FFFFFFF:
        return 0x4000000000000000
    if high < -0x40000000:
        return -0x4000000000000000
    return (high << 32) | (low & 0xFFFFFFFF)


@kernel("int64(int64, int64, int64, int64[::1], int64[::1])")
def slot_of(value: int, mark: int, mask: int, keys: Any, marks: Any) -> int:
    """Where `value` is, or goes, among the slots with `mark`; slots with other marks are free."""
    at = (value ^ (value >> 17) ^ (value >> 41)) & mask
    while marks[at] == mark and keys[at] != value:
        at = (at + 1) & mask
    return at


@kernel("void(int64, int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1])")
def add(value: int, sign: int, mode: int, mark: int, total: Any, keys: Any, marks: Any, counts: Any) -> None:
    """Let a value enter (`sign` 1) or leave (-1). total: count or distinct values, and the halves of the sum."""
    if mode == 0:
        total[0] += sign
    elif mode == 1:
        total[1] += sign * (value >> 32)
        total[2] += sign * (value & 0xFFFFFFFF)
    else:
        at = slot_of(value, mark, len(keys) - 1, keys, marks)
        if marks[at] != mark:
            marks[at], keys[at], counts[at] = mark, value, 0
        counts[at] += sign
        total[0] += sign if counts[at] == (1 if sign > 0 else 0) else 0


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, int64[::1], boolean[::1], int64[::1], int64[::1], int64[::1], int64[::1])"
)
def slide(
    order: Any, begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, mode: int, total: Any, inside: Any,
    keys: Any, marks: Any, counts: Any, out: Any,
) -> None:  # fmt: skip
    """Set `out` for windows `order`, those of one list together. `inside`: whether a member of the list is in the window at hand."""
    i = 0
    while i < len(order):
        first, last, j = begin[order[i]], end[order[i]], i + 1
        while j < len(order) and begin[order[j]] < last:
            last = max(last, end[order[j]])
            j += 1
        by_time = np.argsort(times[first:last], kind="mergesort")
        inside[: last - first] = False
        total[:] = 0
        front, back, lower, upper = first, first, 0, 0
        while i < j:
            w = order[i]
            edge, n = 0, len(by_time)
            while edge < 4:
                # what passes an edge of the window: its first and last by arrival, its lower and upper end by time
                if edge == 0:
                    step, k = (1 if front < begin[w] else 0), front
                    front += step
                elif edge == 1:
                    step = 1 if back < end[w] else -1 if back > end[w] else 0
                    k = back if step > 0 else back - 1
                    back += step
                else:
                    place, bound = (lower, low[w]) if edge == 2 else (upper, until[w])
                    step = 1 if place < n and times[first + by_time[place]] <= bound else -1 if place > 0 and times[first + by_time[place - 1]] > bound else 0
                    k = first + by_time[place if step > 0 else place - 1] if step != 0 else first
                    if edge == 2:
                        lower += step
                    else:
                        upper += step
                if step == 0:
                    edge += 1
                    continue
                wanted = begin[w] <= k < end[w] and low[w] < times[k] <= until[w] and (mode == 0 or values[k] != unknown)
                if wanted != inside[k - first]:
                    inside[k - first] = wanted
                    add(values[k], 1 if wanted else -1, mode, first, total, keys, marks, counts)
            out[w] = saturated(total[1], total[2]) if mode == 1 else total[0]
            i += 1


def slid(windows: Windows, which: Ints, values: Ints, unknown: int, function: Literal["count", "sum", "distinct"], out: Ints) -> None:
    """Set `out` at windows `which`."""
    if not len(which):
        return
    order = which[np.lexsort((windows.end[which], windows.begin[which]))]
    keys, marks, counts = np.zeros((3, 2 * LONGEST if function == "distinct" else 1), np.int64)
    marks -= 1
    inside, total = np.zeros(LONGEST, bool), np.zeros(3, np.int64)
    slide(order, windows.begin, windows.end, windows.low, windows.until, windows.times, values, unknown, MODES[function], total, inside, keys, marks, counts, out)

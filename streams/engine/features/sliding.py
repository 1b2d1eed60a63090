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

COUNT, SUM, DISTINCT = range(3)
MODES = {"count": COUNT, "sum": SUM, "distinct": DISTINCT}
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


@kernel("int64(int64, int64, int64[::1], int64[::1])")
def slot_of(value: int, mark: int, keys: Any, marks: Any) -> int:
    """Where `value` is, or goes, among the slots with `mark`; slots with other marks are free."""
    at = (value ^ (value >> 17) ^ (value >> 41)) & (len(keys) - 1)
    while marks[at] == mark and keys[at] != value:
        at = (at + 1) & (len(keys) - 1)
    return at


@kernel("int64(int64, int64, int64, int64, int64[::1], int64[::1], int64, int64, int64, int64[::1], int64[::1])")
def scan(begin: int, end: int, low: int, until: int, times: Any, values: Any, unknown: int, mode: int, mark: int, keys: Any, marks: Any) -> int:
    """One window by itself. The first two loops have no branches: they are compiled to several members a step."""
    n, high, rest = 0, 0, 0
    if mode == 0:
        for k in range(begin, end):
            n += (low < times[k]) & (times[k] <= until)
    elif mode == 1:
        for k in range(begin, end):
            value = values[k] if (low < times[k]) & (times[k] <= until) & (values[k] != unknown) else 0
            high += value >> 32
            rest += value & 0xFFFFFFFF
        n = saturated(high, rest)
    else:
        for k in range(begin, end):
            if low < times[k] and times[k] <= until and values[k] != unknown:
                at = slot_of(values[k], mark, keys, marks)
                if marks[at] != mark:
                    marks[at], keys[at] = mark, values[k]
                    n += 1
    return n


@kernel("int64(int64, int64[::1], int64[::1], int64[::1])")
def together(i: int, order: Any, begin: Any, end: Any) -> int:
    """The place in `order` behind the windows that overlap with the one at place `i`: they are of one list."""
    last, j = end[order[i]], i + 1
    while j < len(order) and begin[order[j]] < last:
        last = max(last, end[order[j]])
        j += 1
    return j


@kernel("int64(int64, int64, int64, int64[::1], int64[::1], int64[::1])")
def count_value(value: int, sign: int, mark: int, keys: Any, marks: Any, counts: Any) -> int:
    """A value enters (`sign` 1) or leaves (-1). Returns what that makes of the number of distinct values."""
    at = slot_of(value, mark, keys, marks)
    if marks[at] != mark:
        marks[at], keys[at], counts[at] = mark, value, 0
    counts[at] += sign
    return sign if counts[at] == (sign + 1) // 2 else 0


@kernel(
    "void(int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, boolean[::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1], int64[::1], int64[::1])"
)
def slide(
    i: int, j: int, order: Any, begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, mode: int, inside: Any,
    keys: Any, marks: Any, counts: Any, other_keys: Any, other_marks: Any, out: Any,
) -> None:  # fmt: skip
    """Set `out` for windows `order`, places `i` to `j`, of one list. `inside`: whether a member is in the window at hand.

    Few windows, and those that go far back in time, are looked at by themselves.
    """
    first, last = begin[order[i]], end[order[i:j]].max()
    few = j - i < (4 if mode == 2 else 64)
    by_time, n, mark = np.arange(0) if few else np.argsort(times[first:last], kind="mergesort"), last - first, i + 1
    inside[:n] = False
    count, high, rest = 0, 0, 0
    front = back = begin[order[i]]
    lower = upper = 0
    while i < j:
        w = order[i]
        i += 1
        a, b, after, t = begin[w], end[w], low[w], until[w]
        if few or (upper > 64 and times[first + by_time[upper - 64]] > t):
            out[w] = scan(a, b, after, t, times, values, unknown, mode, i, other_keys, other_marks)
            continue
        edge = 0
        while edge < 4:
            # a member that passes an edge of the window: its first and last by arrival, its lower and upper end by time
            if edge == 0:
                step, k = (1 if front < a else 0), front
                front += step
            elif edge == 1:
                step = 1 if back < b else -1 if back > b else 0
                k = back if step > 0 else back - 1
                back += step
            else:
                place, moment = (lower, after) if edge == 2 else (upper, t)
                if place < n and times[first + by_time[place]] <= moment:
                    step, k = 1, first + by_time[place]
                elif place > 0 and times[first + by_time[place - 1]] > moment:
                    step, k = -1, first + by_time[place - 1]
                else:
                    step, k = 0, first
                lower += step if edge == 2 else 0
                upper += step if edge == 3 else 0
            if step == 0:
                edge += 1
                continue
            value = values[k]
            wanted = a <= k and k < b and after < times[k] and times[k] <= t and (mode == 0 or value != unknown)
            if wanted == inside[k - first]:
                continue
            inside[k - first] = wanted
            sign = 1 if wanted else -1
            count += count_value(value, sign, mark, keys, marks, counts) if mode == 2 else sign
            if mode == 1:
                high += sign * (value >> 32)
                rest += sign * (value & 0xFFFFFFFF)
        out[w] = saturated(high, rest) if mode == 1 else count


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64, boolean[::1], int64[::1], int64[::1], int64[::1],"
    " int64[::1], int64[::1], int64[::1])"
)
def slide_all(
    order: Any, begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, mode: int, inside: Any,
    keys: Any, marks: Any, counts: Any, other_keys: Any, other_marks: Any, out: Any,
) -> None:  # fmt: skip
    """Set `out` for windows `order`, those of one list together."""
    i = 0
    while i < len(order):
        j = together(i, order, begin, end)
        slide(i, j, order, begin, end, low, until, times, values, unknown, mode, inside, keys, marks, counts, other_keys, other_marks, out)
        i = j


def slid(windows: Windows, which: Ints, values: Ints, unknown: int, function: Literal["count", "sum", "distinct"], out: Ints) -> None:
    """Set `out` at windows `which`."""
    order = which[np.lexsort((windows.end[which], windows.begin[which]))]
    keys, marks, counts, other_keys, other_marks = np.zeros((5, 2 * LONGEST if function == "distinct" else 1), np.int64)
    slide_all(
        order, windows.begin, windows.end, windows.low, windows.until, windows.times, values, unknown, MODES[function], np.zeros(LONGEST, bool),
        keys, marks, counts, other_keys, other_marks, out,
    )  # fmt: skip

"""What the members of windows add up to: one kernel for each function, over snapshots of lists (`state/lists.py`).

A window is the members with low < time <= until of a list as it was. Where the list is in order of time its window is one piece of
it, found by bisection; else every member is looked at. Counts and sums of pieces cost the same however long they are: sums of
long ones are differences of running sums, which are made once for all windows of a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.codes import NULL
from streams.engine.features.sliding import saturated, slid
from streams.engine.kernels import kernel
from streams.engine.state.lists import MOST

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.expression import Array

LONG = 32
"""From so many members on a piece is long."""
MOST_LISTED = 32


class Windows(NamedTuple):
    """Some windows: pieces [begin, end) of `times`, of whose members low < time <= until. `exact`: all are. `held`: how many are."""

    begin: Ints
    end: Ints
    exact: Bools
    held: Ints
    low: Ints
    until: Ints
    times: Ints

    @classmethod
    def of(cls, snapshots: tuple[Array, Array, Bools], low: Ints, until: Ints, times: Ints) -> Windows:
        """The windows of lists as they were: begin, end, and whether in order of time.

        >>> times = np.array([10, 20, 30, 20])
        >>> lists = np.array([0, 0]), np.array([3, 4]), np.array([True, False])
        >>> Windows.of(lists, np.array([10, 10]), np.array([30, 20]), times).held.tolist()
        [2, 2]
        """
        n = len(low)
        begin, end, exact = snapshots
        found = cls(begin.astype(np.int64), end.astype(np.int64), exact.copy(), np.zeros(n, np.int64), low, until, times)
        narrow(*found)
        slid(found, found.long(exact=False), times, 0, "count", found.held)
        return found

    def long(self, *, exact: bool) -> Ints:
        """Which are long, and one piece or not."""
        return ((self.exact == exact) & (self.end - self.begin > LONG)).nonzero()[0]


@kernel("void(int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def narrow(begin: Any, end: Any, exact: Any, held: Any, low: Any, until: Any, times: Any) -> None:
    """Narrow `begin` and `end` to the window where a list is in order; `held` its members (of long lists out of order not yet)."""
    for i in range(len(begin)):
        if not exact[i]:
            for k in range(begin[i], end[i] if end[i] - begin[i] <= 32 else begin[i]):
                held[i] += low[i] < times[k] <= until[i]
            continue
        if end[i] > begin[i] and times[end[i] - 1] > until[i]:
            a, b = begin[i], end[i] - 1
            while a < b:
                middle = (a + b) // 2
                if times[middle] <= until[i]:
                    a = middle + 1
                else:
                    b = middle
            end[i] = a
        if end[i] > begin[i] and times[begin[i]] <= low[i]:
            a, b = begin[i] + 1, end[i]
            while a < b:
                middle = (a + b) // 2
                if times[middle] <= low[i]:
                    a = middle + 1
                else:
                    b = middle
            begin[i] = a
        held[i] = end[i] - begin[i]


@kernel("void(int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def add_up(begin: Any, end: Any, exact: Any, low: Any, until: Any, times: Any, values: Any, out: Any) -> None:
    """The sum of the known values of each window that is not long."""
    for i in range(len(begin)):
        if end[i] - begin[i] > 32:
            continue
        high, rest = 0, 0
        for k in range(begin[i], end[i]):
            if (exact[i] or low[i] < times[k] <= until[i]) and values[k] != -0x8000000000000000:
                high += values[k] >> 32
                rest += values[k] & 0xFFFFFFFF
        out[i] = saturated(high, rest)


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def add_up_long(order: Any, begin: Any, end: Any, values: Any, high: Any, rest: Any, out: Any) -> None:
    """The sums of long pieces, those of one list together in `order`: differences of running sums `high` and `rest` (halves of 32 bits)."""
    i = 0
    while i < len(order):
        first, last, j = begin[order[i]], end[order[i]], i + 1
        while j < len(order) and begin[order[j]] < last:
            last = max(last, end[order[j]])
            j += 1
        for k in range(first, last):
            value = values[k] if values[k] != -0x8000000000000000 else 0
            high[k - first + 1] = high[k - first] + (value >> 32)
            rest[k - first + 1] = rest[k - first] + (value & 0xFFFFFFFF)
        while i < j:
            a, b = begin[order[i]] - first, end[order[i]] - first
            out[order[i]] = saturated(high[b] - high[a], rest[b] - rest[a])
            i += 1


@kernel("void(int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean, int64[::1])")
def extreme(begin: Any, end: Any, exact: Any, low: Any, until: Any, times: Any, values: Any, smallest: bool, out: Any) -> None:
    """The largest (or smallest) known value of each window; NULL for none. Loops without branches are compiled to several members a step."""
    for i in range(len(begin)):
        a, b, known = begin[i], end[i], 0
        if smallest:
            best = 0x7FFFFFFFFFFFFFFF
            for k in range(a, b):
                counts = values[k] != -0x8000000000000000 and (exact[i] or (low[i] < times[k] and times[k] <= until[i]))
                best = min(best, values[k] if counts else 0x7FFFFFFFFFFFFFFF)
                known += counts
            out[i] = best if known > 0 else -0x8000000000000000
        else:
            best = -0x8000000000000000
            for k in range(a, b):
                best = max(best, values[k] if exact[i] or (low[i] < times[k] and times[k] <= until[i]) else -0x8000000000000000)
            out[i] = best


@kernel("void(int64[::1], int64[::1], boolean[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, boolean, int64[::1])")
def nearest(begin: Any, end: Any, exact: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, first: bool, out: Any) -> None:
    """The known value of the latest (or first) member by time, of equal times by arrival; `unknown` for none."""
    for i in range(len(begin)):
        out[i] = unknown
        best = -1
        for step in range(end[i] - begin[i]):
            k = begin[i] + step if first else end[i] - 1 - step
            if values[k] != unknown and low[i] < times[k] <= until[i] and (best < 0 or (times[k] != times[best] and (times[k] < times[best]) == first)):
                best, out[i] = k, values[k]
                if exact[i]:
                    break


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1])")
def any_true(begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, out: Any) -> None:
    """Whether a value of each window is 1."""
    for i in range(len(begin)):
        for k in range(begin[i], end[i]):
            if values[k] == 1 and low[i] < times[k] <= until[i]:
                out[i] = True
                break


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64[:,::1], int64[::1])")
def appearances(begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, out: Any, found: Any) -> None:
    """The first distinct known values of each window in order of arrival, as many as `out` has columns; `found` how many."""
    for i in range(len(begin)):
        n = 0
        for k in range(begin[i], end[i]):
            if n == out.shape[1]:
                break
            if values[k] == unknown or not low[i] < times[k] <= until[i]:
                continue
            fresh = True
            for j in range(n):
                fresh = fresh and out[i, j] != values[k]
            if fresh:
                out[i, n] = values[k]
                n += 1
        found[i] = n


def sums(windows: Windows, values: Ints) -> Ints:
    """The sums of the known values, within 2**62."""
    out = np.zeros(len(windows.begin), np.int64)
    add_up(windows.begin, windows.end, windows.exact, windows.low, windows.until, windows.times, values, out)
    slid(windows, windows.long(exact=False), values, NULL, "sum", out)
    long = windows.long(exact=True)
    if len(long):
        long = long[np.argsort(windows.begin[long], kind="stable")]
        running = np.zeros((2, 2 * MOST + 1), np.int64)
        add_up_long(long, windows.begin, windows.end, values, running[0], running[1], out)
    return out


def extremes(windows: Windows, values: Ints, *, smallest: bool) -> Ints:
    """The largest or smallest known values; NULL for none."""
    out = np.full(len(windows.begin), NULL, np.int64)
    extreme(windows.begin, windows.end, windows.exact, windows.low, windows.until, windows.times, values, smallest, out)
    return out


def nearests(windows: Windows, values: Ints, unknown: int, *, first: bool) -> Ints:
    """The known values latest or first by time; `unknown` for none."""
    out = np.empty(len(windows.begin), np.int64)
    nearest(windows.begin, windows.end, windows.exact, windows.low, windows.until, windows.times, values, unknown, first, out)
    return out


def anys(windows: Windows, values: Ints) -> Bools:
    """Whether a value is true."""
    out = np.zeros(len(windows.begin), bool)
    any_true(windows.begin, windows.end, windows.low, windows.until, windows.times, values, out)
    return out


def firsts(windows: Windows, values: Ints, unknown: int) -> list[list[int]]:
    """The distinct known values of each window, in order of arrival, at most `MOST_LISTED`."""
    out, found = np.zeros((len(windows.begin), MOST_LISTED), np.int64), np.zeros(len(windows.begin), np.int64)
    appearances(windows.begin, windows.end, windows.low, windows.until, windows.times, values, unknown, out, found)
    return [row[:n] for row, n in zip(out.tolist(), found.tolist(), strict=True)]

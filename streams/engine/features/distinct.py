"""How many different values windows have, and which weighs most: one hash table for all windows, a mark instead of emptying it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.features.windows import Windows


@kernel("int64(int64, int64, int64, int64[:], int64[:])")
def slot_of(value: int, mark: int, mask: int, keys: Any, marks: Any) -> int:
    """Where `value` is, or goes, among the slots with `mark`; slots with other marks are free."""
    at = (value ^ (value >> 17) ^ (value >> 41)) & mask
    while marks[at] == mark and keys[at] != value:
        at = (at + 1) & mask
    return at


@kernel("void(int64[:], int64[:], int64[:], boolean[:], int64[:], int64[:], int64[:], int64[:], int64, int64[:], int64[:], int64[:], int64[:])")
def count_distinct(order: Any, begin: Any, end: Any, exact: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, keys: Any, marks: Any, counts: Any, out: Any) -> None:
    """How many different known values. A piece that overlaps the piece before it only adds and removes what differs."""
    mask = len(keys) - 1
    mark, first, last, n, used = 0, 0, 0, 0, 0
    for i in order:
        a, b = begin[i], end[i]
        if not exact[i] or a < first or a >= last or 2 * (used + b - last) > mask:
            mark, first, last, n, used = mark + 1, a, a, 0, 0
        for k in range(first, a):
            if values[k] != unknown:
                at = slot_of(values[k], mark, mask, keys, marks)
                counts[at] -= 1
                n -= counts[at] == 0
        for k in range(b, last):
            if values[k] != unknown:
                at = slot_of(values[k], mark, mask, keys, marks)
                counts[at] -= 1
                n -= counts[at] == 0
        for k in range(last, b):
            if values[k] != unknown and (exact[i] or low[i] < times[k] <= until[i]):
                at = slot_of(values[k], mark, mask, keys, marks)
                if marks[at] != mark:
                    marks[at], keys[at], counts[at] = mark, values[k], 0
                    used += 1
                counts[at] += 1
                n += counts[at] == 1
        first, last = a, b if exact[i] else a
        out[i] = n


@kernel("void(int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64, int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:])")
def heaviest(
    begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, weights: Any, unknown: int, keys: Any, marks: Any, high: Any, rest: Any, used: Any, out: Any, tied: Any
) -> None:
    """The value with the largest sum of known weights (halves of 32 bits); `tied`: another one has the same."""
    mask = len(keys) - 1
    for i in range(len(begin)):
        n = 0
        for k in range(begin[i], end[i]):
            if values[k] == unknown or weights[k] == -0x8000000000000000 or not low[i] < times[k] <= until[i]:
                continue
            at = slot_of(values[k], i + 1, mask, keys, marks)
            if marks[at] != i + 1:
                marks[at], keys[at], high[at], rest[at] = i + 1, values[k], 0, 0
                used[n] = at
                n += 1
            rest[at] += weights[k] & 0xFFFFFFFF
            high[at] += (weights[k] >> 32) + (rest[at] >> 32)
            rest[at] &= 0xFFFFFFFF
        best = -1
        for j in range(n):
            at = used[j]
            if best < 0 or high[at] > high[best] or (high[at] == high[best] and rest[at] > rest[best]):
                best, tied[i] = at, False
            elif high[at] == high[best] and rest[at] == rest[best]:
                tied[i] = True
        out[i] = keys[best] if best >= 0 else unknown


def slots_for(windows: Windows, columns: int) -> Ints:
    """A table [columns, slots] that the longest window fills to a quarter at most."""
    longest = int((windows.end - windows.begin).max(initial=0))
    return np.zeros((columns, 1 << (4 * longest + 3).bit_length()), np.int64)


def distincts(windows: Windows, values: Ints, unknown: int) -> Ints:
    """How many different known values each window has."""
    out, long = np.zeros(len(windows.begin), np.int64), windows.long()
    order = np.concatenate([np.delete(np.arange(len(out)), long), long])
    keys, marks, counts = slots_for(windows, 3)
    count_distinct(order, windows.begin, windows.end, windows.exact, windows.low, windows.until, windows.times, values, unknown, keys, marks, counts, out)
    return out


def tops(windows: Windows, values: Ints, weights: Ints) -> Ints:
    """The text with the largest sum of weights; of equal ones the first in the alphabet; 0 for none."""
    n = len(windows.begin)
    out, tied = np.zeros(n, np.int64), np.zeros(n, bool)
    keys, marks, high, rest, used = slots_for(windows, 5)
    heaviest(windows.begin, windows.end, windows.low, windows.until, windows.times, values, weights, 0, keys, marks, high, rest, used, out, tied)
    for at in np.flatnonzero(tied).tolist():
        piece = slice(int(windows.begin[at]), int(windows.end[at]))
        inside = (windows.times[piece] > windows.low[at]) & (windows.times[piece] <= windows.until[at]) & (values[piece] != 0) & (weights[piece] != NULL)
        totals: dict[int, int] = {}
        for value, weight in zip(values[piece][inside].tolist(), weights[piece][inside].tolist(), strict=True):
            totals[value] = totals.get(value, 0) + weight
        out[at] = min(totals, key=lambda value: (-totals[value], text_of(value)))
    return out

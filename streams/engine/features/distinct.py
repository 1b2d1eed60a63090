"""How many different values windows have, and which weighs most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.features.sliding import slid, slot_of
from streams.engine.features.windows import LONG
from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.features.windows import Windows


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1])")
def count_distinct(begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, unknown: int, out: Any) -> None:
    """How many different known values each window has that is not long: each member is compared with those before."""
    for i in range(len(begin)):
        for k in range(begin[i], end[i] if end[i] - begin[i] <= 32 else begin[i]):
            fresh = values[k] != unknown and low[i] < times[k] <= until[i]
            before = begin[i]
            while fresh and before < k:
                fresh = values[before] != values[k] or not low[i] < times[before] <= until[i]
                before += 1
            out[i] += fresh


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1])"
)
def heaviest(
    begin: Any, end: Any, low: Any, until: Any, times: Any, values: Any, weights: Any, unknown: int, keys: Any, marks: Any, high: Any, rest: Any, used: Any, out: Any, tied: Any
) -> None:
    """The value with the largest sum of known weights (halves of 32 bits); `tied`: another one has the same."""
    for i in range(len(begin)):
        n = 0
        for k in range(begin[i], end[i]):
            if values[k] == unknown or weights[k] == -0x8000000000000000 or not low[i] < times[k] <= until[i]:
                continue
            at = slot_of(values[k], i + 1, keys, marks)
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


def distincts(windows: Windows, values: Ints, unknown: int) -> Ints:
    """How many different known values each window has."""
    out = np.zeros(len(windows.begin), np.int64)
    count_distinct(windows.begin, windows.end, windows.low, windows.until, windows.times, values, unknown, out)
    slid(windows, (windows.end - windows.begin > LONG).nonzero()[0], values, unknown, "distinct", out)
    return out


def tops(windows: Windows, values: Ints, weights: Ints) -> Ints:
    """The text with the largest sum of weights; of equal ones the first in the alphabet; 0 for none."""
    n = len(windows.begin)
    out, tied = np.zeros(n, np.int64), np.zeros(n, bool)
    longest = int((windows.end - windows.begin).max(initial=0))
    keys, marks, high, rest, used = np.zeros((5, 1 << (2 * longest + 1).bit_length()), np.int64)
    heaviest(windows.begin, windows.end, windows.low, windows.until, windows.times, values, weights, 0, keys, marks, high, rest, used, out, tied)
    for at in tied.nonzero()[0].tolist():
        piece = slice(int(windows.begin[at]), int(windows.end[at]))
        inside = (windows.times[piece] > windows.low[at]) & (windows.times[piece] <= windows.until[at]) & (values[piece] != 0) & (weights[piece] != NULL)
        totals: dict[int, int] = {}
        for value, weight in zip(values[piece][inside].tolist(), weights[piece][inside].tolist(), strict=True):
            totals[value] = totals.get(value, 0) + weight
        out[at] = min(totals, key=lambda value: (-totals[value], text_of(value)))
    return out

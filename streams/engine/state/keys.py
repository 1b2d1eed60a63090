"""The keys of a table's rows: those of a base lie in one arena, those of a finer table are built from its base's and the codes of its values.

A key takes its bytes and eight more for its place. The rows of a base are never freed, and neither are their keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.kernels import kernel
from streams.engine.state.packing import Buffer, ByteStrings, buffer_of, copied

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.state.tables import Rows

FIRST_BYTES = 1024
LENGTH_BITS = 24
"""Of a key's place: its lowest bits are the length, the others say where it begins."""


@kernel("int64(int64)")
def decimal_length(value: int) -> int:
    """How many characters `value` has in decimals, the sign included."""
    n = 1
    if value < 0:
        if value > -10:
            return 2
        n, value = 3, value // -10
    while value >= 10:
        n, value = n + 1, value // 10
    return n


@kernel("void(int64, int64, uint8[::1])")
def write_decimal(value: int, end: int, out: Any) -> None:
    """Write `value` in decimals, so that it ends before `end`."""
    if value < 0:
        end -= 1
        out[end], value = 48 - value % -10, value // -10
        while value > 0:
            end -= 1
            out[end], value = 48 + value % 10, value // 10
        out[end - 1] = 45
        return
    end -= 1
    out[end], value = 48 + value % 10, value // 10
    while value > 0:
        end -= 1
        out[end], value = 48 + value % 10, value // 10


@kernel("void(int64, int64[::1], int64[:,:], int64[::1])")
def key_ends(begin: int, places: Any, parts: Any, ends: Any) -> None:
    """Where each key ends: `begin` bytes, those of its place, and its further parts."""
    end = 0
    for i in range(len(places)):
        end += begin + (places[i] & 0xFFFFFF)
        for part in range(parts.shape[1]):
            end += 1 + decimal_length(parts[i, part])
        ends[i] = end


@kernel("void(uint8[::1], int64[::1], uint8[::1], int64[:,:], uint8[::1])")
def write_keys(begin: Any, places: Any, arena: Any, parts: Any, out: Any) -> None:
    """Write each key: `begin`, the bytes of its place, and its further parts in decimals behind separators."""
    n = 0
    for i in range(len(places)):
        at, length = places[i] >> 24, places[i] & 0xFFFFFF
        given, taken = arena[at : at + length], out[n : n + len(begin) + length]
        for k in range(len(begin)):
            taken[k] = begin[k]
        behind = taken[len(begin) :]
        for k in range(length):
            behind[k] = given[k]
        n += len(taken)
        for part in range(parts.shape[1]):
            out[n] = 31
            n += 1 + decimal_length(parts[i, part])
            write_decimal(parts[i, part], n, out)


@kernel("void(uint8[::1], int64[::1], int64[::1], int64[:, ::1])")
def read_parts(data: Any, begins: Any, ends: Any, parts: Any) -> None:
    """Read the last parts of each key, decimals behind separators, and move its end before them."""
    for i in range(len(ends)):
        for part in range(parts.shape[1] - 1, -1, -1):
            end = ends[i]
            at, value = end, np.int64(0)
            while at > begins[i] and data[at - 1] != 31:
                at -= 1
            negative = at < end and data[at] == 45
            for k in range(at + (1 if negative else 0), end):
                value = value * 10 - (np.int64(data[k]) - 48)  # below zero, where the least number has room
            parts[i, part] = value if negative else -value
            ends[i] = max(at - 1, begins[i])


@kernel("void(uint8[::1], int64[::1], int64[::1], int64[:, ::1])")
def separators(data: Any, begins: Any, ends: Any, out: Any) -> None:
    """Where the first separators of each key stand; its end where there are fewer."""
    for i in range(len(begins)):
        at = begins[i]
        for n in range(out.shape[1]):
            while at < ends[i] and data[at] != 31:
                at += 1
            out[i, n] = at
            at = min(at + 1, ends[i])


def without_parts(keys: ByteStrings, count: int) -> tuple[ByteStrings, Ints]:
    r"""Keys without their last `count` parts, and these [keys, parts], which are numbers in decimals.

    >>> from streams.engine.state.packing import ByteStrings
    >>> base, parts = without_parts(ByteStrings.of([b"C\x1f-7\x1f12"]), 2)
    >>> base.listed(), parts.tolist()
    ([b'C'], [[-7, 12]])
    """
    begins, ends = keys.begins, keys.ends.copy()
    parts = np.empty((len(ends), count), np.int64)
    read_parts(keys.data, begins, ends, parts)
    return ByteStrings(copied(keys.data, begins, ends), np.cumsum(ends - begins)), parts


def split(keys: ByteStrings, count: int) -> list[ByteStrings]:
    r"""Each of the `count` parts of keys, the last with all that is left.

    >>> from streams.engine.state.packing import ByteStrings
    >>> [part.listed() for part in split(ByteStrings.of([b"C\x1fS", b"D\x1fT"]), 2)]
    [[b'C', b'D'], [b'S', b'T']]
    """
    between = np.empty((len(keys.ends), count - 1), np.int64)
    separators(keys.data, keys.begins, keys.ends, between)
    begins = np.minimum(np.concatenate([keys.begins[:, None], between + 1], axis=1), keys.ends[:, None])
    ends = np.concatenate([between, keys.ends[:, None]], axis=1)
    return [ByteStrings(copied(keys.data, begin, end), np.cumsum(end - begin)) for begin, end in zip(begins.T, ends.T, strict=True)]


class Keys:
    """The keys of a base table's rows, by row."""

    def __init__(self) -> None:
        self.places: Ints = np.zeros(0, np.int64)
        self.arena: Buffer = np.zeros(FIRST_BYTES, np.uint8)
        self.used = 0

    def put(self, rows: Rows, keys: ByteStrings) -> None:
        """Give new rows their keys, of at most 16 MB each."""
        most, need = int(rows.max()) + 1, self.used + len(keys.data)
        if most > len(self.places):
            self.places.resize(max(most, len(self.places) * 9 // 8 + 64), refcheck=False)  # in place: two of its size may not fit into memory
        if need > len(self.arena):
            self.arena.resize(max(need, len(self.arena) * 9 // 8), refcheck=False)
        self.arena[self.used : need] = keys.data
        lengths = np.diff(keys.ends, prepend=0)
        self.places[rows] = (self.used + keys.ends - lengths) << LENGTH_BITS | lengths
        self.used = need

    def text(self, row: int) -> str:
        """The key of one row; empty where it has none."""
        place = int(self.places[row]) if row < len(self.places) else 0
        begin = place >> LENGTH_BITS
        return self.arena[begin : begin + place - (begin << LENGTH_BITS)].tobytes().decode()

    def read(self, rows: Rows, parts: Ints, begin: bytes = b"") -> ByteStrings:
        """The keys of `rows`, each behind `begin` and followed by its `parts` [rows, parts per key] in decimals."""
        places = self.places[rows]
        ends = np.empty(len(rows), np.int64)
        key_ends(len(begin), places, parts, ends)
        data: Buffer = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
        write_keys(buffer_of(begin), places, self.arena, parts, data)
        return ByteStrings(data, ends)

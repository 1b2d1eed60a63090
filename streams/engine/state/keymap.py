"""Byte strings to numbers: open addressing over the bytes of keys, which lie in one arena and are compared on a hit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.kernels import kernel
from streams.engine.state.packing import Buffer, ByteStrings, copied, grown

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.state.tables import Rows

EMPTY = -1
FIRST_SLOTS = 64


@kernel("int64(uint8[::1])")
def hash_of(key: Any) -> int:
    """A hash of bytes: products stay below 2^62, so that the interpreted form cannot overflow."""
    h, fours = np.int64(len(key)), len(key) // 4
    for k in range(fours):
        at = 4 * k
        word = np.int64(key[at]) | np.int64(key[at + 1]) << 8 | np.int64(key[at + 2]) << 16 | np.int64(key[at + 3]) << 24
        h = ((h ^ word) * 2921079) & 0xFFFFFFFFFF
    for k in range(4 * fours, len(key)):
        h = ((h ^ np.int64(key[k])) * 2921079) & 0xFFFFFFFFFF
    h ^= h >> 20
    return int(h * 2654435 & 0x3FFFFFFFFFFFFFFF)


@kernel("int64(uint8[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int32[::1], int64, int32[::1])")
def find_or_add(data: Any, ends: Any, arena: Any, arena_ends: Any, hashes: Any, slots: Any, used: int, numbers: Any) -> int:
    """Set `numbers` to the number of each string; new ones are copied into the arena and get the numbers from `used` on. Returns how many there are then."""
    mask, begin = len(slots) - 1, 0
    for i in range(len(ends)):
        key = data[begin : ends[i]]
        begin = ends[i]
        h = hash_of(key)
        at = (h ^ h >> 17) & mask
        while True:
            number = slots[at]
            if number < 0:
                number = used
                start = arena_ends[number - 1] if number > 0 else 0
                kept = arena[start : start + len(key)]
                for k in range(len(key)):
                    kept[k] = key[k]
                arena_ends[number], hashes[number], slots[at] = start + len(key), h, number
                used += 1
                break
            if hashes[number] == h:
                start = arena_ends[number - 1] if number > 0 else 0
                kept = arena[start : arena_ends[number]]
                if len(kept) == len(key):
                    differing = 0
                    for k in range(len(key)):
                        differing += 1 if kept[k] != key[k] else 0
                    if differing == 0:
                        break
            at = (at + 1) & mask
        numbers[i] = number
    return used


@kernel("void(int32[::1], int64[::1], int64)")
def fill(slots: Any, hashes: Any, used: int) -> None:
    """Put all numbers into empty `slots`."""
    mask = len(slots) - 1
    for number in range(used):
        at = (hashes[number] ^ hashes[number] >> 17) & mask
        while slots[at] >= 0:
            at = (at + 1) & mask
        slots[at] = number


class KeyMap:
    """Numbers of byte strings, from 0 on in the order in which they first came.

    >>> known = KeyMap()
    >>> known.find(ByteStrings.of([b"a", b"b", b"a"])).tolist(), known.find(ByteStrings.of([b"c", b"b"])).tolist(), known.used
    ([0, 1, 0], [2, 1], 3)
    """

    def __init__(self) -> None:
        self.slots: Rows = np.full(FIRST_SLOTS, EMPTY, np.int32)
        self.arena: Buffer = np.empty(0, np.uint8)
        self.ends: Ints = np.empty(0, np.int64)
        self.hashes: Ints = np.empty(0, np.int64)
        self.used = 0

    def find(self, strings: ByteStrings) -> Rows:
        """The number of each string; new ones get one."""
        most, held = self.used + len(strings.ends), int(self.ends[self.used - 1]) if self.used else 0
        self.arena, self.ends, self.hashes = grown(self.arena, held + len(strings.data)), grown(self.ends, most), grown(self.hashes, most)
        if 3 * most > 2 * len(self.slots):
            self.slots = np.full(1 << (3 * most // 2).bit_length(), EMPTY, np.int32)
            fill(self.slots, self.hashes, self.used)
        numbers: Rows = np.empty(len(strings.ends), np.int32)
        self.used = find_or_add(*strings, self.arena, self.ends, self.hashes, self.slots, self.used, numbers)
        return numbers

    def begins(self, numbers: Rows | Ints) -> Ints:
        """Where the strings with these numbers begin in the arena."""
        return np.where(numbers > 0, self.ends[numbers - 1], 0)


def first_of(numbers: Rows, known: int) -> Ints:
    """The places in `numbers` where those from `known` on come first."""
    return (numbers > np.maximum.accumulate(np.append(np.int32(known - 1), numbers))[:-1]).nonzero()[0]


class Latest:
    """The last value of each key: what is left of a changelog that is read in order."""

    def __init__(self) -> None:
        self.keys = KeyMap()
        self.values: Buffer = np.empty(0, np.uint8)
        self.places: Ints = np.empty((0, 2), np.int64)
        """By number of the key: where its value begins and how long it is; -1: it was deleted."""
        self.used = 0

    def take(self, keys: ByteStrings, values: ByteStrings, gone: Bools) -> None:
        """Take records in their order."""
        known = self.keys.used
        numbers = self.keys.find(keys)
        self.places = grown(self.places, self.keys.used)
        self.places[known : self.keys.used] = 0, -1
        if self.used + len(values.data) > len(self.values):
            self._make_room(len(values.data))
        self.used = put_last(numbers, *values, gone, self.places, self.values, self.used)

    def _make_room(self, more: int) -> None:
        """Room for the values of a run: values that were replaced are left behind where they are half of all."""
        known = self.places[: self.keys.used]
        lengths = np.maximum(known[:, 1], 0)
        if 2 * int(lengths.sum()) < self.used:
            self.values = copied(self.values, known[:, 0], known[:, 0] + lengths)
            known[:, 0] = lengths.cumsum() - lengths
            self.used = len(self.values)
        self.values = grown(self.values, self.used + more)

    def parts(self) -> dict[str, Ints]:
        """By part, which is what stands before the first byte 30 of a key, the numbers of the keys that have a value."""
        kept = (self.places[: self.keys.used, 1] >= 0).nonzero()[0]
        names, own = KeyMap(), np.empty(len(kept), np.int64)
        head_ends(kept, self.keys.arena, self.keys.ends, own)
        begins = self.keys.begins(kept)
        lengths = own - begins
        number = names.find(ByteStrings(copied(self.keys.arena, begins, own), lengths.cumsum()))
        order = np.argsort(number.astype(np.int16), kind="stable")
        texts = ByteStrings(names.arena[: names.ends[names.used - 1]] if names.used else names.arena, names.ends[: names.used]).texts()
        return dict(zip(texts, np.split(kept[order], np.cumsum(np.bincount(number, minlength=names.used))[:-1]), strict=True)) if names.used else {}

    def key_strings(self, numbers: Ints, skipped: int = 0) -> ByteStrings:
        """The keys with these numbers, without their first `skipped` bytes."""
        begins, ends = self.keys.begins(numbers) + skipped, self.keys.ends[numbers]
        return ByteStrings(copied(self.keys.arena, begins, ends), np.cumsum(ends - begins))

    def value_strings(self, numbers: Ints) -> ByteStrings:
        """The values of the keys with these numbers."""
        begins, lengths = self.places[numbers].T
        return ByteStrings(copied(self.values, begins.copy(), begins + lengths), lengths.cumsum())


@kernel("void(int64[::1], uint8[::1], int64[::1], int64[::1])")
def head_ends(numbers: Any, arena: Any, ends: Any, out: Any) -> None:
    """Where the first byte 30 of each key stands, or the key ends."""
    for i in range(len(numbers)):
        number = numbers[i]
        at = ends[number - 1] if number > 0 else 0
        while at < ends[number] and arena[at] != 30:
            at += 1
        out[i] = at


@kernel("int64(int32[::1], uint8[::1], int64[::1], boolean[::1], int64[:, ::1], uint8[::1], int64)")
def put_last(numbers: Any, data: Any, ends: Any, gone: Any, places: Any, values: Any, used: int) -> int:
    """Put each value in the place of the one before it, or behind all others where it is longer. Returns how many bytes are used then."""
    begin = 0
    for i in range(len(numbers)):
        number, length = numbers[i], ends[i] - begin
        given = data[begin : ends[i]]
        begin = ends[i]
        if gone[i]:
            places[number, 1] = -1
            continue
        if length > places[number, 1]:
            places[number, 0] = used
            used += length
        places[number, 1] = length
        taken = values[places[number, 0] : places[number, 0] + length]
        for k in range(length):
            taken[k] = given[k]
    return used

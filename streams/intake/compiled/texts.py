"""The texts behind the codes that the compiled reader makes: bytes in an arena, found by code. Forgotten as `schemas.codes` says."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas import codes
from streams.engine.kernels import borrowing, kernel
from streams.intake.compiled.scan import BLOCK, COLUMN, FIELDS_END, FIRST_FIELD, LENGTH_BITS, PLAIN_TEXT, READ

COUNT, USED = range(2)
"""How many texts there are, and their bytes in the arena."""
FIRST_SLOTS = 4096
FIRST_BYTES = 1 << 16


@borrowing("void(int64, uint8[::1], int64, int64[::1], int64[::1], uint8[::1], int64[::1])")
def remember(code: int, buf: Any, span: int, numbers: Any, places: Any, arena: Any, state: Any) -> None:
    """Keep the text at `span` of `buf`, where its code is new. There is room for it."""
    at = code & (len(numbers) - 1)
    while numbers[at] != 0:
        if numbers[at] == code:
            return
        at = (at + 1) & (len(numbers) - 1)
    begin, length, used = span >> LENGTH_BITS, span & ((1 << LENGTH_BITS) - 1), state[USED]
    numbers[at], places[at] = code, (used << LENGTH_BITS) | length
    for step in range(length):
        arena[used + step] = buf[begin + step]
    state[COUNT] += 1
    state[USED] = used + length


@borrowing("void(uint8[::1], int64[:,::1], int64[:,::1], int64[::1], int64[::1], int64[:,::1], int64[:,::1], int64[::1], int64[::1], uint8[::1], int64[::1])")
def remember_all(buf: Any, types: Any, fields: Any, before: Any, counts: Any, out: Any, spans: Any, numbers: Any, places: Any, arena: Any, state: Any) -> None:
    """Keep the texts of what one call of `scan` has read: column after column, so that the processor looks for many at once."""
    mask = len(numbers) - 1
    for kind in range(len(types)):
        for f in range(types[kind, FIRST_FIELD], types[kind, FIELDS_END]):
            column = fields[f, COLUMN]
            if column < 0 or fields[f, READ] != PLAIN_TEXT:
                continue
            for row in range(before[kind], counts[kind]):
                code = out[column, row]
                if code != 0 and numbers[code & mask] != code and spans[column, row & (BLOCK - 1)] != 0:
                    remember(code, buf, spans[column, row & (BLOCK - 1)], numbers, places, arena, state)


@kernel("int64(int64[::1], int64)")
def slot_of(numbers: Any, code: int) -> int:
    """The slot of a code; that of an empty one where it is unknown."""
    at = code & (len(numbers) - 1)
    while numbers[at] != 0 and numbers[at] != code:
        at = (at + 1) & (len(numbers) - 1)
    return at


@kernel("void(int64[::1], int64[::1], int64[::1], int64[::1])")
def moved(numbers: Any, places: Any, to: Any, to_places: Any) -> None:
    """Enter all codes into empty slots."""
    for slot in range(len(numbers)):
        if numbers[slot] != 0:
            at = numbers[slot] & (len(to) - 1)
            while to[at] != 0:
                at = (at + 1) & (len(to) - 1)
            to[at], to_places[at] = numbers[slot], places[slot]


@borrowing("int64(int64, int64[:], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], uint8[::1])")
def carried(start: int, wanted: Any, numbers: Any, places: Any, arena: Any, state: Any, old_numbers: Any, old_places: Any, old_arena: Any) -> int:
    """Take the texts of `wanted` over from the older ones. Returns the place before which more room is needed, or -1 less the place of one that is in neither."""
    for at in range(start, len(wanted)):
        code = wanted[at]
        if code == 0 or numbers[slot_of(numbers, code)] == code:
            continue
        slot = slot_of(old_numbers, code)
        if old_numbers[slot] != code:
            return -1 - at
        length = old_places[slot] & ((1 << LENGTH_BITS) - 1)
        if 4 * (state[COUNT] + 1) > 3 * len(numbers) or state[USED] + length > len(arena):
            return at
        remember(code, old_arena, old_places[slot], numbers, places, arena, state)
    return len(wanted)


@borrowing("void(int64[:, ::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1], boolean[::1])")
def spans_of(wanted: Any, numbers: Any, places: Any, old_numbers: Any, old_places: Any, spans: Any, known: Any) -> None:
    """Where the texts of each row of codes are: in the newer arena, or below zero in the older one (`~`). `known`: whether all of a row are in one of them."""
    for row in range(len(wanted)):
        known[row] = True
        for part in range(wanted.shape[1]):
            code = wanted[row, part]
            slot = slot_of(numbers, code)
            spans[row, part] = places[slot]
            if numbers[slot] != code:
                slot = slot_of(old_numbers, code)
                spans[row, part] = ~old_places[slot]
                known[row] = known[row] and old_numbers[slot] == code


@kernel("int64(int64[:, ::1], boolean[::1], uint8[::1], uint8[::1], int64, int64[::1], uint8[::1])")
def write_joined(spans: Any, known: Any, arena: Any, old_arena: Any, separator: int, ends: Any, out: Any) -> int:
    """Write the texts of each known row with a separator between them, and where each row ends. Returns how many bytes; without `out` they are only counted."""
    end = 0
    for row in range(len(spans)):
        if known[row]:
            for part in range(spans.shape[1]):
                span = spans[row, part]
                place = ~span if span < 0 else span
                begin, length = place >> LENGTH_BITS, place & ((1 << LENGTH_BITS) - 1)
                if len(out):
                    taken = out[end : end + length]
                    if span < 0:
                        given = old_arena[begin : begin + length]
                    else:
                        given = arena[begin : begin + length]
                    for k in range(length):
                        taken[k] = given[k]
                end += length
                if part + 1 < spans.shape[1]:
                    if len(out):
                        out[end] = separator
                    end += 1
        ends[row] = end
    return end


class Generation:
    """Texts that were used since the last rotation."""

    def __init__(self) -> None:
        self.numbers, self.places = np.zeros(FIRST_SLOTS, np.int64), np.zeros(FIRST_SLOTS, np.int64)
        """Codes by slot, 0 where none is; and where their texts are."""
        self.arena = np.zeros(FIRST_BYTES, np.uint8)
        self.state = np.zeros(2, np.int64)
        self.decoded: dict[int, str] = {}
        """The texts that were asked for."""

    def find(self, number: int) -> str | None:
        """The text of a code."""
        if number in self.decoded:
            return self.decoded[number]
        slot = slot_of(self.numbers, number)
        if self.numbers[slot] != number:
            return None
        place = int(self.places[slot])
        begin = place >> LENGTH_BITS
        text = self.decoded[number] = self.arena[begin : begin + (place & ((1 << LENGTH_BITS) - 1))].tobytes().decode()
        return text

    def reserve(self, texts: int, least_bytes: int) -> None:
        """Make room for so many texts more, and so many bytes."""
        slots = len(self.numbers)
        while 2 * (int(self.state[COUNT]) + texts) > slots:
            slots *= 2
        if slots > len(self.numbers):
            numbers, places = np.zeros(slots, np.int64), np.zeros(slots, np.int64)
            moved(self.numbers, self.places, numbers, places)
            self.numbers, self.places = numbers, places
        used = int(self.state[USED])
        if used + least_bytes > len(self.arena):
            arena = np.zeros(max(2 * len(self.arena), used + least_bytes), np.uint8)
            arena[:used] = self.arena[:used]
            self.arena = arena


class Texts:
    """Two generations of texts: see `codes.Store`."""

    def __init__(self) -> None:
        self.now, self.older = Generation(), Generation()

    def __len__(self) -> int:
        return int(self.now.state[COUNT])

    def find(self, number: int) -> str | None:
        """The text of a code, where it is known here."""
        found = self.now.find(number)
        return self.older.find(number) if found is None else found

    def joined(self, wanted: Any, separator: int) -> tuple[Any, Any, Any]:
        """See `codes.Store`."""
        now, older, rows = self.now, self.older, len(wanted)
        spans, known, ends = np.empty(wanted.shape, np.int64), np.empty(rows, bool), np.empty(rows, np.int64)
        spans_of(np.ascontiguousarray(wanted), now.numbers, now.places, older.numbers, older.places, spans, known)
        data = np.empty(write_joined(spans, known, now.arena, older.arena, separator, ends, np.empty(0, np.uint8)), np.uint8)
        write_joined(spans, known, now.arena, older.arena, separator, ends, data)
        return data, ends, known

    def rotate(self) -> None:
        """Forget the older texts."""
        self.now, self.older = Generation(), self.now

    def carry(self, wanted: Any) -> list[int]:
        """Make sure that the texts of these codes outlive the next rotation. Returns the codes that are not known here."""
        unknown: list[int] = []
        at = 0
        while at < len(wanted):
            now, older = self.now, self.older
            at = carried(at, wanted, now.numbers, now.places, now.arena, now.state, older.numbers, older.places, older.arena)
            if at < 0:
                unknown.append(int(wanted[-1 - at]))
                at = -at
            elif at < len(wanted):
                self.now.reserve(int(self.now.state[COUNT]) + 1, 1 << LENGTH_BITS)
        return unknown


TEXTS = Texts()
codes.attach(TEXTS, first=True)


__all__ = ["TEXTS", "Texts"]

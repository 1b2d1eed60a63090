"""P3 window by civil days, the kernel: one walk over members and readers in merged order. See `state/bucket_kernels.py` for the layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.codes import NULL
from streams.engine.kernels import kernel
from streams.engine.state.bucket_kernels import (
    ANY,
    COUNT,
    DAY_COUNT,
    DISTINCT,
    ENTRY,
    FIRST,
    GROUP,
    HEAD,
    LARGEST,
    LATEST,
    LIST,
    LISTS,
    MANY,
    SEQ,
    SMALLEST,
    SUM,
    TOP,
    add,
    clear_row,
    last_until,
    mixed,
    plus,
)

DONE, NO_ROOM, NO_TEXTS, NO_TIES = range(4)
"""Why `walk` returns: all is done, or what must be made larger before it is called again."""
AT, ADDED, LISTED, TIED, RESETS, OVER = range(6)
"""Of `place`, where `walk` goes on: the entry; whether its member was added; how many listed values, ties and resets there are; whether the ties were too many."""
MOST_LISTED = 32
LENGTH = 64
"""A list is read as where it begins, times this, plus its length."""


@kernel("int64(int64, int64, int64, int64, int64, int64, int64[::1])")
def fold(op: int, word: int, first: int, begin: int, last: int, size: int, arena: Any) -> int:
    """What entries `begin` to `last` add up to."""
    value, best = NULL, NULL
    if op in (SUM, ANY, COUNT, DAY_COUNT):
        value = 0
    for entry in range(first + begin * size, first + last * size + 1, size):
        at = arena[entry + word]
        if op == COUNT:
            value += arena[entry + 1]
        elif op == DAY_COUNT:
            value += min(arena[entry + 1], 1)
        elif op == SUM:
            value = plus(value, at)
        elif op == ANY:
            value |= at
        elif op == LARGEST:
            value = max(value, at)
        elif op == SMALLEST:
            if at != NULL and (value == NULL or at < value):
                value = at
        elif arena[entry + word + 1] != NULL and (best == NULL or (op == LATEST and arena[entry + word + 1] >= best) or (op == FIRST and arena[entry + word + 1] < best)):
            value, best = at, arena[entry + word + 1]
    return value


@kernel("int64(int64, int64, int64, int64, int64[::1], int64[::1], int64[::1])")
def gather(word: int, first: int, begin: int, last: int, form: Any, arena: Any, found: Any) -> int:
    """The groups of several entries, each once: value, first ordinal, sum of word `word` (0: none), three words each in `found`. Returns how many."""
    n, index = 0, np.zeros(2 * len(found), np.int64)
    mask = 1
    while 3 * mask < 2 * len(found):
        mask *= 2
    mask -= 1
    for j in range(begin, last + 1):
        end = first + (j + 1) * form[ENTRY]
        for group in range(arena[end - 1], arena[end - 1] + (arena[end - 2] >> 8) * form[GROUP], form[GROUP]):
            at = mixed(arena[group]) & mask
            while index[at] and found[3 * index[at] - 3] != arena[group]:
                at = (at + 1) & mask
            k = 3 * index[at] - 3
            if k < 0:
                k = 3 * n
                n += 1
                index[at] = n
                found[k], found[k + 1], found[k + 2] = arena[group], arena[group + form[SEQ]], NULL
            elif arena[group + form[SEQ]] < found[k + 1]:
                found[k + 1] = arena[group + form[SEQ]]
            if word > 0 and arena[group + word] != NULL:
                found[k + 2] = arena[group + word] if found[k + 2] == NULL else plus(found[k + 2], arena[group + word])
    return n


@kernel("int64(int64, int64, int64, int64, int64, int64[::1], int64[:, ::1], int64[::1])")
def largest_group(at: int, n: int, words: int, word: int, number: int, source: Any, ties: Any, place: Any) -> int:
    """The group with the largest sum, NULL for none. Where several have it all of them are noted in `ties` for reading `number`."""
    value, best, tied = NULL, NULL, 0
    for group in range(at, at + n * words, words):
        total = source[group + word]
        if total > best:
            value, best, tied = source[group], total, 1
        elif total == best and best != NULL:
            tied += 1
    if tied > 1:
        if place[TIED] + tied > len(ties):
            place[OVER] = 1
            return value
        for group in range(at, at + n * words, words):
            if source[group + word] == best:
                ties[place[TIED], 0], ties[place[TIED], 1] = number, source[group]
                place[TIED] += 1
    return value


@kernel("int64(int64, int64, int64, int64, int64[::1], int64[::1], int64[::1])")
def listed(at: int, n: int, words: int, number: int, source: Any, codes: Any, place: Any) -> int:
    """Put the first groups by their ordinals (word 1) into `codes`, in order of appearance where `number` is 0."""
    begin = place[LISTED]
    length = min(n, MOST_LISTED)
    if number > 0:
        order = np.argsort(source[at + 1 : at + n * words : words])
        for k in range(length):
            codes[begin + k] = source[at + order[k] * words]
    else:
        for k in range(length):
            codes[begin + k] = source[at + k * words]
    place[LISTED] += length
    return begin * LENGTH + length


@kernel("int64(int64, int64, int64, int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[:, ::1], int64[::1])")
def of_groups(op: int, word: int, first: int, begin: int, last: int, number: int, form: Any, arena: Any, codes: Any, ties: Any, place: Any) -> int:
    """What the groups of entries `begin` to `last` give."""
    total, days, only = 0, 0, 0
    for j in range(begin, last + 1):
        end = first + (j + 1) * form[ENTRY]
        if arena[end - 2] >> 8:
            total += arena[end - 2] >> 8
            days += 1
            only = arena[end - 1]
    if op == DISTINCT and days < 2:
        return total
    if days < 2:
        return largest_group(only, total, form[GROUP], word, number, arena, ties, place) if op == TOP else listed(only, total, form[GROUP], 0, arena, codes, place)
    found = np.empty(3 * total, np.int64)
    n = gather(word, first, begin, last, form, arena, found)
    if op == DISTINCT:
        return n
    return largest_group(0, n, 3, 2, number, found, ties, place) if op == TOP else listed(0, n, 3, 1, found, codes, place)


@kernel("void(int64, int64, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], int8[::1], int64[::1], int64[:, ::1], int64[::1])")
def read(i: int, row: int, day: int, without: int, out: Any, features: Any, form: Any, arena: Any, slot: Any, kinds: Any, codes: Any, ties: Any, place: Any) -> None:
    """Read all features of a row, as of civil day `day`, into out[i]. `features`: function, word, civil days of the frame. `without`: 1 for a reading before the member is added."""
    at, held = 0, 0
    if kinds[row] >= 0:
        at = slot[row]
        held = arena[at + 1] & MANY
    first, size = at + form[HEAD], form[ENTRY]
    last = last_until(day, first, held, size, arena)
    for f in range(len(features)):
        op, word = features[f, 0], features[f, 1]
        begin = last
        while begin >= 0 and arena[first + begin * size] > day - features[f, 2]:
            begin -= 1
        if op in (DISTINCT, TOP, LIST):
            out[i, f] = of_groups(op, word, first, begin + 1, last, 2 * (i * len(features) + f) + without, form, arena, codes, ties, place)
        else:
            out[i, f] = fold(op, word, first, begin + 1, last, size, arena)


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1], int64[::1], int64[:, ::1], int64[:, ::1],"
    "int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], int8[::1], boolean[::1],"
    "int64[:, ::1], int64[:, ::1], boolean[::1], int64[::1], int64[:, ::1])"
)
def walk(
    place: Any,
    rows: Any,
    times: Any,
    days: Any,
    member: Any,
    believed: Any,
    wanted: Any,
    group: Any,
    values: Any,
    resets: Any,
    features: Any,
    sums: Any,
    weights: Any,
    form: Any,
    classes: Any,
    arena: Any,
    pool: Any,
    slot: Any,
    kinds: Any,
    dirty: Any,
    out: Any,
    without: Any,
    late: Any,
    codes: Any,
    ties: Any,
) -> int:
    """Add members and read features, entry after entry from place[AT] on. Returns DONE, or what has become too small.

    `resets`: entry before which a row is emptied, and the row. `group`: of each member, NULL for none; `values`: of each argument and
    member, NULL for unknown. `wanted`: at which entries is read: with their members into `out`, without them into `without`.
    """
    while place[AT] < len(rows):
        i = place[AT]
        if place[ADDED] == 0:
            while place[RESETS] < len(resets) and resets[place[RESETS], 0] <= i:
                row = resets[place[RESETS], 1]
                dirty[row] |= kinds[row] >= 0
                clear_row(row, form, arena, pool, slot, kinds)
                place[RESETS] += 1
        row, m = rows[i], member[i]
        if row >= 0:
            if len(codes) - place[LISTED] < 2 * MOST_LISTED * form[LISTS]:
                return NO_TEXTS
            if place[ADDED] == 0:
                if m >= 0 and wanted[i]:
                    read(i, row, days[i], 1, without, features, form, arena, slot, kinds, codes, ties, place)
                if place[OVER]:
                    return NO_TIES
                if m >= 0:
                    added = add(m, row, times[i], days[i], believed[i], group[m], values, sums, weights, form, classes, arena, pool, slot, kinds)
                    if added < 0:
                        return NO_ROOM
                    late[i], dirty[row] = added > 0, True
                place[ADDED] = 1
            if wanted[i]:
                read(i, row, days[i], 0, out, features, form, arena, slot, kinds, codes, ties, place)
                if place[OVER]:
                    return NO_TIES
        place[AT], place[ADDED] = i + 1, 0
    while place[RESETS] < len(resets):
        row = resets[place[RESETS], 1]
        dirty[row] |= kinds[row] >= 0
        clear_row(row, form, arena, pool, slot, kinds)
        place[RESETS] += 1
    return DONE

"""P3 window by civil days, the kernel: one walk over members and readers in merged order. See `state/bucket_kernels.py` for the layout."""

from __future__ import annotations

from typing import Any

from schemas.codes import NULL
from streams.engine.kernels import borrowing
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
"""Of `place`, where `walk` goes on: the entry; whether its member was added; how many listed values, ties and resets there are; why the last reading could not be done."""
MOST_LISTED = 32
LENGTH = 64
"""A list is read as where it begins, times this, plus its length."""


@borrowing("int64(int64, int64, int64, int64, int64, int64, int64[::1])")
def fold(op: int, word: int, first: int, begin: int, last: int, size: int, arena: Any) -> int:
    """What entries `begin` to `last` add up to."""
    value, best = NULL, NULL
    if op in (SUM, ANY, COUNT, DAY_COUNT):
        value = 0
    for j in range(begin, last + 1):
        entry = first + j * size
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


@borrowing("int64(int64, int64, int64, int64, int64, int64, int64[::1], int64[::1])")
def gather(total: int, word: int, first: int, begin: int, last: int, at: int, form: Any, arena: Any) -> int:
    """The groups of several entries, each once, from `at` on: value, first ordinal, sum of word `word` (0: none). Behind them an index. Returns how many.

    `total`: how many there are at most. 7 * total words are used.
    """
    n, mask, index = 0, 1, at + 3 * total
    while mask < 2 * total:
        mask *= 2
    mask -= 1
    for k in range(index, index + mask + 1):
        arena[k] = 0
    for j in range(begin, last + 1):
        end = first + (j + 1) * form[ENTRY]
        for g in range(arena[end - 2] >> 8):
            group = arena[end - 1] + g * form[GROUP]
            where = index + (mixed(arena[group]) & mask)
            while arena[where] > 0 and arena[at + 3 * (arena[where] - 1)] != arena[group]:
                where = index + ((where - index + 1) & mask)
            if arena[where] == 0:
                n += 1
                arena[where] = n
                k = at + 3 * (n - 1)
                arena[k], arena[k + 1], arena[k + 2] = arena[group], arena[group + form[SEQ]], NULL
            k = at + 3 * (arena[where] - 1)
            arena[k + 1] = min(arena[k + 1], arena[group + form[SEQ]])
            if word > 0 and arena[group + word] != NULL:
                arena[k + 2] = arena[group + word] if arena[k + 2] == NULL else plus(arena[k + 2], arena[group + word])
    return n


@borrowing("int64(int64, int64, int64, int64, int64, int64[::1], int64[:, ::1], int64[::1])")
def largest_group(at: int, n: int, words: int, word: int, number: int, arena: Any, ties: Any, place: Any) -> int:
    """The group with the largest sum, NULL for none. Where several have it all of them are noted in `ties` for reading `number`."""
    value, best, tied = NULL, NULL, 0
    for g in range(n):
        total = arena[at + g * words + word]
        if total > best:
            value, best, tied = arena[at + g * words], total, 1
        elif total == best and best != NULL:
            tied += 1
    if tied < 2:
        return value
    if place[TIED] + tied > len(ties):
        place[OVER] = NO_TIES
        return value
    for g in range(n):
        if arena[at + g * words + word] == best:
            ties[place[TIED], 0], ties[place[TIED], 1] = number, arena[at + g * words]
            place[TIED] += 1
    return value


@borrowing("int64(int64, int64, int64, int64, int64[::1], int64[::1], int64[::1])")
def listed(at: int, n: int, words: int, ordinals: int, arena: Any, codes: Any, place: Any) -> int:
    """Put the first groups into `codes`: in their order, or, where `ordinals` is not 0, by word 1; then their ordinals are sorted from there on."""
    begin, length = place[LISTED], 0
    for g in range(n):
        value, ordinal = arena[at + g * words], arena[at + g * words + 1]
        k = length
        if ordinals == 0:
            if length == MOST_LISTED:
                break
        else:
            if length == MOST_LISTED:
                k = length - 1
                if arena[ordinals + k] < ordinal:
                    continue
            while k > 0 and arena[ordinals + k - 1] > ordinal:
                arena[ordinals + k], codes[begin + k] = arena[ordinals + k - 1], codes[begin + k - 1]
                k -= 1
            arena[ordinals + k] = ordinal
        codes[begin + k] = value
        length = min(length + 1, MOST_LISTED)
    place[LISTED] += length
    return begin * LENGTH + length


@borrowing("int64(int64, int64, int64, int64, int64, int64, int64[::1], int64[::1], int64[::1], int64[::1], int64[:, ::1], int64[::1])")
def of_groups(op: int, word: int, first: int, begin: int, last: int, number: int, form: Any, arena: Any, pool: Any, codes: Any, ties: Any, place: Any) -> int:
    """What the groups of entries `begin` to `last` give. Those of several days are gathered in the free end of the arena."""
    total, days, at = 0, 0, 0
    for j in range(begin, last + 1):
        end = first + (j + 1) * form[ENTRY]
        if arena[end - 2] >> 8 > 0:
            total += arena[end - 2] >> 8
            days += 1
            at = arena[end - 1]
    n, words, ordinals = total, form[GROUP], 0
    if days > 1:
        at, words, ordinals = pool[0], 3, pool[0] + 7 * total
        if ordinals + MOST_LISTED > len(arena):
            place[OVER] = NO_ROOM
            return NULL
        n, word = gather(total, word, first, begin, last, at, form, arena), 2
    if op == DISTINCT:
        return n
    return largest_group(at, n, words, word, number, arena, ties, place) if op == TOP else listed(at, n, words, ordinals, arena, codes, place)


@borrowing("void(int64, int64, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], int32[::1], int8[::1], int64[::1], int64[:, ::1], int64[::1])")
def read(i: int, row: int, day: int, without: int, out: Any, features: Any, form: Any, arena: Any, pool: Any, slot: Any, kinds: Any, codes: Any, ties: Any, place: Any) -> None:
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
            out[i, f] = of_groups(op, word, first, begin + 1, last, 2 * (i * len(features) + f) + without, form, arena, pool, codes, ties, place)
        else:
            out[i, f] = fold(op, word, first, begin + 1, last, size, arena)


@borrowing(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1], int64[::1], int64[:, ::1], int64[:, ::1],"
    "int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1], boolean[::1],"
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
                    read(i, row, days[i], 1, without, features, form, arena, pool, slot, kinds, codes, ties, place)
                if place[OVER] != DONE:
                    return place[OVER]
                if m >= 0:
                    added = add(m, row, times[i], days[i], believed[i], group[m], values, sums, weights, form, classes, arena, pool, slot, kinds)
                    if added < 0:
                        return NO_ROOM
                    late[i], dirty[row] = added > 0, True
                place[ADDED] = 1
            if wanted[i]:
                read(i, row, days[i], 0, out, features, form, arena, pool, slot, kinds, codes, ties, place)
                if place[OVER] != DONE:
                    return place[OVER]
        place[AT], place[ADDED] = i + 1, 0
    while place[RESETS] < len(resets):
        row = resets[place[RESETS], 1]
        dirty[row] |= kinds[row] >= 0
        clear_row(row, form, arena, pool, slot, kinds)
        place[RESETS] += 1
    return DONE

"""Kernels over buckets: what the members of each civil day of a row add up to, in one flat arena of 64-bit words.

A row has a block in the arena: a head, then an entry for each civil day, ascending. An entry may have a block of its own with the
groups of its day, in order of appearance; large ones end in an index (open addressing), so that a group is found at once among many.

* Head: newest believed time (epoch ms; NULL: none), its civil day and the number of entries, the next ordinal (only where `form[SEQ]`).
* Entry: day, count, what is added up, and where there are groups: their number and the class of their block, its offset.
* Group: its value, its ordinal (only where `form[SEQ]`), the sums of weights.
"""

from __future__ import annotations

from typing import Any

from schemas.codes import NULL
from streams.engine.kernels import borrowing

LIMIT = 2**62
"""Sums stay within it."""
HEAD, ENTRY, GROUP, SEQ, KEEP, JUMP_MS, AHEAD, LISTS = range(8)
"""Of `form`: the words of a head, an entry, a group (0: no groups); the place of the ordinal in a group (0: none); how many civil
days behind the newest are kept; how far ahead a newest time (ms) or an entry (days) was misdated; how many features are lists."""
WORDS, DAYS, GROUPS, INDEX = range(4)
"""Of a class of blocks: its words, how many entries or groups it holds, and the words of its index of groups."""
SUM, LARGEST, SMALLEST, ANY, LATEST, FIRST, COUNT, DAY_COUNT, DISTINCT, TOP, LIST = range(11)
"""What is added up; the last five are read from entries and groups themselves."""
NO_DAY = -(2**40)
HELD = 20
MANY = (1 << HELD) - 1
"""A head's number of entries: its lowest bits."""


@borrowing("int64(int64, int64)")
def plus(left: int, right: int) -> int:
    """The sum, within LIMIT."""
    right = min(max(right, -LIMIT), LIMIT)
    half = (left >> 1) + (right >> 1)
    if half >= LIMIT >> 1:
        return LIMIT
    if half < -(LIMIT >> 1):
        return -LIMIT
    return left + right


@borrowing("int64(int64, int64, int64, int64[:, ::1])")
def fitting(kind: int, column: int, need: int, classes: Any) -> int:
    """The first class from `kind` on that holds `need` entries or groups."""
    while classes[kind, column] < need:
        kind += 1
    return kind


@borrowing("int64(int64, int64[:, ::1], int64[::1], int64[::1])")
def allocate(kind: int, classes: Any, arena: Any, pool: Any) -> int:
    """The offset of a block of class `kind`; -1 where the arena has no room. `pool`: words used, then the first free block of each class."""
    at = pool[1 + kind]
    if at >= 0:
        pool[1 + kind] = arena[at]
        return at
    at = pool[0]
    if at + classes[kind, WORDS] > len(arena):
        return -1
    pool[0] = at + classes[kind, WORDS]
    return at


@borrowing("void(int64, int64, int64[::1], int64[::1])")
def give_back(at: int, kind: int, arena: Any, pool: Any) -> None:
    """Free the block at `at`."""
    arena[at] = pool[1 + kind]
    pool[1 + kind] = at


@borrowing("int64(int64)")
def mixed(value: int) -> int:
    """A hash of a group's value."""
    value ^= (value >> 33) & 0x7FFFFFFF
    value ^= (value << 13) & 0x7FFFFFFFFFFFFFFF
    value ^= (value >> 17) & 0x7FFFFFFFFFFF
    return value


@borrowing("void(int64, int64[::1], int64[::1], int64[::1])")
def drop_groups(entry: int, form: Any, arena: Any, pool: Any) -> None:
    """Free the groups of the entry at `entry`."""
    end = entry + form[ENTRY]
    if form[GROUP] > 0 and (arena[end - 2] & 255) > 0:
        give_back(arena[end - 1], (arena[end - 2] & 255) - 1, arena, pool)


@borrowing("void(int64, int64[::1], int64[::1], int64[::1], int32[::1], int8[::1])")
def clear_row(row: int, form: Any, arena: Any, pool: Any, slot: Any, kinds: Any) -> None:
    """Free all blocks of a row."""
    if kinds[row] < 0:
        return
    at = slot[row]
    for j in range(arena[at + 1] & MANY):
        drop_groups(at + form[HEAD] + j * form[ENTRY], form, arena, pool)
    give_back(at, kinds[row], arena, pool)
    kinds[row] = -1


@borrowing("void(int64[::1], int64[::1], int64[::1], int64[::1], int32[::1], int8[::1])")
def clear_rows(rows: Any, form: Any, arena: Any, pool: Any, slot: Any, kinds: Any) -> None:
    """Free all blocks of `rows`."""
    for row in rows:
        clear_row(row, form, arena, pool, slot, kinds)


@borrowing("int64(int64, int64, int64, int64, int64, int64[:, ::1], int64[::1])")
def find_group(block: int, kind: int, held: int, words: int, value: int, classes: Any, arena: Any) -> int:
    """The place of a group in a block of `held` groups, -1 for none."""
    index = classes[kind, INDEX]
    if index == 0:
        for j in range(held - 1, -1, -1):
            if arena[block + j * words] == value:
                return j
        return -1
    base = block + classes[kind, WORDS] - index
    at = mixed(value) & (index - 1)
    while True:
        j = arena[base + at] - 1
        if j < 0 or arena[block + j * words] == value:
            return j
        at = (at + 1) & (index - 1)


@borrowing("void(int64, int64, int64, int64, int64[:, ::1], int64[::1])")
def note_group(block: int, kind: int, j: int, words: int, classes: Any, arena: Any) -> None:
    """Note group `j` in the index of its block."""
    index = classes[kind, INDEX]
    if index > 0:
        base = block + classes[kind, WORDS] - index
        at = mixed(arena[block + j * words]) & (index - 1)
        while arena[base + at]:
            at = (at + 1) & (index - 1)
        arena[base + at] = j + 1


@borrowing("int64(int64, int64, int64[::1], int64[:, ::1], int64[::1], int64[::1])")
def more_groups(entry: int, need: int, form: Any, classes: Any, arena: Any, pool: Any) -> int:
    """Make room for `need` groups in the entry at `entry`. Returns -1 where the arena has none."""
    end = entry + form[ENTRY]
    held, old, words = arena[end - 2] >> 8, (arena[end - 2] & 255) - 1, form[GROUP]
    if old >= 0 and classes[old, GROUPS] >= need:
        return 0
    kind = fitting(max(old, 0), GROUPS, need, classes)
    block = allocate(kind, classes, arena, pool)
    if block < 0:
        return -1
    last = block + classes[kind, WORDS]
    for k in range(last - classes[kind, INDEX], last):
        arena[k] = 0
    if old >= 0:
        before = arena[end - 1]
        for k in range(held * words):
            arena[block + k] = arena[before + k]
        for j in range(held):
            note_group(block, kind, j, words, classes, arena)
        give_back(before, old, arena, pool)
    arena[end - 2], arena[end - 1] = held * 256 + kind + 1, block
    return 0


@borrowing("int64(int64, int64, int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1])")
def more_days(row: int, need: int, form: Any, classes: Any, arena: Any, pool: Any, slot: Any, kinds: Any) -> int:
    """Make room for `need` entries in a row; a row without a block gets one. Returns -1 where the arena has none."""
    old = kinds[row]
    if old >= 0 and classes[old, DAYS] >= need:
        return 0
    kind = fitting(max(old, 0), DAYS, need, classes)
    at = allocate(kind, classes, arena, pool)
    if at < 0:
        return -1
    if old < 0:
        arena[at], arena[at + 1] = NULL, NO_DAY << HELD
        if form[SEQ] > 0:
            arena[at + 2] = 0
    else:
        before = slot[row]
        for k in range(form[HEAD] + (arena[before + 1] & MANY) * form[ENTRY]):
            arena[at + k] = arena[before + k]
        give_back(before, old, arena, pool)
    slot[row], kinds[row] = at, kind
    return 0


@borrowing("int64(int64, int64, int64, int64, int64[::1])")
def last_until(day: int, first: int, held: int, size: int, arena: Any) -> int:
    """The place of the last of `held` entries of `size` words, from `first` on, that is not after `day`; -1 for none."""
    j = held - 1
    while j >= 0 and arena[first + j * size] > day:
        j -= 1
    return j


@borrowing("void(int64, int64, int64, boolean, int64[::1], int64[::1], int64[::1])")
def move_on(at: int, time: int, day: int, believed: bool, form: Any, arena: Any, pool: Any) -> None:
    """Drop what a member shows to be misdated, or too old to be needed, from the row's block at `at`."""
    size, first = form[ENTRY], at + form[HEAD]
    held, newest_day = arena[at + 1] & MANY, arena[at + 1] >> HELD
    while held > 0 and arena[first + (held - 1) * size] > day + form[AHEAD]:
        held -= 1
        drop_groups(first + held * size, form, arena, pool)
    if arena[at] != NULL and arena[at] > time + form[JUMP_MS]:
        arena[at], newest_day = NULL, NO_DAY
    if believed and day > newest_day:
        newest_day = day
        gone = 0
        while gone < held and arena[first + gone * size] < day - form[KEEP]:
            drop_groups(first + gone * size, form, arena, pool)
            gone += 1
        if gone > 0:
            held -= gone
            for k in range(first, first + held * size):
                arena[k] = arena[k + gone * size]
    arena[at + 1] = (newest_day << HELD) | held


@borrowing("int64(int64, int64, int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1])")
def entry_of(row: int, day: int, sums: Any, form: Any, classes: Any, arena: Any, pool: Any, slot: Any, kinds: Any) -> int:
    """The offset of a row's entry of `day`, made where there is none; -1 where the arena has no room for it."""
    at, size = slot[row], form[ENTRY]
    held = arena[at + 1] & MANY
    j = last_until(day, at + form[HEAD], held, size, arena)
    entry = at + form[HEAD] + j * size
    if j >= 0 and arena[entry] == day:
        return entry
    if more_days(row, held + 1, form, classes, arena, pool, slot, kinds) < 0:
        return -1
    entry = slot[row] + form[HEAD] + (j + 1) * size
    for k in range(entry + (held - j - 1) * size - 1, entry - 1, -1):
        arena[k + size] = arena[k]
    arena[slot[row] + 1] += 1
    for k in range(2, size):
        arena[entry + k] = 0
    arena[entry], arena[entry + 1] = day, 0
    for a in range(len(sums)):
        if sums[a, 0] not in (SUM, ANY):
            arena[entry + sums[a, 1]] = NULL
        if sums[a, 0] in (LATEST, FIRST):
            arena[entry + sums[a, 1] + 1] = NULL
    return entry


@borrowing("int64(int64, int64, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1])")
def add_to_group(head: int, entry: int, value: int, m: int, values: Any, weights: Any, form: Any, classes: Any, arena: Any, pool: Any) -> int:
    """Add member `m` to group `value` of the entry at `entry`. Returns -1 where the arena has no room for it."""
    end, words = entry + form[ENTRY], form[GROUP]
    held, kind = arena[end - 2] >> 8, (arena[end - 2] & 255) - 1
    j = find_group(arena[end - 1], kind, held, words, value, classes, arena) if kind >= 0 else -1
    if j < 0:
        if more_groups(entry, held + 1, form, classes, arena, pool) < 0:
            return -1
        j = held
        group = arena[end - 1] + j * words
        for k in range(words):
            arena[group + k] = NULL
        arena[group] = value
        if form[SEQ] > 0:
            arena[group + form[SEQ]] = arena[head + 2]
            arena[head + 2] += 1
        arena[end - 2] += 256
        note_group(arena[end - 1], (arena[end - 2] & 255) - 1, j, words, classes, arena)
    group = arena[end - 1] + j * words
    for w in range(len(weights)):
        weight, at = values[weights[w, 1], m], group + weights[w, 0]
        if weight != NULL:
            arena[at] = plus(0 if arena[at] == NULL else arena[at], weight)
    return 0


@borrowing("void(int64, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1])")
def add_up(entry: int, m: int, time: int, values: Any, sums: Any, arena: Any) -> None:
    """Add member `m` to the entry at `entry`; unknown values add nothing. Of equal times the later one to come is the latest, the earlier the first."""
    arena[entry + 1] += 1
    for a in range(len(sums)):
        op, at, value = sums[a, 0], entry + sums[a, 1], values[sums[a, 2], m]
        if value == NULL:
            continue
        if op == SUM:
            arena[at] = plus(arena[at], value)
        elif op == ANY:
            arena[at] |= value
        elif op == LARGEST:
            arena[at] = max(arena[at], value)
        elif op == SMALLEST:
            arena[at] = value if arena[at] == NULL else min(arena[at], value)
        elif (op == LATEST and time >= arena[at + 1]) or (op == FIRST and (arena[at + 1] == NULL or time < arena[at + 1])):
            arena[at], arena[at + 1] = value, time


@borrowing(
    "int64(int64, int64, int64, int64, boolean, int64, int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1])"
)
def add(
    m: int, row: int, time: int, day: int, believed: bool, value: int, values: Any, sums: Any, weights: Any, form: Any, classes: Any, arena: Any, pool: Any, slot: Any, kinds: Any
) -> int:
    """Add member `m` to the entry of its civil day. Returns 1 where it is late, else 0; -1 where the arena has no room: nothing was added then."""
    if more_days(row, 1, form, classes, arena, pool, slot, kinds) < 0:
        return -1
    move_on(slot[row], time, day, believed, form, arena, pool)
    entry = entry_of(row, day, sums, form, classes, arena, pool, slot, kinds)
    if entry < 0:
        return -1
    at = slot[row]
    if form[GROUP] > 0 and value != NULL and add_to_group(at, entry, value, m, values, weights, form, classes, arena, pool) < 0:
        return -1
    add_up(entry, m, time, values, sums, arena)
    late = arena[at] > time
    if believed and not late:
        arena[at] = time
    return 1 if late else 0

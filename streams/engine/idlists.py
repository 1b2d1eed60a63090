"""Kernels of the remembered ids: one list for each customer of a topic, in rings of an arena (`remembered.py`).

The ids of a list are numbered in order of arrival; the id with number k lies in the slot start + k % size of the list's ring.
An id is *live* where it is one of the last `least` arrivals, or one of the last `most` and its time is not before `oldest`, epoch ms.
What is not live never is again, because the newest time of a customer only grows. Ids leave a list in blocks of BLOCK, from the front
and only where a new block begins: so what a list holds depends on nothing but the arrivals.

Arrays of a topic:
`lists` [customer row, 3]: the ring (start << 6 | its class; 0: none), the number of the first id, the number of the next one.
`marks`, `seconds`, `contents` [slot]: the upper 54 bits of the id's hash with the milliseconds of the time below them; seconds of
the time since 2000; digest of the content.
`pools`: slots in use or freed; for each class the first free ring + 1 (0: none; the next one is in its first mark); entries of `log`.
`log` [entry, 3]: row of a list that changed, the numbers of its first and next ids before; `noted` [customer row]: whether it is there.
`counts`: repeats, repeats with other content, ids let go while their time was not before `oldest`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.engine.kernels import kernel

FIRST_S = 946_684_800
"""2000-01-01, seconds since 1970: no record is older."""
LAST_S = FIRST_S + 2**32 - 1
"""In 2136. Later times count as this one."""
LAST_MS = LAST_S * 1000
ID_BITS = -1024
"""Of a mark: what is left of the id's hash."""
MS_BITS = 1023
NEVER = 2**62
BLOCK = 16
"""Ids of a block: a power of two."""


@kernel("int64(int64, int64)")
def following_place(at: int, size: int) -> int:
    """The place behind `at` in a ring."""
    return at + 1 if at + 1 < size else 0


@kernel("int64(int64, uint32)")
def time_of(mark: int, second: Any) -> int:
    """The time of an id, epoch ms."""
    return int((FIRST_S + np.int64(second)) * 1000 + (mark & MS_BITS))


@kernel("int64(int64[:,:], int64[::1], uint32[::1], int64[:], int64, int64, int64, int64, int64)")
def find_live(lists: Any, marks: Any, seconds: Any, sizes: Any, row: int, mark: int, oldest: int, least: int, most: int) -> int:
    """The slot of the live id with the upper bits `mark`; -1 where there is none."""
    start, size, first, following = lists[row, 0] >> 6, sizes[lists[row, 0] & 63], lists[row, 1], lists[row, 2]
    for k in range(size):
        if (marks[start + k] & ID_BITS) == mark:
            number = first + (k - first) % size
            recent = number >= following - least
            if number < following and (recent or (number >= following - most and time_of(marks[start + k], seconds[start + k]) >= oldest)):
                return int(start + k)
    return -1


@kernel("int64(int64[:,:], int64[::1], uint32[::1], int64[:], int64, int64, int64, int64)")
def first_kept(lists: Any, marks: Any, seconds: Any, sizes: Any, row: int, oldest: int, least: int, most: int) -> int:
    """The number with which the first block begins that has a live id, as of the arrival of one more."""
    start, size, first, following = lists[row, 0] >> 6, sizes[lists[row, 0] & 63], lists[row, 1], lists[row, 2]
    number = max(first, following + 1 - most)
    recent = following + 1 - least
    while number < min(recent, following) and time_of(marks[start + number % size], seconds[start + number % size]) < oldest:
        number += 1
    return int(number & -BLOCK)


@kernel("int64(int64[:], int64[:], int64[:], int64)")
def take_ring(marks: Any, sizes: Any, pools: Any, size_class: int) -> int:
    """The start of a free ring of a class; -1 where the arena is full."""
    start: int = pools[size_class] - 1
    if start >= 0:
        pools[size_class] = marks[start]
        return start
    if pools[0] + sizes[size_class] > len(marks):
        return -1
    start = pools[0]
    pools[0] += sizes[size_class]
    return start


@kernel("boolean(int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int64)")
def widen(lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, row: int) -> bool:
    """Move a list to a ring of the next class. False, and nothing done: the arena is full."""
    old = lists[row, 0] & 63
    start = take_ring(marks, sizes, pools, old + 1)
    if start < 0:
        return False
    before, size, wider = lists[row, 0] >> 6, sizes[old], sizes[old + 1]
    to, at = lists[row, 1] % wider, lists[row, 1] % max(size, 1)
    for _ in range(lists[row, 2] - lists[row, 1]):
        new, slot = start + to, before + at
        marks[new], seconds[new], contents[new] = marks[slot], seconds[slot], contents[slot]
        to, at = following_place(to, wider), following_place(at, size)
    if old > 0:
        marks[before] = pools[old]
        pools[old] = before + 1
    lists[row, 0] = start << 6 | (old + 1)
    return True


@kernel(
    "int64(int64[:], int32[:], int64[:], int64[:], int64[:], int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int64[:,:], "
    "boolean[:], int64[:], int64[:], boolean[:], int64, int64, int64, int64, int64, int8[:], int64[:], boolean[:])"
)
def admit_topic(  # noqa: PLR0915  # one loop without calls on its usual way: they cost more than the work
    at: Any, rows: Any, times: Any, clock: Any, ids: Any, digests: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, log: Any, noted: Any,
    latest: Any, ahead: Any, dirty: Any, late_ms: int, jump_ms: int, keep_ms: int, least: int, most: int, fate: Any, counts: Any, out: Any
) -> int:  # fmt: skip
    """The records at positions `at` of one topic, in order: sets their fate, and `out` where one comes behind a newer one of its customer.

    Returns how many it took: less than all where the arena or the log is full. `keep_ms`: how far behind the newest record an id is
    remembered; below 0 only the last `least` are. One unconfirmed time ahead of the clock is remembered a customer (0: none): of
    several the earliest, of those within a jump of each other the latest.
    """
    for place in range(len(at)):
        if pools[-1] == len(log):
            return place
        i = at[place]
        row, time = rows[i], times[i]
        mark, content = ids[i] & ID_BITS, digests[i] & 0xFFFF
        waiting, newest = ahead[row], latest[row]
        if waiting != 0 and waiting <= clock[i]:
            newest = max(newest, waiting)
            waiting = 0
        oldest = NEVER if keep_ms < 0 else min(newest, LAST_MS) - keep_ms
        start, size = lists[row, 0] >> 6, sizes[lists[row, 0] & 63]
        ring = marks[start : start + size]
        hits = 0
        for k in range(len(ring)):  # without a way out, so that it is compiled to vector instructions
            hits += (ring[k] & ID_BITS) == mark
        slot = find_live(lists, marks, seconds, sizes, row, mark, oldest, least, most) if hits > 0 else -1
        if slot >= 0:
            counts[0] += 1
            if contents[slot] != content:
                counts[1] += 1
            fate[i] = 1
            continue
        moved = newest
        if clock[i] > 0 and time > clock[i] + jump_ms:
            if waiting == 0:
                waiting = time
            elif abs(waiting - time) > jump_ms:
                waiting = min(waiting, time)
            else:
                waiting = max(waiting, time)
        else:
            moved = max(newest, time)
        oldest = NEVER if keep_ms < 0 else min(moved, LAST_MS) - keep_ms
        first, number = lists[row, 1], lists[row, 2]
        beyond = number - most
        forgotten = beyond >= first and time_of(marks[start + beyond % size], seconds[start + beyond % size]) >= oldest
        kept = first if number % BLOCK else first_kept(lists, marks, seconds, sizes, row, oldest, least, most)
        if number - kept == size:
            if not widen(lists, marks, seconds, contents, sizes, pools, row):
                return place
            start, size = lists[row, 0] >> 6, sizes[lists[row, 0] & 63]
        if not noted[row]:
            noted[row] = True
            n = pools[-1]
            log[n, 0], log[n, 1], log[n, 2] = row, first, number
            pools[-1] = n + 1
        counts[2] += forgotten
        slot = start + number % size
        marks[slot], seconds[slot], contents[slot] = mark | time % 1000, min(time // 1000, LAST_S) - FIRST_S, content
        lists[row, 1], lists[row, 2] = kept, number + 1
        if latest[row] != moved or ahead[row] != waiting:
            latest[row], ahead[row] = moved, waiting
            dirty[row] = True
        behind = newest - time
        out[i] = behind > 0
        if behind > late_ms:
            fate[i] = 2
    return len(at)


@kernel("void(int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int64[:,:])")
def pack(rows: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, spare: Any) -> None:
    """Move the lists of `rows`, given in the order of their rings, to the front of the arena, each to the smallest ring with room for one more.

    `spare` [2, largest ring]: to work in.
    """
    end = 0
    for i in range(len(rows)):
        row = rows[i]
        first, following = lists[row, 1], lists[row, 2]
        start, old = lists[row, 0] >> 6, lists[row, 0] & 63
        size_class = 1
        while size_class < old and sizes[size_class] <= following - first:
            size_class += 1
        before, size = sizes[old], sizes[size_class]
        at, to = first % before, first % size
        for k in range(following - first):
            slot = start + at
            spare[0, k], spare[1, k] = marks[slot], np.int64(seconds[slot]) << 16 | np.int64(contents[slot])
            at = following_place(at, before)
        for k in range(following - first):
            slot = end + to
            marks[slot], seconds[slot], contents[slot] = spare[0, k], spare[1, k] >> 16, spare[1, k] & 0xFFFF
            to = following_place(to, size)
        lists[row, 0] = end << 6 | size_class
        end += size
    pools[:-1] = 0
    pools[0] = end


@kernel("void(int64[:], int64[:], int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], uint32[:], uint16[:])")
def gather(rows: Any, numbers: Any, lengths: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, ids: Any, times: Any, digests: Any) -> None:
    """The ids of blocks, one block behind the other. Each is given by its row, the number of its first id, and how many it has."""
    n = 0
    for i in range(len(rows)):
        start, size = lists[rows[i], 0] >> 6, sizes[lists[rows[i], 0] & 63]
        at = numbers[i] % size
        for _ in range(lengths[i]):
            ids[n], times[n], digests[n] = marks[start + at], seconds[start + at], contents[start + at]
            at = following_place(at, size)
            n += 1


@kernel("void(int64[:], int64[:], int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], uint32[:], uint16[:])")
def place_all(rows: Any, numbers: Any, lengths: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, ids: Any, times: Any, digests: Any) -> None:
    """Put the ids of blocks, given as `gather` gives them, into empty rings. `lists` has the ring of each row."""
    n = 0
    for i in range(len(rows)):
        start, size = lists[rows[i], 0] >> 6, sizes[lists[rows[i], 0] & 63]
        at = numbers[i] % size
        for _ in range(lengths[i]):
            marks[start + at], seconds[start + at], contents[start + at] = ids[n], times[n], digests[n]
            at = following_place(at, size)
            n += 1

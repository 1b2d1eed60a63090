"""Kernels of the remembered ids: one list for each customer of a topic, in rings of an arena (`remembered.py`).

The ids of a list are numbered in order of arrival; the id with number k lies in the slot start + k % size of the list's ring.
An id counts as long as it is *live*: one of the last `least` arrivals, or its time is not before `oldest`, epoch ms. What is not
live never is again, because the newest time of a customer only grows; it leaves when its list needs the room, which nothing shows.

Arrays of a topic:
`lists` [customer row, 3]: the ring (start << 6 | its class; 0: none), the number of the first id, the number of the next one.
`marks`, `seconds`, `contents` [slot]: the upper 54 bits of the id's hash with the milliseconds of the time below them; seconds of
the time since 2000; digest of the content.
`pools`: slots in use or freed; for each class the first free ring + 1 (0: none; the next one is in its first mark); entries of `log`.
`log` [entry, 3]: row, hour since 2000 and number // 64 of blocks that changed.
`counts`: repeats, repeats with other content, ids let go while they were live.
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
DROP_EVERY = 8
"""After so many arrivals a list drops the first of its ids that are not live, although it has room."""


@kernel("int64(int64, int64)")
def following_place(at: int, size: int) -> int:
    """The place behind `at` in a ring."""
    return at + 1 if at + 1 < size else 0


@kernel("int64(int64, uint32)")
def time_of(mark: int, second: Any) -> int:
    """The time of an id, epoch ms."""
    return int((FIRST_S + np.int64(second)) * 1000 + (mark & MS_BITS))


@kernel("void(int32[:,:], int64[:], int64, int64, int64)")
def log_block(log: Any, pools: Any, row: int, hour: Any, number: int) -> None:
    """Note that the block of `row` with an id of that hour and number changed."""
    n, part = pools[-1], number >> 6
    if n > 0 and log[n - 1, 0] == row and log[n - 1, 1] == hour and log[n - 1, 2] == part:
        return
    log[n, 0], log[n, 1], log[n, 2] = row, hour, part
    pools[-1] = n + 1


@kernel("int64(int64[:,:], int64[::1], uint32[::1], int64[:], int64, int64, int64, int64)")
def find_live(lists: Any, marks: Any, seconds: Any, sizes: Any, row: int, mark: int, oldest: int, least: int) -> int:
    """The slot of the live id with the upper bits `mark`; -1 where there is none."""
    start, size, first, following = lists[row, 0] >> 6, sizes[lists[row, 0] & 63], lists[row, 1], lists[row, 2]
    for k in range(size):
        if (marks[start + k] & ID_BITS) == mark:
            number = first + (k - first) % size
            if number < following and (number >= following - least or time_of(marks[start + k], seconds[start + k]) >= oldest):
                return int(start + k)
    return -1


@kernel("int64(int64[:,:], int64[::1], uint32[::1], int64[:], int64, int64, int64)")
def count_live(lists: Any, marks: Any, seconds: Any, sizes: Any, row: int, kept: int, oldest: int) -> int:
    """How many ids of a list are live; those from number `kept` on are."""
    start, size, first, following = lists[row, 0] >> 6, sizes[lists[row, 0] & 63], lists[row, 1], lists[row, 2]
    judged = max(0, min(kept, following) - first)
    live = following - first - judged
    second, ms = oldest // 1000 - FIRST_S, oldest % 1000
    for part in range(2):  # up to the ring's end, and from its beginning on
        to_end = min(judged, size - first % size) if judged > 0 else 0
        begin = start if part else start + first % max(size, 1)
        n = judged - to_end if part else to_end
        part_seconds, part_marks = seconds[begin : begin + n], marks[begin : begin + n]
        for k in range(n):
            own = np.int64(part_seconds[k])
            live += (own > second) | ((own == second) & ((part_marks[k] & MS_BITS) >= ms))
    return int(live)


@kernel("void(int64[:,:], int64[::1], uint32[::1], int64[:], int64[:], int32[:,:], int64[:], int64, int64, int64, int64)")
def let_go(lists: Any, marks: Any, seconds: Any, sizes: Any, pools: Any, log: Any, counts: Any, row: int, kept: int, oldest: int, excess: int) -> None:
    """Drop the first `excess` live ids of a list, which is counted, and what lies between them."""
    start, size = lists[row, 0] >> 6, sizes[lists[row, 0] & 63]
    while excess > 0:
        number = lists[row, 1]
        slot = start + number % size
        if number >= kept or time_of(marks[slot], seconds[slot]) >= oldest:
            excess -= 1
            counts[2] += 1
        log_block(log, pools, row, np.int64(seconds[slot]) // 3600, number)
        lists[row, 1] = number + 1


@kernel("void(int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int32[:,:], int64, int64, int64)")
def renumber(lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, log: Any, row: int, kept: int, oldest: int) -> None:
    """Close the gaps that ids which are not live leave in the middle of a list: the others get new numbers, and so new blocks."""
    start, size = lists[row, 0] >> 6, sizes[lists[row, 0] & 63]
    for number in range(lists[row, 1], lists[row, 2]):
        log_block(log, pools, row, np.int64(seconds[start + number % size]) // 3600, number)
    to = lists[row, 1]
    for number in range(lists[row, 1], lists[row, 2]):
        slot = start + number % size
        if number >= kept or time_of(marks[slot], seconds[slot]) >= oldest:
            new = start + to % size
            marks[new], seconds[new], contents[new] = marks[slot], seconds[slot], contents[slot]
            log_block(log, pools, row, np.int64(seconds[new]) // 3600, to)
            to += 1
    lists[row, 2] = to


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
    """Move a list to a ring of the next class. False: the arena is full."""
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


@kernel("boolean(int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int32[:,:], int64[:], int64, int64, int64, int64)")
def make_place(lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, log: Any, counts: Any, row: int, oldest: int, least: int, most: int) -> bool:
    """Make place for one more id in a list whose first one is live. `oldest`, epoch ms: as of its record. False, and nothing done: the arena is full."""
    kept = lists[row, 2] + 1 - least
    size = sizes[lists[row, 0] & 63]
    if lists[row, 2] - lists[row, 1] >= most:
        excess = count_live(lists, marks, seconds, sizes, row, kept, oldest) + 1 - most
        let_go(lists, marks, seconds, sizes, pools, log, counts, row, kept, oldest, excess)
    held = lists[row, 2] - lists[row, 1]
    if held < size:
        return True
    gaps = held - count_live(lists, marks, seconds, sizes, row, kept, oldest)
    if gaps > 0 and (4 * gaps >= size or size == sizes[-1]):
        renumber(lists, marks, seconds, contents, sizes, pools, log, row, kept, oldest)
        return True
    return widen(lists, marks, seconds, contents, sizes, pools, row)


@kernel(
    "int64(int64[:], int32[:], int64[:], int64[:], int64[:], int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int32[:,:], "
    "int64[:], int64[:], boolean[:], int64, int64, int64, int64, int64, int8[:], int64[:], boolean[:])"
)
def admit_topic(  # noqa: PLR0915  # one loop without calls on its usual way: they cost more than the work
    at: Any, rows: Any, times: Any, clock: Any, ids: Any, digests: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, pools: Any, log: Any,
    latest: Any, ahead: Any, dirty: Any, late_ms: int, jump_ms: int, keep_ms: int, least: int, most: int, fate: Any, counts: Any, out: Any
) -> int:  # fmt: skip
    """The records at positions `at` of one topic, in order: sets their fate, and `out` where one comes behind a newer one of its customer.

    Returns how many it took: less than all where the arena or the log is full. `keep_ms`: how far behind the newest record an id is
    remembered; below 0 only the last `least` are. One unconfirmed time ahead of the clock is remembered a customer (0: none): of
    several the earliest, of those within a jump of each other the latest.
    """
    room = len(log) - 3 * sizes[-1] - 2
    for place in range(len(at)):
        if pools[-1] > room:
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
        slot = find_live(lists, marks, seconds, sizes, row, mark, oldest, least) if hits > 0 else -1
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
        if number - first == size or number - first >= most or number % DROP_EVERY == 0:
            while first < number + 1 - least:
                slot = start + first % size
                if time_of(marks[slot], seconds[slot]) >= oldest:
                    break
                log_block(log, pools, row, np.int64(seconds[slot]) // 3600, first)
                first += 1
            lists[row, 1] = first
        if number - first == size or number - first >= most:
            if not make_place(lists, marks, seconds, contents, sizes, pools, log, counts, row, oldest, least, most):
                return place
            start, size, number = lists[row, 0] >> 6, sizes[lists[row, 0] & 63], lists[row, 2]
        second = min(time // 1000, LAST_S) - FIRST_S
        slot = start + number % size
        marks[slot], seconds[slot], contents[slot] = mark | time % 1000, second, content
        lists[row, 2] = number + 1
        n = pools[-1]
        log[n, 0], log[n, 1], log[n, 2] = row, second // 3600, number >> 6
        pools[-1] = n + 1
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


@kernel("void(int64[:,:], int64[:,:], int64[::1], uint32[::1], uint16[::1], int64[:], int64[:], int64[:], uint16[:], uint16[:], uint8[:])")
def gather(blocks: Any, lists: Any, marks: Any, seconds: Any, contents: Any, sizes: Any, ends: Any, ids: Any, within: Any, digests: Any, places: Any) -> None:
    """The ids of each of `blocks` [n, 3: row, hour, number // 64], one block behind the other, and where each ends; with `ids` empty only that."""
    n = 0
    for i in range(len(blocks)):
        row, hour, part = blocks[i, 0], blocks[i, 1], blocks[i, 2]
        start, size = lists[row, 0] >> 6, sizes[lists[row, 0] & 63]
        for number in range(max(lists[row, 1], part << 6), min(lists[row, 2], (part + 1) << 6)):
            slot = start + number % size
            second = np.int64(seconds[slot])
            if second // 3600 == hour:
                if len(ids) > 0:
                    ids[n], within[n], digests[n], places[n] = marks[slot], second % 3600, contents[slot], number & 63
                n += 1
        ends[i] = n


@kernel("void(int64[:], int64[:], int64[:], int64[:], uint16[:], int64[:], int64[:,:], int64[::1], uint32[::1], uint16[::1])")
def place_all(rows: Any, numbers: Any, ids: Any, times: Any, digests: Any, sizes: Any, lists: Any, marks: Any, seconds: Any, contents: Any) -> None:
    """Put ids, given by row and number, into empty rings. `lists` has the ring of each row; `times`: seconds since 2000."""
    for i in range(len(rows)):
        row = rows[i]
        slot = (lists[row, 0] >> 6) + numbers[i] % sizes[lists[row, 0] & 63]
        marks[slot], seconds[slot], contents[slot] = ids[i], times[i], digests[i]

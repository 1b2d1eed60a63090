"""P11 in one loop: where a line is, where it lives by its nights, and whether it is on a trip (`docs/semantics.md` P11).

One entry is a location record of a line, or something else of the line that reads what is known (a reader), or both. The moments of
the two timers, the count of the votes and the end of a trip, are no events: they come before the first entry of their line that is
later, or at which the clock has reached them. So it is enough to look when an entry comes.
"""

from __future__ import annotations

from typing import Any

from schemas.columns import DAY_MS
from streams.engine.civil import HOME_CITY, ZONE, day_of, days_later, line_at, utc_of
from streams.engine.kernels import kernel

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DWELL_MS = 30 * MINUTE_MS
FORGOTTEN_MS = 12 * HOUR_MS
"""A candidate that is not seen again within this time begins again."""
NIGHT_END_MS = 6 * HOUR_MS
VOTE_DAYS, VOTES_NEEDED = 28, 5
TRIP_DAYS = 60

STABLE, CANDIDATE, FIRST, LAST, NEWEST, INFERRED, COUNT_AT, OPENED, ENDS, TOURIST = range(10)
"""Columns of a line's place: codes of the stable place and of the candidate (0: none), when the candidate was first and last seen, the
newest believed time, code of the home by the nights (0: none), when the votes are counted next (0: not at all), when the open trip was
opened and ends (0: no trip), whether it saw a place that people visit. Times in epoch ms."""
NEWEST_DAY, HELD, VOTES = range(3)
"""Columns of a line's nights: the newest day that voted, as bits which days before it did, then the places of `VOTES_KEPT` days, each at
its day modulo that; then the times of the votes of the last days."""
VOTES_KEPT = 32
"""More than are counted, so that a late vote can be counted for a day some days ago."""
TIMES = VOTES + VOTES_KEPT
ENTRY, WAS, TO, HOME, SINCE, TRIP, LEFT, BACK = range(8)
"""Columns of a move: its entry, the places before and after, the home then, since when the place was the candidate, when the trip was
opened (0: no trip), whether the line left its home or came back to it."""
HERE_THEN, INFERRED_THEN, OPENED_THEN = range(3)
"""Columns of what a reader sees."""


@kernel("int64(int64[:], int64, int64, int64)")
def votes_of(nights: Any, place: int, today: int, days: int) -> int:
    """How many of the last `days` days voted for `place`; 0: for any place."""
    votes = 0
    for back in range(VOTES_KEPT):
        day = nights[NEWEST_DAY] - back
        if (nights[HELD] >> back) & 1 and today - days < day <= today and (place == 0 or nights[VOTES + day % VOTES_KEPT] == place):
            votes += 1
    return votes


@kernel("int64(int64[:], int64)")
def majority_of(nights: Any, today: int) -> int:
    """The place with more than half of the votes of the last 28 days and at least 5; 0: none."""
    likely, lead = 0, 0
    for back in range(VOTES_KEPT):
        day = nights[NEWEST_DAY] - back
        if (nights[HELD] >> back) & 1 and today - VOTE_DAYS < day <= today:
            place = nights[VOTES + day % VOTES_KEPT]
            if lead == 0:
                likely = place
            lead += 1 if place == likely else -1
    if likely == 0:
        return 0
    votes = votes_of(nights, likely, today, VOTE_DAYS)
    return likely if votes >= VOTES_NEEDED and 2 * votes > votes_of(nights, 0, today, VOTE_DAYS) else 0


@kernel("int64(int64[:], int64, int64)")
def next_count(nights: Any, home: int, today: int) -> int:
    """The next day on which to count: one that has voted already, or the one when the oldest vote lapses, if others than `home` may win; 0: none."""
    following, oldest = 0, 0
    for back in range(VOTES_KEPT):
        day = nights[NEWEST_DAY] - back
        if (nights[HELD] >> back) & 1:
            if day > today:
                following = day
            elif day > today - VOTE_DAYS:
                oldest = day
    others = votes_of(nights, 0, today, VOTE_DAYS)
    if home != 0:
        others -= votes_of(nights, home, today, VOTE_DAYS)
    if others < VOTES_NEEDED:
        return following
    lapse = oldest + VOTE_DAYS
    return lapse if following == 0 or lapse < following else following


@kernel("void(int64[:], int64[:], int64, int64[:,:], int64[:,:], int64[:], int64)")
def count_votes(state: Any, nights: Any, line: int, lines: Any, zones: Any, begins: Any, default_zone: int) -> None:
    """Count the votes as of COUNT_AT, and set when to do it again. A home that is the stable place ends the trip."""
    at = line_at(lines, line, state[COUNT_AT])
    zone = lines[ZONE, at] if at >= 0 else default_zone
    today = day_of(zones, begins, zone, state[COUNT_AT])
    home = majority_of(nights, today)
    if home not in (0, state[INFERRED]):
        state[INFERRED] = home
        if state[OPENED] != 0 and state[STABLE] == home:
            state[OPENED] = state[ENDS] = 0
    day = next_count(nights, state[INFERRED], today)
    state[COUNT_AT] = 0 if day == 0 else utc_of(zones, begins, zone, day * DAY_MS + NIGHT_END_MS)


@kernel("int64(int64[:], int64, int64, int64, boolean)")
def vote(nights: Any, day: int, place: int, time: int, late: bool) -> int:
    """Vote for the home of `day`. Returns 0: nothing changed, 1: only the time of the vote, 2: the vote.

    A late record earlier than the one that voted for its day does not vote; the times are known of as many days as there is room for.
    What days behind one on time had voted was misdated. What is older than the newest day by `VOTES_KEPT` days is forgotten.

    >>> import numpy as np
    >>> nights = np.zeros(TIMES + 5, np.int64)
    >>> [vote(nights, 20_000, place, time, late) for place, time, late in ((7, 100, False), (8, 90, True), (8, 110, False), (8, 120, False))]
    [2, 0, 2, 1]
    >>> votes_of(nights, 8, 20_000, VOTE_DAYS)
    1
    """
    timed = len(nights) - TIMES
    ahead = day - nights[NEWEST_DAY]
    if nights[HELD] == 0 or ahead > 0:
        nights[HELD] = (nights[HELD] << ahead) & 0xFFFFFFFF if 0 < ahead < VOTES_KEPT else 0
        nights[NEWEST_DAY] = day
    elif not late and ahead < 0:
        nights[HELD] = nights[HELD] >> -ahead if -ahead < VOTES_KEPT else 0
        nights[NEWEST_DAY] = day
    back = nights[NEWEST_DAY] - day
    if back >= VOTES_KEPT:
        return 0
    voted = (nights[HELD] >> back) & 1
    if voted and late and (back >= timed or nights[TIMES + day % timed] > time):
        return 0
    if back < timed:
        nights[TIMES + day % timed] = time
    if voted and nights[VOTES + day % VOTES_KEPT] == place:
        return 1
    nights[HELD] |= 1 << back
    nights[VOTES + day % VOTES_KEPT] = place
    return 2


@kernel("boolean(int64[:], int64, int64, boolean)")
def confirms(state: Any, place: int, time: int, believed: bool) -> bool:
    """Take in a place on time: whether it is the candidate, seen for long enough. FIRST is then still since when."""
    if believed:
        state[NEWEST] = time
    if state[STABLE] == 0:
        state[STABLE] = place
        return False
    if place == state[STABLE]:
        state[CANDIDATE] = state[FIRST] = state[LAST] = 0
        return False
    if state[CANDIDATE] != place or state[FIRST] > time or time - state[LAST] > FORGOTTEN_MS:
        state[CANDIDATE], state[FIRST] = place, time
    state[LAST] = time
    return time - state[FIRST] >= DWELL_MS


@kernel("void(int64[:], int64, int64, int64, int64, int64[:])")
def change_place(state: Any, place: int, time: int, crm_home: int, trip_ends: int, out: Any) -> None:
    """The stable place becomes `place`: trips open and close, and `out` says what happened."""
    home = state[INFERRED] if state[INFERRED] != 0 else crm_home
    out[WAS], out[TO], out[HOME], out[SINCE] = state[STABLE], place, home, state[FIRST]
    out[BACK] = state[OPENED] != 0 and place == home
    out[LEFT] = state[OPENED] == 0 and home != 0 and out[WAS] == home
    state[STABLE], state[CANDIDATE], state[FIRST], state[LAST] = place, 0, 0, 0
    if out[LEFT]:
        state[OPENED], state[ENDS] = time, trip_ends
    out[TRIP] = state[OPENED]
    if out[BACK]:
        state[OPENED] = state[ENDS] = 0


@kernel(
    "int64(int32[:], int64[:], int64[:], int64[:], int64[:], boolean[:], boolean[:], boolean[:], int32[:], int64[:,:], int64[:,:], int64[:,:], int64[:], int64, int64,"
    "int64[:,:], boolean[:], int64[:,:], boolean[:], int64[:,:], int64[:,:])"
)
def place_machine(
    rows: Any, times: Any, places: Any, days: Any, clock: Any, believed: Any, asked: Any, only_asks: Any, owners: Any, keys: Any, lines: Any, zones: Any, begins: Any, default_zone: int, jump_ms: int,
    state: Any, dirty: Any, nights: Any, dirty_nights: Any, seen: Any, moves: Any,
) -> int:  # fmt: skip
    """Run the machine over entries in merged order. Returns the number of `moves`; `seen`: what the entries that are `asked` read.

    places: code of the place, 0 where the entry is no location record of a known place. days: the civil day for which it votes, -1: for
    none. clock: how far timers have fired. only_asks: an entry that is no location record; it reads as of its time and changes nothing.
    state, nights: one line of columns a row.
    """
    n = 0
    for i in range(len(rows)):
        row, time = rows[i], times[i]
        if row < 0:
            continue
        own, votes = state[row], nights[row]
        reached = max(time - 1, clock[i])
        if only_asks[i]:
            own = own.copy()
        while 0 < own[COUNT_AT] <= reached:
            count_votes(own, votes, keys[owners[row], 1], lines, zones, begins, default_zone)
            dirty[row] |= not only_asks[i]
        if 0 < own[ENDS] <= reached:
            own[OPENED] = own[ENDS] = 0
            dirty[row] |= not only_asks[i]
        place = places[i]
        if place != 0:
            late = time < own[NEWEST] <= time + jump_ms
            if days[i] >= 0:
                changed = vote(votes, days[i], place, time, late)
                if changed:
                    dirty_nights[row] = True
                if changed == 2:
                    at = line_at(lines, keys[owners[row], 1], time)
                    count_at = utc_of(zones, begins, lines[ZONE, at] if at >= 0 else default_zone, days[i] * DAY_MS + NIGHT_END_MS)
                    if own[COUNT_AT] == 0 or count_at < own[COUNT_AT]:
                        own[COUNT_AT] = count_at
                        dirty[row] = True
            if not late:
                dirty[row] = True
                if confirms(own, place, time, believed[i]):
                    at = line_at(lines, keys[owners[row], 1], time)
                    ends = days_later(zones, begins, lines[ZONE, at] if at >= 0 else default_zone, time, TRIP_DAYS)
                    change_place(own, place, time, lines[HOME_CITY, at] if at >= 0 else 0, ends, moves[n])
                    moves[n, ENTRY] = i
                    n += 1
        if asked[i]:
            seen[i, HERE_THEN], seen[i, INFERRED_THEN], seen[i, OPENED_THEN] = own[STABLE], own[INFERRED], own[OPENED]
    return n

"""P8 deadline, every year: the anniversaries of a date that a record names or implies have come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from schemas.columns import DAY_MS
from streams.engine.expression import Expr, Param, canonical
from streams.engine.features.absence import UNKNOWN
from streams.engine.features.anchored import AnchoredStage, next_moment
from streams.engine.features.pair import KEPT_MS
from streams.engine.features.timers import BEFORE_ALL, COMES_BACK, END, EVERYTHING, ROW, TIME, lower, members_of, place_before, resets_of, rows_due
from streams.engine.features.timers import TIMERS as TIMERS_GO
from streams.engine.kernels import first_reached, kernel
from streams.engine.months import months_later, years_between
from streams.engine.sources import Marked, Of
from streams.engine.stage import read_for
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.features.timers import Members
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage

NO_CHAINS = np.zeros((0, 1), np.int64)


class YearlySource(Marked):
    """The anniversaries of the civil day `day` that a happening of `first` names, at `clock` (ms since 00:00) in the zone of the key.

    Each year on its month and day, 29 February on the 28th in common years; the day itself is none. The first one is the first at or
    after the time at which the day is learnt, later ones follow it. A later happening of the key that names another day sets the timer
    again; the same day named again, or none, changes nothing. `years`: which anniversary it is.
    """

    word, timed = "yearly", True

    def __init__(self, first: Stream, day: Expr, clock: Expr) -> None:
        self.first, self.day, self.clock = first, day, clock

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first,)

    def expressions(self) -> tuple[object, ...]:
        return (self.day, self.clock)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.first.time}

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        return f"[{self.first.canonical(value_of)}] yearly on {canonical(self.day, value_of)} at {canonical(self.clock, mark_of)}"


class Anniversaries(Stream):
    """A stream of anniversaries."""

    @property
    def years(self) -> Expr:
        """Which anniversary it is: years since the day."""
        return Of(self.source, "years", "int")


@kernel(
    "UniTuple(int64, 3)(int64[:,:], int64[:,:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:], int64[:], int64[:], int64[:], int64,"
    " int64[:], int64[:], int64[:,:], int64[:], int64[:], int64, int64[:,:], int64[:], int64[:])"
)
def anniversaries(  # noqa: PLR0915  # one plain loop: arrays are dear to pass on
    firsts: Any,
    resets: Any,
    timer_clock: Any,
    due: Any,
    since: Any,
    newest: Any,
    topics: Any,
    dirty: Any,
    named: Any,
    kept: Any,
    marks: Any,
    base: int,
    lows: Any,
    tops: Any,
    chains: Any,
    of_first: Any,
    of_row: Any,
    jump: int,
    fired: Any,
    begun: Any,
    ended: Any,
) -> tuple[int, int, int]:
    """Set timers at `firsts` and let them go at `resets` (`timers.py`), in merged order; one that fires is set again to the next anniversary.

    `named`: the day that each of `firsts` names; `kept`: by row, that of the happening which set its timer in an earlier batch. `chains`: moments in
    a row; `of_first`, `of_row` (may be empty): whose they are, -1 for none. Before a happening whose time the clock has not reached a timer fires once at
    most: a wrong date brings no years to pass. Returns how many fired, began, and were dropped.
    """
    n, n_begun, n_ended = 0, 0, 0
    i, k = 0, 0
    while i < firsts.shape[1] or k < resets.shape[1]:
        is_first = k == resets.shape[1] or (i < firsts.shape[1] and firsts[1, i] <= resets[1, k])
        if is_first:
            row, at, time = firsts[0, i], firsts[1, i], firsts[3, i]
        else:
            row, at, time = resets[0, k], resets[1, k], BEFORE_ALL
        topic = row if len(topics) > 1 else 0
        by = max(marks[row] - base, -1)
        chain = of_first[by] if by >= 0 else of_row[row] if len(of_row) > 0 else -1
        while due[row] > 0:
            place = place_before(timer_clock, due[row], (firsts[1, by] + 1) // 2 if by >= 0 else 0, at, time)
            if place < 0:
                break
            fired[n, 0], fired[n, 1], fired[n, 2] = row, due[row], place
            fired[n, 3], fired[n, 4], fired[n, 5] = since[row], by, topics[topic]
            n += 1
            reached = timer_clock[at // 2] >= due[row]
            due[row], dirty[row] = next_moment(chains, chain, due[row] + 1), True
            if due[row] > 0:
                lower(lows, tops, row, due[row])
            if not reached:
                break
        if is_first:
            moment = firsts[5, i]
            late = time < newest[row] <= time + jump or moment == UNKNOWN
            if not late and firsts[6, i] != 0 and newest[row] != time:
                newest[row], dirty[row] = time, True
            day = named[by] if by >= 0 else kept[row]
            if not late and not (due[row] == moment and day == named[i]):
                if due[row] != 0:
                    ended[n_ended] = row
                    n_ended += 1
                since[row], topics[topic], dirty[row] = time, firsts[4, i], True
                due[row], marks[row] = moment, base + i
                lower(lows, tops, row, moment)
                begun[n_begun] = i
                n_begun += 1
            i += 1
        else:
            what = resets[2, k]
            if what == COMES_BACK and due[row] < 0:
                moment = next_moment(chains, chain, max(-due[row], resets[3, k]))
                due[row], dirty[row] = moment, True
                if moment > 0:
                    lower(lows, tops, row, moment)
                else:
                    ended[n_ended] = row
                    n_ended += 1
            elif what == TIMERS_GO and due[row] > 0:
                due[row], dirty[row] = -due[row], True
            elif what == EVERYTHING:
                due[row], since[row], newest[row], dirty[row] = 0, 0, 0, True
                ended[n_ended] = row
                n_ended += 1
            k += 1
    return n, n_begun, n_ended


class YearlyStage(AnchoredStage):
    """The moments of a `YearlySource`. State: the next one, the day, and what is read of the happening that named it."""

    def __init__(self, home: Home, by: str, source: YearlySource, first: FlowStage, name: str) -> None:
        super().__init__(home, by, source, source.first.by_value, first, name)
        self.source = source
        self.timers.keep([source.day])
        self.wait(KEPT_MS)

    def declare(self) -> None:
        super().declare()
        self.days = self.timers.columns[self.source.day.key()]

    def run(self, batch: Batch) -> None:
        timers = self.timers
        firsts = members_of(self.scope, self.anchors.flow, self.keys, timers.topic)
        resets = resets_of(batch, self.scope, returns=True)
        n, k = firsts.flow.n, resets.shape[1]
        if not n + k and timers.idle(batch):
            self.flow = self._counted(timers.nothing)
            return
        named = self._named(firsts.flow)
        if n:
            firsts.entries[END] = self._first_moments(firsts, named)
        marks, base = timers.begin(n)
        chains, of_first, of_row = self._chains(batch, firsts, named, resets)
        fired, begun, ended = np.empty((chains.size + n + k, 6), np.int64), np.empty(n, np.int64), np.empty(n + k, np.int64)
        counts = anniversaries(
            firsts.entries,
            resets,
            batch.timer_clock,
            timers.due.values,
            timers.since.values,
            timers.newest.values,
            timers.ranks(),
            timers.due.part.dirty,
            named,
            self.days.values,
            marks,
            base,
            timers.lows,
            timers.tops,
            chains,
            of_first,
            of_row,
            self.home.jump_ms,
            fired,
            begun,
            ended,
        )
        by_clock = self._by_clock(batch, firsts, marks, base, chains, of_first, of_row)
        every = np.concatenate([fired[: counts[0]], by_clock])
        self.scope.table.note(every[:, 0], every[:, 1])
        self.flow = self._counted(timers.finish(batch, firsts, marks, base, every, begun[: counts[1]], ended[: counts[2]]))

    def _counted(self, flow: Flow) -> Flow:
        """`flow` with the number of each anniversary."""
        days = flow.held(self.source.day.key(), "date").take(None).values
        flow.put(Of(self.source, "years", "int").key(), years_between(days, flow.time // DAY_MS))
        return flow

    def _named(self, flow: Flow) -> Ints:
        """The civil days that happenings name; NULL for none."""
        values, known = read_for(self.source.day, flow) if flow.n else (np.zeros(0, np.int64), None)
        return np.ascontiguousarray(values if known is None else np.where(known, values, NULL), np.int64)

    def _moments(self, days: Ints, years: Ints, rows: Ints, times: Ints) -> Ints:
        """When `years` years have passed since `days`, by the zones that the keys of `rows` have at `times`."""
        return self._at(days, years, self.home.zones_of(self.scope, rows, times))

    def _at(self, days: Ints, years: Ints, zones: Ints | int) -> Ints:
        """The moments of anniversaries in zones."""
        clock, world = self.source.clock, self.home.world
        ms = world.value_of(clock) if isinstance(clock, Param) else int(clock.literal or 0)
        return world.calendar.at(months_later(days, 12 * years), ms, zones)

    def _first_moments(self, firsts: Members, named: Ints) -> Ints:
        """The first anniversary at or after each happening; UNKNOWN where it names no day."""
        moments = np.full(len(named), UNKNOWN)
        at = (named != NULL).nonzero()[0]
        if not len(at):
            return moments
        days, times, zones = named[at], firsts.entries[TIME, at], firsts.flow.zones(self.by)
        zones = zones if isinstance(zones, int) else zones[at]
        years = np.maximum(years_between(days, times // DAY_MS), 1)
        found = self._at(days, years, zones)
        past = (found < times).nonzero()[0]  # of the nearest anniversary the one behind it is next
        found[past] = self._at(days[past], years[past] + 1, zones if isinstance(zones, int) else zones[past])
        moments[at] = found
        return moments

    def _chains(self, batch: Batch, firsts: Members, named: Ints, resets: Ints) -> tuple[Ints, Ints, Ints]:
        """Moments in a row of what may fire or come back in a batch, and whose they are: by happening, and by row (empty: of none)."""
        due, entries, end = self.timers.due.values, firsts.entries, int(batch.timer_clock[-1])
        rows, times, moments = entries[ROW], entries[TIME], entries[END]
        back = resets[:, resets[2] == COMES_BACK]
        limit = max(end, int(times.max(initial=0)))
        mine = ((moments != UNKNOWN) & ((moments <= limit) | (back.shape[1] > 0))).nonzero()[0]
        earlier = [rows[(due[rows] > 0) & (due[rows] < times)], back[0]]
        if not self.timers.idle(batch):
            earlier.append(self._due_by(end))
        others = np.unique(np.concatenate(earlier))
        others = others[due[others] != 0]
        of_first = np.full(firsts.flow.n, -1)
        if not len(mine) + len(others):
            return NO_CHAINS, of_first, np.zeros(0, np.int64)
        of_first[mine] = np.arange(len(mine))
        of_row = np.zeros(0, np.int64)
        if len(others):
            of_row = np.full(len(due), -1)
            of_row[others] = len(mine) + np.arange(len(others))
        whose = np.concatenate([rows[mine], others])
        days = np.concatenate([named[mine], self.days.values[others]])
        found = [np.concatenate([moments[mine], np.abs(due[others])])]
        last = max(end, int(back[3].max(initial=0)))
        years = years_between(days, found[0] // DAY_MS)
        for _ in range(max(0, last - int(found[0].min())) // (365 * DAY_MS) + 2):
            years = years + 1
            found.append(self._moments(days, years, whose, found[-1]))
        return np.ascontiguousarray(np.stack(found, axis=1)), of_first, of_row

    def _due_by(self, limit: int) -> Ints:
        """The rows whose timers are due at `limit` or before; they stay so."""
        timers = self.timers
        room = np.empty(len(timers.due.values), np.int64)
        rows = room[: rows_due(timers.due.values, timers.lows, timers.tops, limit, room)].copy()
        for row in rows.tolist():
            lower(timers.lows, timers.tops, row, timers.due.values[row])
        return rows

    def _by_clock(self, batch: Batch, firsts: Members, marks: Ints, base: int, chains: Ints, of_first: Ints, of_row: Ints) -> Ints:
        """Fire what is due at the clock's end, as [n, 6] (`timers.py`), and set it again."""
        timers, clock = self.timers, batch.timer_clock
        due, found = timers.due.values, []
        for row in self._due_by(int(clock[-1])).tolist() if not timers.idle(batch) else ():
            by = max(int(marks[row]) - base, -1)
            chain = of_first[by] if by >= 0 else of_row[row] if len(of_row) else -1
            least = (int(firsts.entries[1, by]) + 1) // 2 if by >= 0 else 0
            topic = timers.ranks()[row if timers.rank is not None else 0]
            while 0 < due[row] <= clock[-1]:
                found.append((row, due[row], max(first_reached(clock, due[row]), least), timers.since.values[row], by, topic))
                due[row] = next_moment(chains, chain, due[row] + 1)
            timers.due.part.dirty[row] = True
            if due[row] > 0:
                lower(timers.lows, timers.tops, row, due[row])
        return np.array(found, np.int64).reshape(len(found), 6)


__all__ = ["Anniversaries", "YearlySource", "YearlyStage"]

"""The close of each week: Monday 00:00 in the zone of the key, as long as the last happening of a stream is not too many weeks ago."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import DefinitionFault, canonical
from streams.engine.expression.week import monday
from streams.engine.features.anchored import AnchoredStage, next_moment
from streams.engine.features.past import number_of, whole
from streams.engine.features.timers import BEFORE_ALL, COMES_BACK, EVERYTHING, lower, members_of, place_before, resets_of, rows_due
from streams.engine.kernels import first_reached, kernel
from streams.engine.sources import Marked

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr, Operand
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.streams import Stream

MOST_WEEKS = 60


class WeekCloseSource(Marked):
    """The ends of the week of the newest happening of `stream` and of the `number` - 1 weeks behind it: each Monday comes once, whatever comes late.

    A late happening changes nothing. A Monday that is past when a happening on time names it comes at once, with its own time. Weeks of a
    line that has ended do not close; where it comes back with its state, they go on.
    """

    word = "weeks"
    timed = True

    def __init__(self, stream: Stream, number: Operand) -> None:
        self.stream, self.number = stream, whole("week_closes", number)
        weeks = self.weeks(lambda parameter: parameter.value)
        if not 1 <= weeks <= MOST_WEEKS:
            raise DefinitionFault(f"week_closes: wanted 1 to {MOST_WEEKS} weeks, got {weeks}")

    def weeks(self, value_of: ValueOf) -> int:
        """The number in an installation."""
        return number_of(self.number, value_of)  # type: ignore[arg-type]  # values of parameters are numbers

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.stream.time}

    def expressions(self) -> tuple[object, ...]:
        return (self.number,)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        return f"[{self.stream.canonical(value_of)}] week closes {canonical(self.number, mark_of)}"


@kernel(
    "UniTuple(int64, 3)(int64[:,:], int64[:,:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:], int64[:], int64, int64[:,:], int64[:],"
    " int64[:], int64[:], int64, int64[:,:], int64[:], int64[:])"
)
def week_closes(  # noqa: PLR0915  # one plain loop: arrays are dear to pass on
    members: Any,
    resets: Any,
    timer_clock: Any,
    due: Any,
    since: Any,
    newest: Any,
    closed: Any,
    topics: Any,
    dirty: Any,
    marks: Any,
    base: int,
    moments: Any,
    waiting: Any,
    lows: Any,
    tops: Any,
    jump: int,
    fired: Any,
    begun: Any,
    ended: Any,
) -> tuple[int, int, int]:
    """Let weeks close before each of `members` (`timers.py`) and up to the clock, in merged order; each member on time is the anchor of its row.

    `moments`: when weeks close, of each member, then of the anchors of the rows `waiting`, which set their timers in an earlier batch. `closed`:
    the last close of each row. The next close of a line that has ended is a negative number. Returns how many fired, how many set a timer, and how many rows have none any more.
    """
    n, n_begun, n_ended = 0, 0, 0
    i, k, m = 0, 0, members.shape[1]
    place = 0
    for step in range(m + resets.shape[1] + len(moments)):
        entry = step < m + resets.shape[1]
        reset = entry and (i == m or (k < resets.shape[1] and resets[1, k] < members[1, i]))
        if reset:
            row, at, time = resets[0, k], resets[1, k], BEFORE_ALL
        elif entry:
            row, at, time = members[0, i], members[1, i], members[3, i]
        else:
            anchor = step - m - resets.shape[1]
            row = members[0, anchor] if anchor < m else waiting[anchor - m]
            if marks[row] - base != anchor:
                continue
        while due[row] > 0 and marks[row] >= base:
            by = marks[row] - base
            least = (members[1, by] + 1) // 2 if by < m else 0
            if entry:
                place = place_before(timer_clock, due[row], least, at, time)
            else:
                place = max(first_reached(timer_clock, due[row]), least) if due[row] <= timer_clock[-1] else -1
            if place < 0:
                break
            fired[n, 0], fired[n, 1], fired[n, 2] = row, due[row], place
            fired[n, 3], fired[n, 4], fired[n, 5] = since[row], by if by < m else -1, topics[row if len(topics) > 1 else 0]
            n += 1
            closed[row], dirty[row] = due[row], True
            due[row] = next_moment(moments, by, closed[row] + 1)
            if due[row] > 0:
                lower(lows, tops, row, due[row])
        if reset:
            what = resets[2, k]
            if what == EVERYTHING:
                due[row] = since[row] = newest[row] = closed[row] = 0
                dirty[row] = True
            elif what == COMES_BACK and due[row] < 0:
                closed[row], dirty[row] = max(closed[row], resets[3, k] - 1), True
                due[row] = next_moment(moments, marks[row] - base, closed[row] + 1)
                if due[row] > 0:
                    lower(lows, tops, row, due[row])
            elif what != COMES_BACK and due[row] > 0:
                due[row], dirty[row] = -due[row], True
            if due[row] == 0:
                ended[n_ended] = row
                n_ended += 1
            k += 1
        elif entry:
            if not time < newest[row] <= time + jump:
                misdated = since[row] > time + jump
                if members[6, i] != 0:
                    newest[row] = time
                if closed[row] > time + jump:
                    closed[row] = 0
                since[row], topics[row if len(topics) > 1 else 0], dirty[row] = time, members[4, i], True
                marks[row] = base + i
                if due[row] <= 0 or misdated:
                    had = due[row] != 0
                    due[row] = next_moment(moments, i, closed[row] + 1)
                    if due[row] > 0:
                        lower(lows, tops, row, due[row])
                    elif had:
                        ended[n_ended] = row
                        n_ended += 1
                if due[row] > 0:
                    begun[n_begun] = i
                    n_begun += 1
            i += 1
    return n, n_begun, n_ended


class WeekCloseStage(AnchoredStage):
    """Closes of weeks. State: the newest happening, the next close, and the last one."""

    def __init__(self, home: Home, by: str, source: WeekCloseSource, inner: FlowStage, name: str) -> None:
        super().__init__(home, by, source, source.stream.by_value, inner, name)
        self.weeks = source.weeks(home.world.value_of)
        self.wait((7 * self.weeks + 1) * DAY_MS)

    def declare(self) -> None:
        super().declare()
        self.closed = self.scope.table.column(f"{self.name}.closed", "time", part=self.part)

    def run(self, batch: Batch) -> None:
        timers = self.timers
        members = members_of(self.scope, self.anchors.flow, self.keys, timers.topic)
        resets = resets_of(batch, self.scope, returns=True)
        flow, k = members.flow, resets.shape[1]
        if not flow.n + k and timers.idle(batch):
            self.flow = timers.nothing
            return
        marks, base = timers.begin(flow.n)
        waiting = self._waiting(batch, members.entries, resets)
        timers.begin(len(waiting))
        marks[waiting] = base + flow.n + np.arange(len(waiting))
        moments = np.concatenate([self._moments(flow.time, flow.zones(self.by)), self._moments_of(waiting)])
        most = moments.size + len(moments)  # one that an anchor found pending, and its own
        fired, begun, ended = np.empty((most, 6), np.int64), np.empty(flow.n, np.int64), np.empty(flow.n + k, np.int64)
        counts = week_closes(
            members.entries,
            resets,
            batch.timer_clock,
            timers.due.values,
            timers.since.values,
            timers.newest.values,
            self.closed.values,
            timers.ranks(),
            timers.due.part.dirty,
            marks,
            base,
            moments,
            waiting,
            timers.lows,
            timers.tops,
            self.home.jump_ms,
            fired,
            begun,
            ended,
        )
        self.flow = timers.finish(batch, members, marks, base, fired[: counts[0]], begun[: counts[1]], ended[: counts[2]])

    def _waiting(self, batch: Batch, entries: Ints, resets: Ints) -> Ints:
        """The rows whose weeks, named in an earlier batch, may close in this one: by the clock, or before a member; and those that come back."""
        timers, due = self.timers, self.timers.due.values
        room = np.empty(len(due), np.int64)
        by_clock = room[: rows_due(due, timers.lows, timers.tops, int(batch.timer_clock[-1]), room)]
        rows = entries[0]
        back = resets[0][due[resets[0]] != 0]
        return np.unique(np.concatenate([by_clock, rows[(due[rows] > 0) & (due[rows] < entries[3])], back]))

    def _moments(self, times: Ints, zones: Ints | int) -> Ints:
        """[n, weeks]: when the week of each moment ends, and those behind it, by the zone at the moment."""
        calendar, weeks = self.home.world.calendar, self.weeks
        days = monday(calendar.day(times, zones))[:, None] + 7 * np.arange(1, weeks + 1)
        found = calendar.midnight(days.ravel(), zones if isinstance(zones, int) else np.repeat(zones, weeks))
        return found.reshape(len(times), weeks)

    def _moments_of(self, rows: Ints) -> Ints:
        """The same of the anchors of rows."""
        since = self.timers.since.values[rows]
        return self._moments(since, self.home.zones_of(self.scope, rows, since))


__all__ = ["WeekCloseSource", "WeekCloseStage"]

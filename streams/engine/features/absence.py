"""P7 absence: something did not happen in time after something else. Its kernel also runs the dates of P8 (`deadline.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from streams.engine.features.anchored import AnchoredStage
from streams.engine.features.answers import MOST_RUNS, answered, note_answer
from streams.engine.features.pair import shared_keys
from streams.engine.features.passing import PASSES, with_passing
from streams.engine.features.timers import BEFORE_ALL, COMES_BACK, END, EVERYTHING, TIMERS, lower, members_of, place_before, resets_of, topic_of
from streams.engine.kernels import kernel
from streams.engine.sources import Marked
from streams.engine.state.chains import Chains, wipe

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.spans import Span
    from streams.engine.stage import FlowStage
    from streams.engine.streams import Stream

NOTHING = np.zeros((7, 0), np.int64)
"""What calls off what is never called off."""
UNKNOWN = NULL
"""The moment of an A that names none: it changes nothing."""


class AwaitedSource(Marked):
    """Moments that follow an A of `first`, unless one of `awaited` comes until then. `latest`: a later A moves the moment of its key."""

    timed = True

    def __init__(self, first: Stream, awaited: Stream | None, *, latest: bool) -> None:
        self.first, self.awaited, self.latest = first, awaited, latest
        self.keys_of(first)

    def keys_of(self, stream: Stream) -> tuple[Expr, ...]:
        """The values of one of the two streams by which they go together. Raises DefinitionFault."""
        return stream.by_value if self.awaited is None else shared_keys(self.first, self.awaited, stream)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first,) if self.awaited is None else (self.first, self.awaited)

    def origins(self) -> tuple[Stream, ...]:
        return (self.first,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.first.time}


class AbsenceSource(AwaitedSource):
    """No happening of `awaited` in (t_A, t_A + span] after an A of `first`: due at the end of the span, with the time of that end.

    While one A is waited on, other A's change nothing, or (`latest`) the wait starts again with each. One of `awaited` at exactly the end
    calls it off; at the time of A one of another topic does (A counts as before it), of the same topic if it was released behind it. A
    late A begins no timer, nor does one where an awaited one in its span is already known.
    """

    word = "absence"
    awaited: Stream

    def __init__(self, first: Stream, awaited: Stream, span: Span, *, latest: bool = False) -> None:
        super().__init__(first, awaited, latest=latest)
        self.span = span

    def expressions(self) -> tuple[object, ...]:
        return (self.span, self.latest)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        return f"[{self.first.canonical(value_of)}] without [{self.awaited.canonical(value_of)}] within {self.span.canonical(mark_of)}{' latest' if self.latest else ''}"


@kernel(
    "UniTuple(int64, 3)(int64[:,:], int64[:,:], int64[:,:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:], int64[:], int64, int64[:], int64[:],"
    " int32[:,:], int32[:,:], int64[:,:], int64[:], boolean[:], int64, int64, int64, boolean, int64[:,:], int64[:], int64[:])"
)
def absences(  # noqa: PLR0915  # one plain loop: arrays are dear to pass on
    firsts: Any,
    awaited: Any,
    resets: Any,
    clock: Any,
    timer_clock: Any,
    due: Any,
    since: Any,
    newest: Any,
    topics: Any,
    dirty: Any,
    marks: Any,
    base: int,
    lows: Any,
    tops: Any,
    lists: Any,
    links: Any,
    runs: Any,
    spare: Any,
    heard: Any,
    span: int,
    keep: int,
    jump: int,
    replaces: bool,
    fired: Any,
    begun: Any,
    ended: Any,
) -> tuple[int, int, int]:
    """Set timers at `firsts` and call them off at `awaited` (`timers.py`), in merged order; at the same place `awaited` go first.

    `span`: the shortest time waited; `keep`: how long what was awaited is remembered, both ms. `newest`: the time of the newest A,
    waited on or not. `replaces`: an A whose moment is known replaces the timer, else it sets one only where none is set; such a timer begins again with a
    line that comes back (until then its moment is stored as a negative number). `resets`: also records that pass by (`passing.py`). `topics`: of the pending
    A by row, or one for all. Returns how many fired, began, and were called off or dropped.
    """
    n, n_begun, n_ended = 0, 0, 0
    i, j, k = 0, 0, 0
    while True:
        which, at, order = -1, 0, 0
        if j < awaited.shape[1]:
            which, at, order = 1, awaited[1, j], awaited[2, j]
        if i < firsts.shape[1] and (which < 0 or firsts[1, i] < at or (firsts[1, i] == at and firsts[2, i] < order)):
            which, at = 0, firsts[1, i]
        if k < resets.shape[1] and (which < 0 or resets[1, k] < at):
            which, at = 2, resets[1, k]
        if which < 0:
            return n, n_begun, n_ended
        time = BEFORE_ALL
        if which == 0:
            row, time, rank, timed = firsts[0, i], firsts[3, i], firsts[4, i], firsts[2, i] != 0
        elif which == 1:
            row, time, rank, timed = awaited[0, j], awaited[3, j], awaited[4, j], awaited[2, j] != 0
        else:
            row, rank, timed = resets[0, k], 0, True
            if resets[2, k] == PASSES:
                time = resets[3, k]
        topic_rank = -1 if timed else rank
        topic = row if len(topics) > 1 else 0
        if due[row] > 0:
            by = max(marks[row] - base, -1)
            place = place_before(timer_clock, due[row], (firsts[1, by] + 1) // 2 if by >= 0 else 0, at, time)
            if place >= 0:
                fired[n, 0], fired[n, 1], fired[n, 2] = row, due[row], place
                fired[n, 3], fired[n, 4], fired[n, 5] = since[row], by, topics[topic]
                due[row], dirty[row] = 0, True
                n += 1
        if which == 0:
            moment = firsts[5, i]
            late = time < newest[row] <= time + jump or moment == UNKNOWN
            if not late and firsts[6, i] != 0 and newest[row] != time:
                newest[row], dirty[row] = time, True
            if not late and replaces and due[row] != 0:
                due[row], dirty[row] = 0, True
                ended[n_ended] = row
                n_ended += 1
            if not late and moment >= time and (due[row] == 0 or since[row] > time + jump) and not answered(lists, links, runs, row, time, moment, topic_rank):
                since[row], topics[topic], dirty[row] = time, rank, True
                due[row], marks[row] = moment, base + i
                lower(lows, tops, row, moment)
                begun[n_begun] = i
                n_begun += 1
            i += 1
        elif which == 1:
            if due[row] > 0 and since[row] <= time <= due[row]:
                due[row], dirty[row] = 0, True
                ended[n_ended] = row
                n_ended += 1
            now = clock[max(at // 2, 0)]
            least = min(time, now) - keep
            if newest[row] <= now:
                least = max(least, newest[row])
            if note_answer(lists, links, runs, spare, row, time, topic_rank, span, least):
                heard[row] = True
            j += 1
        else:
            what = resets[2, k]
            if what == COMES_BACK and due[row] < 0:
                due[row], dirty[row] = -due[row] if -due[row] >= resets[3, k] else 0, True
                if due[row] > 0:
                    lower(lows, tops, row, due[row])
                else:
                    ended[n_ended] = row
                    n_ended += 1
            elif what == TIMERS and replaces and due[row] > 0:
                due[row], dirty[row] = -due[row], True
            elif what == EVERYTHING or (what == TIMERS and due[row] != 0):
                due[row], dirty[row] = 0, True
                ended[n_ended] = row
                n_ended += 1
            if what == EVERYTHING:
                since[row] = newest[row] = 0
                wipe(lists, links, spare, row)
                heard[row] = True
            k += 1


class AwaitedStage(AnchoredStage):
    """The moments of an `AwaitedSource`. State: the pending or last A, and when awaited ones came that a late A may have missed."""

    passing: FlowStage | None = None
    """Records before which a timer that is due fires (`passing.py`)."""

    def __init__(self, home: Home, by: str, source: AwaitedSource, first: FlowStage, awaited: FlowStage | None, name: str) -> None:
        super().__init__(home, by, source, source.keys_of(source.first), first, name, *([awaited] if awaited is not None else []))
        self.source, self.awaited = source, awaited
        self.awaited_keys = () if source.awaited is None else source.keys_of(source.awaited)
        self.topic = None if source.awaited is None else topic_of(source.awaited.source)
        self.answers = Chains(self.scope.table, f"{name}.answers", [("begin", "time"), ("end", "int")], most=MOST_RUNS)
        self.shortest, longest = self.waits()
        self.kept = longest + home.late_limit_ms
        self.wait(longest)

    def waits(self) -> tuple[int, int]:
        """Bounds of the time from an A to its moment, ms."""
        raise NotImplementedError

    def moments(self, flow: Flow) -> Ints:
        """When the timers of A's are due; UNKNOWN where one names no moment."""
        raise NotImplementedError

    def after(self, span: Span, flow: Flow) -> Ints:
        """The moments `span` after each A."""
        world = self.home.world
        return span.after(world.value_of, world.calendar, flow.time, flow.zones(self.by) if span.civil else 0)

    def run(self, batch: Batch) -> None:
        timers, answers = self.timers, self.answers
        firsts = members_of(self.scope, self.anchors.flow, self.keys, timers.topic)
        awaited = NOTHING if self.awaited is None else members_of(self.scope, self.awaited.flow, self.awaited_keys, self.topic).entries
        resets = resets_of(batch, self.scope, returns=self.source.latest)
        if self.passing is not None:
            resets = with_passing(resets, self.passing.flow, self.scope, timers, firsts.rows)
        n, m, k = firsts.flow.n, awaited.shape[1], resets.shape[1]
        if not n + m + k and timers.idle(batch):
            self.flow = timers.nothing
            return
        if n:
            firsts.entries[END] = self.moments(firsts.flow)
        answers.make_room(m)
        marks, base = timers.begin(n)
        fired, begun, ended = np.empty((n + m + k, 6), np.int64), np.empty(n, np.int64), np.empty(n + m + k, np.int64)
        counts = absences(
            firsts.entries,
            awaited,
            resets,
            batch.clock,
            batch.timer_clock,
            timers.due.values,
            timers.since.values,
            timers.newest.values,
            timers.ranks(),
            timers.due.part.dirty,
            marks,
            base,
            timers.lows,
            timers.tops,
            answers.lists,
            answers.links,
            answers.values,
            answers.spare,
            answers.dirty,
            self.shortest,
            self.kept,
            self.home.jump_ms,
            self.source.latest,
            fired,
            begun,
            ended,
        )
        answers.count_dropped()
        self.flow = timers.finish(batch, firsts, marks, base, fired[: counts[0]], begun[: counts[1]], ended[: counts[2]])


class AbsenceStage(AwaitedStage):
    """Moments at which an A has gone without an awaited one."""

    source: AbsenceSource

    def waits(self) -> tuple[int, int]:
        span, value_of = self.source.span, self.home.world.value_of
        return span.shortest_ms(value_of), span.longest_ms(value_of)

    def moments(self, flow: Flow) -> Ints:
        return self.after(self.source.span, flow)

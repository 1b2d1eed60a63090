"""P7 silence: nothing more of a stream for a while, after it was lively."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.expression import canonical
from streams.engine.expression import condition as checked
from streams.engine.features.anchored import AnchoredStage
from streams.engine.features.timers import BEFORE_ALL, END, lower, members_of, place_before, resets_of
from streams.engine.kernels import kernel
from streams.engine.sources import Marked

if TYPE_CHECKING:
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.spans import Span
    from streams.engine.stage import FlowStage
    from streams.engine.streams import Stream


class SilenceSource(Marked):
    """No further happening of `stream` for `span` after the last one; only if `given` was true at that one.

    Each happening sets the timer of its key again, never to an earlier moment; a late one that is not the newest changes nothing.
    """

    word = "silence"
    timed = True

    def __init__(self, stream: Stream, span: Span, given: Expr | None) -> None:
        self.stream, self.span = stream, span
        self.given = None if given is None else checked(given)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.stream.time}

    def expressions(self) -> tuple[object, ...]:
        return (self.span, self.given)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        given = "" if self.given is None else f" given {canonical(self.given, mark_of)}"
        return f"[{self.stream.canonical(value_of)}] silent {self.span.canonical(mark_of)}{given}"


@kernel(
    "UniTuple(int64, 3)(int64[:,:], int64[:,:], int64[:], int64[:], int64[:], int64[:], int64[:], boolean[:], int64[:], int64, int64[:], int64[:], int64, int64[:,:], int64[:], int64[:])"
)
def silences(
    members: Any,
    resets: Any,
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
    jump: int,
    fired: Any,
    begun: Any,
    ended: Any,
) -> tuple[int, int, int]:
    """Each of `members` (`timers.py`) that is not older than the newest of its row sets the timer to its END (0: to none), in merged order.

    Returns how many fired, how many set a timer, and how many rows have none any more.
    """
    n, n_begun, n_ended = 0, 0, 0
    i, k = 0, 0
    while i < members.shape[1] or k < resets.shape[1]:
        reset = i == members.shape[1] or (k < resets.shape[1] and resets[1, k] < members[1, i])
        if reset:
            row, at, time = resets[0, k], resets[1, k], BEFORE_ALL
        else:
            row, at, time = members[0, i], members[1, i], members[3, i]
        topic = row if len(topics) > 1 else 0
        if due[row] != 0:
            by = max(marks[row] - base, -1)
            place = place_before(timer_clock, due[row], (members[1, by] + 1) // 2 if by >= 0 else 0, at, time)
            if place >= 0:
                fired[n, 0], fired[n, 1], fired[n, 2] = row, due[row], place
                fired[n, 3], fired[n, 4], fired[n, 5] = since[row], by, topics[topic]
                due[row], dirty[row] = 0, True
                n += 1
        if reset:
            if due[row] != 0 or resets[2, k] != 0:
                due[row], dirty[row] = 0, True
                ended[n_ended] = row
                n_ended += 1
            if resets[2, k] != 0:
                since[row] = newest[row] = 0
            k += 1
            continue
        if not time < newest[row] <= time + jump:
            if members[6, i] != 0:
                newest[row] = time
            since[row], topics[topic], dirty[row] = time, members[4, i], True
            if members[5, i] != 0:
                due[row], marks[row] = members[5, i], base + i
                lower(lows, tops, row, members[5, i])
                begun[n_begun] = i
                n_begun += 1
            elif due[row] != 0:
                due[row] = 0
                ended[n_ended] = row
                n_ended += 1
        i += 1
    return n, n_begun, n_ended


class SilenceStage(AnchoredStage):
    """Moments at which nothing has come for a while. State: when the last one came, and the timer."""

    def __init__(self, home: Home, by: str, source: SilenceSource, inner: FlowStage, name: str) -> None:
        super().__init__(home, by, source, source.stream.by_value, inner, name)
        self.source = source
        self.wait(source.span.longest_ms(home.world.value_of))

    def run(self, batch: Batch) -> None:
        timers, source, world = self.timers, self.source, self.home.world
        members = members_of(self.scope, self.anchors.flow, self.keys, timers.topic)
        resets = resets_of(batch, self.scope)
        flow, k = members.flow, resets.shape[1]
        if not flow.n + k and timers.idle(batch):
            self.flow = timers.nothing
            return
        if flow.n:
            due = source.span.after(world.value_of, world.calendar, flow.time, flow.zones(self.by) if source.span.civil else 0)
            members.entries[END] = due if source.given is None else np.where(self.forced | flow.values(source.given), due, 0)
        marks, base = timers.begin(flow.n)
        fired, begun, ended = np.empty((flow.n + k, 6), np.int64), np.empty(flow.n, np.int64), np.empty(flow.n + k, np.int64)
        counts = silences(
            members.entries,
            resets,
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
            self.home.jump_ms,
            fired,
            begun,
            ended,
        )
        self.flow = timers.finish(batch, members, marks, base, fired[: counts[0]], begun[: counts[1]], ended[: counts[2]])

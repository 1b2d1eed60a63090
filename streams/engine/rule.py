"""Rules at work: which happenings of `when` become events, by the re-arm words (`docs/semantics.md` §1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.flow import whole
from streams.engine.kernels import kernel
from streams.engine.rearm import Cool, Each, Edge, Once, OncePer, Reset
from streams.engine.stage import FlowStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.flow import Flow
    from streams.engine.home import Home, Scope
    from streams.engine.rearm import Rearm
    from streams.engine.stage import Stage
    from streams.engine.state.tables import Rows
    from streams.engine.streams import Source

PER_VALUE_MS = 400 * DAY_MS
"""`once_per` remembers a value this long after its emission."""
FREE, ELAPSED, DAYS, LIFE = range(4)
"""What a word asks of the last emission: nothing, so many ms, so many civil days, that there was none."""


@kernel("void(int64[:,:], int64[:,:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64, boolean[:])")
def pass_words(slots: Any, kinds: Any, spans: Any, times: Any, days: Any, last: Any, last_day: Any, seen: Any, jump_ms: int, out: Any) -> None:
    """Which happenings become events: all words must allow one. slots[w, i]: where word w keeps the last emission for happening i.

    `last`: its time, epoch ms, where `seen`; `last_day`: its civil day. An emission more than `jump_ms` ahead of a happening was misdated: it stops nothing.
    """
    for i in range(len(times)):
        allowed = True
        for w in range(len(slots)):
            at, kind = slots[w, i], kinds[w, i]
            if kind == 0 or seen[at] == 0:
                continue
            if kind == 3:
                allowed = False
            elif last[at] > times[i] + jump_ms:
                continue
            elif kind == 1 and times[i] < last[at] + spans[w]:
                allowed = False
            elif kind == 2 and days[i] < last_day[at] + spans[w]:
                allowed = False
        out[i] = allowed
        if allowed:
            for w in range(len(slots)):
                at = slots[w, i]
                last[at], last_day[at], seen[at] = times[i], days[i], 1


@kernel("int64(int64[:], boolean[:], boolean[:], boolean[:], int64[:], boolean[:], boolean[:])")
def pass_edges(rows: Any, holds: Any, held: Any, skipped: Any, unarmed: Any, dirty: Any, out: Any) -> int:
    """Where a condition becomes true. `held`: whether it is true without the record; then an un-armed row stays so. Returns how many."""
    n = 0
    for i in range(len(rows)):
        if skipped[i]:
            continue
        row = rows[i]
        armed = unarmed[row] == 0 or not held[i]
        fires = holds[i] and armed
        left = 1 if fires or not armed else 0
        if left != unarmed[row]:
            unarmed[row] = left
            dirty[row] = True
        out[i] = fires
        n += fires
    return n


class Word:
    """A word that looks at the last emission, with its column: the time of that, 0 for none."""

    def __init__(self, home: Home, event: str, number: int, word: Rearm, by: str, keys: tuple[Expr, ...], sources: Sequence[Source]) -> None:
        self.home, self.word = home, word
        self.values = (*keys, *(value for value in word.per if value.key() not in {key.key() for key in keys}))
        self.scope: Scope = home.scope(by, self.values, sources)
        self.last = self.scope.table.column(f"{event}.{number}.emitted", "time", part=home.part(sources))
        self.last.lifelong = isinstance(word, Once)
        cool = word.otherwise if isinstance(word, OncePer) else word
        self.cool = cool if isinstance(cool, Cool) else None
        value_of = home.world.value_of
        self.span = self.cool.span.number(value_of) if self.cool is not None else 0
        longest = self.cool.span.longest_ms(value_of) if self.cool is not None else 0
        home.keep(self.scope.table, None if isinstance(word, Once) else max(PER_VALUE_MS, longest) if isinstance(word, OncePer) else longest)

    def lines(self, flow: Flow, slots: Ints) -> list[Line]:
        """What is asked of the last emissions in `slots`; of a once_per with a fallback two things, each for some happenings."""
        cooling = FREE if self.cool is None else DAYS if self.cool.span.civil else ELAPSED
        if isinstance(self.word, Once):
            return [Line(slots, np.full(flow.n, LIFE), 0)]
        if not isinstance(self.word, OncePer):
            return [Line(slots, np.full(flow.n, cooling), self.span)]
        if self.word.otherwise is None:
            return [Line(slots, np.full(flow.n, ELAPSED), PER_VALUE_MS)]
        known = np.ones(flow.n, bool)
        for value in self.word.per:
            mask = flow.column(value).known
            known = known & mask if mask is not None else known
        return [Line(slots, np.where(known, ELAPSED, FREE), PER_VALUE_MS), Line(slots, np.where(known, FREE, cooling), self.span)]


class Line(NamedTuple):
    """One thing that is asked of the last emission: where that is kept for each happening, the kind of question, and a span."""

    slots: Ints
    kinds: Ints
    span: int


class Words:
    """The re-arm words of a rule that look at its last emissions."""

    def __init__(self, home: Home, event: str, by: str, words: Sequence[Rearm], keys: tuple[Expr, ...], sources: Sequence[Source]) -> None:
        self.home, self.by = home, by
        kept = [(number, word) for number, word in enumerate(words) if not isinstance(word, Edge | Reset | Each)]
        self.words = [Word(home, event, number, word, by, keys, sources) for number, word in kept]

    def passing(self, flow: Flow) -> Bools:
        """Which happenings become events; their emission is noted."""
        out = np.ones(flow.n, bool)
        if not self.words or not flow.n:
            return out
        lines: list[Line] = []
        homes: list[Rows] = []
        size = 0
        for word in self.words:
            own, where = np.unique(word.scope.rows(flow, word.values, unknown=True), return_inverse=True)
            lines += word.lines(flow, where + size)
            homes.append(own)
            size += len(own)
        calendar, zones = self.home.world.calendar, flow.zones(self.by)
        last = np.concatenate([word.last.values[own] for word, own in zip(self.words, homes, strict=True)])
        before = last.copy()
        first = np.zeros(size, np.int64)
        for line in lines:
            first[line.slots[::-1]] = np.arange(flow.n)[::-1]
        last_day = calendar.day(last, zones if isinstance(zones, int) else zones[first])
        pass_words(
            np.stack([line.slots for line in lines]),
            np.stack([line.kinds for line in lines]),
            np.array([line.span for line in lines], np.int64),
            flow.time,
            calendar.day(flow.time, zones),
            last,
            last_day,
            (last != 0).astype(np.int64),
            self.home.jump_ms,
            out,
        )
        for word, own, begin in zip(self.words, homes, np.cumsum([0, *map(len, homes)]).tolist(), strict=False):
            mine = last[begin : begin + len(own)]
            word.last.values[own] = mine
            word.last.part.touch(own[mine != before[begin : begin + len(own)]])
        return out


class Without:
    """A flow as it would be without the records themselves: what frames were before they were taken in."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow

    def __getattr__(self, name: str) -> Any:
        return getattr(self.flow, name)

    def reading(self, reading: Any) -> Any:
        """What was read, without the reader's own record where it is a member."""
        key = ("without", reading.key())
        return self.flow.held(key, reading.kind).take(None) if self.flow.has(key) else self.flow.reading(reading)


class EdgeStage(FlowStage):
    """The happenings at which conditions become true: they are not without the record, or were not at the last happening."""

    def __init__(
        self, home: Home, event: str, inner: FlowStage, condition: Expr, scope: Scope, keys: tuple[Expr, ...], late: Sequence[str], sources: Sequence[Source], *needs: Stage
    ) -> None:
        super().__init__(inner, *needs)
        self.inner, self.condition, self.scope, self.keys, self.late = inner, condition, scope, keys, late
        self.unarmed = scope.table.column(f"{event}.unarmed", "flag", part=home.part(sources))
        home.keep(scope.table, None)

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        if not flow.n:
            self.flow = flow
            return
        holds = flow.values(self.condition)
        without: Any = Without(flow)
        held = whole(self.condition.column(without).values, flow.n)
        rows = self.scope.rows(flow, self.keys).astype(np.int64)
        skipped = late_in(flow, self.late)
        out = np.zeros(flow.n, bool)
        pass_edges(rows, holds, held, skipped, self.unarmed.values, self.unarmed.part.dirty, out)
        self.flow = flow if self.forced else flow.take(out)


def late_in(flow: Flow, names: Sequence[str]) -> Bools:
    """Which happenings are late members of the feature stages `names`."""
    late = np.zeros(flow.n, bool)
    for name in names:
        mask = flow.mask(("late", name))
        if mask is not None:
            late |= mask
    return late


class RuleStage(FlowStage):
    """The events of a definition: happenings of `when` that are not late for it and that its words let pass (None: they have done so already)."""

    def __init__(self, event: str, inner: FlowStage, words: Words | None, late: Sequence[str], fired: Sequence[object]) -> None:
        super().__init__(inner)
        self.event, self.inner, self.words, self.late, self.fired = event, inner, words, late, fired

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        if flow.n:
            wanted = ~late_in(flow, self.late)
            for key in self.fired:
                mask = flow.mask(key)
                if mask is not None:
                    wanted &= mask
            flow = flow if self.forced else flow.take(wanted)
            if flow.n and self.words is not None:
                flow = flow.take(self.words.passing(flow))
        self.flow = flow


__all__ = ["EdgeStage", "RuleStage", "Without", "Word", "Words", "late_in"]

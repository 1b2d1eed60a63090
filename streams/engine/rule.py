"""Rules at work: which happenings of `when` become events, by the re-arm words (`docs/semantics.md` §1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import Column, EventDay, EventTime, Join, Known, LineId, OrElse
from streams.engine.expression.evaluate import is_false
from streams.engine.features.cuts import Clearing, pieces
from streams.engine.features.frame import OF_NOTHING
from streams.engine.flow import unknown, whole
from streams.engine.kernels import kernel
from streams.engine.rearm import Cool, Each, Edge, Once, OncePer, Reset
from streams.engine.stage import FlowStage, late_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.batch import Reset as LineEnd
    from streams.engine.expression import Expr, RecordField
    from streams.engine.flow import Flow
    from streams.engine.home import Home, Scope
    from streams.engine.rearm import Rearm
    from streams.engine.sources import Source, ValueOf
    from streams.engine.stage import Stage
    from streams.engine.state.tables import Rows

MARKS = "marks"
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
            elif (kind == 1 and times[i] < last[at] + spans[w]) or (kind == 2 and days[i] < last_day[at] + spans[w]):
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


def part_of_marks(event: str, keys: Sequence[Expr]) -> str:
    """The part of a table for what the re-arm words of an event remember: whatever records it is about now. Where nothing splits the keys, its family has one.

    >>> part_of_marks("balance.low", ())
    'marks.balance'
    """
    return MARKS if keys else f"{MARKS}.{event.split('.', 1)[0]}"


class Word:
    """A word that looks at the last emission, with its column: the time of that, 0 for none.

    `where`: the values that must be known for it to be asked, or (`unknown`) one of which must be unknown.
    """

    def __init__(
        self, home: Home, name: str, word: Rearm, by: str, keys: tuple[Expr, ...], sources: Sequence[Source], where: tuple[Expr, ...] = (), *, unknown: bool = False
    ) -> None:
        self.word, self.where, self.unknown = word, where, unknown
        taken = {key.key() for key in keys}
        self.values = (*keys, *(value for value in word.per if value.key() not in taken))
        part = part_of_marks(name, self.values)
        self.scope: Scope = home.scope(by, self.values, sources, part)
        self.last = self.scope.table.column(name, "time", part=part)
        self.last.lifelong = isinstance(word, Once)
        match word:
            case Once():
                self.kind, self.span, kept = LIFE, 0, None
            case Cool(span=span):
                self.kind, self.span, kept = DAYS if span.civil else ELAPSED, span.number(home.world.value_of), span.longest_ms(home.world.value_of)
            case _:
                self.kind, self.span, kept = ELAPSED, PER_VALUE_MS, PER_VALUE_MS
        home.keep(self.scope.table, kept)

    def kinds(self, flow: Flow) -> Ints:
        """What is asked of the last emission for each happening."""
        kinds = np.full(flow.n, self.kind)
        if self.where:
            known = np.ones(flow.n, bool)
            for value in self.where:
                mask = flow.column(value).known
                known = known & mask if mask is not None else known
            kinds[known if self.unknown else ~known] = FREE
        return kinds


def asked(home: Home, event: str, number: int, word: Rearm, by: str, keys: tuple[Expr, ...], sources: Sequence[Source]) -> list[Word]:
    """A re-arm word as what is asked of last emissions: a once_per with a fallback asks two things, each of some happenings."""
    name = f"{event}.{number}.emitted"
    if not isinstance(word, OncePer) or word.otherwise is None:
        return [Word(home, name, word, by, keys, sources)]
    words = [Word(home, name, word, by, keys, sources, word.per)]
    if isinstance(word.otherwise, Cool):
        words.append(Word(home, f"{event}.{number}.otherwise", word.otherwise, by, keys, sources, word.per, unknown=True))
    return words


class Words:
    """The re-arm words of a rule that look at its last emissions."""

    def __init__(self, home: Home, event: str, by: str, words: Sequence[Rearm], keys: tuple[Expr, ...], sources: Sequence[Source]) -> None:
        self.home, self.by = home, by
        kept = [(number, word) for number, word in enumerate(words) if not isinstance(word, Edge | Reset | Each)]
        self.words = [one for number, word in kept for one in asked(home, event, number, word, by, keys, sources)]

    def line_ends(self, batch: Batch) -> list[LineEnd]:
        """The ends of lines in a batch after which emissions are forgotten."""
        return [end for end in batch.resets if not end.timers_only] if self.by == "line" else []

    def clear(self, ends: Sequence[LineEnd]) -> None:
        """Forget the emissions of lines that ended."""
        for end in ends:
            for word in self.words:
                if end.lifelong or not word.last.lifelong:
                    rows = word.scope.table.rows_under(np.array([end.row], np.int32))
                    word.last.values[rows] = 0
                    word.last.part.touch(rows)

    def passing(self, flow: Flow) -> Bools:
        """Which happenings become events; their emission is noted."""
        out = np.ones(flow.n, bool)
        if not self.words or not flow.n:
            return out
        slots: list[Ints] = []
        homes: list[Rows] = []
        size = 0
        for word in self.words:
            own, where = np.unique(word.scope.rows(flow, word.values, unknown=True), return_inverse=True)
            slots.append(where + size)
            homes.append(own)
            size += len(own)
        calendar, zones = self.home.world.calendar, flow.zones(self.by)
        last = np.concatenate([word.last.values[own] for word, own in zip(self.words, homes, strict=True)])
        before = last.copy()
        first = np.zeros(size, np.int64)
        for own_slots in slots:
            first[own_slots[::-1]] = np.arange(flow.n)[::-1]
        last_day = calendar.day(last, zones if isinstance(zones, int) else zones[first])
        pass_words(
            np.stack(slots),
            np.stack([word.kinds(flow) for word in self.words]),
            np.array([word.span for word in self.words], np.int64),
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

    def column(self, node: Expr) -> Column:
        """`node` for all happenings; the flow itself would take what it has computed with their records."""
        here: Any = self
        values, known = node.column(here)
        return Column(whole(values, self.flow.n), None if known is None else whole(known, self.flow.n))


class Nothing:
    """An environment in which the features `empty` have no members, and nothing else is known but parameters."""

    def __init__(self, empty: frozenset[object], value_of: ValueOf) -> None:
        self.empty, self.parameter = empty, value_of

    def reading(self, reading: Any) -> Column:
        """What a frame without members adds up to."""
        found = unknown(reading.kind, 1)
        return Column(found.values, np.ones(1, bool)) if reading.key() in self.empty and reading.function in OF_NOTHING else found

    def column(self, node: Expr) -> Column:
        """The values of a node."""
        here: Any = self
        return node.column(here)

    def field(self, field: RecordField) -> Column:
        """Unknown."""
        return unknown(field.kind, 1)


def never_holds(condition: Expr, empty: frozenset[object], value_of: ValueOf) -> bool:
    """Whether a condition is surely false where the features with the keys `empty` have no members, whatever else it reads.

    What asks for unknown values, or reads times or reference data, may hold.
    """
    if any(isinstance(node, Known | OrElse | Join | LineId | EventTime | EventDay) for node in condition.walk()):
        return False
    nothing: Any = Nothing(empty, value_of)
    return bool(is_false(condition.column(nothing)).all())


class EdgeStage(FlowStage):
    """The happenings at which conditions become true: they are not without the record, or were not at the last happening.

    `kept`: so long after its last record a row is armed again whatever comes; None: it may stay un-armed for ever.
    """

    def __init__(
        self,
        home: Home,
        event: str,
        inner: FlowStage,
        condition: Expr,
        by: str,
        keys: tuple[Expr, ...],
        late: Sequence[str],
        sources: Sequence[Source],
        kept: int | None,
        *needs: Stage,
    ) -> None:
        super().__init__(inner, *needs)
        self.inner, self.condition, self.keys, self.late = inner, condition, keys, late
        part = part_of_marks(event, keys)
        self.scope = home.scope(by, keys, sources, part)
        self.unarmed = self.scope.table.column(f"{event}.unarmed", "flag", part=part)
        home.keep(self.scope.table, kept)

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        holds = flow.values(self.condition)
        without: Any = Without(flow)
        held = whole(self.condition.column(without).values, flow.n)
        rows = self.scope.rows(flow, self.keys).astype(np.int64)
        skipped = late_in(flow, self.late)
        out = np.zeros(flow.n, bool)
        part = self.unarmed.part
        clearing = Clearing(batch, self.scope, [self.unarmed])
        for begin, end, resets in pieces(flow.at, clearing.resets):
            own = slice(begin, end)
            pass_edges(rows[own], holds[own], held[own], skipped[own], self.unarmed.values, part.dirty, out[own])
            clearing.clear(resets)
        self.flow = flow if self.forced else flow.take(out)


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
        self.flow = flow if self.words is None else flow.take(self._passing(batch, flow, self.words))

    @staticmethod
    def _passing(batch: Batch, flow: Flow, words: Words) -> Bools:
        """Which happenings the words let pass; emissions of a line that ends are forgotten behind its end."""
        passing = [np.zeros(0, bool)]
        for begin, end, ends in pieces(flow.at, words.line_ends(batch)):
            passing.append(words.passing(flow.take(np.arange(begin, end))))
            words.clear(ends)
        return np.concatenate(passing)


__all__ = ["EdgeStage", "RuleStage", "Without", "Word", "Words", "never_holds"]

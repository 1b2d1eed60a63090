"""What a rule reads at each of its happenings, kept for one customer: what `kairos why-not` looks at.

The engine evaluates as ever. A watch is one more stage behind all others, which asks the flows of the rule's own stages for values that
these have evaluated. No worker has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import code, text_of
from schemas.raw import fields_of
from streams.definitions.money import conjuncts
from streams.engine.batch import FATES
from streams.engine.detection import shown
from streams.engine.expression import Const, Expr, Join, Known, Nth, Param, Reading, RecordField, both
from streams.engine.features.absence import AwaitedSource
from streams.engine.features.anchored import AnchoredStage
from streams.engine.features.each_line import EachLineSource
from streams.engine.features.frame import Feature
from streams.engine.features.level import CrossingSource
from streams.engine.features.moves import MoveSource
from streams.engine.features.place import PlaceStage
from streams.engine.features.reach import ReachSource
from streams.engine.features.reset import ResetStage
from streams.engine.features.silence import SilenceSource
from streams.engine.flow import whole
from streams.engine.identity import Identity, unpack
from streams.engine.rule import EdgeStage, RuleStage, Without
from streams.engine.sources import EventSource, UnionSource
from streams.engine.stage import FilterStage, FlowStage, Stage, late_in, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.engine.batch import Batch
    from streams.engine.engine import Engine
    from streams.engine.flow import Flow
    from streams.engine.rule import Words
    from streams.engine.sources import Source
    from streams.engine.spans import Span
    from streams.engine.streams import Stream

ASIDE = ("currency", "bucket_kind")
"""Fields that say what the numbers of a record count."""


@dataclass
class Happening:
    """One happening of a stream. `time`: epoch ms; `zone`: of its key, as the calendar has it; `offset_ms`: of local time from UTC; `row`: of its key."""

    time: int
    zone: int
    offset_ms: int
    who: Identity
    timed: bool
    row: int
    truth: dict[object, bool | None] = field(default_factory=dict)
    """By key of a clause whether it is true; None: unknown. One that was not evaluated is missing."""
    values: dict[object, Any] = field(default_factory=dict)
    """By key of an expression its value as JSON has it; None: unknown."""
    aside: dict[str, Any] = field(default_factory=dict)
    passed: bool = False
    """Whether all clauses, re-arm words and the order of time let it through."""
    late: bool = False
    fired: bool = True
    """Of a crossing: whether the level was armed, and knew of nothing newer."""
    held: bool = False
    """Of a rule with `edge`: whether its condition was true without the record."""
    words: list[tuple[object, ...] | None] = field(default_factory=list)
    """Of each re-arm word the values for which it counts; None: it asks nothing of this happening."""


@dataclass
class Timer:
    """A timer that runs: when it is due and since when it runs, epoch ms; of which anchor. `due` 0: it rests with its line."""

    due: int
    since: int
    who: Identity
    offset_ms: int


class Watched:
    """A stream of the rule, and its happenings for one customer, in the order in which they were evaluated."""

    def __init__(self, engine: Engine, stream: Stream, by: str, final: FlowStage, rule: RuleStage | None, extra: Iterable[Expr] = (), shows: Iterable[Expr] = ()) -> None:
        plan = engine.plan
        self.stream, self.by, self.final, self.rule = stream, by, final, rule
        self.source = plan.source(stream.source, by)
        self.base, stateful = plan.bare(stream, by)
        inner = rule.inner if rule is not None else final
        self.edge = inner if isinstance(inner, EdgeStage) else None
        if isinstance(inner, ResetStage):
            self.base = inner.inner
        self.words: Words | None = inner.words if isinstance(inner, ResetStage) else rule.words if rule is not None else None
        self.late: list[str] = [*(rule.late if rule is not None else ()), *(inner.late if isinstance(inner, FilterStage | EdgeStage | ResetStage) else ())]
        self.condition = both(tuple(stateful))
        self.stateful = [part for one in stateful for part in conjuncts(one)]
        kept = {id(one) for one in stateful}
        self.plain = [part for one in stream.conditions if id(one) not in kept for part in conjuncts(one)]
        self.plain += [Known(value) for value in stream.by_value if value.nullable]
        self.extra, self.shows = [part for one in extra for part in conjuncts(one)], [*shows]
        self.children: dict[str, Watched] = {}
        self.frames: dict[object, Watched] = {}
        self.happenings: list[Happening] = []
        self.aside = {name: [RecordField(record, name, "text", nullable=True) for record in stream.source.records() if name in fields_of(record)] for name in ASIDE}

    @property
    def clauses(self) -> list[Expr]:
        """What must be true of a happening, in the order in which it is evaluated."""
        return [*self.plain, *self.stateful, *self.extra]

    def walk(self) -> Iterator[Watched]:
        """This stream and all that it is built on."""
        yield self
        for other in (*self.children.values(), *self.frames.values()):
            yield from other.walk()

    def take(self, customer: int) -> None:
        """Note what the stages of a batch evaluated for the customer in this row."""
        flow = self.source.flow
        mine = (flow.rows("customer") == customer).nonzero()[0] if flow.n else np.zeros(0, np.int64)
        if not len(mine):
            return
        flow = flow.take(mine)
        found = self._introduce(flow)
        self._note(flow, found, self.plain)
        base = self._same(self.base.flow, found)
        self._note(*base, self.stateful)
        self._note_values(*base, self.stream.by_value)
        final = self._same(self.final.flow, found)
        for one in final[1].values():
            one.passed = True
        self._note(*final, self.extra)
        self._note_values(*final, self.shows)
        self._note_rule(*base)

    def _introduce(self, flow: Flow) -> dict[tuple[int, int], Happening]:
        """The happenings of a flow by place and row."""
        rows, timed = flow.rows(self.by).tolist(), flow.timed.tolist()
        zones = np.broadcast_to(flow.zones(self.by), (flow.n,))
        offsets = flow.world.calendar.offset_ms(flow.time, zones).tolist()
        found = [Happening(time, int(zones[at]), offsets[at], flow.identity(at), timed[at], rows[at]) for at, time in enumerate(flow.time.tolist())]
        for name, nodes in self.aside.items():
            for node in nodes:
                for one, value in zip(found, shown(flow, node), strict=True):
                    if value is not None:
                        one.aside[name] = value
        mask = flow.mask(("fired", self.stream.source.key()))
        for one, fired in zip(found, mask.tolist() if mask is not None else (), strict=mask is not None):
            one.fired = fired
        self.happenings += found
        return dict(zip(self._places(flow), found, strict=True))

    def _places(self, flow: Flow) -> list[tuple[int, int]]:
        return [*zip(root_of(flow)[1].tolist(), flow.rows(self.by).tolist(), strict=True)]

    def _same(self, flow: Flow, found: dict[tuple[int, int], Happening]) -> tuple[Flow, dict[tuple[int, int], Happening]]:
        """Those of `found` that are in `flow`, and the part of it that they are."""
        places = self._places(flow) if flow.n else []
        index = np.array([at for at, place in enumerate(places) if place in found], np.int64)
        return flow.take(index), {places[at]: found[places[at]] for at in index.tolist()}

    def _note(self, flow: Flow, found: dict[tuple[int, int], Happening], clauses: list[Expr]) -> None:
        """Note for each clause whether it is true, and the values of its parts."""
        if not found:
            return
        for clause in clauses:
            values, known = flow.column(clause)
            for at, one in enumerate(found.values()):
                one.truth[clause.key()] = bool(values[at]) if known is None or known[at] else None
            self._note_values(flow, found, parts_of(clause))

    def _note_values(self, flow: Flow, found: dict[tuple[int, int], Happening], nodes: Iterable[Expr]) -> None:
        if not found:
            return
        for node in nodes:
            for one, value in zip(found.values(), shown(flow, node), strict=True):
                one.values[node.key()] = value

    def _note_rule(self, flow: Flow, found: dict[tuple[int, int], Happening]) -> None:
        """Note what else decides: lateness, the edge, and for which values re-arm words count."""
        if not found:
            return
        late = late_in(flow, self.late)
        without: Any = Without(flow)
        held = whole(self.condition.column(without).values, flow.n) if self.edge is not None else np.zeros(flow.n, bool)
        words = self.words.words if self.words is not None else []
        asked = [(word.kinds(flow), [flow.coded(value)[0] for value in word.values]) for word in words]
        for at, one in enumerate(found.values()):
            one.late, one.held = bool(late[at]), bool(held[at])
            one.words = [(one.row, *(int(values[at]) for values in codes)) if kinds[at] else None for kinds, codes in asked]

    def place(self, row: int) -> tuple[str | None, str | None, int]:
        """Of a stream of changes of place: where the line in this row stays, where else it was seen, and when that began, epoch ms."""
        if not isinstance(self.source, PlaceStage) or row < 0:
            return None, None, 0
        stable, candidate, first = self.source.state[row, :3].tolist()
        return text_of(stable) if stable else None, text_of(candidate) if candidate else None, first

    def timers(self, customer: int) -> list[tuple[int, Timer]]:
        """The timers of the customer that run: the row of the key, and the timer."""
        if not isinstance(self.source, AnchoredStage):
            return []
        due, table = self.source.timers, self.source.scope.table
        rows = ((table.customers_of(slice(len(due.due.values))) == customer) & (due.due.values != 0) & (table.base_row[: len(due.due.values)] >= 0)).nonzero()[0]
        world, base = self.source.home.world, table.base_row[rows]
        found = []
        for row, own in zip(rows.tolist(), base.tolist(), strict=True):
            moment, since = int(due.due.values[row]), int(due.since.values[row])
            zone = self.source.home.zones_of(self.source.scope, np.array([row]), np.array([abs(moment)]))
            offset = int(np.reshape(world.calendar.offset_ms(np.array([abs(moment)]), zone), -1)[0])
            found.append((own, Timer(max(moment, 0), since, unpack(due.anchors.texts[due.anchor_name][row]), offset)))
        return found


class Watch(Stage):
    """The streams of one rule for one customer. Made before the first record; `top`: the rule's own stream."""

    def __init__(self, engine: Engine, event: str, customer: str) -> None:
        super().__init__()
        self.engine, self.customer = engine, customer
        definition = engine.catalogue.by_id[event]
        self.by: str = definition.by
        self.top = self._rule(definition)
        self.every = [*self.top.walk()]
        self.fates = np.zeros(len(FATES), np.int64)
        engine.add(self)

    def _rule(self, event: Any) -> Watched:
        rule = self.engine.plan.rules[event.id]
        return self._with_inputs(Watched(self.engine, event.when, event.by, rule, rule))

    def _stream(self, stream: Stream, by: str, extra: Iterable[Expr] = (), shows: Iterable[Expr] = ()) -> Watched:
        return self._with_inputs(Watched(self.engine, stream, by, self.engine.plan.flow(stream, by), None, extra, shows))

    def _with_inputs(self, watched: Watched) -> Watched:
        watched.children = self._inputs(watched.stream.source, watched.by)
        for clause in watched.clauses:
            for node in clause.walk():
                if isinstance(node, Feature) and node.frame.stream.key() not in watched.frames:
                    stream = node.frame.stream
                    watched.frames[stream.key()] = Watched(self.engine, stream, watched.by, self.engine.plan.flow(stream, watched.by), None)
        return watched

    def _inputs(self, source: Source, by: str) -> dict[str, Watched]:
        """The streams behind a source, by their roles."""
        match source:
            case EventSource():
                return {source.event.id: self._rule(source.event)}
            case UnionSource():
                return {name: self._stream(part, by) for name, part in source.parts.items()}
            case EachLineSource():
                return {"of": self._stream(source.stream, source.of)}
            case CrossingSource():
                wanted = [source.level.after >= step for step in source.steps] or [source.enter]
                return {"of": self._stream(source.level.stream, by, wanted)}
            case ReachSource():
                return {"of": self._stream(source.feature.frame.stream, by, [source.feature >= step for step in source.steps])}
            case MoveSource():
                return {"of": self._stream(source.stream, by, (), [source.value])}
            case SilenceSource():
                return {"of": self._stream(source.stream, by, [source.given] if source.given is not None else [])}
            case AwaitedSource():
                moment = getattr(source, "moment", None)
                found = {"first": self._stream(source.first, by, (), [moment] if isinstance(moment, Expr) else [])}
                return found if source.awaited is None else {**found, "awaited": self._stream(source.awaited, by)}
        if len(source.inputs()) == 2:
            return dict(zip(("first", "second"), (self._stream(one, by) for one in source.inputs()), strict=True))
        return {"of": self._stream(source.inputs()[0], by)} if source.inputs() else {}

    def rests(self, batch: Batch) -> bool:
        return False

    def run(self, batch: Batch) -> None:
        row = self.row
        if row < 0:
            return
        for watched in self.every:
            watched.take(row)
        if batch.n:
            self.fates += np.bincount(batch.fate[batch.customer == row], minlength=len(FATES))

    # At the end

    def after(self, span: Span, one: Happening) -> int:
        """The moment so long after a happening, epoch ms; of civil days the same civil time."""
        world = self.engine.world
        return int(span.after(world.value_of, world.calendar, np.array([one.time]), np.array([one.zone]))[0])

    def days_after(self, days: int, one: Happening) -> int:
        """The midnight that begins the civil day so many days after that of a happening, epoch ms."""
        calendar, zone = self.engine.world.calendar, np.array([one.zone])
        return int(calendar.at(calendar.day(np.array([one.time]), zone) + days, np.zeros(1, np.int64), zone)[0])

    @property
    def row(self) -> int:
        """The row of the customer; -1: none of their records has come."""
        return int(self.engine.world.tables["customer"].map.look_up(np.array([[code(self.customer)]]))[0])

    def keys(self, by: str) -> dict[int, str]:
        """The ids of the customer's lines or accounts that records have named (or the customer's own), by row."""
        table = self.engine.world.tables[by]
        used = (table.customer[: table.map.used] == self.row).nonzero()[0].astype(np.int32)
        return {row: key.rsplit("\x1f", 1)[-1] for row, key in zip(used.tolist(), table.key_texts(used), strict=True)} if self.row >= 0 else {}

    def has_ended(self, row: int) -> bool:
        """Whether the line in this row has ended."""
        return self.engine.lifecycle.has_ended(row)


def parts_of(clause: Expr) -> list[Expr]:
    """What of a clause is shown or may be unknown: all of its parts but those that are written in the rule."""
    return [node for node in clause.walk() if node is not clause and not isinstance(node, Const) and not (isinstance(node, Param) and node.kind == "ratio")]


def leaves_of(clause: Expr) -> list[Expr]:
    """The values that a clause reads of the record, of state and of tables."""
    return [node for node in parts_of(clause) if isinstance(node, RecordField | Reading | Join | Nth)]


__all__ = ["Happening", "Timer", "Watch", "Watched", "leaves_of", "parts_of"]

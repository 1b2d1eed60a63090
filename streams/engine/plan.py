"""From definitions to stages: which stages the rules of a catalogue need, in the order in which they need each other.

Streams that mean the same are one stage, whoever declared them, and frames over one stream share their members. A feature stage
must not read at a stage that needs it itself, as when a rule counts events that the same count causes: then it gets a second
instance, with state of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.columns import DAY_MS
from schemas.raw import RECORD_TYPES, fields_of
from streams.engine.dependence import inner_stages, needed_by
from streams.engine.expression import DefinitionFault, Expr, Known, RecordField, both
from streams.engine.features.absence import AbsenceSource, AbsenceStage, AwaitedStage
from streams.engine.features.active import Active
from streams.engine.features.anchored import AnchoredStage
from streams.engine.features.deadline import DeadlineSource, DeadlineStage
from streams.engine.features.each_line import EachLineSource, EachLineStage, LineRecordStage, OfLineStage
from streams.engine.features.frame import Between, Ever, Feature, Frame, Within
from streams.engine.features.level import CrossingSource, CrossingStage
from streams.engine.features.members import MemberStage
from streams.engine.features.moves import MoveSource, MoveStage
from streams.engine.features.pair import PairSource, PairStage
from streams.engine.features.passing import place_of
from streams.engine.features.past import Past
from streams.engine.features.place import PlaceSource, PlaceStage
from streams.engine.features.reach import ReachSource, ReachStage
from streams.engine.features.reset import ResetStage
from streams.engine.features.silence import SilenceSource, SilenceStage
from streams.engine.features.steps import StepStage
from streams.engine.features.stretch import Consecutive
from streams.engine.features.week_closes import WeekCloseSource, WeekCloseStage
from streams.engine.features.yearly import YearlySource, YearlyStage
from streams.engine.home import fingerprint
from streams.engine.readings import Readings
from streams.engine.rearm import Edge, Reset
from streams.engine.rule import EdgeStage, RuleStage, Words, never_holds
from streams.engine.sources import EventSource, Of, RecordSource, Source, UnionSource
from streams.engine.stage import FeatureStage, FilterStage, FlowStage, OwnStage, RecordStage, RescopeStage, Stage, UnionStage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.definitions.event import Event
    from streams.engine.home import Home


class Plan(Readings):
    """The stages of a shard. `rules`: by event id."""

    def __init__(self, events: Iterable[type[Event]], home: Home) -> None:
        super().__init__(home)
        self.names: dict[str, object] = {}
        self.rules: dict[str, RuleStage] = {}
        for event in events:
            self.rule(event)
        self.stages = self._in_order()
        self._keep_of_anchors()
        for stage in self.stages:
            stage.declare()
        for name, rule in self.rules.items():
            for stage in needed_by(rule):
                stage.events.add(name)

    def _add(self, stage: FlowStage) -> FlowStage:
        self.every.append(stage)
        return stage

    def name(self, word: str, text: str, key: object) -> str:
        """The name of state that was gathered for `text`; another number where state of the same meaning is there already."""
        name = f"{word}.{fingerprint(text)}"
        number = 1
        while self.names.setdefault(name, key) != key:
            number += 1
            name = f"{word}.{fingerprint(text)}.{number}"
        return name

    # Streams

    def flow(self, stream: Stream, by: str) -> FlowStage:
        """The stage of a stream, with all its conditions."""
        key = (stream.key(), by)
        if key not in self.flows:
            base, stateful = self.bare(stream, by)
            self.flows[key] = self.filtered(base, stateful, by) if stateful else base
        return self.flows[key]

    def split(self, stream: Stream, by: str) -> FlowStage:
        """The stage of a stream whose happenings find their row by the values that split it: a timer's event keeps them of its anchor."""
        stage = self.flow(stream, by)
        self.evaluate(stage, stream.by_value)
        return stage

    def bare(self, stream: Stream, by: str) -> tuple[FlowStage, list[Expr]]:
        """The stage of a stream before the conditions that read state, and those. Happenings with an unknown `same` value are left out."""
        stateful = [one for one in stream.conditions if any(self._is_read(node, stream.source) for node in one.walk())]
        plain = [one for one in stream.conditions if not any(one is other for other in stateful)]
        plain += [Known(value) for value in stream.by_value if value.nullable]
        base = self.source(stream.source, by)
        if not plain:
            return base, stateful
        key = ("where", stream.source.key(), tuple(one.key() for one in plain), by)
        if key not in self.flows:
            self.flows[key] = self._add(FilterStage(base, plain, *self.read_all(stream.by_value, base, by)))
            self.evaluate(base, plain)
        return self.flows[key], stateful

    def filtered(self, base: FlowStage, conditions: Sequence[Expr], by: str) -> FlowStage:
        """The happenings of `base` for which conditions that read state are true."""
        needs = self.read_all(conditions, base, by)
        self.evaluate(base, conditions)
        late = [stage.name for stage in needs if isinstance(stage, FeatureStage) and ordered(stage, conditions)]
        return self._add(FilterStage(base, conditions, *needs, late=late))

    def source(self, source: Source, by: str) -> FlowStage:
        """The stage of a source."""
        key = ("source", source.key(), by)
        if key not in self.flows:
            self.flows[key] = self._add(self._source(source, by))
        return self.flows[key]

    def _source(self, source: Source, by: str) -> FlowStage:
        name = self.name(source.word, f"{by} {source.gathered(self.home.world.value_of)}", (source.key(), by))
        home = self.home
        match source:
            case RecordSource():
                kind = RECORD_TYPES.index(source.record)
                if by == "line" and fields_of(RECORD_TYPES[kind])["subscription_id"].nullable:
                    return LineRecordStage(kind, self.active_lines())
                return RecordStage(kind, by)
            case EventSource():
                rule = self.rule(source.event)
                if source.event.by == by:
                    return rule
                return OfLineStage(rule, self.active_lines()) if by == "line" else RescopeStage(rule, by)
            case EachLineSource():
                return EachLineStage(source, self.flow(source.stream, source.of), self.active_lines())
            case UnionSource():
                return UnionStage(source, [self.flow(part, by) for part in source.parts.values()], by)
            case CrossingSource():
                inner = self.split(source.level.stream, by)
                self.evaluate(inner, source.read())
                crossing = (CrossingStage if source.per is None else StepStage)(home, by, source, inner, name)
                crossing.needs += self.read_all(source.read(), inner, by)
                return crossing
            case MoveSource():
                inner = self.split(source.stream, by)
                self.evaluate(inner, [one for one in (source.value, source.old, source.initially) if one is not None])
                return MoveStage(home, by, source, inner, name)
            case PlaceSource():
                return PlaceStage(home, by, source, self.flow(source.place.stream, by), name)
            case PairSource():
                second = self.split(source.second, by)
                self.evaluate(second, [source.start] if source.start is not None else [])
                return PairStage(home, by, source, self.split(source.first, by), second, name)
            case AbsenceSource():
                absence = AbsenceStage(home, by, source, self.split(source.first, by), self.split(source.awaited, by), name)
                return self.with_passing(absence, by)
            case DeadlineSource():
                first = self.split(source.first, by)
                deadline = DeadlineStage(home, by, source, first, None if source.awaited is None else self.split(source.awaited, by), name)
                deadline.needs += self.read_all(source.read(), first, by)
                self.evaluate(first, source.read())
                return self.with_passing(deadline, by)
            case YearlySource():
                first = self.split(source.first, by)
                yearly = YearlyStage(home, by, source, first, name)
                yearly.needs += self.read_all([source.day], first, by)
                self.evaluate(first, [source.day])
                return yearly
            case SilenceSource():
                inner = self.split(source.stream, by)
                stage = SilenceStage(home, by, source, inner, name)
                if source.given is not None:
                    stage.needs += self.read_all([source.given], inner, by)
                    self.evaluate(inner, [source.given])
                return stage
            case WeekCloseSource():
                return WeekCloseStage(home, by, source, self.split(source.stream, by), name)
            case ReachSource():
                inner = self.flow(source.feature.frame.stream, by)
                return ReachStage(source, inner, *self.read_all([source.feature], inner, by))
        raise TypeError(f"{source}: no stage for a {type(source).__name__}")

    def with_passing(self, stage: AwaitedStage, by: str) -> AwaitedStage:
        """`stage`, whose timers fire before the location records of their line where moves have set them."""
        place = place_of(stage.source.first.source)
        if place is not None:
            stage.passing = self.flow(place.stream, by)
            stage.needs.append(stage.passing)
        return stage

    # Rules

    def rule(self, event: type[Event]) -> RuleStage:
        """The stage of a definition's events."""
        if event.id in self.rules:
            return self.rules[event.id]
        when, by = event.when, event.by
        base, stateful = self.bare(when, by)
        resets = any(isinstance(word, Reset) for word in event.words)
        shown = [field.value for field in event.payload.values()]
        values = [value for word in event.words for value in word.per]
        own = event.id if resets else ""
        if resets:
            base = self._add(OwnStage(base, by))
        sources = (when.source,)
        words = Words(self.home, event.id, by, event.words, when.by_value, sources)
        needs = self.read_all(stateful, base, by, own=own)
        read = self.read_all([*shown, *values], base, by, own=own)
        self.evaluate(base, [*stateful, *shown, *values, *when.by_value, *currencies(event), *event.when.source.evidence().values()])
        late = [stage.name for stage in [*needs, *read] if isinstance(stage, FeatureStage) and ordered(stage, [*stateful, *shown])]
        inner: FlowStage = base
        if resets:
            lists = [stage for stage in dict.fromkeys([*needs, *read]) if isinstance(stage, MemberStage)]
            inner = self._add(ResetStage(event.id, base, both(tuple(stateful)), lists, words, late))
            inner.needs += [*needs, *read]
        elif any(isinstance(word, Edge) for word in event.words):
            condition = both(tuple(stateful))
            inner = self._add(EdgeStage(self.home, event.id, base, condition, by, when.by_value, late, sources, self._empty_after(condition, base, when, by), *needs))
        elif stateful:
            inner = self._add(FilterStage(base, stateful, *needs))
        fired = [("fired", when.source.key())] if isinstance(when.source, CrossingSource) else []
        rule = RuleStage(event.id, inner, words if not resets else None, late, fired)
        rule.needs += read
        self.rules[event.id] = rule
        self.every.append(rule)
        return rule

    def _empty_after(self, condition: Expr, base: FlowStage, when: Stream, by: str) -> int | None:
        """How long after the last record of a row `condition` is surely not true without the next one: once its own frames are empty. None: perhaps never."""
        split, value_of = [one.key() for one in when.by_value], self.home.world.value_of
        own = [
            node
            for node in condition.walk()
            if isinstance(node, Feature) and self.flow(node.frame.stream, by) in inner_stages(base) and [one.key() for one in node.frame.stream.by_value] == split
        ]
        spans = {
            node.key(): node.frame.extent.span.longest_ms(value_of) if isinstance(node.frame.extent, Within) else 2 * DAY_MS
            for node in own
            if not isinstance(node.frame.extent, Ever | Active | Between | Consecutive | Past)
        }
        return max(spans.values()) if spans and never_holds(condition, frozenset(spans), value_of) else None

    def owners(self) -> dict[str, list[str]]:
        """By the name of a stage's state, the events that need it."""
        return {name: sorted(stage.events) for stage in self.stages if (name := getattr(stage, "name", ""))}

    def force(self) -> None:
        """Let all happenings pass the conditions of rules."""
        for stage in self.stages:
            stage.forced = True

    # Order

    def _in_order(self) -> list[Stage]:
        done: dict[int, Stage] = {}
        entered: set[int] = set()

        def visit(stage: Stage) -> None:
            if id(stage) not in done:
                if id(stage) in entered:
                    raise DefinitionFault("a value that is made of what it is read at: read it at another happening")
                entered.add(id(stage))
                for other in stage.needs:
                    visit(other)
                done[id(stage)] = stage

        for stage in self.every:
            visit(stage)
        return list(done.values())

    def _keep_of_anchors(self) -> None:
        """Stages that hold on to earlier records learn what is read of those later."""
        for stage in reversed(self.stages):
            wanted = self.evaluated[id(stage)]
            if not isinstance(stage, FlowStage) or not wanted:
                continue
            read = {node.same_as: node for one in wanted for node in one.walk()}
            leaves = [node for key, node in read.items() if isinstance(node, RecordField | Of) or (id(stage), key) in self.of_anchors]
            match stage:
                case PairStage():
                    stage.keep_of_anchor(leaves)
                    self.evaluate(stage.second, leaves)
                    self.evaluate(stage.first, stage.earlier_nodes(leaves))
                case AnchoredStage():
                    stage.keep_of_anchor(leaves)
                    self.evaluate(stage.anchors, leaves)
                case UnionStage():
                    for part in stage.parts:
                        self.evaluate(part, leaves)
                case _ if hasattr(stage, "inner"):
                    self.evaluate(stage.inner, leaves)


def ordered(stage: FeatureStage, expressions: Iterable[Expr]) -> bool:
    """Whether a late member of `stage` is no reason to evaluate a rule with `expressions`."""
    keys = {key for reader in stage.readers.values() for key in reader.features}
    return any(isinstance(node, Feature) and node.frame.extent.ordered and node.key() in keys for one in expressions for node in one.walk())


def currencies(event: type[Event]) -> list[Expr]:
    """The currency of the record behind an event that shows money: one node for each of its types."""
    if not event.has_money() or "currency" in event.payload:
        return []
    return list(currency_fields(event.when.source.records()))


def currency_fields(records: Sequence[type]) -> Iterator[RecordField]:
    """The field `currency` of each of the types that have it."""
    from schemas.raw import fields_of

    for record in records:
        info = fields_of(record).get("currency")
        if info is not None:
            yield RecordField(record, "currency", "text", nullable=info.nullable)


__all__ = ["Frame", "Plan", "currency_fields"]

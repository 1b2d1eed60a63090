"""The engine of one shard: released records in, detections and changed state out. It names no event and reads no wall clock."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import rotate
from schemas.fault import KairosFault
from streams.engine.admission import Admission
from streams.engine.batch import BASES, FATES, RANKS, Batch, World
from streams.engine.calendar import Calendar
from streams.engine.clock import JUMP_MS, Clock
from streams.engine.detection import Describer, Detection
from streams.engine.features.each_line import EachLineSource
from streams.engine.home import Home
from streams.engine.lifecycle import Lifecycle
from streams.engine.plan import Plan
from streams.engine.schedule import Schedule
from streams.engine.sources import EventSource, Source, UnionSource
from streams.engine.stage import NodeFailed
from streams.engine.state.store import State
from streams.logs import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from schemas.columns import Ints
    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue
    from streams.engine.rule import RuleStage
    from streams.engine.stage import Stage
    from streams.engine.state.changes import Changes, Records
    from streams.engine.state.codec import Change
    from streams.intake.merge import Released

NO_FATES = np.zeros((RANKS, len(FATES)), np.int64)


class EngineSettings(NamedTuple):
    """What the engine needs to know of its installation. `zone`: IANA name of the operator's zone."""

    zone: str = "Asia/Shanghai"
    timer_delay_ms: int = 5_000
    late_limit_ms: int = 48 * 3_600_000
    clock_jump_ms: int = JUMP_MS
    sweep_every_ms: int = 3_600_000
    """How often rows that no record can need any more are freed, by the shard's clock. It changes nothing but the memory used."""
    history_from: int | None = None
    """The first civil day in the operator's zone of which all records are there, days since 1970; None: what is seen first is the first."""


class Outcome(NamedTuple):
    """The result of a batch, or of time passing. Detections come in the order of the records that caused them."""

    detections: list[Detection]
    refused: Ints
    """Positions, in the released batch, of records that came too late."""
    counters: Counter[str]
    fates: Ints
    """[topic rank, fate]: how many records had which fate (`batch.FATES`)."""
    positions: list[int]
    """Of each detection, the position in the released batch of the record that made it; -1 where a timer did, or a timer's event completed a pair."""
    moments: list[tuple[int, int]]
    """Of each detection, how many customers the shard knew then, and its clock, epoch ms: neither depends on how the records were cut into batches."""


class RuleFailed(KairosFault):
    """Rules raised an error, on a record or by a timer: the state in memory cannot be used any more.

    `events`: the ids of the events they detect, and of the events that build on those. The error is named by kind and place, never by
    its message, which may hold values of records.
    """

    def __init__(self, events: tuple[str, ...], error: Exception) -> None:
        self.events, self.error, self.place = events, type(error).__name__, place_of(error)
        super().__init__(f"{', '.join(events)}: the rule raised {self.error} at {self.place}: fix the definition, or leave it out (--without)")


class PublishedRule(NamedTuple):
    """A definition whose events are published: its stage, how they are described, and how many events stand between it and a record."""

    stage: RuleStage
    describer: Describer
    depth: int


class Engine:
    """All rules of a catalogue over the state of one shard."""

    def __init__(self, catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> None:
        self.settings, self.catalogue = settings, catalogue
        self.state = State(Clock(settings.clock_jump_ms))
        self.counters: Counter[str] = Counter()
        parameters = {id(p): catalogue.value(event, name) for event in catalogue for name, p in event.parameters.items()}
        tables = {by: self.state.table(by) for by in BASES}
        self.world = World(reference, Calendar(), settings.zone, parameters, tables, settings.history_from)
        for table in tables.values():
            table.matters_for(None)
        home = Home(self.world, self.state, late_limit_ms=settings.late_limit_ms, jump_ms=settings.clock_jump_ms, delay_ms=settings.timer_delay_ms)
        self.admission = Admission(tables["customer"], settings.late_limit_ms, settings.clock_jump_ms, self.counters)
        self.lifecycle = Lifecycle(home, self.counters)
        self.plan = Plan(catalogue, home)
        self.schedule = Schedule(self.plan.stages)
        self.rules = [
            PublishedRule(self.plan.rules[event.id], Describer(event, {name: catalogue.value(event, name) for name in event.parameters}), depth_of(event.when.source))
            for event in catalogue
            if event.id not in catalogue.quiet
        ]
        self.state.owners = self.plan.owners()
        self.state.build()
        self.swept = 0

    def refer(self, reference: Reference) -> None:
        """Use these reference tables from the next batch on: its records and timers read them alone. The state stays as it is."""
        self.world.refer(reference)
        for stage in self.plan.stages:
            stage.refer()

    def force(self) -> None:
        """Let all happenings pass the conditions of rules, and let no stage rest: for a rehearsal."""
        self.plan.force()
        self.schedule = Schedule(self.plan.stages)

    def add(self, stage: Stage) -> None:
        """Have `stage` run behind all others: one that looks on. Before the first record."""
        self.plan.stages.append(stage)
        self.schedule = Schedule(self.plan.stages)

    # Records

    def process(self, released: Released) -> Outcome:
        """Take the released records into the state, in their order."""
        batch = Batch(self.world, released)
        batch.clock = self.state.clock.follow(batch.time, batch.customer, self.world.tables["customer"])
        batch.timer_clock = batch.clock - self.settings.timer_delay_ms
        refused = self.admission.admit(batch)
        return self._run(batch, refused, batch.fates)

    @property
    def clock(self) -> int:
        """The time up to which records have been released, epoch ms (`clock.py`)."""
        return self.state.clock.now

    def advance(self, clock_ms: int) -> Outcome:
        """Move the clock on without records; timers fire."""
        self.state.clock.pass_to(clock_ms)
        batch = Batch(self.world, None)
        batch.clock = np.array([self.clock], np.int64)
        batch.timer_clock = batch.clock - self.settings.timer_delay_ms
        return self._run(batch, np.zeros(0, np.int64), lambda: NO_FATES)

    def _run(self, batch: Batch, refused: Ints, fates: Callable[[], Ints]) -> Outcome:
        self.lifecycle.follow(batch)
        for stage in self.schedule.awake(batch):
            try:
                stage.run(batch)
            except NodeFailed as failed:
                self._blame(self._readers(stage, failed), failed.error)
                raise
            except Exception as error:
                self._blame(stage.events, error)
                raise
        outcome = self._outcome(batch, refused, fates())
        for stage in self.schedule.ran:
            stage.settle()
        return outcome

    def _blame(self, events: Iterable[str], error: Exception) -> None:
        """Raise RuleFailed for an error in what the rules of `events` need; an error of no rule, or one that is named already, is raised as it is."""
        if events and not isinstance(error, MemoryError | RuleFailed):
            raise RuleFailed(tuple(self.catalogue.with_dependents(events)), error) from error

    def _readers(self, stage: Stage, failed: NodeFailed) -> list[str]:
        """The events for which `stage` reads the expression that failed; all that need the stage where none is found."""
        return self.catalogue.readers_of(failed.node, stage.events) or sorted(stage.events)

    def _detections(self) -> tuple[list[Detection], list[int]]:
        """The published events in their order, and the place of each: 2n + 1 at record n of the batch, 2n for a timer just before it."""
        found: list[tuple[tuple[int, int, int, str, str], Detection]] = []
        for stage, describer, depth in self.rules:
            flow = stage.flow
            if not flow.n and not stage.forced:
                continue
            try:
                consents = self.lifecycle.consents(flow.rows("customer"), flow.at)
                detections = describer.describe(flow, consents)
            except Exception as error:
                self._blame([stage.event], error)
                raise
            places, dues = flow.at.tolist(), flow.due.tolist()
            found += [((place, due, depth, one.event, one.key), one) for place, due, one in zip(places, dues, detections, strict=True)]
        found.sort(key=lambda pair: pair[0])
        return [detection for _, detection in found], [order[0] for order, _ in found]

    # Results

    def _outcome(self, batch: Batch, refused: Ints, fates: Ints) -> Outcome:
        detections, places = self._detections()
        if self.clock - self.swept > self.settings.sweep_every_ms:
            self.swept = self.clock
            latest = self.admission.latest_times()
            for table in self.state.tables.values():
                table.sweep(self.clock, latest)
        self.counters["window_full"] += self.state.take_dropped()
        counters = Counter(self.counters)
        self.counters.clear()
        positions = [place // 2 if place % 2 else -1 for place in places]
        return Outcome(detections, refused, counters, fates, positions, moments_of(batch, places))

    def changes(self) -> Changes:
        """State changed since the last call, as changelog records."""
        changes = self.state.changes()
        rotate()
        return changes

    def settle(self) -> None:
        """Used instead of `changes` where nothing is stored."""
        self.state.settle()
        rotate()

    def restore(self, records: Records | Iterable[Change]) -> None:
        """Take changelog records in their order; call `restored` after the last."""
        self.state.restore(records)

    def restored(self) -> int:
        """Finish reading back: rows and timers are in place. Returns the number of rows. Raises StateRefused."""
        count = self.state.restored()
        self.state.note_touched(self.admission.newest_times())
        self.lifecycle.restored()
        for stage in self.plan.stages:
            stage.restored()
        self.swept = self.clock
        return count

    def rows(self) -> dict[str, int]:
        """Rows in use by table."""
        return self.state.row_counts()


def moments_of(batch: Batch, places: list[int]) -> list[tuple[int, int]]:
    """The customers known and the clock at each place of a batch."""
    if not places:
        return []
    after = np.minimum((np.array(places, np.int64) + 1) // 2, batch.n)
    return list(zip(batch.known_customers()[after].tolist(), batch.clock[after].tolist(), strict=True))


def depth_of(source: Source) -> int:
    """How many events stand between a rule and a record: rules whose trigger is an event come after all others of the record."""
    if isinstance(source, EventSource):
        return 1 + depth_of(source.event.when.source)
    return 0 if source.timed and not isinstance(source, EachLineSource | UnionSource) else max((depth_of(stream.source) for stream in source.origins()), default=0)

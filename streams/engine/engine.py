"""The engine of one shard: released records in, detections and changed state out. It names no event and reads no wall clock."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import code, rotate, text_of
from schemas.fault import KairosFault
from schemas.raw import RECORD_TYPES
from streams.engine.admission import Admission
from streams.engine.batch import BASES, FATES, PROCESSED, RANKS, TERMINATED, Batch, Group, Matches, World
from streams.engine.calendar import Calendar
from streams.engine.clock import JUMP_MS, Clock
from streams.engine.detection import Describer, Detection
from streams.engine.expression import TRUE
from streams.engine.features.absence import AbsenceRuntime
from streams.engine.features.primitive import Home, Runtime, TimedRuntime
from streams.engine.identity import pack
from streams.engine.lifecycle import Lifecycle
from streams.engine.state.codec import SEPARATOR
from streams.engine.state.members import Members
from streams.engine.state.owners import Owners
from streams.engine.state.store import State
from streams.engine.state.tables import NEVER
from streams.logs import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.columns import Bools, Ints
    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.engine.features.primitive import Primitive
    from streams.engine.rearm import RearmRuntime
    from streams.engine.state.codec import Change
    from streams.engine.state.tables import Rows, Table
    from streams.intake.merge import Released

STATE_CHANGE = next(i for i, record in enumerate(RECORD_TYPES) if record.code == "L")
NO_FATES = np.zeros((RANKS, len(FATES)), np.int64)


class EngineSettings(NamedTuple):
    """What the engine needs to know of its installation. `zone`: IANA name of the operator's zone."""

    zone: str = "Asia/Shanghai"
    timer_delay_ms: int = 5_000
    late_limit_ms: int = 48 * 3_600_000
    clock_jump_ms: int = JUMP_MS
    sweep_every_ms: int = 3_600_000
    """How often rows that no record can need any more are freed, by the shard's clock. It changes nothing but the memory used."""


class Outcome(NamedTuple):
    """The result of a batch, or of time passing. Detections come in the order of the records that caused them."""

    detections: list[Detection]
    refused: Ints
    """Positions, in the released batch, of records that came too late."""
    counters: Counter[str]
    fates: Ints
    """[topic rank, fate]: how many records had which fate (`batch.FATES`)."""
    positions: list[int]
    """Of each detection, the position of its trigger in the released batch; of a timer's, of the record before which it fired."""


class RuleFailed(KairosFault):
    """Rules raised an error, on a record or by a timer: the state in memory cannot be used any more.

    `events`: the ids of the events they detect, and of the events that build on those. The error is named by kind and place, never by
    its message, which may hold values of records.
    """

    def __init__(self, events: tuple[str, ...], error: Exception) -> None:
        self.events, self.error, self.place = events, type(error).__name__, place_of(error)
        super().__init__(f"{', '.join(events)}: the rule raised {self.error} at {self.place}: fix the definition, or leave it out (--without)")


class BoundRule:
    """One event definition at work."""

    def __init__(self, event: type[Event], home: Home, runtime: Runtime, parameters: dict[str, int], *, quiet: bool) -> None:
        self.event, self.runtime = event, runtime
        self.channel, self.condition = event.signal.channel, event.signal.condition
        bound = [word.bind(home, event.id, runtime.scope) for word in event.words]
        self.words: list[RearmRuntime] = [word for word in bound if word is not None]
        self.describer = Describer(event, parameters)
        self.quiet = quiet
        """Evaluated because other events depend on it, but not published."""

    def passing(self, matches: Matches) -> Matches:
        """The matches that become events."""
        if self.condition is not TRUE and len(matches):
            matches = matches.take(matches.values(self.condition))
        rows = [word.rows(matches) for word in self.words] if len(matches) else []
        for number, word in enumerate(self.words if len(matches) else ()):
            allowed = word.allows(matches, rows[number])
            matches, rows = matches.take(allowed), [r[allowed] for r in rows]
        if len(matches):
            for word, own in zip(self.words, rows, strict=True):
                word.emitted(matches, own)
            self.runtime.emitted(matches)
        return matches


class Listener(NamedTuple):
    """A primitive that listens to a record type, and the rules that listen to it."""

    runtime: Runtime
    rules: list[BoundRule]


class Engine:
    """All rules of a catalogue over the state of one shard."""

    def __init__(self, catalogue: Catalogue, reference: Reference, settings: EngineSettings) -> None:
        self.settings, self.catalogue = settings, catalogue
        self.state = State(Clock(settings.clock_jump_ms))
        self.counters: Counter[str] = Counter()
        parameters = {id(p): catalogue.value(event, name) for event in catalogue for name, p in event.parameters.items()}
        tables = {by: self.state.table(by) for by in BASES}
        self.world = World(reference, Calendar(), settings.zone, parameters, tables)
        for table in tables.values():
            table.matters_for(None)
        home = Home(self.world, self.state, settings.late_limit_ms, settings.clock_jump_ms)
        self.admission = Admission(tables["customer"], settings.late_limit_ms, settings.clock_jump_ms, self.counters)
        self.lifecycle = Lifecycle(home)
        self.listeners: dict[int, list[Listener]] = defaultdict(list)
        self.timed: dict[str, list[Listener]] = defaultdict(list)
        self._bind(catalogue, home)
        self.owners = [Owners(self.state.table(name), tables["customer"]) for name in self.timed if name != "customer"]
        self.state.build()
        self.lists = [follower for table in self.state.tables.values() for follower in table.followers if isinstance(follower, Members)]
        self.found: list[tuple[tuple[int, int, int, str, str], Detection]] = []
        self.swept = 0

    def _bind(self, catalogue: Catalogue, home: Home) -> None:
        listeners: dict[int, Listener] = {}
        self._timed(Listener(self.lifecycle, []))
        for event in catalogue:
            primitive: Primitive = event.signal.primitive
            if id(primitive) not in listeners:
                listener = listeners[id(primitive)] = Listener(primitive.bind(home), [])
                if primitive.records is not None:
                    self.listeners[RECORD_TYPES.index(primitive.records)].append(listener)
                if isinstance(listener.runtime, TimedRuntime):
                    self._timed(listener)
            listener = listeners[id(primitive)]
            listener.rules.append(BoundRule(event, home, listener.runtime, {name: catalogue.value(event, name) for name in event.parameters}, quiet=event.id in catalogue.quiet))
        self.primitives = list(listeners.values())
        for listening in self.listeners.values():
            listening.sort(key=lambda listener: isinstance(listener.runtime, AbsenceRuntime))

    def _timed(self, listener: Listener) -> None:
        assert isinstance(listener.runtime, TimedRuntime)  # the caller has checked
        self.timed[listener.runtime.table.name].append(listener)
        self.lifecycle.timers.append(listener.runtime)

    # Records

    def process(self, released: Released) -> Outcome:
        """Take the released records into the state, in their order."""
        batch = Batch(self.world, released)
        before = self.state.clock.follow(batch.time, batch.customer, self.world.tables["customer"])
        batch.clock[:] = before[:-1]
        limits = np.maximum(batch.time - 1, before[:-1] - self.settings.timer_delay_ms)
        refused = []
        for number in range(batch.rounds):
            members = batch.members(number)
            refused.append(self.admission.admit(batch, members, batch.clock))
            self._timers_of_customers(batch.customer[members], batch.clock[members] - self.settings.timer_delay_ms, members)
            for group in batch.groups.values():
                if number + 1 < len(group.starts):
                    begin, end = group.starts[number], group.starts[number + 1]
                    if begin < end:
                        self._round(batch, group, int(begin), int(end), limits)
        return self._outcome(batch.n, np.concatenate(refused) if refused else np.zeros(0, np.int64), batch.fates())

    def _round(self, batch: Batch, group: Group, begin: int, end: int, limits: Ints) -> None:
        """Records begin..end of `group`: first the timers that are due before them, then the rules, in order."""
        position = group.position[begin:end]
        self._timers_before(group, begin, end, limits[position])
        alive = batch.fate[position] == PROCESSED
        everything = begin + np.flatnonzero(alive)
        if group.kind == STATE_CHANGE:
            self.lifecycle.note_restored(group, everything)
            self.lifecycle.note_consent(group, everything)
        ended = self._of_ended_lines(group, begin, end)
        if ended.any() and group.kind != STATE_CHANGE:
            batch.fate[position[alive & ended]] = TERMINATED
            self.counters["terminated"] += int((alive & ended).sum())
        fired: dict[type[Event], Matches] = {}
        for listener in self.listeners[group.kind]:
            try:
                self._run(listener, group, begin, end, alive & ~ended if listener.runtime.scope.by == "line" else alive, fired)
            except Exception as error:
                self._blame(listener.rules, error)
                raise
        if group.kind == STATE_CHANGE:
            self.lifecycle.note_ends(group, everything)

    def _of_ended_lines(self, group: Group, begin: int, end: int) -> Bools:
        """Which records are of a terminated line: rules of lines do not see them, others do."""
        if "subscription_id" not in group.record_type.__struct_fields__:
            return np.zeros(end - begin, bool)
        rows = group.rows("line")[begin:end]
        return np.asarray((rows >= 0) & (self.lifecycle.ended.values[rows] != 0))

    def _run(self, listener: Listener, group: Group, begin: int, end: int, alive: Bools, fired: dict[type[Event], Matches]) -> None:
        runtime = listener.runtime
        wanted = group.values(runtime.declared.condition())[begin:end] & alive
        if runtime.scope.by != "customer":
            wanted = wanted & (group.rows(runtime.scope.by)[begin:end] >= 0)
        idx = begin + np.flatnonzero(wanted)
        if len(idx):
            channels = runtime.update(group, idx)
            for rule in listener.rules:
                matches = channels.get(rule.channel)
                if matches is not None and len(matches):
                    self._evaluate(rule, matches, fired)
        if isinstance(runtime, AbsenceRuntime):
            happened = fired.get(runtime.declared.after)  # type: ignore[arg-type]  # an Absence has one
            if happened is not None and happened.group is group:
                runtime.begin(happened, [pack(record) for record in happened.records()])

    def _evaluate(self, rule: BoundRule, matches: Matches, fired: dict[type[Event], Matches]) -> None:
        try:
            self._emit(rule, rule.passing(matches), fired)
        except Exception as error:
            self._blame([rule], error)
            raise

    def _blame(self, rules: list[BoundRule], error: Exception) -> None:
        """Raise RuleFailed for an error that `rules` raised; an error of no rule, or one that is named already, is raised as it is."""
        if rules and not isinstance(error, MemoryError | RuleFailed):
            raise RuleFailed(tuple(self.catalogue.with_dependents(rule.event.id for rule in rules)), error) from error

    def _emit(self, rule: BoundRule, matches: Matches, fired: dict[type[Event], Matches], before: Ints | None = None) -> None:
        """Collect detections with their place in the order: position, timers before the record, due time, event id, key."""
        if not len(matches):
            return
        fired[rule.event] = matches
        if rule.quiet:
            return
        position = matches.group.position[matches.idx] if matches.group is not None else before
        assert position is not None  # timers come with the position they fire before
        timed = matches.group is None
        for place, found in zip(position.tolist(), rule.describer.describe(matches, self._consents(matches)), strict=True):
            self.found.append(((place, 0 if timed else 1, found.time if timed else 0, found.event, found.key), found))

    def _consents(self, matches: Matches) -> list[str]:
        customers = self.world.tables["customer"].index
        names = [self.world.tables[matches.by].keys[row] or "" for row in matches.base_rows().tolist()]
        rows = [customers[name.split(SEPARATOR)[0]] for name in names]
        return [text_of(value) if value else "unknown" for value in self.lifecycle.consent.values[rows].tolist()]

    # Timers

    @property
    def clock(self) -> int:
        """The time up to which records have been released, epoch ms (`clock.py`)."""
        return self.state.clock.now

    def advance(self, clock_ms: int) -> Outcome:
        """Move the clock on without records; timers fire."""
        self.state.clock.pass_to(clock_ms)
        return self._outcome(0, np.zeros(0, np.int64), NO_FATES)

    def _timers_of_customers(self, customers: Rows, limits: Ints, before: Ints) -> None:
        """Fire what the clock has reached, anywhere among the rows of `customers`."""
        for owners in self.owners:
            reached = owners.reached(customers, limits)
            if len(reached):
                rows, whose = owners.rows_of(customers[reached])
                where = reached[whose]
                self._fire(owners.table, self.timed[owners.table.name], rows, limits[where], before[where])
                owners.settle(customers[reached])

    def _timers_before(self, group: Group, begin: int, end: int, limits: Ints) -> None:
        """Fire what is due before records begin..end: at most `limits`, one a record."""
        for name, listeners in self.timed.items():
            if name != "customer" and f"{'subscription' if name == 'line' else name}_id" not in group.record_type.__struct_fields__:
                continue
            rows, table = group.rows(name)[begin:end], self.world.tables[name]
            due = np.flatnonzero((rows >= 0) & (table.next_due[rows] <= limits))
            if len(due):
                self._fire(table, listeners, rows[due], limits[due], group.position[begin:end][due])

    def _fire(self, table: Table, listeners: list[Listener], rows: Rows, limits: Ints, before: Ints) -> None:
        """Fire the timers of `rows` up to `limits`, again and again while firing sets new ones that are due. Raises RuleFailed."""
        for listener in listeners:
            try:
                self._fire_one(table, listener, rows, limits, before)
            except Exception as error:
                self._blame(listener.rules, error)
                raise
        left = np.full(len(rows), NEVER)
        for listener in listeners:
            due = listener.runtime.due.values[rows]  # type: ignore[attr-defined]  # a TimedRuntime
            left = np.where(due != 0, np.minimum(left, due), left)
        table.next_due[rows] = left

    def _fire_one(self, table: Table, listener: Listener, rows: Rows, limits: Ints, before: Ints) -> None:
        runtime = listener.runtime
        assert isinstance(runtime, TimedRuntime)  # the list holds only these
        while True:
            due = runtime.due.values[rows]
            hit = np.flatnonzero((due != 0) & (due <= limits))
            if not len(hit):
                return
            channels = runtime.fire(rows[hit], due[hit], self._zones(table, rows[hit], due[hit]))
            for rule in listener.rules:
                matches = channels.get(rule.channel)
                if matches is not None and len(matches):
                    try:
                        self._evaluate_timers(rule, matches, rows[hit], before[hit])
                    except Exception as error:
                        self._blame([rule], error)
                        raise

    def _evaluate_timers(self, rule: BoundRule, matches: Matches, rows: Rows, places: Ints) -> None:
        passing = rule.passing(matches)
        where = np.searchsorted(np.sort(rows), passing.rows)
        self._emit(rule, passing, {}, places[np.argsort(rows, kind="stable")][where])

    def _zones(self, table: Table, rows: Rows, times: Ints) -> Ints | int:
        last = [(table.keys[row] or "").rsplit(SEPARATOR, 1)[-1] for row in rows.tolist()]
        codes = np.array([code(name) for name in last], np.int64)
        return self.world.line_zones(codes, times) if table.name == "line" else self.world.owner_zones(table.name, codes, times)

    def _fire_all(self, end: int) -> None:
        """Fire everything that is due at the clock."""
        limit = self.clock - self.settings.timer_delay_ms
        for name, listeners in self.timed.items():
            table = self.world.tables[name]
            if table.earliest > limit:
                continue
            rows = np.flatnonzero(table.next_due[: len(table.keys)] <= limit).astype(np.int32)
            if len(rows):
                self._fire(table, listeners, rows, np.full(len(rows), limit), np.full(len(rows), end))
            table.earliest = int(table.next_due[: len(table.keys)].min(initial=NEVER))

    # Results

    def _outcome(self, end: int, refused: Ints, fates: Ints) -> Outcome:
        self._fire_all(end)
        if self.clock - self.swept > self.settings.sweep_every_ms:
            self.swept = self.clock
            latest = self.admission.latest_times()
            for table in self.state.tables.values():
                table.sweep(self.clock, latest)
        for members in self.lists:
            self.counters["window_full"] += members.dropped
            members.dropped = 0
        self.found.sort(key=lambda pair: pair[0])
        detections = [detection for _, detection in self.found]
        positions = [order[0] for order, _ in self.found]
        self.found = []
        counters = Counter(self.counters)
        self.counters.clear()
        return Outcome(detections, refused, counters, fates, positions)

    def changes(self) -> list[Change]:
        """State changed since the last call, as changelog records."""
        changes = self.state.changes()
        rotate()
        return changes

    def settle(self) -> None:
        """Used instead of `changes` where nothing is stored."""
        self.state.settle()
        rotate()

    def restore(self, pairs: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take changelog records in their order; call `restored` after the last."""
        self.state.restore(pairs)

    def restored(self) -> int:
        """Finish reading back: rows and timers are in place. Returns the number of rows. Raises StateRefused."""
        count = self.state.restored()
        self.state.note_touched(self.admission.newest_times())
        for listener in self.primitives:
            listener.runtime.restored()
        for name, listeners in self.timed.items():
            table = self.world.tables[name]
            for listener in listeners:
                due = listener.runtime.due.values  # type: ignore[attr-defined]  # a TimedRuntime
                rows = np.flatnonzero(due).astype(np.int32)
                table.arm(rows, due[rows])
        self.swept = self.clock
        return count

    def rows(self) -> dict[str, int]:
        """Rows in use by table."""
        return self.state.row_counts()

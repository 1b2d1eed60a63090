"""A shard: partition p of the four raw topics, its state and its clock. Plain Python, no Kafka: raw bytes in, a step to commit out."""

from __future__ import annotations

from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.emit import STALE, Emitter, Message, dead_letter
from streams.engine.batch import FATES
from streams.engine.clock import JUMP_MS
from streams.engine.engine import RuleFailed
from streams.engine.state.changes import Changes
from streams.intake.decode import decode_chunk
from streams.intake.merge import ALWAYS, UNREAD, Merger
from streams.logs import place_of
from streams.switches import AS_INSTALLED
from streams.valve import COUNTER, Valve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.columns import Ints
    from streams.engine.detection import Detection
    from streams.engine.engine import Engine, Outcome
    from streams.engine.state.changes import Records
    from streams.engine.state.codec import Change
    from streams.engine.state.store import Ledger, Passed
    from streams.intake.decode import Reject
    from streams.intake.merge import Released
    from streams.promises import Limit
    from streams.switches import Values

RANK = {topic: rank for rank, topic in enumerate(TOPICS)}
DEAD_LETTER = "dead_letter"
IDLE_LAG_MS = 2_000
"""An idle shard's clock follows the wall clock this far behind."""


class ShardSettings(NamedTuple):
    """What a shard needs to know of its installation."""

    operator: str = "op1"
    wall_clock: bool = False
    """`clock=wall`: records from the future are refused, stale events are kept from consumers, an idle clock moves on."""
    future_ms: int = 300_000
    max_record_bytes: int = 1_048_576
    queue_records: int = 50_000
    clock_jump_ms: int = JUMP_MS
    keep_state: bool = True
    """Return the changes of the state with every step; a replay does not need them."""
    waits: Mapping[str, int] = {}
    """By topic, how long its records wait for stragglers, ms of event time."""
    wait_bytes: int = 64_000_000
    """Keys and values of a topic that may wait."""
    valves: Mapping[str, Limit] = {}
    """By event that has a valve, what it lets through."""


class Step(NamedTuple):
    """What one Kafka transaction commits."""

    events: list[Message]
    dead_letters: list[Message]
    missed: list[Message]
    rows: Changes
    offsets: dict[str, int]
    """By topic that moved on, the lowest offset that is not done."""
    counters: Counter[str]
    detections: list[Detection]
    records: int
    triggers: Sequence[tuple[str, int] | None] = ()
    """Topic and offset of the record that made each of `events` and then of `missed`; None for timers."""
    passed: Mapping[str, Passed | None] = {}
    """What is done beyond `offsets`, for topics that wait for stragglers; None: nothing any more."""


class StepFailed(KairosFault):
    """Released records, or timers, could not be processed: the state in memory cannot be used any more.

    `events`: what the rules that raised would detect; empty when the error is the engine's own. The error is named by kind and
    place, never by its message, which may hold values of records.
    """

    def __init__(self, released: Released, error: Exception) -> None:
        failed = error if isinstance(error, RuleFailed) else None
        self.released = released
        self.events = failed.events if failed else ()
        self.error, self.place = (failed.error, failed.place) if failed else (type(error).__name__, place_of(error))
        super().__init__(str(failed) if failed else f"the engine raised {self.error} at {self.place}, on one of {released.n} records")


class Shard:
    """Merge, decode, detect: one partition number's records in, steps out."""

    def __init__(self, partition: int, engine: Engine, settings: ShardSettings) -> None:
        self.partition, self.engine, self.settings = partition, engine, settings
        self.merger = Merger(settings.queue_records, settings.clock_jump_ms, settings.waits, settings.wait_bytes)
        self.emitter, self.valve = Emitter(settings.operator), Valve(settings.valves, engine.state.day_counts)
        self.notes: Counter[str] = Counter()
        """What was odd about accepted records, since the last step."""
        self.values: Values = AS_INSTALLED
        """What is switched: the parameters are those that the engine was built with."""

    def switch(self, values: Values) -> None:
        """From the next step on, publish by these values, and name their version; their parameters must be the engine's."""
        self.values, self.emitter.settings_version = values, values.version
        self.engine.state.settings_version = values.version

    @property
    def clock(self) -> int:
        """The shard's clock, epoch ms."""
        return self.engine.clock

    def feed(
        self,
        topic: str,
        offsets: Sequence[int] | Ints,
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
        *,
        next_offset: int,
        caught_up: bool | None = None,
        read_at: float = 0.0,
        wall_ms: int | None = None,
    ) -> None:
        """Add raw records of `topic` in offset order. `read_at`: when they were read, seconds. `caught_up`: see `set_caught_up`; None leaves it as it is."""
        latest = wall_ms + self.settings.future_ms if self.settings.wall_clock and wall_ms is not None else None
        offsets, keys, values = self.merger.fresh(RANK[topic], offsets, keys, values)
        chunk = decode_chunk(topic, self.partition, offsets, keys, values, next_offset=next_offset, latest_ms=latest, max_bytes=self.settings.max_record_bytes)
        chunk.read_at = read_at
        self.merger.add(chunk)
        self.notes.update(chunk.notes)
        if early := self.merger.take_early(RANK[topic]):
            self.notes[f"early.{topic}"] += early
        if caught_up is not None:
            self.set_caught_up(topic, caught_up)

    def set_caught_up(self, topic: str, caught_up: bool) -> None:
        """Say that the input of `topic` has ended, or that it has unread backlog."""
        self.looked(topic, ALWAYS if caught_up else UNREAD)

    def looked(self, topic: str, moment: float) -> None:
        """What `topic` had at `moment` (seconds, as `read_at`) has been fed; UNREAD: there is more, or it is unknown."""
        self.merger.looked[RANK[topic]] = moment
        if moment == ALWAYS:
            self.merger.rest(RANK[topic])

    def rested(self, topic: str, moment: float) -> None:
        """Nothing of `topic` came behind what has been fed, up to `moment` (seconds, as `read_at`): where it waits so long, nothing waits any more."""
        if moment >= self.merger.rests_at(RANK[topic]):
            self.merger.rest(RANK[topic])

    def resting(self, moment: float) -> set[str]:
        """The topics with records that wait although nothing has come for so long: a look at their ends lets them go."""
        return {topic for topic in TOPICS if moment >= self.merger.rests_at(RANK[topic])}

    def rests_at(self) -> float:
        """When the first of the topics with records that wait will have waited for so long without input; ALWAYS where there is none."""
        return min((self.merger.rests_at(rank) for rank in self.merger.waiting), default=ALWAYS)

    @property
    def patient(self) -> bool:
        """Whether nothing could be released at the last step, while records waited for stragglers: all that was fed waits for them."""
        return self.merger.patient

    def waits(self, topic: str) -> bool:
        """Whether records of `topic` may wait for stragglers."""
        return RANK[topic] in self.merger.waiting

    def waiting(self, topic: str) -> int:
        """How many offsets of `topic` above the next one are no backlog: their records wait for stragglers, or are done."""
        return self.merger.waiting[RANK[topic]].beyond() if self.waits(topic) else 0

    def resume(self, offsets: Mapping[str, int], passed: Mapping[str, Passed]) -> dict[str, Passed | None]:
        """Continue at these offsets; `passed`: what was stored of topics that waited. Returns what of it still counts."""
        return self.merger.resume(offsets, passed)

    def blocking(self) -> set[str]:
        """The topics that held queued records back at the last step, since unread records of theirs may come before."""
        return {TOPICS[rank] for rank in self.merger.blocking}

    def queued(self, topic: str) -> bool:
        """Whether anything of `topic` waits for stragglers, to be released, or to be passed."""
        return bool(self.merger.queues[RANK[topic]].chunks) or self.merger.holds(RANK[topic])

    def full(self, topic: str) -> bool:
        """Whether the queue of `topic` should not be fed for now."""
        return self.merger.full(RANK[topic])

    def step(self, wall_ms: int | None, max_records: int) -> Step | None:
        """Release and process what can be; None when there is nothing to commit."""
        released = self.merger.release(max_records)
        if released is None:
            return None
        return self.take(released, wall_ms)

    def take(self, released: Released, wall_ms: int | None) -> Step:
        """Process released records. Raises StepFailed; the engine's state cannot be used then."""
        try:
            return self._step(self.engine.process(released) if released.n else self.engine.advance(self.clock), released, wall_ms)
        except MemoryError:
            raise
        except Exception as error:
            if not released.n and not isinstance(error, RuleFailed):
                raise
            raise StepFailed(released, error) from error

    def refuse(self, released: Released, failed: StepFailed) -> Step:
        """The step that passes a record which the engine itself cannot process: a dead letter, and its offset."""
        where = released.raw(0)
        letter = dead_letter("engine_failed", f"the engine: wanted to process the record, got {failed.error} at {failed.place}", where[:3], where[3], where[4])
        others = [letter_of(reject) for reject in released.rejects]
        counters = Counter({"reject.engine_failed": 1, **Counter(f"reject.{r.reason}" for r in released.rejects)})
        self.ledger[where[0], DEAD_LETTER] += 1
        self._book(released.rejects)
        return Step([], [letter, *others], [], self._changes(), released.next_offsets, counters, [], 1, passed=released.passed)

    def pass_over(self, offsets: dict[str, int]) -> Step:
        """The step that moves the offsets over markers and aborted records."""
        return Step([], [], [], self._changes(), offsets, Counter(), [], 0, passed=self.merger.passed(offsets))

    def tick(self, wall_ms: int) -> Step | None:
        """Move the clock on, when everything is caught up. None when nothing changed. Raises RuleFailed."""
        step = self._step(self.engine.advance(wall_ms - IDLE_LAG_MS), None, wall_ms)
        return step if step.events or step.missed or step.rows.records else None

    def advance(self, clock_ms: int) -> Step:
        """Move the clock on to `clock_ms` without records, as at the end of a replay. Raises RuleFailed."""
        return self._step(self.engine.advance(clock_ms), None, None)

    def _step(self, outcome: Outcome, released: Released | None, wall_ms: int | None) -> Step:
        wall = wall_ms if self.settings.wall_clock else None
        events: list[Message] = []
        missed: list[Message] = []
        of_events: list[tuple[str, int] | None] = []
        of_missed: list[tuple[str, int] | None] = []
        counters = outcome.counters
        if self.values.off:
            outcome = self._without_off(outcome)
        for (record, reason), trigger, detection in zip(self._messages(outcome, wall), triggers_of(outcome, released), outcome.detections, strict=True):
            (missed if reason else events).append(record)
            (of_missed if reason else of_events).append(trigger)
            if reason:
                counters[STALE if reason == STALE else f"{COUNTER}.{detection.event}"] += 1
        dead: list[Message] = []
        if released is not None:
            self._book(released.rejects)
            for rank, topic in enumerate(TOPICS):
                for fate, number in zip(FATES, outcome.fates[rank].tolist(), strict=True):
                    self.ledger[topic, DEAD_LETTER if fate == "late" else fate] += number
            for reject in released.rejects:
                counters[f"reject.{reject.reason}"] += 1
                dead.append(letter_of(reject))
            for position in outcome.refused.tolist():
                topic, partition, offset, key, value = released.raw(position)
                counters["reject.late"] += 1
                dead.append(
                    dead_letter(
                        "late",
                        f"event_time: wanted at most {self.engine.settings.late_limit_ms / 3_600_000:g} h behind the customer's last record of the topic",
                        (topic, partition, offset),
                        key,
                        value,
                    )
                )
        counters.update(self.notes)
        self.notes.clear()
        for kind, number in enumerate(np.bincount(released.kind).tolist() if released is not None else ()):
            counters[f"record.{kind}"] += number
        return Step(
            events,
            dead,
            missed,
            self._changes(),
            released.next_offsets if released is not None else {},
            counters,
            outcome.detections,
            released.n if released is not None else 0,
            [*of_events, *of_missed],
            released.passed if released is not None else {},
        )

    def _without_off(self, outcome: Outcome) -> Outcome:
        """Without what is detected of events that are off, which is only counted."""
        shown = [one.event not in self.values.off for one in outcome.detections]
        outcome.counters.update(f"switched_off.{one.event}" for one in outcome.detections if one.event in self.values.off)
        detections, positions, moments = (list(compress(column, shown)) for column in (outcome.detections, outcome.positions, outcome.moments))
        return outcome._replace(detections=detections, positions=positions, moments=moments)  # type: ignore[arg-type]  # each keeps its type

    def _messages(self, outcome: Outcome, wall_ms: int | None) -> list[tuple[Message, str | None]]:
        """The records of detections. Raises RuleFailed with the rule of the first one of which there can be none."""
        detections = outcome.detections
        allowed = [self.valve.exceeded(one, *moment) for one, moment in zip(detections, outcome.moments, strict=True)] if self.valve.limits else None
        try:
            return self.emitter.messages(detections, wall_ms, allowed)
        except MemoryError:  # not caused by a rule
            raise
        except Exception as error:
            culprit = next((one for one in detections if not self._can_emit(one, wall_ms)), None)
            if culprit is None:
                raise
            raise RuleFailed(tuple(self.engine.catalogue.with_dependents([culprit.event])), error) from error

    def _can_emit(self, detection: Detection, wall_ms: int | None) -> bool:
        try:
            self.emitter.messages([detection], wall_ms)
        except Exception:  # noqa: BLE001  # the caller raises it
            return False
        return True

    def _changes(self) -> Changes:
        if self.settings.keep_state:
            return self.engine.changes()
        self.engine.settle()
        return Changes()

    @property
    def ledger(self) -> Ledger:
        """Counts of all committed records by fate: part of the state, so that no restart forgets or doubles any."""
        return self.engine.state.ledger

    def _book(self, rejects: list[Reject]) -> None:
        for reject in rejects:
            self.ledger[reject.topic, DEAD_LETTER] += 1

    def restore(self, records: Records | Iterable[Change]) -> None:
        """Take changelog records in their order; `restored` must follow."""
        self.engine.restore(records)

    def restored(self) -> int:
        """State is complete. Returns the rows read back. Raises StateRefused."""
        return self.engine.restored()

    def migration(self, most: int) -> Iterator[Step]:
        """After a restore: steps of at most `most` rows that write the state as the installed definitions need it."""
        for changes in self.engine.changes().pieces(most):
            yield Step([], [], [], changes, {}, Counter(), [], 0)

    def rows(self) -> dict[str, int]:
        """Rows in use by table."""
        return self.engine.rows()


def triggers_of(outcome: Outcome, released: Released | None) -> list[tuple[str, int] | None]:
    """Topic and offset of the record that made each detection; None where time did."""
    made = [position >= 0 and not detection.timed for position, detection in zip(outcome.positions, outcome.detections, strict=True)]
    by_records = list(compress(outcome.positions, made))
    places = iter(released.coordinates(by_records) if released is not None and by_records else ())
    return [next(places) if by_record else None for by_record in made]


def letter_of(reject: Reject) -> Message:
    """The dead letter of a record that the decoder refused."""
    return dead_letter(reject.reason, reject.detail, (reject.topic, reject.partition, reject.offset), reject.key, reject.value)

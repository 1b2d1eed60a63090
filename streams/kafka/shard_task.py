"""A shard's task: it restores the state, then takes steps and commits each as one Kafka transaction (`transaction.py`).

A permanent refusal by the broker ends the process, so nothing uncommitted is ever acknowledged. A rule that raises is shut off, on the state re-read
as of the record before (`streams/isolation.py`).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.engine.engine import RuleFailed
from streams.engine.state.changes import Changes
from streams.intake.merge import ALWAYS, UNREAD
from streams.isolation import isolate, shut_off
from streams.kafka import books, changelog
from streams.kafka.failpoints import reach
from streams.kafka.freed import give_back
from streams.kafka.gathering import Gathered, Gathering
from streams.kafka.origins import Origins
from streams.kafka.pace import Pace
from streams.kafka.tracing import Tracing
from streams.kafka.transaction import FORBIDDEN, SETTLE_S, Fenced, Transactions, Unwritable, names_in
from streams.logs import log
from streams.shard import Step, StepFailed
from streams.valve import Hourly, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.engine.state.store import Head
    from streams.kafka.control_watch import ControlWatch
    from streams.kafka.transport import Fetched
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.shard")
TICK_S = 1.0
HELD_S = 5.0
"""An open transaction in the input that holds records back this long is reported."""
IDLE_RECHECK_S = 2.0
"""An idle shard looks at the ends of its topics at least this often."""
PASS_OVER_S = 3.0
"""Offsets that no record moves (markers, aborted transactions) are committed at most this often."""
COMPARE_S = 10.0
"""How long the broker may take to answer what is compared after a rebalance."""
SUSPEND_S = 10.0
"""How long the current step may take to be committed during a rebalance; after that it is dropped with the shard."""
RELOAD_S = 30.0
"""How long the rows of the last commit may take to become readable: the broker writes its markers after the reply."""
NOTHING = Step([], [], [], Changes(), {}, Counter(), [], 0)
"""A step that writes the head row alone."""


class SettingsLost(KairosFault):
    """The control topic does not hold the settings that a shard was evaluated by: going on would change rules without a word."""


class RetentionGap(KairosFault):
    """Unread input was deleted: what is lost must not be passed over in silence."""


class ShardTask:
    """One shard at work: fed by the agents, it merges, detects and commits until it is stopped."""

    def __init__(
        self,
        shard: Shard,
        settings: Settings,
        metrics: Metrics,
        *,
        connection: dict[str, Any],
        dead_letter_bytes: int,
        raw_partitions: int,
        rewind: Callable[[str, int, int], None],
        look: Callable[[int, Iterable[str]], None],
        rebuild: Callable[[frozenset[str]], Shard],
        topic_bytes: Mapping[str, int] | None = None,
        tracing: Tracing | None = None,
        hourly: Hourly | None = None,
        first: Callable[[], None] | None = None,
        control: ControlWatch | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.shard, self.settings, self.metrics, self.connection = shard, settings, metrics, connection
        self.partition = shard.partition
        self.rewind, self.look, self.rebuild, self.first = rewind, look, rebuild, first
        """`rewind(topic, partition, offset)`: fetch it again from there. `look(partition, topics)`: ask for their ends; `looked` is called with the answer.
        `first()`: there is no state of the shard yet."""
        self.next: dict[str, int] = {}
        """By topic, the position up to which everything was fed: the next run must begin there, or before and is trimmed."""
        self.ends: dict[str, int] = {}
        """By topic, the newest known end, from which the backlog is counted."""
        self.looks: dict[str, tuple[float, int]] = {}
        """By topic, the last look: when, and where the topic ended."""
        self.unseen: str | None = None
        """Why the last look failed, if it did."""
        self.passed_at = 0.0
        """When offsets were last committed without records."""
        self.ready = asyncio.Event()
        self.may_step = asyncio.Event()
        self.may_step.set()
        self.stepping = asyncio.Lock()
        """Held while a step is made and committed."""
        self.work = asyncio.Event()
        self.stopping = False
        self.newest_append_ms = 0
        self.transactions = Transactions(
            self.partition, settings, metrics, connection=connection, dead_letter_bytes=dead_letter_bytes, raw_partitions=raw_partitions, topic_bytes=topic_bytes or {}
        )
        self.clocks = self.transactions.clocks
        self.compare = False
        """Whether there was a rebalance since state, offsets and topics were compared."""
        self.committing = False
        """Whether a transaction is on its way; when one fails for good the worker ends."""
        self.progress = time.monotonic()
        """When something was last committed, or there was last nothing to do."""
        self.held_since: dict[str, float] = {}
        """By topic, since when the only unread records are hidden by another producer's open transaction."""
        self.origins, self.gathering = Origins(), Gathering()
        self.off: dict[str, str] = {}
        """Events whose rules are shut off until the shard starts the next time, and why."""
        self.tracing = tracing or Tracing()
        self.hourly = hourly or Hourly()
        self.control = control
        self.pace = pace or pace_of(settings)
        self.took_s = 0.0
        """The CPU time that evaluating the last step took, seconds."""

    # Feeding

    def wants(self, topic: str) -> bool:
        """Whether `topic` is to be fetched: not before the restore is done, and not while its queue is full."""
        return self.ready.is_set() and not self.shard.full(topic)

    def feed(self, topic: str, run: Fetched) -> bool:
        """Take a fetched run of `topic`, which may have no records. Where something is missing before it, it is fetched again from there. Returns whether it was taken."""
        if not self.ready.is_set():
            return False
        following = self.next[topic]
        if run.begin > following:
            log(logger, logging.INFO, "a fetched run was passed over, reading again", topic=topic, partition=self.partition, wanted=following, got=run.begin)
            self.rewind(topic, self.partition, following)
            return False
        records = run.records.since(following)
        self.origins.remember(topic, records)
        if len(records):
            self.newest_append_ms = max(self.newest_append_ms, int(records.timestamps[-1]))
            if self.gathering.add(topic, Gathered(records, run.position, run.read_at)) or self.shard.waits(topic):
                self.decode(topic)
        self._note_held(topic, run)
        moved = run.position > following
        self.next[topic] = max(following, run.position)
        self.ends[topic] = max(run.end, self.ends.get(topic, 0))
        self._settle(topic)
        if moved:
            self.work.set()
        return True

    def decode(self, topic: str) -> None:
        """Give the shard what was fetched of `topic`."""
        for run in self.gathering.take(topic):
            columns = run.records
            self.shard.feed(topic, columns.offsets, columns.keys, columns.values, next_offset=run.position, read_at=run.read_at, wall_ms=self.clocks.later_ms())

    def _queued(self, topic: str) -> bool:
        """Whether any records of `topic` that were fetched are not released yet."""
        return self.gathering.holds(topic) or self.shard.queued(topic)

    def looked(self, topic: str, moment: float, end: int) -> None:
        """At `moment` the topic ended at `end`, or before."""
        self.unseen = None
        self.looks[topic] = moment, end
        self.ends[topic] = max(end, self.ends.get(topic, 0))
        if self.ready.is_set():
            self._settle(topic)
        self.work.set()

    def _settle(self, topic: str) -> None:
        """Say up to which moment there was no unread backlog of `topic`: as of the last look, and with the wall clock for `look_ms` after it.

        Records that wait for stragglers leave only by a look itself.
        """
        moment, end = self.looks.get(topic, (UNREAD, 0))
        if self.next[topic] >= max(end, self.ends.get(topic, 0)):
            self.shard.rested(topic, moment)
        if self.settings.clock == "wall" and self.next[topic] >= self.ends[topic]:
            moment += self.settings.look_ms / 1000
        self.shard.looked(topic, moment if self.next[topic] >= end else UNREAD)

    def _note_held(self, topic: str, run: Fetched) -> None:
        """Note since when the only unread records are hidden by another producer's open transaction."""
        if run.held and not len(run.records) and run.position >= run.end:
            self.held_since.setdefault(topic, time.monotonic())
        else:
            self.held_since.pop(topic, None)
        self.metrics.held.labels(topic, str(self.partition)).set(run.held)

    def held_back(self) -> str | None:
        """What has been waiting for a while for another producer to end its transaction, or for the clocks to agree."""
        if self.settings.clock == "wall" and self.ready.is_set() and (apart := self.clocks.trouble()):
            return apart
        waiting = sorted(topic for topic, since in self.held_since.items() if time.monotonic() - since > HELD_S)
        return f"{', '.join(waiting)}: nothing can be read before another producer ends its open transaction" if waiting else None

    def behind(self) -> set[str]:
        """The topics with records that are known to be there and have not been fed."""
        return {topic for topic, end in self.ends.items() if end > self.next.get(topic, 0)}

    def busy(self) -> bool:
        """Whether there is something to do: state to restore, a step in hand, or records to take. While some wait for stragglers, others wait for them."""
        if not self.ready.is_set() or self.stepping.locked():
            return True
        if time.monotonic() < self.shard.rests_at() < ALWAYS:
            return any(not self.shard.full(topic) for topic in self.behind())
        return bool(self.behind()) or any(map(self._queued, TOPICS))

    # Life

    async def run(self) -> None:
        """Restore, then step until stopped. Raises Fenced, Unwritable, KafkaError, StateRefused: the process must end then."""
        await self._begin()
        wait_s = TICK_S if self.settings.clock == "wall" else IDLE_RECHECK_S
        idle_at = time.monotonic() + wait_s
        while not self.stopping:
            await self.may_step.wait()
            async with self.stepping:
                if self.compare and not self.stopping:
                    await self._compare()
                if self.control is not None and not self.stopping and self.control.values != self.shard.values:
                    await self.control.apply(self)
                taken = 0 if self.stopping else await self._step()
            if taken:
                idle_at = time.monotonic() + wait_s
                await self._gather(taken)
                continue
            wanted = self.shard.blocking() - self.behind()
            if time.monotonic() >= idle_at:
                async with self.stepping:
                    idle = await self._idle(idle_at)
                if idle:
                    idle_at = time.monotonic() + wait_s
                else:
                    wanted = set(TOPICS)
            if not self.busy():
                self.progress = time.monotonic()
            if self.stopping:
                break
            self.work.clear()
            now, rests_at = time.monotonic(), self.shard.rests_at()
            self.look(self.partition, wanted | (self.shard.resting(now) - self.behind()))
            try:
                await asyncio.wait_for(self.work.wait(), min(wait_s, rests_at - now) if rests_at > now else wait_s)
            except TimeoutError:
                self._observe()

    async def _gather(self, taken: int) -> None:
        """Wait after a step over so many records. The ends are looked at meanwhile, so that the next step need not wait for that."""
        wait_s = self.pace.wait_s(self.partition, self.took_s, taken, time.monotonic())
        if wait_s:
            self.look(self.partition, TOPICS)
        await asyncio.sleep(wait_s)

    async def _step(self) -> int:
        """Make and commit one step, if there is one. Returns the records it took, at least 1."""
        started, began = time.perf_counter(), time.thread_time()
        for topic in self.gathering.topics():
            self.decode(topic)
        try:
            step = self.shard.step(self.clocks.earlier_ms(), self.settings.batch_records)
        except StepFailed as failed:
            await isolate(self, failed, self.clocks.earlier_ms)
            return max(1, failed.released.n)
        if step is None:
            return 0
        self.took_s = time.thread_time() - began
        self.metrics.batch_seconds.observe(time.perf_counter() - started)
        await self.commit(step)
        return max(1, step.records)

    async def reload(self) -> None:
        """State re-read from the changelog, as of the last commit; what waits in the merge stays."""
        merger, notes, deadline = self.shard.merger, self.shard.notes, time.monotonic() + RELOAD_S
        async with changelog.reading(self.settings, self.connection) as consumer:
            while True:
                self.shard = self.rebuild(frozenset(self.off))
                self.shard.merger, self.shard.notes = merger, notes
                await self._read_state(consumer)
                if self.shard.engine.state.stored == self.transactions.head:
                    return
                if time.monotonic() > deadline:
                    raise Fenced(f"shard {self.partition}: the state topic does not hold the last commit {RELOAD_S:.0f} s after it: another writer has come between")
                await asyncio.sleep(0.1)

    async def reload_without(self, events: tuple[str, ...], why: str) -> None:
        """The same with `events` shut off: what the state holds of them is deleted."""
        self.off |= dict.fromkeys(events, why)
        await self.reload()
        for event in events:
            self.metrics.rule_failures.labels(event).inc()
            self.metrics.rule_off.labels(event, str(self.partition)).set(1)
        for step in self.shard.migration(self.settings.batch_records):
            await self.commit(step)

    async def _idle(self, due: float) -> bool:
        """When no records come: move the clock on, fire timers, and commit offsets behind markers. False when the ends must be looked at first."""
        if self.stopping or not self.may_step.is_set():
            return True
        looked = min(self.looks.get(topic, (UNREAD, 0))[0] for topic in TOPICS)
        if looked < due - self.settings.look_ms / 1000:
            return False
        self._observe()
        if self.behind() or any(map(self._queued, TOPICS)):
            return True
        if self.settings.clock == "wall":
            await self._tick(looked)
        await self._pass_over()
        return True

    async def _tick(self, looked: float) -> None:
        """The clock moves on to what the wall clock and the broker's were when the topics' ends were looked at, and timers fire."""
        if not self.clocks.fresh:
            await self.commit(NOTHING)  # its reply has the broker's time
        if self.clocks.trouble():
            return
        try:
            step = self.shard.tick(self.clocks.earlier_ms() - int((time.monotonic() - looked) * 1000))
        except RuleFailed as failed:
            await shut_off(self, failed)
            return
        if step is not None:
            await self.commit(step)

    async def _pass_over(self) -> None:
        """Commit positions behind markers and aborted records, so that these look like neither unread nor deleted input."""
        committed = self.transactions.committed
        moved = {topic: position for topic, position in self.next.items() if position > committed.get(topic, 0) and not self._queued(topic)}
        if moved and time.monotonic() - self.passed_at >= PASS_OVER_S:
            self.passed_at = time.monotonic()
            await self.commit(self.shard.pass_over(moved))

    async def suspend(self) -> bool:
        """Finish the current transaction and begin no other until `go_on`: the partitions may be handed to another worker.

        False: it did not end in time, and the shard must be dropped with it, for its new owner may begin before.
        """
        self.may_step.clear()
        try:
            async with asyncio.timeout(SUSPEND_S), self.stepping:
                return True
        except TimeoutError:
            return False

    def go_on(self) -> None:
        """The shard is still ours."""
        self.may_step.set()
        self.work.set()

    async def close(self) -> None:
        """Stop the producer; an open transaction is aborted."""
        await self.transactions.close()

    async def _read_state(self, consumer: AIOKafkaConsumer) -> int:
        """Read the changelog into the shard. Returns its rows. Raises StateRefused."""
        async for run in changelog.rows(consumer, TopicPartition(self.settings.changelog, self.partition)):
            reach("restore_reading")
            self.shard.restore(run)
            self.progress = time.monotonic()
            await asyncio.sleep(0)
        return self.shard.restored()

    async def _begin(self) -> None:
        """Restore. Raises Unwritable where a right is missing."""
        try:
            await self._restore()
        except FORBIDDEN as error:
            raise self.transactions.forbidden(error) from error
        except TopicAuthorizationFailedError as error:
            raise Unwritable(f"{names_in(error) or self.settings.changelog}: the broker refuses what must be read to begin: grant the worker READ") from error

    async def _begin_again(self) -> None:
        """Drop the state in memory and all that was fed, and restore: what is in memory was not committed, or is older than what is."""
        self.ready.clear()
        await self.transactions.close()
        self.off, self.origins, self.gathering = {}, Origins(), Gathering()
        self.held_since.clear()
        self.metrics.forget(self.partition)
        self.shard = self.rebuild(frozenset())
        await self._begin()

    async def _restore(self) -> None:
        started = time.perf_counter()
        await self.transactions.begin()
        reach("restore_begun")
        if self.control is not None:
            await self.control.refresh()  # no other owner can commit any more: what is read now is at least as new as what the state was evaluated by
            if self.control.values != self.shard.values:
                self.shard = self.rebuild(frozenset(self.off))
        async with changelog.reading(self.settings, self.connection) as consumer:
            count = await self._read_state(consumer)
            reach("restore_read")
            agreed = await self._agree(consumer)
        for remark in agreed.remarks:
            log(logger, logging.WARNING, remark, partition=self.partition)
        self.next = dict(agreed.offsets)
        state = self.shard.engine.state
        if state.stored is None and self.first is not None:
            self.first()
        stored = state.stored or state.head()
        self._refuse_older_settings(stored)
        self.transactions.committed, self.transactions.head = dict(agreed.offsets), stored.moved(stored.offsets, self.shard.resume(agreed.offsets, agreed.passed))
        for step in self.shard.migration(self.settings.batch_records):
            await self.commit(step)
        if not agreed.written or self.transactions.head != stored or self.settings.clock == "wall":
            await self.commit(NOTHING)  # the head row gets the offsets; the reply has the broker's time
        gc.collect()
        gc.freeze()
        give_back()
        took = time.perf_counter() - started
        self.metrics.restore_seconds.labels(str(self.partition)).set(took)
        log(logger, logging.INFO, "shard restored", partition=self.partition, rows=count, seconds=round(took, 3))
        self.progress = time.monotonic()
        self.ready.set()
        for topic, offset in self.next.items():
            self.rewind(topic, self.partition, offset)
        self.look(self.partition, TOPICS)

    def _refuse_older_settings(self, stored: Head) -> None:
        """Raise SettingsLost where the state was evaluated by newer settings than there are, but with --resume-from-state."""
        had, version = stored.settings_version or 0, self.shard.values.version
        if had <= version:
            return
        says = f"{self.settings.control}: wanted version {had} of the settings or a later one, by which shard {self.partition} was evaluated, got {version or 'none'}"
        if not self.settings.resume_from_state:
            raise SettingsLost(
                f"{says}: was the topic deleted, cut or made again, or may it not be read? Put it back, or go on with what it holds by one start with --resume-from-state"
            )
        log(logger, logging.WARNING, f"{says}: the shard goes on with that", partition=self.partition)

    async def _agree(self, consumer: AIOKafkaConsumer) -> books.Agreed:
        """Where the shard continues by state, group and topics. Raises BooksDiffer."""
        known = await self._read_books(consumer, self.shard.engine.state.stored)
        try:
            agreed = books.agree(known, self.settings)
        except books.BooksDiffer:
            await asyncio.sleep(SETTLE_S)
            known = await self._read_books(consumer, self.shard.engine.state.stored)
            agreed = books.agree(known, self.settings)
        self.transactions.last = known.group.token
        return agreed

    async def _compare(self) -> None:
        """After a rebalance, for a shard that stays here: check that its offsets were not moved nor its topics cut. Raises BooksDiffer.

        Where the last commit is another worker's, that one had the shard in between, and the group has given it back: it is restored. A
        commit that the broker refuses because a newer producer is at work is another matter, and ends the worker.
        """
        try:
            async with asyncio.timeout(COMPARE_S), changelog.reading(self.settings, self.connection) as consumer:
                known = await self._read_books(consumer, self.transactions.head)
                if not self._last_of(known):
                    await asyncio.sleep(SETTLE_S)
                    known = await self._read_books(consumer, self.transactions.head)
        except (KafkaError, OSError, TimeoutError) as error:
            log(logger, logging.WARNING, "offsets and topics could not be compared after a rebalance, trying again", partition=self.partition, error=type(error).__name__)
            return
        if not self._last_of(known) and known.group.token:
            log(logger, logging.WARNING, "another worker has committed since, the shard is restored", partition=self.partition)
            await self._begin_again()
        else:
            books.agree(known, self.settings)
        self.compare = False

    def _last_of(self, known: books.Books) -> bool:
        """Whether the group's last commit is this shard's."""
        return known.group.token == self.transactions.last

    async def _read_books(self, consumer: AIOKafkaConsumer, head: Head | None) -> books.Books:
        """The state's `head`, the group's offsets and what the topics hold."""
        return await books.read_books(self.settings, self.connection, consumer, self.partition, head)

    async def commit(self, step: Step) -> None:
        """Commit `step` and count it. Raises Fenced, Unwritable, KafkaError."""
        started = time.perf_counter()
        triggers = self.origins.of(step.triggers)
        with self.tracing.transaction(self.partition, step, triggers, self.origins.since_ns(step.offsets)) as traced:
            self.committing = True
            await self.transactions.commit(traced._replace(dead_letters=[self.origins.complete(letter) for letter in step.dead_letters]))
            self.committing = False
        self.metrics.committed(step.events, (origin and origin.appended_ms for origin in triggers), time.time() * 1000)
        self.origins.forget(step.offsets)
        self.progress = time.monotonic()
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        self.metrics.step(step)
        self._warn_of_valves(step)
        if step.events and self.newest_append_ms:
            self.metrics.latency_seconds.observe(max(0.0, time.time() - self.newest_append_ms / 1000))
        self._observe()

    def _warn_of_valves(self, step: Step) -> None:
        for event, number in held(step.counters):
            if self.hourly.due(event, time.monotonic()):
                limit = self.shard.settings.valves[event].text
                log(logger, logging.WARNING, "a valve holds events back, they go to the missed topic", partition=self.partition, event=event, events=number, valve=limit)

    # Watching

    @property
    def trouble(self) -> str | None:
        """Why the current step is not committed yet, or not made."""
        return self.transactions.trouble or (f"the ends of the topics are unknown: {self.unseen}" if self.unseen else None)

    def _observe(self) -> None:
        name = str(self.partition)
        self.metrics.clock.labels(name).set(self.shard.clock / 1000)
        self.metrics.settings_version.labels(name).set(self.shard.values.version)
        for topic, end in self.ends.items():
            committed = self.transactions.committed.get(topic, 0)
            self.metrics.lag.labels(topic, name).set(max(0, end - committed))
            self.metrics.waiting.labels(topic, name).set(max(0, self.next[topic] - committed) if self.shard.patient else self.shard.waiting(topic))
        for table, count in self.shard.rows().items():
            self.metrics.rows.labels(table, name).set(count)
        for (topic, fate), count in self.shard.ledger.items():
            self.metrics.ledger.labels(topic, name, fate).set(count)


def pace_of(settings: Settings) -> Pace:
    """That of a process with these settings."""
    return Pace(settings.batch_wait_ms / 1000, settings.small_steps_percent, settings.batch_records)


def refuse_gaps(expected: dict[TopicPartition, int], begins: dict[TopicPartition, int]) -> None:
    """Raise RetentionGap where the first offset of a topic is above the expected one."""
    for place, offset in expected.items():
        if begins[place] > offset:
            raise RetentionGap(
                f"{place.topic}[{place.partition}]: records {offset} to {begins[place] - 1} were deleted unread, by retention or by hand: "
                "start once with --resume-from-state to go on without them, and lengthen retention.ms"
            )

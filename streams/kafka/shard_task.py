"""A shard's task: it restores the state (`restoring.py`), takes what is fetched (`reading.py`), and commits each step as one Kafka transaction (`transaction.py`).

A permanent refusal by the broker ends the process, so nothing uncommitted is ever acknowledged. A rule that raises is shut off, on the state re-read
as of the record before (`streams/isolation.py`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from schemas.raw import TOPICS
from streams.engine.engine import RuleFailed
from streams.intake.merge import ALWAYS
from streams.isolation import isolate, shut_off
from streams.kafka import restoring
from streams.kafka.pace import Pace
from streams.kafka.reading import Reading
from streams.kafka.tracing import Tracing
from streams.kafka.transaction import NOTHING, Transactions
from streams.logs import log
from streams.shard import Step, StepFailed
from streams.valve import Hourly, held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.kafka.control_watch import ControlWatch
    from streams.kafka.transport import Fetched
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.shard")
TICK_S = 1.0
IDLE_RECHECK_S = 2.0
"""An idle shard looks at the ends of its topics at least this often."""
PASS_OVER_S = 3.0
"""Offsets that no record moves (markers, aborted transactions) are committed at most this often."""
SUSPEND_S = 10.0
"""How long the current step may take to be committed during a rebalance; after that it is dropped with the shard."""


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
        self.look, self.rebuild, self.first = look, rebuild, first
        """`look(partition, topics)`: ask for their ends; `looked` is called with the answer.
        `first()`: there is no state of the shard yet."""
        self.passed_at = 0.0
        """When offsets were last committed without records."""
        self.ready = asyncio.Event()
        self.may_step = asyncio.Event()
        self.may_step.set()
        self.stepping = asyncio.Lock()
        """Held while a step is made and committed."""
        self.work = asyncio.Event()
        self.stopping = False
        self.transactions = Transactions(
            self.partition, settings, metrics, connection=connection, dead_letter_bytes=dead_letter_bytes, raw_partitions=raw_partitions, topic_bytes=topic_bytes or {}
        )
        self.clocks = self.transactions.clocks
        self.reading = Reading(self.partition, settings, metrics, self.clocks, rewind)
        self.compare = False
        """Whether there was a rebalance since state, offsets and topics were compared."""
        self.committing = False
        """Whether a transaction is on its way; when one fails for good the worker ends."""
        self.progress = time.monotonic()
        """When something was last committed, or there was last nothing to do."""
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
        before = self.reading.next[topic]
        taken = self.reading.take(self.shard, topic, run)
        if self.reading.next[topic] > before:
            self.work.set()
        return taken

    def looked(self, topic: str, moment: float, end: int) -> None:
        """At `moment` the topic ended at `end`, or before."""
        self.reading.looked(self.shard if self.ready.is_set() else None, topic, moment, end)
        self.work.set()

    def held_back(self) -> str | None:
        """What has been waiting for a while for another producer to end its transaction, or for the clocks to agree."""
        if self.settings.clock == "wall" and self.ready.is_set() and (apart := self.clocks.trouble()):
            return apart
        return self.reading.held_back()

    def _queued(self, topic: str) -> bool:
        """Whether any records of `topic` that were fetched are not released yet."""
        return self.reading.queued(self.shard, topic)

    def busy(self) -> bool:
        """Whether there is something to do: state to restore, a step in hand, or records to take. While some wait for stragglers, others wait for them."""
        if not self.ready.is_set() or self.stepping.locked():
            return True
        if time.monotonic() < self.shard.rests_at() < ALWAYS:
            return any(not self.shard.full(topic) for topic in self.reading.behind())
        return bool(self.reading.behind()) or any(map(self._queued, TOPICS))

    # Life

    async def run(self) -> None:
        """Restore, then step until stopped. Raises Fenced, Unwritable, KafkaError, StateRefused: the process must end then."""
        await restoring.begin(self)
        wait_s = TICK_S if self.settings.clock == "wall" else IDLE_RECHECK_S
        idle_at = time.monotonic() + wait_s
        while not self.stopping:
            await self.may_step.wait()
            async with self.stepping:
                if self.compare and not self.stopping:
                    await restoring.compare(self)
                if self.control is not None and not self.stopping and self.control.values != self.shard.values:
                    await self.control.apply(self)
                taken = 0 if self.stopping else await self._step()
            if taken:
                idle_at = time.monotonic() + wait_s
                await self._gather(taken)
                continue
            wanted = self.shard.blocking() - self.reading.behind()
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
            self.look(self.partition, wanted | (self.shard.resting(now) - self.reading.behind()))
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
        for topic in self.reading.gathering.topics():
            self.reading.decode(self.shard, topic)
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
        """State re-read from the changelog, as of the last commit."""
        await restoring.reload(self)

    async def reload_without(self, events: tuple[str, ...], why: str) -> None:
        """The same with `events` shut off."""
        await restoring.reload_without(self, events, why)

    async def _idle(self, due: float) -> bool:
        """When no records come: move the clock on, fire timers, and commit offsets behind markers. False when the ends must be looked at first."""
        if self.stopping or not self.may_step.is_set():
            return True
        looked = self.reading.looked_at()
        if looked < due - self.settings.look_ms / 1000:
            return False
        self._observe()
        if self.reading.behind() or any(map(self._queued, TOPICS)):
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
        moved = {topic: position for topic, position in self.reading.next.items() if position > committed.get(topic, 0) and not self._queued(topic)}
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

    async def commit(self, step: Step) -> None:
        """Commit `step` and count it. Raises Fenced, Unwritable, KafkaError."""
        started = time.perf_counter()
        triggers = self.reading.origins.of(step.triggers)
        with self.tracing.transaction(self.partition, step, triggers, self.reading.origins.since_ns(step.offsets)) as traced:
            self.committing = True
            await self.transactions.commit(traced._replace(dead_letters=[self.reading.origins.complete(letter) for letter in step.dead_letters]))
            self.committing = False
        self.metrics.committed(step.events, (origin and origin.appended_ms for origin in triggers), time.time() * 1000)
        self.reading.origins.forget(step.offsets)
        self.progress = time.monotonic()
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        self.metrics.step(step)
        self._warn_of_valves(step)
        if step.events and self.reading.newest_append_ms:
            self.metrics.latency_seconds.observe(max(0.0, time.time() - self.reading.newest_append_ms / 1000))
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
        return self.transactions.trouble or (f"the ends of the topics are unknown: {self.reading.unseen}" if self.reading.unseen else None)

    def _observe(self) -> None:
        name = str(self.partition)
        self.metrics.clock.labels(name).set(self.shard.clock / 1000)
        self.metrics.settings_version.labels(name).set(self.shard.values.version)
        for topic, end in self.reading.ends.items():
            committed = self.transactions.committed.get(topic, 0)
            self.metrics.lag.labels(topic, name).set(max(0, end - committed))
            self.metrics.waiting.labels(topic, name).set(max(0, self.reading.next[topic] - committed) if self.shard.patient else self.shard.waiting(topic))
        for table, count in self.shard.rows().items():
            self.metrics.rows.labels(table, name).set(count)
        for (topic, fate), count in self.shard.ledger.items():
            self.metrics.ledger.labels(topic, name, fate).set(count)


def pace_of(settings: Settings) -> Pace:
    """That of a process with these settings."""
    return Pace(settings.batch_wait_ms / 1000, settings.small_steps_percent, settings.batch_records)

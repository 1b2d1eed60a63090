"""A shard's task: it restores the state, then takes steps and commits each as one Kafka transaction (`transaction.py`).

A permanent refusal by the broker ends the process, so nothing uncommitted is ever acknowledged. If a rule raises, the state is read again and the
batch is halved until the failing record is alone; that record goes to the dead-letter topic.
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
from streams.intake.merge import Released
from streams.kafka import books, changelog
from streams.kafka.failpoints import reach
from streams.kafka.transaction import FORBIDDEN, SETTLE_S, Fenced, Transactions, Unwritable, names_in
from streams.logs import log
from streams.shard import RuleFailed, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.shard")
TICK_S = 1.0
HELD_S = 5.0
"""An open transaction in the input that holds records back this long is told."""
LAST_CHANCE_S = 2.0
"""After this without a step, the idle shard looks again."""
COMPARE_S = 10.0
"""How long the broker may take to tell what is compared after a rebalance."""
SUSPEND_S = 10.0
"""How long a step in hand may take to be committed when the group is dealt anew; after that it is dropped with the shard."""
RELOAD_S = 30.0
"""How long the rows of the last commit may take to become readable: the broker writes its markers after the reply."""


NOTHING = Step([], [], [], [], {}, Counter(), [], 0)
"""A step that writes the head row alone."""


class RetentionGap(KairosFault):
    """Unread input was deleted: what is lost must not be passed over in silence."""


class ShardTask:
    """One shard at work: fed by the agents, it merges, detects and commits until told to stop."""

    def __init__(
        self,
        shard: Shard,
        settings: Settings,
        metrics: Metrics,
        *,
        connection: dict[str, Any],
        dead_letter_bytes: int,
        raw_partitions: int,
        resume: Callable[[str, int], None],
        rebuild: Callable[[], Shard],
        topic_bytes: Mapping[str, int] | None = None,
    ) -> None:
        self.shard, self.settings, self.metrics, self.connection = shard, settings, metrics, connection
        self.partition = shard.partition
        self.resume, self.rebuild = resume, rebuild
        self.next: dict[str, int] = {}
        """By topic, the next offset to feed; what is below comes a second time and is trimmed."""
        self.fed: dict[str, int] = {}
        """By topic, the fetch position after what was fed."""
        self.ends: dict[str, int] = {}
        self.waiting: list[tuple[str, Any]] = []
        """Fetched runs that came before the restore was done."""
        self.paused: set[str] = set()
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
        """Whether the group was dealt out since the books were compared."""
        self.progress = time.monotonic()
        """When something was last committed, or there was last nothing to do."""
        self.held_since: dict[str, float] = {}
        """By topic, since when all that is left to read stands behind an open transaction of somebody else's."""
        self.gaps: dict[str, int] = {}
        """By topic, the first offset that was expected and did not come."""
        self.clerk: AIOKafkaConsumer | None = None
        """Asks the broker about offsets."""

    # Feeding

    def feed(self, topic: str, run: Any) -> bool:
        """Take a fetched run of `topic`. False: its queue is full now, fetch no more until `resume`."""
        self.work.set()
        if not self.ready.is_set():
            self.waiting.append((topic, run))
            return True
        self.held_since.pop(topic, None)
        following = self.next[topic]
        records = run.records
        if records and records[0].offset < following:
            records = [record for record in records if record.offset >= following]
        elif records and records[0].offset > following > 0:
            self.gaps.setdefault(topic, following)
        self.ends[topic], self.fed[topic] = run.end, run.position
        if records:
            self.newest_append_ms = max(self.newest_append_ms, records[-1].timestamp)
            self.shard.feed(
                topic,
                [record.offset for record in records],
                [record.key for record in records],
                [record.value for record in records],
                next_offset=run.position,
                caught_up=run.position >= run.end,
                wall_ms=self.clocks.later_ms(),
            )
            self.next[topic] = run.position
        else:
            self.shard.set_caught_up(topic, run.position >= run.end)
        if self.shard.full(topic):
            self.paused.add(topic)
            return False
        return True

    def at_end(self, topic: str, position: int, end: int, held: int = 0) -> None:
        """Nothing is in flight of `topic`, whose fetch position and end are these; `held` offsets may not be read yet."""
        if held and position >= end:
            self.held_since.setdefault(topic, time.monotonic())
        else:
            self.held_since.pop(topic, None)
        self.metrics.held.labels(topic, str(self.partition)).set(held)
        if self.ready.is_set():
            self.fed[topic], self.ends[topic] = position, end
            caught_up = position >= end
            if caught_up != self.shard.merger.caught_up[TOPICS.index(topic)]:
                self.shard.set_caught_up(topic, caught_up)
                self.work.set()

    def held_back(self) -> str | None:
        """What has been waiting for a while for another producer to end its transaction, or for the clocks to agree."""
        if self.settings.clock == "wall" and self.ready.is_set() and (apart := self.clocks.trouble()):
            return apart
        waiting = sorted(topic for topic, since in self.held_since.items() if time.monotonic() - since > HELD_S)
        return f"{', '.join(waiting)}: nothing can be read before another producer ends its open transaction" if waiting else None

    def busy(self) -> bool:
        """Whether there is something to do: state to restore, a step in hand, or records to take."""
        if not self.ready.is_set() or self.stepping.locked():
            return True
        behind = any(end > self.fed.get(topic, 0) for topic, end in self.ends.items())
        return behind or any(queue.size for queue in self.shard.merger.queues)

    # Life

    async def run(self) -> None:
        """Restore, then step until stopped. Raises Fenced, Unwritable, KafkaError, StateRefused: the process must end then."""
        try:
            await self._restore()
        except FORBIDDEN as error:
            raise self.transactions.forbidden(error) from error
        except TopicAuthorizationFailedError as error:
            raise Unwritable(f"{names_in(error) or self.settings.changelog}: the broker refuses what must be read to begin: grant the worker READ") from error
        tick_at = time.monotonic() + TICK_S
        while not self.stopping:
            await self.may_step.wait()
            async with self.stepping:
                if self.compare and not self.stopping:
                    await self._compare()
                taken = 0 if self.stopping else await self._step()
            if taken:
                tick_at = time.monotonic() + TICK_S
                await asyncio.sleep(self.settings.batch_wait_ms / 1000 if taken < self.settings.batch_records // 10 else 0)
                continue
            if self.settings.clock == "wall" and time.monotonic() >= tick_at and all(self.shard.merger.caught_up):
                tick_at = time.monotonic() + TICK_S
                async with self.stepping:
                    await self._tick()
            if not self.busy():
                self.progress = time.monotonic()
            if self.stopping:
                break
            self.work.clear()
            try:
                await asyncio.wait_for(self.work.wait(), TICK_S if self.settings.clock == "wall" else LAST_CHANCE_S)
            except TimeoutError:
                self._observe()

    async def _step(self) -> int:
        """Make and commit one step, if there is one. Returns the records it took, at least 1."""
        started = time.perf_counter()
        await self._see_to_gaps()
        try:
            step = self.shard.step(self.clocks.earlier_ms(), self.settings.batch_records)
        except RuleFailed as failed:
            await self._isolate(failed)
            self._resume()
            return max(1, failed.released.n)
        if step is None:
            return 0
        self.metrics.batch_seconds.observe(time.perf_counter() - started)
        await self._commit(step)
        self._resume()
        return max(1, step.records)

    async def _isolate(self, failed: RuleFailed) -> None:
        """Commit the records of a failed batch part by part; one that fails alone becomes a dead letter.

        A part that fails is halved, on the state read anew as of the last commit; after one that passes, the next is twice as large. So a rare
        failure costs a few parts, and a rule that fails at every record about one reading a record.
        """
        async with changelog.reading(self.settings, self.connection) as consumer:
            await self._reload(consumer)
            rest, size = failed.released, max(1, failed.released.n // 2)
            while rest.n:
                part, left = rest.split(size) if size < rest.n else (rest, Released())
                try:
                    step = self.shard.take(part, self.clocks.earlier_ms())
                except RuleFailed as again:
                    await self._reload(consumer)
                    if part.n > 1:
                        size = part.n // 2
                        continue
                    log(logger, logging.ERROR, "a record fails in the rules", partition=self.partition, error=again.error, place=again.place)
                    step = self.shard.refuse(part, again)
                await self._commit(step)
                rest, size = left, 2 * size

    async def _reload(self, consumer: AIOKafkaConsumer) -> None:
        """State anew from the changelog, as of the last commit; what waits in the merge stays."""
        merger, deadline = self.shard.merger, time.monotonic() + RELOAD_S
        while True:
            self.shard = self.rebuild()
            self.shard.merger = merger
            await self._read_state(consumer)
            if self.shard.engine.state.stored == self.transactions.head:
                return
            if time.monotonic() > deadline:
                raise Fenced(f"shard {self.partition}: the state topic does not hold the last commit {RELOAD_S:.0f} s after it: another writer has come between")
            await asyncio.sleep(0.1)

    async def _see_to_gaps(self) -> None:
        """Offsets that did not come were markers and compacted records, or the input was deleted unread. Raises RetentionGap."""
        if not self.gaps:
            return
        if self.clerk is None:
            self.clerk = changelog.reader(self.settings, self.connection)
            await self.clerk.start()
        places = {TopicPartition(topic, self.partition): offset for topic, offset in self.gaps.items()}
        refuse_gaps(places, await self.clerk.beginning_offsets(list(places)))
        self.gaps.clear()

    async def _tick(self) -> None:
        """Nothing comes: the clock moves on, and timers may fire."""
        if self.stopping or not self.may_step.is_set():
            return
        if not self.clocks.fresh:
            await self._commit(NOTHING)  # its reply tells the broker's time
        if self.clocks.trouble():
            return
        idle = self.shard.tick(self.clocks.earlier_ms())
        if idle is not None:
            await self._commit(idle)

    async def suspend(self) -> bool:
        """Finish the transaction in hand and begin no other until `go_on`: the partitions may be handed to another worker.

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
        """Let the producer go; an open transaction is aborted."""
        if self.clerk is not None:
            await self.clerk.stop()
        await self.transactions.close()

    async def _read_state(self, consumer: AIOKafkaConsumer) -> int:
        """Read the changelog into the shard. Returns its rows. Raises StateRefused."""
        async for run in changelog.rows(consumer, TopicPartition(self.settings.changelog, self.partition)):
            reach("restore_reading")
            self.shard.restore(run)
            self.progress = time.monotonic()
            await asyncio.sleep(0)
        return self.shard.restored()

    async def _restore(self) -> None:
        started = time.perf_counter()
        await self.transactions.begin()
        reach("restore_begun")
        async with changelog.reading(self.settings, self.connection) as consumer:
            count = await self._read_state(consumer)
            reach("restore_read")
            agreed = await self._agree(consumer)
        for remark in agreed.remarks:
            log(logger, logging.WARNING, remark, partition=self.partition)
        stored = self.shard.engine.state.stored
        self.next = dict(agreed.offsets)
        self.transactions.committed, self.transactions.head = dict(agreed.offsets), stored or self.shard.engine.state.head()
        for step in self.shard.migration(self.settings.batch_records):
            await self._commit(step)
        if not agreed.written or self.settings.clock == "wall":
            await self._commit(NOTHING)  # the head row gets the offsets; the reply tells the broker's time
        gc.collect()
        gc.freeze()
        took = time.perf_counter() - started
        self.metrics.restore_seconds.labels(str(self.partition)).set(took)
        log(logger, logging.INFO, "shard restored", partition=self.partition, rows=count, seconds=round(took, 3))
        self.progress = time.monotonic()
        self.ready.set()
        waiting, self.waiting = self.waiting, []
        for topic, run in waiting:
            self.feed(topic, run)

    async def _agree(self, consumer: AIOKafkaConsumer) -> books.Agreed:
        """Where the shard goes on by state, group and topics. Raises BooksDiffer."""
        known = await books.read_books(self.settings, self.connection, consumer, self.partition, self.shard.engine.state.stored)
        try:
            agreed = books.agree(known, self.settings)
        except books.BooksDiffer:
            await asyncio.sleep(SETTLE_S)
            known = await books.read_books(self.settings, self.connection, consumer, self.partition, self.shard.engine.state.stored)
            agreed = books.agree(known, self.settings)
        self.transactions.last = known.group.token
        return agreed

    async def _compare(self) -> None:
        """After a rebalance, of a shard that stays here: nobody has moved its offsets or cut its topics. Raises Fenced, BooksDiffer."""
        head = self.transactions.head
        try:
            async with asyncio.timeout(COMPARE_S), changelog.reading(self.settings, self.connection) as consumer:
                known = await books.read_books(self.settings, self.connection, consumer, self.partition, head)
        except (KafkaError, OSError, TimeoutError) as error:
            log(logger, logging.WARNING, "offsets and topics could not be compared after a rebalance, trying again", partition=self.partition, error=type(error).__name__)
            return
        if known.group.token not in ("", self.transactions.last):
            raise Fenced(f"shard {self.partition}: another worker has taken over")
        books.agree(known, self.settings)
        self.compare = False

    async def _commit(self, step: Step) -> None:
        """Commit `step` and count it. Raises Fenced, Unwritable, KafkaError."""
        started = time.perf_counter()
        await self.transactions.commit(step)
        self.progress = time.monotonic()
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        self.metrics.step(step)
        if step.events and self.newest_append_ms:
            self.metrics.latency_seconds.observe(max(0.0, time.time() - self.newest_append_ms / 1000))
        self._observe()

    # Watching

    @property
    def trouble(self) -> str | None:
        """Why the current step is not committed yet."""
        return self.transactions.trouble

    def _resume(self) -> None:
        for topic in [topic for topic in self.paused if self.shard.room(topic)]:
            self.paused.discard(topic)
            self.resume(topic, self.partition)

    def _observe(self) -> None:
        name = str(self.partition)
        self.metrics.clock.labels(name).set(self.shard.clock / 1000)
        for topic, end in self.ends.items():
            self.metrics.lag.labels(topic, name).set(max(0, end - self.fed.get(topic, 0)) + self.shard.merger.queues[TOPICS.index(topic)].size)
        for table, count in self.shard.rows().items():
            self.metrics.rows.labels(table, name).set(count)
        for (topic, fate), count in self.shard.ledger.items():
            self.metrics.ledger.labels(topic, name, fate).set(count)


def refuse_gaps(expected: dict[TopicPartition, int], begins: dict[TopicPartition, int]) -> None:
    """Raise RetentionGap where the first offset there is lies behind the expected one (0: nothing was read yet)."""
    for place, begin in begins.items():
        if begin > expected[place] > 0:
            raise RetentionGap(
                f"{place.topic}[{place.partition}]: records {expected[place]} to {begin - 1} were deleted unread, by retention or by hand: "
                "start once with --resume-from-state to go on without them, and lengthen retention.ms"
            )

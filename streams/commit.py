"""A shard's task: it restores the state, then takes steps and commits each as one Kafka transaction.

A step that failed to commit is sent again as it was, by a new producer (a new epoch), so ids and rows are equal, for as long as
the broker may come back. Where the reply to the commit itself was lost, the new producer first looks whether it was done: every
transaction writes its token beside an offset. What it refuses for good ends the process: never is anything acknowledged that was not committed. Records
that no rule survives are found by cutting their batch up on state read anew, and go to the dead-letter topic.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalOperation,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import OffsetAndMetadata

from schemas.raw import TOPICS
from streams import changelog
from streams.emit import Message
from streams.failpoints import reach
from streams.logs import log
from streams.merge import Released
from streams.partitioner import partition_of
from streams.shard import RuleFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard, Step

logger = logging.getLogger("kairos.shard")
BATCH_BYTES = 900_000
"""A produced batch; brokers take 1 MiB unless told otherwise."""
ATTEMPT_S = 40.0
"""An attempt at a transaction that takes longer has failed: the broker ends it after 30 s anyway."""
LONGEST_PAUSE_S = 5.0
"""Between two attempts at a transaction."""
TICK_S = 1.0
TRANSACTION_MS = 30_000
HELD_S = 5.0
"""An open transaction in the input that holds records back this long is told."""
LAST_CHANCE_S = 2.0
"""After this without a step, the idle shard looks again."""


FORBIDDEN = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, SaslAuthenticationFailed, TransactionalIdAuthorizationFailed)
REFUSALS: dict[type[KafkaError], str] = {
    MessageSizeTooLargeError: "a record is larger than the topic takes: raise its max.message.bytes ('kairos topics' says what is wanted)",
    TopicAuthorizationFailedError: "the worker may not write there: grant it WRITE",
    InvalidTopicError: "no such topic: create it with 'kairos topics --create'",
}


class Fenced(Exception):
    """Another worker owns the shard now."""


class Unwritable(Exception):
    """A topic refuses for good what must be written."""


class RetentionGap(Exception):
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
    ) -> None:
        self.shard, self.settings, self.metrics, self.connection = shard, settings, metrics, connection
        self.partition = shard.partition
        self.dead_letter_bytes = dead_letter_bytes
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
        self.producer: AIOKafkaProducer | None = None
        self.newest_append_ms = 0
        self.partition_counts: dict[str, int] = {}
        self.raw_partitions = raw_partitions
        self.life, self.transactions = uuid.uuid4().hex[:12], 0
        """What the tokens of transactions are made of."""
        self.committed: dict[str, int] = {}
        self.last = ""
        """The token of the last transaction that we know of: where the broker has another, the shard is not ours any more."""
        self.progress = time.monotonic()
        """When something was last committed, or there was last nothing to do."""
        self.trouble: str | None = None
        """What keeps the step in hand from being committed."""
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
                wall_ms=int(time.time() * 1000),
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
        """What has been waiting for a while for another producer to end its transaction."""
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
            raise self._forbidden(error) from error
        except TopicAuthorizationFailedError as error:
            raise Unwritable(f"{names_in(error) or self.settings.changelog}: the broker refuses what must be read to begin: grant the worker READ") from error
        tick_at = time.monotonic() + TICK_S
        while not self.stopping:
            await self.may_step.wait()
            async with self.stepping:
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
            step = self.shard.step(int(time.time() * 1000), self.settings.batch_records)
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
                    step = self.shard.take(part, int(time.time() * 1000))
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
        merger, self.shard = self.shard.merger, self.rebuild()
        self.shard.merger = merger
        await self._read_state(consumer)

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
        idle = self.shard.tick(int(time.time() * 1000))
        if idle is not None:
            await self._commit(idle)

    async def suspend(self) -> None:
        """Finish the transaction in hand and begin no other until `go_on`: the partitions may be handed to another worker."""
        self.may_step.clear()
        async with self.stepping:
            pass

    def go_on(self) -> None:
        """The shard is still ours."""
        self.may_step.set()
        self.work.set()

    async def close(self) -> None:
        """Let the producer go; an open transaction is aborted."""
        if self.clerk is not None:
            await self.clerk.stop()
        if self.producer is not None:
            producer, self.producer = self.producer, None
            await producer.stop()

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
        await self._new_producer()
        self.last = await self._last_token()
        reach("restore_begun")
        places = [TopicPartition(topic, self.partition) for topic in TOPICS]
        async with changelog.reading(self.settings, self.connection) as consumer:
            count = await self._read_state(consumer)
        reach("restore_read")
        async with changelog.reading(self.settings, self.connection, group=self.settings.app) as consumer:
            committed = await changelog.committed(consumer, places)
            refuse_gaps(committed, await consumer.beginning_offsets(places))
        self.next = {place.topic: offset for place, offset in committed.items()}
        self.committed = dict(self.next)
        for step in self.shard.migration(self.settings.batch_records):
            await self._commit(step)
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

    # Committing

    async def _commit(self, step: Step) -> None:
        """Commit `step`, again with a new producer when the broker fails. Raises Fenced, or the last error."""
        started = time.perf_counter()
        attempt = 0
        self.transactions += 1
        token = f"{self.life}-{self.transactions}"
        ending = False
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    if self.producer is None:
                        await self._new_producer()
                        last = await self._last_token()
                        if ending and last == token:
                            break
                        if last != self.last:
                            raise Fenced(f"shard {self.partition}: another worker has taken over")
                    await self._transaction(step, token)
                    ending = True
                    await self._end_transaction()
                break
            except ProducerFenced as error:
                raise Fenced(f"shard {self.partition}: another worker has taken over") from error
            except (KafkaError, IllegalOperation, TimeoutError, OSError) as error:
                refuse_topics(self._cause(error))
                if isinstance(error, FORBIDDEN):
                    raise self._forbidden(error) from error
                self.trouble = f"{type(error).__name__} in {attempt + 1} attempts"
                self.metrics.transaction_retries.inc()
                log(logger, logging.WARNING, "transaction failed, beginning anew", partition=self.partition, attempt=attempt + 1, error=type(error).__name__)
                await self._drop_producer()
                await asyncio.sleep(min(LONGEST_PAUSE_S, 0.05 * 4**attempt))
                attempt += 1
        self.committed |= step.offsets
        self.last = token
        self.trouble, self.progress = None, time.monotonic()
        self.metrics.commit_seconds.observe(time.perf_counter() - started)
        self.metrics.step(step)
        if step.events and self.newest_append_ms:
            self.metrics.latency_seconds.observe(max(0.0, time.time() - self.newest_append_ms / 1000))
        self._observe()

    def _forbidden(self, error: KafkaError) -> Unwritable:
        return Unwritable(f"{self.settings.app}: the broker forbids it: {error.message}: grant the worker the group and its transactional ids")

    def _cause(self, error: BaseException) -> BaseException:
        """What the broker refused, where the client only says that its transaction has failed by something."""
        waiter = self.producer._txn_manager._transaction_waiter if self.producer is not None else None
        return (waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None) or error

    async def _new_producer(self) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.brokers,
            transactional_id=f"{self.settings.app}-{self.partition}",
            transaction_timeout_ms=TRANSACTION_MS,
            acks="all",
            compression_type=self.settings.compression if self.settings.compression != "none" else None,
            max_batch_size=BATCH_BYTES,
            max_request_size=64 * 1024 * 1024,
            retry_backoff_ms=5,
            request_timeout_ms=TRANSACTION_MS,
            **self.connection,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self.producer = producer

    async def _drop_producer(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 2)
            except Exception as error:  # noqa: BLE001  # it has failed already; the new epoch fences it
                log(logger, logging.WARNING, "producer did not stop", error=type(error).__name__)

    async def _last_token(self) -> str:
        """The token of the shard's last committed transaction, whoever made it; empty when there is none."""
        place = TopicPartition(TOPICS[0], self.partition)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.brokers, **self.connection)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self.settings.app, partitions=[place])
        finally:
            await admin.close()
        return (found[place].metadata or "") if place in found else ""

    async def _end_transaction(self) -> None:
        assert self.producer is not None  # the caller made it
        reach("before_commit")
        await self.producer.commit_transaction()
        reach("after_commit")

    async def _transaction(self, step: Step, token: str) -> None:
        """Everything of a transaction but its end."""
        producer = self.producer
        assert producer is not None  # the caller made it
        reach("before_begin")
        await producer.begin_transaction()
        reach("after_begin")
        pending = {self.settings.changelog: await self._send(self.settings.changelog, [Message("", key, value, ()) for key, value in step.rows], self.partition)}
        by_topic: dict[str, list[Message]] = {}
        for message in (*step.events, *step.missed, *map(self._fitting, step.dead_letters)):
            by_topic.setdefault(message.topic, []).append(message)
        for topic, messages in by_topic.items():
            pending[topic] = []
            for partition, own in (await self._by_partition(topic, messages)).items():
                pending[topic] += await self._send(topic, own, partition)
        for topic, sent in pending.items():
            try:
                await asyncio.gather(*sent)
            except (MessageSizeTooLargeError, TopicAuthorizationFailedError, InvalidTopicError) as error:
                raise Unwritable(f"{topic}: the broker refuses what must be written: {REFUSALS[type(error)]}") from error
        reach("before_offsets")
        moved = {TOPICS[0]: self.committed.get(TOPICS[0], 0), **step.offsets}
        offsets = {TopicPartition(topic, self.partition): OffsetAndMetadata(offset, token if topic == TOPICS[0] else "") for topic, offset in moved.items()}
        await producer.send_offsets_to_transaction(offsets, self.settings.app)
        reach("after_offsets")

    async def _by_partition(self, topic: str, messages: list[Message]) -> dict[int, list[Message]]:
        """Where the messages go: the shard's own number when the topic has as many partitions as the raw ones, else by key."""
        if topic not in self.partition_counts:
            assert self.producer is not None
            self.partition_counts[topic] = len(await self.producer.partitions_for(topic))
        count = self.partition_counts[topic]
        if count == self.raw_partitions or not count:
            return {self.partition: messages}
        parted: dict[int, list[Message]] = {}
        for message in messages:
            parted.setdefault(partition_of(message.key or b"", count), []).append(message)
        return parted

    async def _send(self, topic: str, messages: list[Message], partition: int) -> list[Any]:
        """Write `messages` to a partition of `topic` in as few batches as they fit in; the futures of all."""
        producer = self.producer
        assert producer is not None  # the caller made it
        futures = []
        batch = producer.create_batch()
        for message in messages:
            value = message.value if message.value is not None or message.key is not None else b""
            if batch.append(key=message.key, value=value, timestamp=None, headers=list(message.headers)) is None:
                futures.append(await producer.send_batch(batch, topic, partition=partition))
                reach("after_send")
                batch = producer.create_batch()
                batch.append(key=message.key, value=value, timestamp=None, headers=list(message.headers))
        if batch.record_count():
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            reach("after_send")
        return futures

    def _fitting(self, message: Message) -> Message:
        """A dead letter that its topic takes: a larger value is cut, and its size told in a header."""
        room = self.dead_letter_bytes - 4096
        if message.value is None or len(message.value) <= room:
            return message
        return message._replace(value=message.value[:room], headers=(*message.headers, ("cut_from_bytes", str(len(message.value)).encode())))

    # Watching

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


def refuse_topics(error: BaseException) -> None:
    """Raise Unwritable where the broker refuses topics by name."""
    if isinstance(error, TopicAuthorizationFailedError) and (names := names_in(error)):
        raise Unwritable(f"{names}: the broker refuses what must be written: {REFUSALS[TopicAuthorizationFailedError]}") from error


def names_in(error: TopicAuthorizationFailedError) -> str:
    """The topics that the client's error names, if it does."""
    told = error.args[0] if error.args else ()
    return ", ".join(sorted(map(str, told))) if isinstance(told, set | frozenset | list | tuple) else str(told)


def refuse_gaps(expected: dict[TopicPartition, int], begins: dict[TopicPartition, int]) -> None:
    """Raise RetentionGap where the first offset there is lies behind the expected one (0: nothing was read yet)."""
    for place, begin in begins.items():
        if begin > expected[place] > 0:
            raise RetentionGap(
                f"{place.topic}[{place.partition}]: records {expected[place]} to {begin - 1} were deleted unread, by retention or by hand: "
                "set the group's offset to go on without them, and lengthen retention.ms"
            )

"""A shard's transactions: each step's events, dead letters, state rows and source offsets in one Kafka transaction.

A step that failed to commit is sent again as it was, by a new producer (a new epoch, which fences what is still on its way from the old one), so
ids and rows are equal, for as long as the broker may come back. Where the reply to the commit itself was lost, the new producer first checks
whether it was committed: every transaction writes its token beside an offset. The state's head row gets the offsets that the same transaction commits.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalOperation,
    InvalidTopicError,
    InvalidTransactionTimeout,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import OffsetAndMetadata

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.emit import CUT, CUT_HEADERS, ORIGINAL_HEADER
from streams.engine.state.changes import Changes, Records
from streams.engine.state.store import HEAD_KEY, Head
from streams.kafka.books import read_group
from streams.kafka.clocks import Clocks
from streams.kafka.failpoints import reach
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import Producer
from streams.logs import log
from streams.shard import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.emit import Message
    from streams.metrics import Metrics
    from streams.settings import Settings

logger = logging.getLogger("kairos.shard")
BATCH_BYTES = 900_000
"""The largest produced batch before compression; a topic that takes less gets smaller ones."""
ATTEMPT = 4 / 3
"""An attempt at a transaction that takes so many transaction timeouts has failed: the broker ends it after one anyway."""
LONGEST_PAUSE_S = 5.0
"""Between two attempts at a transaction."""
PAUSES = tuple(min(LONGEST_PAUSE_S, 0.05 * 4**n) for n in range(5))
"""Pauses after failed attempts, s; the last one after all further ones."""
SETTLE_S = 1.0
"""A coordinator before Kafka 2.5 may show a committed offset so much later; newer ones are asked to wait for it (`stable.py`)."""

NOTHING = Step([], [], [], Changes(), {}, Counter(), [], 0)
"""A step that writes the head row alone."""
FORBIDDEN = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, SaslAuthenticationFailed, TransactionalIdAuthorizationFailed)
REFUSALS: dict[type[KafkaError], str] = {
    MessageSizeTooLargeError: "a record is larger than the topic takes: raise its max.message.bytes",
    TopicAuthorizationFailedError: "the worker may not write there: grant it WRITE",
    InvalidTopicError: "no such topic: 'kairos topics' says how to create it",
}


class BatchTooLarge(Exception):
    """A topic takes only smaller batches than were sent: the transaction is repeated with smaller ones."""


class Fenced(KairosFault):
    """Another worker owns the shard now."""


class Unwritable(KairosFault):
    """A topic permanently refuses what must be written."""


Sent = tuple[Any, int]
"""The future of a batch, and its number of records."""
LOG_APPEND_TIME = 1
"""A produced record's timestamp is the broker's time, not the producer's."""


def producer_of(settings: Settings, connection: dict[str, Any], partition: int) -> Producer:
    """The transactional producer of a shard, not started yet."""
    return Producer(
        bootstrap_servers=settings.brokers,
        transactional_id=f"{settings.app}-{partition}",
        transaction_timeout_ms=settings.transaction_timeout_ms,
        acks="all",
        compression_type=settings.compression if settings.compression != "none" else None,
        max_batch_size=BATCH_BYTES,
        max_request_size=64 * 1024 * 1024,
        retry_backoff_ms=5,
        request_timeout_ms=settings.transaction_timeout_ms,
        **connection,
    )


STOP_S = 2.0
"""How long a producer may take to stop."""


class Transactions:
    """The transactional producer of one shard, and what it committed last."""

    def __init__(
        self, partition: int, settings: Settings, metrics: Metrics, *, connection: dict[str, Any], dead_letter_bytes: int, raw_partitions: int, topic_bytes: Mapping[str, int]
    ) -> None:
        self.partition, self.settings, self.metrics, self.connection = partition, settings, metrics, connection
        self.dead_letter_bytes, self.raw_partitions = dead_letter_bytes, raw_partitions
        self.limits = {topic: min(BATCH_BYTES, most * 5 // 6) for topic, most in topic_bytes.items()}
        """By topic, bytes of a batch before compression, which may make it a sixth larger."""
        self.clocks = Clocks()
        self.producer: Producer | None = None
        self.partition_counts: dict[str, int] = {}
        self.life, self.transactions = uuid.uuid4().hex[:12], 0
        """The parts of a transaction's token."""
        self.committed: dict[str, int] = {}
        """By topic, the committed offset."""
        self.head = Head()
        """The state's head row as committed last."""
        self.last = ""
        """The token of the last known transaction: where the broker has another, another worker owns the shard."""
        self.trouble: str | None = None
        """Why the current step is not committed yet."""

    async def close(self) -> None:
        """Stop the producer: the next one of the shard ends a transaction that is open."""
        await self._drop()

    async def commit(self, step: Step) -> None:
        """Commit `step`, again with a new producer when the broker fails. Raises Fenced, Unwritable, or the last error."""
        attempt = 0
        self.transactions += 1
        token = f"{self.life}-{self.transactions}"
        rows, head = self._rows(step)
        ending = False
        while True:
            try:
                async with asyncio.timeout(ATTEMPT * self.settings.transaction_timeout_ms / 1000):
                    if self.producer is None:
                        await self.begin()
                        if await self._done_before(token, ending=ending):
                            break
                    await self._transaction(step, rows, token)
                    ending = True
                    await self._end_transaction()
                break
            except ProducerFenced as error:
                raise Fenced(f"shard {self.partition}: another worker has taken over") from error
            except BatchTooLarge as error:
                log(logger, logging.WARNING, str(error), partition=self.partition)
                await self._drop()
            except (KafkaError, IllegalOperation, TimeoutError, OSError, AssertionError) as error:
                cause = self._cause(error)
                if isinstance(error, AssertionError) and cause is error:  # not an assertion of the client, which asserts its states after a refusal
                    raise
                refuse_topics(cause)
                if isinstance(error, FORBIDDEN):
                    raise self.forbidden(error) from error
                missing = self._missing(step)
                self.trouble = f"{type(error).__name__} in {attempt + 1} attempts" + (f"; {missing}: no such topic: create it with 'kairos topics --create'" if missing else "")
                self.metrics.transaction_retries.inc()
                log(logger, logging.WARNING, "transaction failed, trying again", partition=self.partition, attempt=attempt + 1, error=type(error).__name__)
                await self._drop()
                await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
                attempt += 1
        self.committed |= step.offsets
        self.head = head
        self.last = token
        self.trouble = None

    def _missing(self, step: Step) -> str:
        """The topics of a step that the cluster does not have, by the client's newest metadata."""
        if self.producer is None:
            return ""
        wanted = {self.settings.changelog, *(message.topic for message in (*step.events, *step.missed, *step.dead_letters))}
        return ", ".join(sorted(wanted - set(self.producer.client.cluster.topics())))

    def _rows(self, step: Step) -> tuple[list[Records], Head]:
        """The step's rows with a head row, the last one, that has the offsets of the same transaction; and that head."""
        _, value = step.rows.head or (HEAD_KEY, None)
        head = self.head if value is None else msgspec.json.decode(value, type=Head)
        head = head.moved(self.committed | step.offsets, {**(self.head.passed or {}), **step.passed})
        return [*step.rows.records, Records.of([(HEAD_KEY, msgspec.json.encode(head))])], head

    async def _done_before(self, token: str, *, ending: bool) -> bool:
        """Whether the transaction `token` was committed by a producer before this one. Raises Fenced."""
        last = (await read_group(self.settings, self.connection, self.partition)).token
        if ending and last != token:
            await asyncio.sleep(SETTLE_S)
            last = (await read_group(self.settings, self.connection, self.partition)).token
        if ending and last == token:
            return True
        if last != self.last:
            raise Fenced(f"shard {self.partition}: another worker has taken over")
        return False

    def forbidden(self, error: KafkaError) -> Unwritable:
        return Unwritable(f"{self.settings.app}: the broker forbids it: {error.message}: grant the worker the group and its transactional ids")

    def _cause(self, error: BaseException) -> BaseException:
        """What the broker refused, where the client only says that its transaction has failed by something."""
        return (self.producer.refusal() if self.producer is not None else None) or error

    async def begin(self) -> None:
        """A new producer, and with it a new epoch."""
        producer = producer_of(self.settings, self.connection, self.partition)
        try:
            await producer.start()
        except InvalidTransactionTimeout as error:
            await producer.stop()
            raise Unwritable(
                f"transaction.max.timeout.ms: the broker takes less than the {self.settings.transaction_timeout_ms} ms that a shard's transaction may last "
                "(setting transaction_timeout_ms): set it to that or more on the brokers (Kafka's default is 900000), or lower the setting"
            ) from error
        except BaseException:
            await producer.stop()
            raise
        self.producer = producer

    async def _drop(self) -> None:
        """Stop the producer; whatever comes of that, it has failed already, and the next epoch fences it."""
        producer, self.producer = self.producer, None
        if producer is None:
            return
        stopping = asyncio.ensure_future(producer.stop())
        await asyncio.wait([stopping], timeout=STOP_S)  # not wait_for: a sender that was cancelled would cancel the shard
        if not stopping.done():
            stopping.cancel()
        elif not stopping.cancelled() and stopping.exception() is not None:
            log(logger, logging.WARNING, "producer did not stop", error=type(stopping.exception()).__name__)

    async def _end_transaction(self) -> None:
        assert self.producer is not None  # the caller has created it
        reach("before_commit")
        await self.producer.commit_transaction()
        reach("after_commit")

    async def _transaction(self, step: Step, rows: list[Records], token: str) -> None:
        """Send everything of a transaction but its end."""
        producer = self.producer
        assert producer is not None  # the caller has created it
        reach("before_begin")
        await producer.begin_transaction()
        reach("after_begin")
        pending = {self.settings.changelog: await self._send_rows(rows)}
        by_topic: dict[str, list[Message]] = {}
        for message in (*step.events, *step.missed, *map(self._fitting, step.dead_letters)):
            by_topic.setdefault(message.topic, []).append(message)
        for topic, messages in by_topic.items():
            pending[topic] = []
            for partition, own in (await self._by_partition(topic, messages)).items():
                pending[topic] += await self._send(topic, own, partition)
        for topic, sent in pending.items():
            await self._sent(topic, sent)
        reach("before_offsets")
        moved = {TOPICS[0]: 0, **self.committed, **step.offsets}
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

    async def _send_rows(self, rows: list[Records]) -> list[Sent]:
        """Write `rows` to the changelog in as few batches as they fit in."""
        producer, topic = self.producer, self.settings.changelog
        assert producer is not None  # the caller has created it
        sent: list[Sent] = []
        for frame in producer.frames(rows, self.limits.get(topic, BATCH_BYTES)):
            sent.append((await producer.send_batch(frame, topic, partition=self.partition), frame.record_count()))
            reach("after_send")
        return sent

    async def _send(self, topic: str, messages: list[Message], partition: int) -> list[Sent]:
        """Write `messages` to a partition of `topic` in as few batches as they fit in."""
        producer = self.producer
        assert producer is not None  # the caller has created it
        limit = self.limits.get(topic, BATCH_BYTES)
        sent: list[Sent] = []
        batch = producer.batch(limit)

        async def send() -> None:
            sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
            reach("after_send")

        for message in messages:
            value = message.value if message.value is not None or message.key is not None else b""
            if batch.append(key=message.key, value=value, timestamp=None, headers=list(message.headers)) is None:
                await send()
                batch = producer.batch(limit)
                batch.append(key=message.key, value=value, timestamp=None, headers=list(message.headers))
        if batch.record_count():
            await send()
        return sent

    async def _sent(self, topic: str, sent: list[Sent]) -> None:
        """Wait until all is written. Raises Unwritable where the topic refuses a record, BatchTooLarge where it refuses several together."""
        results = await asyncio.gather(*(future for future, _ in sent), return_exceptions=True)
        for result, (_, records) in zip(results, sent, strict=True):
            if isinstance(result, MessageSizeTooLargeError) and records > 1:
                self.limits[topic] = self.limits.get(topic, BATCH_BYTES) // 2
                raise BatchTooLarge(f"{topic} refuses a batch of {records} records: batches are made smaller, {self.limits[topic]} bytes")
            if isinstance(result, MessageSizeTooLargeError | TopicAuthorizationFailedError | InvalidTopicError):
                raise Unwritable(f"{topic}: the broker refuses what must be written: {REFUSALS[type(result)]}") from result
            if isinstance(result, BaseException):
                raise result
            if topic == self.settings.changelog and result.timestamp_type == LOG_APPEND_TIME:
                self.clocks.hear(result.timestamp)

    def _fitting(self, message: Message) -> Message:
        """A dead letter that its topic takes: larger headers of the record are left out, a larger value is cut, and a header states the size."""
        size = sum(len(name) + len(value or b"") for name, value in message.headers)
        if size > self.dead_letter_bytes // 4 and any(name.startswith(ORIGINAL_HEADER) for name, _ in message.headers):
            kept = tuple(header for header in message.headers if not header[0].startswith(ORIGINAL_HEADER))
            return self._fitting(message._replace(headers=(*kept, (CUT_HEADERS, str(size).encode()))))
        room = max(0, self.dead_letter_bytes - 4096 - 8 * len(message.headers) - size)
        if message.value is None or len(message.value) <= room:
            return message
        return message._replace(value=message.value[:room], headers=(*message.headers, (CUT, str(len(message.value)).encode())))


def refuse_topics(error: BaseException) -> None:
    """Raise Unwritable where the broker refuses topics by name."""
    if isinstance(error, TopicAuthorizationFailedError) and (names := names_in(error)):
        raise Unwritable(f"{names}: the broker refuses what must be written: {REFUSALS[TopicAuthorizationFailedError]}") from error


def names_in(error: TopicAuthorizationFailedError) -> str:
    """The topics that the client's error names, if it does."""
    names = error.args[0] if error.args else ()
    return ", ".join(sorted(map(str, names))) if isinstance(names, set | frozenset | list | tuple) else str(names)

"""A shard's transactions: each step's events, dead letters, state rows and source offsets in one Kafka transaction.

A step that failed to commit is sent again as it was, by a new producer (a new epoch), so ids and rows are equal, for as long as the broker may
come back. Where the reply to the commit itself was lost, the new producer first looks whether it was done: every transaction writes its token
beside an offset.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
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
from streams.emit import CUT, CUT_HEADERS, ORIGINAL_HEADER, Message
from streams.kafka.failpoints import reach
from streams.kafka.partitioner import partition_of
from streams.logs import log

if TYPE_CHECKING:
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Step

logger = logging.getLogger("kairos.shard")
BATCH_BYTES = 900_000
"""A produced batch; brokers take 1 MiB unless told otherwise."""
ATTEMPT_S = 40.0
"""An attempt at a transaction that takes longer has failed: the broker ends it after 30 s anyway."""
LONGEST_PAUSE_S = 5.0
"""Between two attempts at a transaction."""
TRANSACTION_MS = 30_000


FORBIDDEN = (ClusterAuthorizationFailedError, GroupAuthorizationFailedError, SaslAuthenticationFailed, TransactionalIdAuthorizationFailed)
REFUSALS: dict[type[KafkaError], str] = {
    MessageSizeTooLargeError: "a record is larger than the topic takes: raise its max.message.bytes ('kairos topics' says what is wanted)",
    TopicAuthorizationFailedError: "the worker may not write there: grant it WRITE",
    InvalidTopicError: "no such topic: create it with 'kairos topics --create'",
}


class Fenced(KairosFault):
    """Another worker owns the shard now."""


class Unwritable(KairosFault):
    """A topic refuses for good what must be written."""


class Transactions:
    """The transactional producer of one shard, and what it committed last."""

    def __init__(self, partition: int, settings: Settings, metrics: Metrics, *, connection: dict[str, Any], dead_letter_bytes: int, raw_partitions: int) -> None:
        self.partition, self.settings, self.metrics, self.connection = partition, settings, metrics, connection
        self.dead_letter_bytes, self.raw_partitions = dead_letter_bytes, raw_partitions
        self.producer: AIOKafkaProducer | None = None
        self.partition_counts: dict[str, int] = {}
        self.life, self.transactions = uuid.uuid4().hex[:12], 0
        """The parts of a transaction's token."""
        self.committed: dict[str, int] = {}
        """By topic, the committed offset."""
        self.last = ""
        """The token of the last known transaction: where the broker has another, another worker owns the shard."""
        self.trouble: str | None = None
        """Why the current step is not committed yet."""

    async def close(self) -> None:
        """Let the producer go; an open transaction is aborted."""
        if self.producer is not None:
            producer, self.producer = self.producer, None
            await producer.stop()

    async def commit(self, step: Step) -> None:
        """Commit `step`, again with a new producer when the broker fails. Raises Fenced, Unwritable, or the last error."""
        attempt = 0
        self.transactions += 1
        token = f"{self.life}-{self.transactions}"
        ending = False
        while True:
            try:
                async with asyncio.timeout(ATTEMPT_S):
                    if self.producer is None:
                        await self.begin()
                        last = await self.last_token()
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
                    raise self.forbidden(error) from error
                self.trouble = f"{type(error).__name__} in {attempt + 1} attempts"
                self.metrics.transaction_retries.inc()
                log(logger, logging.WARNING, "transaction failed, beginning anew", partition=self.partition, attempt=attempt + 1, error=type(error).__name__)
                await self._drop()
                await asyncio.sleep(min(LONGEST_PAUSE_S, 0.05 * 4**attempt))
                attempt += 1
        self.committed |= step.offsets
        self.last = token
        self.trouble = None

    def forbidden(self, error: KafkaError) -> Unwritable:
        return Unwritable(f"{self.settings.app}: the broker forbids it: {error.message}: grant the worker the group and its transactional ids")

    def _cause(self, error: BaseException) -> BaseException:
        """What the broker refused, where the client only says that its transaction has failed by something."""
        waiter = self.producer._txn_manager._transaction_waiter if self.producer is not None else None
        return (waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None) or error

    async def begin(self) -> None:
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
        except InvalidTransactionTimeout as error:
            await producer.stop()
            raise Unwritable(
                f"transaction.max.timeout.ms: the broker takes less than the {TRANSACTION_MS} ms that a shard's transaction may last: "
                f"set it to {TRANSACTION_MS} or more on the brokers (Kafka's default is 900000)"
            ) from error
        except BaseException:
            await producer.stop()
            raise
        self.producer = producer

    async def _drop(self) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            try:
                await asyncio.wait_for(producer.stop(), 2)
            except Exception as error:  # noqa: BLE001  # it has failed already; the new epoch fences it
                log(logger, logging.WARNING, "producer did not stop", error=type(error).__name__)

    async def last_token(self) -> str:
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
        """A dead letter that its topic takes: larger headers of the record are left out, a larger value is cut, and the size told in a header."""
        size = sum(len(name) + len(value or b"") for name, value in message.headers)
        if size > self.dead_letter_bytes // 4 and any(name.startswith(ORIGINAL_HEADER) for name, _ in message.headers):
            kept = tuple(header for header in message.headers if not header[0].startswith(ORIGINAL_HEADER))
            return self._fitting(message._replace(headers=(*kept, (CUT_HEADERS, str(size).encode()))))
        room = self.dead_letter_bytes - 4096 - 8 * len(message.headers) - size
        if message.value is None or len(message.value) <= room:
            return message
        return message._replace(value=message.value[:room], headers=(*message.headers, (CUT, str(len(message.value)).encode())))


def refuse_topics(error: BaseException) -> None:
    """Raise Unwritable where the broker refuses topics by name."""
    if isinstance(error, TopicAuthorizationFailedError) and (names := names_in(error)):
        raise Unwritable(f"{names}: the broker refuses what must be written: {REFUSALS[TopicAuthorizationFailedError]}") from error


def names_in(error: TopicAuthorizationFailedError) -> str:
    """The topics that the client's error names, if it does."""
    told = error.args[0] if error.args else ()
    return ", ".join(sorted(map(str, told))) if isinstance(told, set | frozenset | list | tuple) else str(told)

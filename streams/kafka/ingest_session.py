"""What ingesting files and topics has in common: one transactional producer a source, which begins again where the broker fails.

One process ingests a source: its transactional id fences an earlier one. A process that starts, or has lost a transaction, begins a new epoch, which ends
what is open, and goes on from the last commit.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Any

from aiokafka.errors import IllegalOperation, InvalidTopicError, KafkaError, MessageSizeTooLargeError, ProducerFenced, TopicAuthorizationFailedError

from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER
from streams.kafka.connection import connection
from streams.kafka.failpoints import reach
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import Producer
from streams.kafka.topics import Admin, TopicFault, partitions_of
from streams.kafka.transaction import BATCH_BYTES, FORBIDDEN, PAUSES, STOP_S
from streams.logs import log, words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiokafka import TopicPartition
    from aiokafka.structs import OffsetAndMetadata

    from streams.settings import Settings
    from streams.sources.batch import Bad, Batch
    from streams.sources.mapping import Source

logger = logging.getLogger("kairos.ingest")
REFUSALS = (*FORBIDDEN, MessageSizeTooLargeError, InvalidTopicError, TopicAuthorizationFailedError)
Written = tuple[bytes | None, bytes, list[tuple[str, bytes]]]
"""Key, value and headers of a record to write."""


class Session:
    """A source's transactional producer."""

    def __init__(self, settings: Settings, source: Source, said: Callable[[str], None] = lambda _: None) -> None:
        self.settings, self.source, self.said = settings, source, said
        self.security = connection(settings)
        self.group = f"{settings.app}-ingest-{source.name}"
        """Its transactional id, and the group that holds its offsets."""
        self.producer: Producer | None = None
        self.partitions: dict[str, int] = {}
        self.counts = {"files": 0, "records": 0, "bad": 0}
        self.attempt = 0

    async def again(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work`, again from the last commit where the broker fails. Raises TopicFault."""
        while True:
            try:
                if self.producer is None:
                    await self.begin()
                await work()
            except (KafkaError, IllegalOperation, OSError, TimeoutError, AssertionError) as error:
                cause = (self.producer.refusal() if self.producer is not None else None) or error
                if isinstance(cause, ProducerFenced):
                    raise TopicFault(f"--source {self.source.name}: another 'kairos ingest' of this source has begun: run only one") from error
                if isinstance(cause, REFUSALS):
                    raise TopicFault(
                        f"--source {self.source.name}: the broker refuses to write: {words(cause)}: grant the rights, or raise the topic's max.message.bytes"
                    ) from error
                if isinstance(error, AssertionError) and cause is error:  # not an assertion of the client, which asserts its states after a refusal
                    raise
                log(logger, logging.WARNING, "transaction failed, trying again", error=type(cause).__name__, attempt=self.attempt + 1)
                await self.close()
                await asyncio.sleep(PAUSES[min(self.attempt, len(PAUSES) - 1)])
                self.attempt += 1
            else:
                return

    async def begin(self) -> None:
        """A new epoch. Raises TopicFault."""
        async with Admin(self.settings) as client:
            self.partitions = await partitions_of(client)
        if missing := [topic for topic in (*TOPICS, DEAD_LETTER) if topic not in self.partitions]:
            raise TopicFault(f"{', '.join(missing)}: no such topic: create it with 'kairos topics --create'")
        self.producer = Producer(
            bootstrap_servers=self.settings.brokers,
            transactional_id=self.group,
            transaction_timeout_ms=self.settings.transaction_timeout_ms,
            acks="all",
            compression_type=self.settings.compression if self.settings.compression != "none" else None,
            max_batch_size=BATCH_BYTES,
            max_request_size=64 * 1024 * 1024,
            retry_backoff_ms=5,
            request_timeout_ms=self.settings.transaction_timeout_ms,
            **self.security,
        )
        await self.producer.start()

    async def close(self) -> None:
        """Stop the producer; an open transaction is ended by the next one."""
        producer, self.producer = self.producer, None
        if producer is not None:
            stopping = asyncio.ensure_future(producer.stop())
            await asyncio.wait([stopping], timeout=STOP_S)
            if not stopping.done():
                stopping.cancel()
            elif not stopping.cancelled():
                stopping.exception()

    async def transaction(self, batch: Batch | None, bad: list[Bad], more: Mapping[tuple[str, int], list[Written]], offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """One transaction: records, dead letters, what else is written by topic and partition, and offsets of the group."""
        producer = self.producer
        assert producer is not None  # `again` has begun it
        messages: dict[tuple[str, int], list[Written]] = {place: list(own) for place, own in more.items()}
        if batch is not None:
            for topic, text, value in zip(batch.topics, batch.keys, batch.values, strict=True):
                key = text.encode()
                messages.setdefault((topic, partition_of(key, self.partitions[topic])), []).append((key, value, []))
        for one in bad:
            messages.setdefault((DEAD_LETTER, one.line % self.partitions[DEAD_LETTER]), []).append((None, one.raw.encode("utf-8", "backslashreplace"), letter_headers(one)))
        async with asyncio.timeout(2 * self.settings.transaction_timeout_ms / 1000):
            await producer.begin_transaction()
            sent = [future for (topic, partition), own in messages.items() for future in await self._send(producer, topic, partition, own)]
            await asyncio.gather(*sent)
            if offsets:
                await producer.send_offsets_to_transaction(offsets, self.group)
            reach("before_commit")
            await producer.commit_transaction()
            reach("after_commit")
        self.attempt = 0
        self.counts["records"] += len(batch.values) if batch is not None else 0
        self.counts["bad"] += len(bad)

    @staticmethod
    async def _send(producer: Producer, topic: str, partition: int, messages: list[Written]) -> list[Any]:
        """Write messages to a partition in as few batches as they fit in. Returns futures."""
        sent = []
        batch = producer.batch(BATCH_BYTES)
        for key, value, headers in messages:
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.batch(BATCH_BYTES)
                batch.append(key=key, value=value, timestamp=None, headers=headers)
        sent.append(await producer.send_batch(batch, topic, partition=partition))
        return sent


def letter_headers(bad: Bad) -> list[tuple[str, bytes]]:
    """The headers of a row's dead letter: those of a record's, of a row in a file with file and line for topic and offset; and field, wanted and got."""
    detail = f"{bad.field}: wanted {bad.wanted}, got {bad.got} ({bad.where})"
    of_topic = re.fullmatch(r"(.+)\[([0-9]+)\]", bad.file)
    topic, partition = (of_topic[1], of_topic[2]) if of_topic else (bad.file, "0")
    values = {"reason": bad.reason, "detail": detail, "topic": topic, "partition": partition, "offset": str(bad.line), "field": bad.field, "wanted": bad.wanted, "got": bad.got}
    return [(name, value.encode("utf-8", "backslashreplace")) for name, value in values.items()]

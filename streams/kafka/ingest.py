"""Ingest: files of a source to the raw topics, each row once.

One process ingests a source: its transactional id fences an earlier one. Every transaction has records, dead letters of rows that cannot be used, and
how far the file is done, in a compacted topic (`<app>.ingest`). A process that starts, or has lost a transaction, begins a new epoch, which ends what is
open, reads that topic to its end, and goes on from there.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import IllegalOperation, InvalidTopicError, KafkaError, MessageSizeTooLargeError, ProducerFenced, TopicAuthorizationFailedError

from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER
from streams.kafka.changelog import reader
from streams.kafka.connection import connection
from streams.kafka.failpoints import reach
from streams.kafka.partitioner import partition_of
from streams.kafka.producer import Producer
from streams.kafka.topics import LARGEST, Admin, TopicFault, make, partitions_of
from streams.kafka.transaction import BATCH_BYTES, FORBIDDEN, PAUSES, STOP_S
from streams.logs import log, words
from streams.sources.files import HEAD
from streams.sources.reading import Reading
from streams.sources.rows import SourceFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from streams.settings import Settings
    from streams.sources.convert import Bad, Batch
    from streams.sources.mapping import Source

logger = logging.getLogger("kairos.ingest")
BY_LINE = ("as-is", "by-node")
"""Orders in which what is done of a file is all up to a line."""


class Done(msgspec.Struct, frozen=True):
    """What is done of a file: its beginning, by which it is recognised, and how far."""

    head: str
    """A digest of its first `head_bytes`."""
    head_bytes: int
    size: int
    position: int
    """The last line that is done, or how many records, where the order of the source is not that of the lines."""
    whole: bool = False
    """Whether the file was read to its end, when it had `size` bytes."""


def ledger_topic(settings: Settings) -> str:
    """The compacted topic that holds what is done."""
    return f"{settings.app}.ingest"


class Ingest:
    """Ingests files of one source. `faults` has what could not be read, by file."""

    def __init__(self, settings: Settings, source: Source, said: Callable[[str], None] = lambda _: None) -> None:
        self.settings, self.source, self.said = settings, source, said
        self.security = connection(settings)
        self.producer: Producer | None = None
        self.partitions: dict[str, int] = {}
        self.done: dict[str, Done] = {}
        self.faults: dict[str, str] = {}
        self.counts = {"files": 0, "records": 0, "bad": 0}

    async def run(self, paths: Sequence[str]) -> None:
        """Ingest what is not done of the files, in their order; again from the last commit where the broker fails. Raises TopicFault."""
        waiting, attempt = list(paths), 0
        while waiting:
            try:
                if self.producer is None:
                    await self.begin()
                while waiting:
                    try:
                        await self.file(waiting[0])
                        self.faults.pop(waiting[0], None)
                    except SourceFault as fault:
                        self.faults[waiting[0]] = str(fault)
                    waiting.pop(0)
                    attempt = 0
            except ProducerFenced as error:
                raise TopicFault(f"--source {self.source.name}: another 'kairos ingest' of this source has begun: run only one") from error
            except (KafkaError, IllegalOperation, OSError, TimeoutError, AssertionError) as error:
                cause = (self.producer.refusal() if self.producer is not None else None) or error
                if isinstance(cause, ProducerFenced):
                    raise TopicFault(f"--source {self.source.name}: another 'kairos ingest' of this source has begun: run only one") from error
                if isinstance(cause, (*FORBIDDEN, MessageSizeTooLargeError, InvalidTopicError, TopicAuthorizationFailedError)):
                    raise TopicFault(
                        f"--source {self.source.name}: the broker refuses to write: {words(cause)}: grant the rights, or raise the topic's max.message.bytes"
                    ) from error
                if isinstance(error, AssertionError) and cause is error:
                    raise
                log(logger, logging.WARNING, "transaction failed, trying again", error=type(cause).__name__, attempt=attempt + 1)
                await self.close()
                await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
                attempt += 1

    async def begin(self) -> None:
        """A new epoch, and what is done as of its beginning. Raises TopicFault."""
        await self.topics()
        self.producer = Producer(
            bootstrap_servers=self.settings.brokers,
            transactional_id=f"{self.settings.app}-ingest-{self.source.name}",
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
        self.done = await self.ledger()

    async def topics(self) -> None:
        """Partition counts of the topics, with that of what is done made where it is missing. Raises TopicFault."""
        async with Admin(self.settings) as client:
            self.partitions = await partitions_of(client)
            if missing := [topic for topic in (*TOPICS, DEAD_LETTER) if topic not in self.partitions]:
                raise TopicFault(f"{', '.join(missing)}: no such topic: create it with 'kairos topics --create'")
            name = ledger_topic(self.settings)
            if name not in self.partitions:
                (described,) = await client.describe_topics([TOPICS[0]])
                replication = len(described["partitions"][0]["replicas"])
                await make(client, [NewTopic(name, 1, replication, topic_configs={"cleanup.policy": "compact", "max.message.bytes": str(LARGEST)})])
                self.partitions[name] = 1

    async def ledger(self) -> dict[str, Done]:
        """What is done, by file. The end is the high watermark: another source's open transaction holds the last stable offset back, and is waited for."""
        place = TopicPartition(ledger_topic(self.settings), 0)
        high = AIOKafkaConsumer(bootstrap_servers=self.settings.brokers, enable_auto_commit=False, **self.security)
        consumer = reader(self.settings, self.security)
        found: dict[str, Done] = {}
        try:
            await high.start()
            await consumer.start()
            end = (await high.end_offsets([place]))[place]
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            while await consumer.position(place) < end:
                for records in (await consumer.getmany(place, timeout_ms=200)).values():
                    for record in records:
                        source, _, path = record.key.decode().partition("\0")
                        if source == self.source.name:
                            found[path] = msgspec.json.decode(record.value, type=Done)
        finally:
            await consumer.stop()
            await high.stop()
        return found

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

    async def file(self, path: str) -> None:
        """Ingest what is not done of a file. Raises SourceFault, KafkaError."""
        name = name_of(path)
        now = state_of(path)
        before = self.done.get(name)
        position = 0
        if before is not None and now.size >= before.size and head_of(path, before.head_bytes) == before.head:
            if before.whole and now.size == before.size:
                return
            position = before.position if self.by_line or not before.whole else 0
        bad: list[Bad] = []
        reading = Reading(self.source, bad.append)
        passed = 0
        for _, batch in reading.batches([path]):
            if self.by_line:
                rest, own = batch.at([at for at, line in enumerate(batch.lines) if line > position]), [one for one in bad if one.line > position]
                reached = max(position, reading.last)
            else:
                rest, own = batch.at(range(max(0, position - passed), len(batch.values))), [] if position else list(bad)
                passed += len(batch.values)
                reached = max(position, passed)
            bad.clear()
            if rest.values or own:
                await self.commit(name, rest, own, msgspec.structs.replace(now, position=reached))
            position = reached
        await self.commit(name, None, [], msgspec.structs.replace(now, position=position, whole=True))
        self.counts["files"] += 1
        self.said(f"{path}: {reading.counts['records']:,} records of {reading.counts['rows']:,} rows, {reading.counts['bad']:,} refused")

    @property
    def by_line(self) -> bool:
        """Whether what is done of a file is all up to a line."""
        return self.source.spec.order in BY_LINE

    async def commit(self, name: str, batch: Batch | None, bad: list[Bad], done: Done) -> None:
        """One transaction: records, dead letters, and what is done."""
        producer = self.producer
        assert producer is not None  # `run` has begun it
        async with asyncio.timeout(2 * self.settings.transaction_timeout_ms / 1000):
            await producer.begin_transaction()
            messages: dict[tuple[str, int], list[tuple[bytes | None, bytes, list[tuple[str, bytes]]]]] = {}
            if batch is not None:
                for topic, key, value in zip(batch.topics, batch.keys, batch.values, strict=True):
                    raw_key = key.encode()
                    messages.setdefault((topic, partition_of(raw_key, self.partitions[topic])), []).append((raw_key, value, []))
            for one in bad:
                messages.setdefault((DEAD_LETTER, one.line % self.partitions[DEAD_LETTER]), []).append((None, one.raw.encode("utf-8", "backslashreplace"), letter_headers(one)))
            ledger = (ledger_topic(self.settings), 0)
            messages[ledger] = [(f"{self.source.name}\0{name}".encode(), msgspec.json.encode(done), [])]
            sent = [future for (topic, partition), own in messages.items() for future in await self.send(producer, topic, partition, own)]
            await asyncio.gather(*sent)
            reach("before_commit")
            await producer.commit_transaction()
            reach("after_commit")
        self.done[name] = done
        self.counts["records"] += len(batch.values) if batch is not None else 0
        self.counts["bad"] += len(bad)

    @staticmethod
    async def send(producer: Producer, topic: str, partition: int, messages: list[tuple[bytes | None, bytes, list[tuple[str, bytes]]]]) -> list[Any]:
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
    """The headers of the dead letter of a row: those of a record's dead letter with file and line for topic and offset, and field, wanted and got."""
    detail = f"{bad.field}: wanted {bad.wanted}, got {bad.got} ({bad.where})"
    values = {"reason": bad.reason, "detail": detail, "topic": bad.file, "partition": "0", "offset": str(bad.line), "field": bad.field, "wanted": bad.wanted, "got": bad.got}
    return [(name, value.encode("utf-8", "backslashreplace")) for name, value in values.items()]


def state_of(path: str) -> Done:
    """A file as it is now, with nothing done. Raises SourceFault."""
    try:
        size = Path(path).stat().st_size
    except OSError as error:
        raise SourceFault(f"{path}: wanted a file that can be read, got {error.strerror}: check its name and rights") from error
    length = min(size, HEAD)
    return Done(head_of(path, length), length, size, 0)


def name_of(path: str) -> str:
    """The name of a file in the topic of what is done."""
    return str(Path(path).resolve())


def head_of(path: str, length: int) -> str:
    """A digest of the first bytes of a file. Raises SourceFault."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.blake2b(file.read(length), digest_size=16).hexdigest()
    except OSError as error:
        raise SourceFault(f"{path}: wanted a file that can be read, got {error.strerror}: check its name and rights") from error

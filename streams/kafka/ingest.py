"""Ingest: files of a source to the raw topics, each row once.

Every transaction has records, dead letters of rows that cannot be used, and how far the file is done, in a compacted topic (`<app>.ingest`), which is
read to its end when a new epoch has begun.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from schemas.raw import TOPICS
from streams.kafka.changelog import reader
from streams.kafka.ingest_session import Session
from streams.kafka.topics import LARGEST, Admin, make
from streams.sources.files import HEAD
from streams.sources.reading import Reading
from streams.sources.rows import SourceFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.settings import Settings
    from streams.sources.batch import Bad, Batch

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


class Ingest(Session):
    """Ingests files of one source. `faults` has what could not be read, by file."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.done: dict[str, Done] = {}
        self.faults: dict[str, str] = {}

    async def run(self, paths: Sequence[str]) -> None:
        """Ingest what is not done of the files, in their order. Raises TopicFault."""
        waiting = list(paths)

        async def work() -> None:
            while waiting:
                try:
                    await self.file(waiting[0])
                    self.faults.pop(waiting[0], None)
                except SourceFault as fault:
                    self.faults[waiting[0]] = str(fault)
                waiting.pop(0)

        if waiting:
            await self.again(work)

    async def begin(self) -> None:
        """A new epoch, and what is done as of its beginning. Raises TopicFault."""
        await super().begin()
        name = ledger_topic(self.settings)
        if name not in self.partitions:
            async with Admin(self.settings) as client:
                (described,) = await client.describe_topics([TOPICS[0]])
                await make(client, [NewTopic(name, 1, len(described["partitions"][0]["replicas"]), topic_configs={"cleanup.policy": "compact", "max.message.bytes": str(LARGEST)})])
        self.done = await self.ledger()

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
        key = f"{self.source.name}\0{name}".encode()
        await self.transaction(batch, bad, {(ledger_topic(self.settings), 0): [(key, msgspec.json.encode(done), [])]}, {})
        self.done[name] = done


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

"""Reference tables that come by a compacted topic: read to its end before a start, followed while a worker runs, and filled from files."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from schemas.raw import TOPICS
from schemas.reference.fault import ReferenceFault
from streams.kafka.connection import connection
from streams.kafka.topics import Admin, TopicFault, make, partitions_of
from streams.reference_rows import Mirror

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.settings import Settings

POLL_MS = 200
MANY = 50_000
"""Rows that one transaction may not have written within `PATIENCE_MS`: 1,000,000 take over a minute."""
PATIENCE_MS, LONGEST_MS = 60_000, 900_000
"""How long a transaction may take; the longest that a broker allows where its own settings say nothing else."""


class ReferenceTopic:
    """The topic of the setting `reference_topic`, and the folder that mirrors it: that is read in place of the setting `reference`."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.name = settings, settings.reference_topic or ""
        self.mirror = Mirror(self.name, folder, Path(settings.reference) if settings.reference else None)
        self.positions: dict[TopicPartition, int] = {}
        self.consumer: AIOKafkaConsumer | None = None

    def in_folder(self) -> Settings:
        """The settings with the mirror as the folder of reference tables."""
        return msgspec.structs.replace(self.settings, reference=str(self.mirror.folder))

    def read(self) -> None:
        """Read all that the topic holds, before anything else. Raises TopicFault, ReferenceFault."""

        async def once() -> None:
            try:
                await self.follow()
            finally:
                await self.close()

        asyncio.run(once())
        if why := self.mirror.fault():
            raise ReferenceFault(why)

    async def follow(self) -> None:
        """Read what has come up to the topic's end of now; where each message is a row, write the files of tables that have changed. Raises KafkaError, TopicFault."""
        consumer = self.consumer or await self._begin()
        ends = await consumer.end_offsets(list(self.positions))
        while any(self.positions[place] < end for place, end in ends.items()):
            for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    self.mirror.put(record.key, record.value)
            self.positions |= {place: await consumer.position(place) for place in self.positions}  # behind markers of transactions, too
        if self.mirror.fault() is None:
            await asyncio.to_thread(self.mirror.write)

    async def _begin(self) -> AIOKafkaConsumer:
        """A reader from where the last one was. Raises TopicFault."""
        async with Admin(self.settings) as client:
            partitions = (await partitions_of(client)).get(self.name)
        if partitions is None:
            raise TopicFault(f"reference_topic: wanted a topic of the cluster, got {self.name!r}: correct its name, or make it with 'kairos reference FOLDER --publish'")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.brokers, enable_auto_commit=False, isolation_level="read_committed", auto_offset_reset="earliest", **connection(self.settings)
        )
        await consumer.start()
        places = [TopicPartition(self.name, number) for number in range(partitions)]
        consumer.assign(places)
        begins = await consumer.beginning_offsets(places)
        for place in places:
            self.positions[place] = max(self.positions.get(place, 0), begins[place])
            consumer.seek(place, self.positions[place])
        self.consumer = consumer
        return consumer

    async def close(self) -> None:
        """Stop the reader."""
        consumer, self.consumer = self.consumer, None
        if consumer is not None:
            await consumer.stop()


@contextmanager
def settled(settings: Settings) -> Iterator[Settings]:
    """The settings with a folder of what the reference topic holds now, where one is set. Raises TopicFault, ReferenceFault."""
    if settings.reference_topic is None:
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="kairos-reference-") as folder:
        topic = ReferenceTopic(settings, Path(folder))
        topic.read()
        try:
            yield topic.in_folder()
        except ReferenceFault as fault:
            raise ReferenceFault(topic.mirror.named(str(fault))) from fault


class Published(NamedTuple):
    """What was written to the topic: rows that are new or have changed, rows that were removed, and rows that were there already."""

    written: int
    removed: int
    same: int


async def publish(settings: Settings, rows: Mapping[str, Mapping[str, bytes]]) -> Published:
    """Write to the topic what of these tables it does not hold, in one transaction; rows of the same tables that are not among them are removed. Raises TopicFault, KafkaError."""
    name = settings.reference_topic or ""
    async with Admin(settings) as client:
        there = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
        if name not in there:
            raw = there.get(TOPICS[0])
            await make(client, [NewTopic(name, 1, len(raw["partitions"][0]["replicas"]) if raw else 1, topic_configs={"cleanup.policy": "compact"})])
    with tempfile.TemporaryDirectory(prefix="kairos-reference-") as folder:
        topic = ReferenceTopic(settings, Path(folder))
        try:
            if name in there:
                await topic.follow()
        finally:
            await topic.close()
    wanted = {key: value for own in rows.values() for key, value in own.items()}
    held = {key: msgspec.json.encode(row) for table, own in topic.mirror.rows.items() if table in rows for key, row in own.sorted()}
    held |= {key: b"" for key in topic.mirror.bad if key.partition("/")[0] in rows}
    changes: dict[str, bytes | None] = {key: value for key, value in wanted.items() if held.get(key) != msgspec.json.encode(msgspec.json.decode(value))}
    gone: dict[str, bytes | None] = dict.fromkeys(held.keys() - wanted.keys())
    if changes or gone:
        patience_ms = PATIENCE_MS if len(changes) + len(gone) < MANY else LONGEST_MS
        producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, transactional_id=f"{settings.app}-reference", transaction_timeout_ms=patience_ms, **connection(settings))
        await producer.start()
        try:
            async with producer.transaction():
                for key, value in (changes | gone).items():
                    await producer.send(name, value, key=key.encode())
        finally:
            await producer.stop()
    return Published(len(changes), len(gone), len(wanted) - len(changes))


__all__ = ["Published", "ReferenceTopic", "publish", "settled"]

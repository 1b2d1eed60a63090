"""Ingest: an operator's own topic to the raw topics, each message once: records and the offsets behind their messages in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from streams.kafka.books import group_offsets
from streams.kafka.ingest_session import Session
from streams.kafka.topics import Admin, TopicFault
from streams.sources.batch import Batch
from streams.sources.convert import Converter
from streams.sources.messages import Messages
from streams.sources.rows import ROWS

if TYPE_CHECKING:
    from streams.sources.batch import Bad

POLL_MS = 200


class IngestTopic(Session):
    """Ingests the topic of one source."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.messages, self.converter = Messages(self.source), Converter(self.source)
        self.consumer: AIOKafkaConsumer | None = None
        self.positions: dict[TopicPartition, int] = {}
        self.topic = self.source.spec.topic or ""

    async def run(self, *, watch: bool) -> None:
        """Ingest the topic up to its end of now, or where `watch` says so for ever. Raises TopicFault, SourceFault."""

        async def work() -> None:
            assert self.consumer is not None  # `begin` has started it
            ends = await self.consumer.end_offsets(list(self.positions))
            while watch or any(self.positions[place] < end for place, end in ends.items()):
                await self.step(self.consumer)

        await self.again(work)

    async def begin(self) -> None:
        """A new epoch, and a reader from the offsets that the last commit left. Raises TopicFault."""
        await super().begin()
        if self.topic not in self.partitions:
            raise TopicFault(f"{self.source.place.file}: {self.source.place.key}.topic: wanted a topic of the cluster, got {self.topic!r}: correct its name, or create it")
        places = [TopicPartition(self.topic, number) for number in range(self.partitions[self.topic])]
        async with Admin(self.settings) as client:
            committed = await group_offsets(client, self.group, places, stable=True)
        consumer = self.consumer = AIOKafkaConsumer(
            bootstrap_servers=self.settings.brokers, enable_auto_commit=False, isolation_level="read_committed", auto_offset_reset="none", **self.security
        )
        await consumer.start()
        consumer.assign(places)
        begins = await consumer.beginning_offsets(places)
        self.positions = {place: committed[place].offset if place in committed else begins[place] for place in places}
        for place, position in self.positions.items():
            if position < begins[place]:
                raise TopicFault(
                    f"{self.topic}[{place.partition}]: wanted messages from offset {position} on, got {begins[place]} as the first: {begins[place] - position} were deleted unread; "
                    f"to go on without them, set the offsets of the group {self.group} to the beginning (kafka-consumer-groups --reset-offsets --to-earliest)"
                )
            consumer.seek(place, position)

    async def step(self, consumer: AIOKafkaConsumer) -> None:
        """Take what has come, in one transaction."""
        try:
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=ROWS)
        except OffsetOutOfRangeError as error:
            raise TopicFault(f"{self.topic}: messages were deleted before they were read: start again, which says how many") from error
        batches: list[Batch] = []
        bad: list[Bad] = []
        moved = {}
        for place, records in fetched.items():
            rows = self.messages.rows(f"{place.topic}[{place.partition}]", [record.offset for record in records], [record.value for record in records])
            found = self.converter.convert(rows)
            batches.append(found.records)
            bad += found.bad
        for place, position in self.positions.items():
            now = await consumer.position(place)  # behind markers of transactions, too
            if now != position:
                moved[place] = now
        if moved:
            offsets = {place: OffsetAndMetadata(offset, "") for place, offset in moved.items()}
            await self.transaction(Batch.joined(batches), bad, {}, offsets)
            self.positions |= moved

    async def close(self) -> None:
        """Stop reader and producer."""
        consumer, self.consumer = self.consumer, None
        if consumer is not None:
            await consumer.stop()
        await super().close()

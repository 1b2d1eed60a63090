"""`kairos repartition`: state and offsets are moved to more partitions while no worker runs, so that the application goes on exactly (`docs/adr/0016`).

Every step is a transaction, and finds out by itself what is left to do. From the first one on the heads name the command, and a worker refuses to start,
until the last one gives all shards their new heads and offsets together.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from schemas.raw import TOPICS
from streams.emit import Message
from streams.engine.state.changes import Changes, Records
from streams.engine.state.codec import StateRefused, record_key
from streams.engine.state.store import HEAD_KEY, TEXT, Head, Passed, Underway
from streams.kafka import books, changelog, resume
from streams.kafka.backfill import refuse_members
from streams.kafka.connection import connection
from streams.kafka.erase import Contents
from streams.kafka.failpoints import reach
from streams.kafka.history import Seam
from streams.kafka.parting import ABOUT_KEYS, about_of, customers, head_of, leaving, misplaced, moves, refuse_heads, sources, strangers
from streams.kafka.topics import SETTLE_S, Admin, TopicFault, partitions_of
from streams.kafka.transaction import BATCH_BYTES, Fenced, Transactions, producer_of
from streams.metrics import Metrics
from streams.shard import Step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient

    from streams.engine.state.codec import Change
    from streams.kafka.producer import Producer
    from streams.settings import Settings

TEXT_KEYS = record_key(TEXT, "")
FULL = 0
"""What the heads give as their number of partitions meanwhile: no worker of any version takes it for its own."""
ROUNDS = 5
"""So often records that came meanwhile by the old number are sent on; a producer that still writes by then was not stopped."""


class Moved(NamedTuple):
    """What was done, or would be."""

    was: int
    to: int
    rows: int
    """State rows that were, or would be, moved by this run."""
    records: int
    """Raw records that came by the old number of partitions while it ran, and were sent on to their new ones."""
    grown: list[str]
    """The topics that get partitions."""
    done: bool
    """Whether there was anything to do."""


async def repartition(settings: Settings, to: int, *, dry_run: bool, progress: Callable[[str], None]) -> Moved:
    """Move state and offsets of the application to `to` partitions. Raises TopicFault, BooksDiffer, StateRefused; what was begun is finished by the next run."""
    await refuse_members(settings)
    async with Admin(settings) as client:
        work = Work(settings, to, client, progress)
        try:
            return await work.run(dry_run=dry_run)
        except (Fenced, ProducerFenced) as error:
            raise TopicFault(f"{settings.app}: a worker has taken a shard: stop it, and run '{work.command}' again") from error


class Work:
    """One run of the command."""

    def __init__(self, settings: Settings, to: int, client: AIOKafkaAdminClient, progress: Callable[[str], None]) -> None:
        self.settings, self.to, self.client, self.progress = settings, to, client, progress
        self.command = f"kairos repartition --to {to}"
        self.options = connection(settings)
        self.was = self.rows = self.records = 0

    async def run(self, *, dry_run: bool) -> Moved:
        """All steps."""
        counts = await self._counts()
        async with changelog.reading(self.settings, self.options) as consumer:
            stored = {shard: await self._contents(consumer, shard) for shard in range(counts[self.settings.changelog])}
            heads = {shard: head for shard, (_, head, _) in stored.items() if head is not None}
            self.was = self._was(counts, heads)
            if self.was == self.to:
                return Moved(self.was, self.to, 0, 0, [], done=False)
            grown = [name for name in (self.settings.changelog, *TOPICS) if counts[name] < self.to]
            old = {shard: head for shard, head in heads.items() if shard < self.was}
            refuse_heads(old, self.was, self.to)
            about = {shard: contents for shard, (contents, _, _) in stored.items() if shard < self.was}
            new_about = {shard: about_of(shard, about, self.was, self.to) for shard in range(self.to)}
            await self._grow(grown, validate=True)
            if not any(head.underway for head in heads.values()):
                await self._refuse_unread(consumer, old)
            self.rows = sum(going for _, _, going in stored.values())
            if dry_run:
                return Moved(self.was, self.to, self.rows, 0, grown, done=True)
            await self._mark(consumer, heads)
            await self._grow([name for name in grown if name == self.settings.changelog])
            for shard, changes in new_about.items():
                if shard < self.was and len(sources(shard, self.was, self.to)) == 1:
                    continue  # it keeps what it has
                await self._prepare(shard, changes, fresh=shard not in heads and shard >= self.was)
            await self._grow([name for name in grown if name != self.settings.changelog])
            for shard in range(self.was):
                await self._move(consumer, shard)
            await self._send_on(consumer)
            await self._finish(consumer)
        return Moved(self.was, self.to, self.rows, self.records, grown, done=True)

    # What there is

    async def _counts(self) -> dict[str, int]:
        there = await partitions_of(self.client)
        if self.settings.changelog not in there:
            raise TopicFault(f"{self.settings.changelog} is missing on {self.settings.brokers}: has {self.settings.app} ever run? Name it with --app")
        if lacking := [name for name in TOPICS if name not in there]:
            raise TopicFault(f"{', '.join(lacking)}: missing on {self.settings.brokers}: create it with 'kairos topics --create'")
        return there

    def _was(self, counts: Mapping[str, int], heads: Mapping[int, Head]) -> int:
        """The number of partitions that the state was written with. Raises StateRefused, TopicFault."""
        was = max(map(self._begun, heads.values()), default=0) or counts[self.settings.changelog]
        if self.to < was:
            raise TopicFault(
                f"--to: wanted more than the {was} partitions that {self.settings.app} has, got {self.to}: Kafka cannot take partitions away; "
                "for fewer, make the topics again, start with another --app and replay history"
            )
        if strange := [f"{name} has {counts[name]}" for name in TOPICS if counts[name] not in (was, self.to)]:
            raise TopicFault(f"partitions: wanted {was} or {self.to} of each raw topic, as the state has or shall have, got: {', '.join(strange)}")
        if was == self.to and (behind := [f"{name} has {counts[name]}" for name in TOPICS if counts[name] != was]):
            raise TopicFault(f"partitions: the state has {was} already, but {', '.join(behind)}")
        if not heads and was != self.to:
            raise TopicFault(f"{self.settings.changelog} holds no state: has {self.settings.app} ever run? An application that has not can begin with any number of partitions")
        return was

    def _begun(self, head: Head | None) -> int:
        """The number of partitions from which a run that was stopped came; 0: none was. Raises StateRefused where that was another command."""
        if head is None or not head.underway:
            return 0
        if head.underway.command != self.command:
            raise StateRefused(f"{self.settings.changelog}: '{head.underway.command}' was stopped while it wrote it: run it again first")
        return head.underway.partitions

    async def _contents(self, consumer: AIOKafkaConsumer, shard: int) -> tuple[Contents, Head | None, int]:
        """What a shard has of its own, without rows; its head; how many rows leave it. Raises StateRefused."""
        contents = await self._live(consumer, shard)
        head = contents.head()
        was = self._begun(head)
        going = 0
        if head is not None and self.to > 0:
            own = customers(contents, shard)
            going = leaving(own, shard, self.to)
            if lost := strangers(own, shard, was or head.facts.get("partitions", 0) or self.to, self.to):
                raise StateRefused(
                    f"{self.settings.changelog}[{shard}]: {lost} rows are of customers that Kafka's default partitioner puts elsewhere: the raw records were written by "
                    "another partitioner, and where it will put them is not known: start with another --app and replay history"
                )
        self.progress(f"shard {shard}: {len(contents.pairs):,} rows looked at")
        return Contents({key: value for key, value in contents.pairs.items() if key.startswith(ABOUT_KEYS) and not key.startswith(TEXT_KEYS)}), head, going

    async def _live(self, consumer: AIOKafkaConsumer, shard: int) -> Contents:
        return Contents(await changelog.live(consumer, TopicPartition(self.settings.changelog, shard)))

    async def _refuse_unread(self, consumer: AIOKafkaConsumer, heads: Mapping[int, Head]) -> None:
        """Raises TopicFault where raw records are not done, BooksDiffer where state, group and topics do not agree."""
        faults = []
        for shard, head in heads.items():
            agreed = books.agree(await books.read_books(self.settings, self.options, consumer, shard, head), self.settings)
            for topic, records in (await unread(consumer, shard, Seam.of(agreed.offsets, agreed.passed))).items():
                if records:
                    faults.append(f"{topic}[{shard}]: {len(records):,} records are not done, the first at offset {records[0].offset}")
        if faults:
            raise TopicFault("\n".join([*faults, "stop the producers, let the workers finish (kairos status shows no lag), stop them, and run it again"]))

    # Topics

    async def _grow(self, names: Iterable[str], *, validate: bool = False) -> None:
        """Give topics their partitions, and wait until every look shows them. Raises TopicFault."""
        names = list(names)
        for name in names:
            try:
                await self.client.create_partitions({name: NewPartitions(self.to)}, validate_only=validate)
            except KafkaError as error:
                raise TopicFault(
                    f"{name}: the broker refuses {self.to} partitions: {type(error).__name__}: {error}: grant ALTER on it, or let who may alter it give it {self.to} partitions"
                ) from error
        until = asyncio.get_running_loop().time() + SETTLE_S
        while names and not validate:
            there = await partitions_of(self.client)
            if all(there.get(name) == self.to for name in names):
                return
            if asyncio.get_running_loop().time() > until:
                raise TopicFault(f"{', '.join(names)}: the brokers do not show {self.to} partitions after {SETTLE_S:.0f} s: run '{self.command}' again")
            await asyncio.sleep(0.2)

    # Steps

    @asynccontextmanager
    async def _taken(self, consumer: AIOKafkaConsumer, shard: int) -> AsyncIterator[tuple[Transactions, Head]]:
        """The shard taken over, its head as it is then. Raises BooksDiffer."""
        taken = Transactions(shard, self.settings, Metrics(), connection=self.options, dead_letter_bytes=0, raw_partitions=0, topic_bytes={})
        try:
            await taken.begin()
            known = await resume.read(self.settings, self.options, consumer, shard)
            agreed = books.agree(known, self.settings)
            taken.last, taken.committed = known.group.token, dict(agreed.offsets)
            taken.head = (known.head or Head()).moved(dict(agreed.offsets), dict(agreed.passed))
            yield taken, taken.head
        finally:
            await taken.close()

    async def _mark(self, consumer: AIOKafkaConsumer, heads: Mapping[int, Head]) -> None:
        """Let the heads of the old shards name the command: from then on no worker starts."""
        for shard in range(self.was):
            if shard in heads and heads[shard].underway:
                continue
            async with self._taken(consumer, shard) as (taken, head):
                taken.head = self._marked(head)
                await taken.commit(Step([], [], [], Changes(), {}, Counter(), [], 0))

    def _marked(self, head: Head) -> Head:
        return msgspec.structs.replace(head, facts={**head.facts, "partitions": FULL}, underway=Underway(self.command, self.was))

    async def _prepare(self, shard: int, changes: list[Change], *, fresh: bool) -> None:
        """What every shard has of its own, and the mark of a new one: written before the raw topics have its partition."""
        own = [*changes, *([(HEAD_KEY, msgspec.json.encode(self._marked(Head())))] if fresh else [])]
        async with transactions(self.settings, self.options, shard) as producer:
            await write(producer, self.settings, {shard: own})

    async def _move(self, consumer: AIOKafkaConsumer, shard: int) -> None:
        """Move what does not belong to a shard any more: written there and deleted here, together."""
        async with transactions(self.settings, self.options, shard) as producer:
            await known_partitions(producer, self.settings.changelog, self.to)
            found, done = moves(await self._live(consumer, shard), shard, self.to), 0
            for piece in found.pieces(self.settings.batch_records):
                here: list[Change] = [(key, None) for rows in piece.values() for key, _ in rows if not key.startswith(ABOUT_KEYS)]
                await write(producer, self.settings, {**piece, shard: here})
                done += len(here)
                self.progress(f"shard {shard} of {self.was}: {done:,} of {len(found.rows):,} rows moved")
            if found.unheld:
                await write(producer, self.settings, {shard: [(key, None) for key in found.unheld]})

    async def _send_on(self, consumer: AIOKafkaConsumer) -> None:
        """Send records that came by the old number while this ran to where they belong, all of a partition in their order. Raises TopicFault."""
        for _ in range(ROUNDS):
            sent = 0
            for shard in range(self.was):
                async with self._taken(consumer, shard) as (taken, head):
                    sent += await self._send_on_from(consumer, shard, taken, head)
            self.records += sent
            if not sent:
                return
        raise TopicFault(f"{self.settings.app}: producers still write by the old number of partitions: stop them, and run '{self.command}' again")

    async def _send_on_from(self, consumer: AIOKafkaConsumer, shard: int, taken: Transactions, head: Head) -> int:
        seams, offsets, messages = Seam.of(head.offsets, head.passed or {}), {}, []
        passed: dict[str, Passed | None] = {}
        for topic, records in (await unread(consumer, shard, seams)).items():
            if misplaced((record.key for record in records), shard, self.to):
                offsets[topic] = records[-1].offset + 1
                messages += [Message(topic, record.key, record.value, tuple(record.headers)) for record in records]
                if (one := (head.passed or {}).get(topic)) is not None:
                    passed[topic] = msgspec.structs.replace(one, read=offsets[topic], done=b"")
        if messages:
            await taken.commit(Step(messages, [], [], Changes(), offsets, Counter(), [], 0, passed=passed))
        return len(messages)

    async def _finish(self, consumer: AIOKafkaConsumer) -> None:
        """The new heads and offsets of all shards, in one transaction."""
        found = {shard: (await resume.read(self.settings, self.options, consumer, shard)).head for shard in range(self.was)}
        heads = {shard: head for shard, head in found.items() if head is not None}
        token = f"repartition-{uuid.uuid4().hex[:12]}"
        rows: dict[int, list[Change]] = {}
        places: dict[TopicPartition, OffsetAndMetadata] = {}
        for shard in range(self.to):
            offsets = {topic: heads[shard].offsets.get(topic, 0) if shard in heads else 0 for topic in TOPICS}
            head = msgspec.structs.replace(head_of(shard, heads, self.was, self.to), offsets=offsets, parted=dict(offsets))
            rows[shard] = [(HEAD_KEY, msgspec.json.encode(head))]
            places |= {TopicPartition(topic, shard): OffsetAndMetadata(offset, token if topic == TOPICS[0] else "") for topic, offset in offsets.items()}
        reach("before_the_heads")
        async with transactions(self.settings, self.options, 0) as producer:
            await known_partitions(producer, self.settings.changelog, self.to)
            await write(producer, self.settings, rows, places)


@asynccontextmanager
async def transactions(settings: Settings, options: dict[str, Any], shard: int) -> AsyncIterator[Producer]:
    """The producer of a shard, which ends whatever is open there. Raises TopicFault where the broker does not confirm something."""
    producer = producer_of(settings, options, shard)
    await producer.start()
    try:
        yield producer
    except ProducerFenced:
        raise
    except (KafkaError, TimeoutError) as error:
        raise TopicFault(f"{settings.changelog}[{shard}]: the broker did not confirm what was written ({type(error).__name__}: {error}): run it again") from error
    finally:
        await producer.stop()


async def write(producer: Producer, settings: Settings, rows: Mapping[int, list[Change]], offsets: dict[TopicPartition, OffsetAndMetadata] | None = None) -> None:
    """One transaction: changelog records by partition, and the group's offsets."""
    await producer.begin_transaction()
    sent = []
    for partition, own in rows.items():
        if own:
            sent += [await producer.send_batch(frame, settings.changelog, partition=partition) for frame in producer.frames([Records.of(own)], BATCH_BYTES)]
    await asyncio.gather(*sent)
    if offsets:
        await producer.send_offsets_to_transaction(offsets, settings.app)
    reach("before_commit")
    await producer.commit_transaction()
    reach("after_commit")


async def known_partitions(producer: Producer, topic: str, count: int) -> None:
    """Wait until the client knows so many partitions of a topic."""
    while len(await producer.partitions_for(topic)) < count:
        await producer.client.force_metadata_update()
        await asyncio.sleep(0.05)


async def unread(consumer: AIOKafkaConsumer, shard: int, seams: Mapping[str, Seam]) -> dict[str, list[Any]]:
    """By topic, the raw records of a shard that are not done, in their order."""
    found: dict[str, list[Any]] = {}
    for topic, seam in seams.items():
        place = TopicPartition(topic, shard)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, seam.next)
        found[topic] = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(place, timeout_ms=200)).values():
                found[topic] += [record for record in records if not seam.is_done(record.offset)]
    return found

"""Read dead letters, list them and put them back.

A dead letter that the installed version finds valid goes back to its raw topic as it was: key, value, headers, time; the partition by Kafka's
partitioner. Each transaction that puts some back also writes a receipt into the same partition of the dead-letter topic, with the identities of
these records; so a crash or a second call puts nothing back twice, and the receipt outlives the letters it is about (retention takes from the front).
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from schemas.raw import TOPICS
from streams.emit import CUT, CUT_HEADERS, DEAD_LETTER, ORIGINAL_HEADER, ORIGINAL_TIME, Headers
from streams.intake.decode import decode_chunk
from streams.kafka import changelog
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import Admin, TopicFault, describe, partitions_of, value_of
from streams.logs import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiokafka import AIOKafkaConsumer

    from streams.settings import Settings

RECEIPT = "put_back"
"""The reason in the header of a receipt."""
LETTERS, BYTES = 500, 4_000_000
"""Of one transaction, at most; one record may be larger."""
TRANSACTION_MS = 30_000
PUT_BACK, BEFORE, LATE, CUT_SHORT, EXPIRED, FOREIGN = (
    "put back",
    "put back before",
    "stays: late, and would be later still",
    "stays: its value or headers were cut to fit the dead-letter topic",
    "stays: older than its topic keeps records, it would be deleted unread",
    "stays: its topic is not a raw topic",
)


class Letter(NamedTuple):
    """A dead letter: its place in the topic, what it says of its record, and the record."""

    partition: int
    offset: int
    appended_ms: int
    reason: str
    detail: str
    topic: str
    """Of the record, as are all below."""
    raw_partition: int
    raw_offset: int
    timestamp: int | None
    """Epoch ms; None in letters of versions that did not keep it."""
    headers: Headers
    key: bytes | None
    value: bytes | None
    cut: bool

    @property
    def where(self) -> str:
        """The record's coordinates."""
        return f"{self.topic}[{self.raw_partition}]@{self.raw_offset}"

    @property
    def identity(self) -> str:
        """16 hex digits that are the same for the same record, however often it became a dead letter."""
        parts = (self.where.encode(), str(self.timestamp).encode(), self.key, self.value)
        text = b"".join(b"-" if part is None else b"%d:%b" % (len(part), part) for part in parts)
        return hashlib.blake2b(text, digest_size=8).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        return len(self.key or b"") + len(self.value or b"") + sum(len(name) + len(value or b"") for name, value in self.headers)


class Wanted(NamedTuple):
    """Which dead letters: of these reasons (all when empty), appended since then (epoch ms)."""

    reasons: frozenset[str] = frozenset()
    since_ms: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether a dead letter is among them."""
        return (not self.reasons or letter.reason in self.reasons) and (self.since_ms is None or letter.appended_ms >= self.since_ms)


def letter_of(record: Any) -> Letter:
    """The dead letter in a record of the dead-letter topic."""
    letter_headers = dict(record.headers)
    stamp = int(letter_headers.get(ORIGINAL_TIME, b"-1"))
    headers = tuple((name.removeprefix(ORIGINAL_HEADER), value) for name, value in record.headers if name.startswith(ORIGINAL_HEADER))
    coordinates = letter_headers["topic"].decode(), int(letter_headers["partition"]), int(letter_headers["offset"])
    return Letter(
        record.partition,
        record.offset,
        record.timestamp,
        letter_headers["reason"].decode(),
        letter_headers.get("detail", b"").decode(errors="replace"),
        *coordinates,
        stamp if stamp >= 0 else None,
        headers,
        record.key,
        record.value,
        CUT in letter_headers or CUT_HEADERS in letter_headers,
    )


class Reader:
    """The dead-letter topic from some time on to its end as of now."""

    def __init__(self, consumer: AIOKafkaConsumer, partitions: int, since_ms: int | None) -> None:
        self.consumer, self.partitions, self.since_ms = consumer, partitions, since_ms

    async def records(self, partition: int) -> AsyncIterator[Any]:
        """The committed records of one partition."""
        place = TopicPartition(DEAD_LETTER, partition)
        self.consumer.assign([place])
        end = (await self.consumer.end_offsets([place]))[place]
        begin = (await self.consumer.offsets_for_times({place: self.since_ms}))[place] if self.since_ms is not None else None
        if self.since_ms is not None and begin is None:
            return
        if begin is None:
            await self.consumer.seek_to_beginning(place)
        else:
            self.consumer.seek(place, begin.offset)
        while await self.consumer.position(place) < end:
            for records in (await self.consumer.getmany(place, timeout_ms=200)).values():
                for record in records:
                    if record.offset < end:
                        yield record

    async def letters(self, partition: int, wanted: Wanted) -> AsyncIterator[Letter]:
        """The dead letters of one partition that are wanted."""
        async for record in self.records(partition):
            reason = dict(record.headers).get("reason")
            if reason is not None and reason != RECEIPT.encode() and wanted.takes(letter := letter_of(record)):
                yield letter

    async def receipts(self) -> set[str]:
        """The identities of all records that were put back."""
        done: set[str] = set()
        for partition in range(self.partitions):
            async for record in self.records(partition):
                if dict(record.headers).get("reason") == RECEIPT.encode():
                    done |= set(msgspec.json.decode(record.value, type=list[str]))
        return done


class Listed(NamedTuple):
    """A dead letter, and whether it was put back."""

    letter: Letter
    put_back: bool


async def listing(settings: Settings, wanted: Wanted) -> AsyncIterator[Listed]:
    """All wanted dead letters, partition by partition. Raises TopicFault."""
    counts, _ = await raw_topics(settings)
    async with changelog.reading(settings, connection(settings)) as consumer:
        reader = Reader(consumer, counts[DEAD_LETTER], wanted.since_ms)
        done = await reader.receipts()
        for partition in range(reader.partitions):
            async for letter in reader.letters(partition, wanted):
                yield Listed(letter, letter.identity in done)


async def raw_topics(settings: Settings) -> tuple[dict[str, int], dict[str, int]]:
    """Partition counts of the dead-letter and raw topics, and how long the raw ones keep records (ms), where that may be asked. Raises TopicFault."""
    async with Admin(settings) as client:
        there = await partitions_of(client)
        missing = [topic for topic in (DEAD_LETTER, *TOPICS) if topic not in there]
        if missing:
            raise TopicFault(f"{', '.join(missing)}: missing on {settings.brokers}, or not shown to this user: grant it READ, or create it with 'kairos topics --create'")
        kept = {}
        for topic in TOPICS:
            text = value_of((await describe(client, [topic])).get(topic, []), "retention.ms")
            if text is not None and int(text) >= 0:
                kept[topic] = int(text)
    return there, kept


class Examiner:
    """How the installed version with these settings handles a dead letter."""

    def __init__(self, settings: Settings, kept_ms: dict[str, int], now_ms: int) -> None:
        self.settings, self.kept_ms, self.now_ms = settings, kept_ms, now_ms

    def fault(self, letter: Letter) -> str | None:
        """Why a dead letter stays where it is; None: its record is valid now."""
        if letter.topic not in TOPICS:
            return FOREIGN
        if letter.cut:
            return CUT_SHORT
        if letter.reason == "late":
            return LATE
        latest = self.now_ms + self.settings.future_ms if self.settings.clock == "wall" else None
        where = letter.topic, letter.raw_partition, [letter.raw_offset], [letter.key], [letter.value]
        chunk = decode_chunk(*where, next_offset=letter.raw_offset + 1, latest_ms=latest, max_bytes=self.settings.max_record_bytes)
        if chunk.rejects:
            return f"stays: still {chunk.rejects[0].reason}"
        kept = self.kept_ms.get(letter.topic)
        if letter.timestamp is not None and kept is not None and letter.timestamp < self.now_ms - kept:
            return EXPIRED
        return None


Summary = Counter[tuple[str, str, str]]
"""How many dead letters by reason, topic and what became of them."""


async def put_back(settings: Settings, wanted: Wanted, *, dry_run: bool, progress: Callable[[int, int], None]) -> Summary:
    """Put back the wanted dead letters that are valid now, each once; `progress` is called with the numbers looked at and put back so far.

    Raises TopicFault when another call comes between, or a topic refuses; what was put back until then stays so, and is known to the next call.
    """
    counts, kept = await raw_topics(settings)
    examiner = Examiner(settings, kept, int(time.time() * 1000))
    producer = None if dry_run else await begin(settings)
    summary: Summary = Counter()
    try:
        async with changelog.reading(settings, connection(settings)) as consumer:
            reader = Reader(consumer, counts[DEAD_LETTER], wanted.since_ms)
            done = await reader.receipts()
            for partition in range(reader.partitions):
                hand: list[Letter] = []
                async for letter in reader.letters(partition, wanted):
                    outcome = BEFORE if letter.identity in done else examiner.fault(letter) or PUT_BACK
                    summary[letter.reason, letter.topic, outcome] += 1
                    if outcome == PUT_BACK:
                        done.add(letter.identity)
                        hand.append(letter)
                    if len(hand) >= LETTERS or sum(one.size for one in hand) >= BYTES:
                        await write(producer, partition, hand, counts)
                        hand = []
                        progress(summary.total(), put(summary))
                await write(producer, partition, hand, counts)
                progress(summary.total(), put(summary))
    except ProducerFenced as error:
        raise TopicFault("another 'kairos dead-letters --put-back' of this application has begun: run it again when that has ended") from error
    except KafkaError as error:
        raise TopicFault(f"the broker refused: {words(error)}: what was put back so far is known, run it again when the cause is fixed") from error
    finally:
        if producer is not None:
            await producer.stop()
    return summary


def put(summary: Summary) -> int:
    """How many were put back."""
    return sum(count for (_, _, outcome), count in summary.items() if outcome == PUT_BACK)


async def begin(settings: Settings) -> AIOKafkaProducer:
    """A producer that ends any transaction an earlier call left open. It must begin before receipts are read. Raises TopicFault."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.brokers,
        transactional_id=f"{settings.app}-dead-letters",
        transaction_timeout_ms=TRANSACTION_MS,
        acks="all",
        max_request_size=64 * 1024 * 1024,
        **connection(settings),
    )
    try:
        await producer.start()
    except KafkaError as error:
        await producer.stop()
        raise TopicFault(f"{settings.app}-dead-letters: no transaction can be begun: {words(error)}: grant WRITE on this transactional id") from error
    return producer


async def write(producer: AIOKafkaProducer | None, partition: int, letters: list[Letter], counts: dict[str, int]) -> None:
    """One transaction: the records, and the receipt. Without a producer nothing is written."""
    if producer is None or not letters:
        return
    async with producer.transaction():
        try:
            sent = [
                await send(
                    producer,
                    letter.topic,
                    letter.value,
                    key=letter.key,
                    partition=partition_of(letter.key or b"", counts[letter.topic]),
                    timestamp_ms=letter.timestamp,
                    headers=list(letter.headers),
                )
                for letter in letters
            ]
            receipt = msgspec.json.encode([letter.identity for letter in letters])
            sent.append(await send(producer, DEAD_LETTER, receipt, partition=partition, headers=[("reason", RECEIPT.encode())]))
            await asyncio.gather(*sent)
        except (IllegalOperation, AssertionError) as error:  # what the client raises on a send after the broker has refused one
            waiter = producer._txn_manager._transaction_waiter
            if not waiter.done() or waiter.exception() is None:
                raise
            raise waiter.exception() from error


async def send(producer: AIOKafkaProducer, topic: str, value: bytes | None, **more: Any) -> asyncio.Future[Any]:
    """Send a record. Its error is raised where the future is awaited, and nowhere else."""
    sent: asyncio.Future[Any] = await producer.send(topic, value, **more)
    sent.add_done_callback(lambda done: done.cancelled() or done.exception())
    return sent

"""Erase a customer's state: the shard is taken from its worker, the customer's rows become tombstones, in one transaction.

The worker that owned the shard is fenced by it and ends at its next commit; started again, it restores without the customer. Where a
rebalance comes first, the shard is restored then.
Texts (such as numbers called) that no other row of the shard holds are deleted as well.
"""

from __future__ import annotations

import struct
import uuid
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced
from aiokafka.structs import OffsetAndMetadata

from schemas.raw import TOPICS
from streams.engine.clock import Ahead
from streams.engine.state.codec import SEPARATOR, Layout, record_key, split_key
from streams.engine.state.store import ABOUT, HEAD_KEY, LAYOUT, TEXT, Head, refuse_underway
from streams.kafka import books, changelog
from streams.kafka.connection import connection
from streams.kafka.topics import TopicFault, changelog_partitions
from streams.kafka.transaction import producer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import AIOKafkaConsumer

    from streams.kafka.producer import Producer
    from streams.settings import Settings

RECORDS = 5_000
"""Tombstones in one produced batch, at most."""
BATCH_BYTES = 16_384
NUMBERS_BEGIN = (4, 6)
"""Where the numbers of a row begin: behind its layout's fingerprint, and in lists of pairs behind the number of their members."""


class Receipt(NamedTuple):
    """What was erased in one shard: rows by part, and texts."""

    partition: int
    rows: Counter[str]
    texts: int


class Contents:
    """The live records of one changelog partition."""

    def __init__(self, pairs: dict[bytes, bytes]) -> None:
        self.pairs = pairs
        self.layouts = {bytes.fromhex(name): msgspec.json.decode(value, type=Layout) for name, value in self.within(LAYOUT)}
        self.codes = {int(name) for name, _ in self.within(TEXT)}
        """The codes of the stored texts."""
        self.with_texts = {fingerprint for fingerprint, layout in self.layouts.items() if not any(kind in ("digest", "moment") for _, kind, _ in layout.columns)}
        """The layouts of rows that may hold texts; remembered ids hold none."""

    def entries(self) -> Iterator[tuple[str, str, bytes]]:
        """Part, key within it, and value of each record."""
        for key, value in self.pairs.items():
            yield (*split_key(key), value)

    def within(self, part: str) -> Iterator[tuple[str, bytes]]:
        """Key and value of each record of one part."""
        begin = record_key(part, "")
        return ((key[len(begin) :].decode(), value) for key, value in self.pairs.items() if key.startswith(begin))

    def of(self, customer: str) -> list[tuple[str, str, bytes]]:
        """The state rows of a customer."""
        return [entry for entry in self.entries() if entry[0] not in ABOUT and entry[1].split(SEPARATOR, 1)[0] == customer]

    def texts(self, value: bytes) -> set[int]:
        """The codes of the texts in a row, whatever its part is: of those stored here, all that stand anywhere in it where a number can stand."""
        if value[:4] not in self.with_texts:
            return set()
        found: set[int] = set()
        for begin in NUMBERS_BEGIN:
            count = (len(value) - begin) // 8
            if count > 0:
                found.update(self.codes.intersection(struct.unpack_from(f"<{count}q", value, begin)))
        return found

    def head(self) -> Head | None:
        """The head row."""
        value = self.pairs.get(HEAD_KEY)
        return msgspec.json.decode(value, type=Head) if value is not None else None

    def tombstones(self, customer: str) -> tuple[list[tuple[bytes, bytes | None]], Counter[str], int]:
        """What to write so that nothing of the customer is left; the rows by part and the texts among it."""
        own = self.of(customer)
        keys = {record_key(part, name) for part, name, _ in own}
        mine = {code for *_, value in own for code in self.texts(value)} | {key_code for _, name, _ in own for key_code in codes_in(name)}
        if mine:
            for part, name, value in self.entries():
                if part not in ABOUT and record_key(part, name) not in keys:
                    mine -= self.texts(value) | codes_in(name)
        texts = [key for code in mine if (key := record_key(TEXT, str(code))) in self.pairs]
        written: list[tuple[bytes, bytes | None]] = [(key, None) for key in (*sorted(keys), *texts)]
        head = self.head()
        if head is not None:
            if head.ahead is not None and head.ahead.customer == customer:
                head.ahead = Ahead("", head.ahead.time)
            written.append((HEAD_KEY, msgspec.json.encode(head)))
        return written, Counter(part for part, *_ in own), len(texts)


def codes_in(name: str) -> set[int]:
    """The codes of values in the key of a finer row."""
    return {int(word) for word in name.split(SEPARATOR)[1:] if word.lstrip("-").isdigit()} if SEPARATOR in name else set()


async def erase(settings: Settings, customer: str) -> list[Receipt]:
    """Erase `customer` from every shard that holds state of it. Raises TopicFault when a worker comes between."""
    count = await changelog_partitions(settings)
    async with changelog.reading(settings, connection(settings)) as consumer:
        holding = [partition for partition in range(count) if Contents(await changelog.live(consumer, TopicPartition(settings.changelog, partition))).of(customer)]
        return [await erase_in(settings, consumer, partition, customer) for partition in holding]


async def erase_in(settings: Settings, consumer: AIOKafkaConsumer, partition: int, customer: str) -> Receipt:
    """Take the shard over, read it as it is then, and write the tombstones with the head row; only the customer's name in it changes.

    Raises TopicFault when a worker comes between or the reply to the end is lost, BooksDiffer where the shard could not go on anyway.
    """
    producer = producer_of(settings, connection(settings), partition)
    await producer.start()
    try:
        contents = Contents(await changelog.live(consumer, TopicPartition(settings.changelog, partition)))
        refuse_underway(contents.head())
        known = await books.read_books(settings, connection(settings), consumer, partition, contents.head())
        offsets = books.agree(known, settings).offsets
        written, rows, texts = contents.tombstones(customer)
        token = f"erase-{uuid.uuid4().hex[:12]}"
        await producer.begin_transaction()
        for begin in range(0, len(written), RECORDS):
            await write(producer, settings, partition, written[begin : begin + RECORDS])
        places = {TopicPartition(topic, partition): OffsetAndMetadata(offset, token if topic == TOPICS[0] else "") for topic, offset in offsets.items()}
        await producer.send_offsets_to_transaction(places, settings.app)
        await producer.commit_transaction()
    except ProducerFenced as error:
        raise TopicFault(f"{settings.changelog}[{partition}]: a worker took the shard back before the erasure was written: nothing was erased, run it again") from error
    except (KafkaError, TimeoutError) as error:
        raise TopicFault(f"{settings.changelog}[{partition}]: the broker did not confirm the erasure ({type(error).__name__}): run it again") from error
    finally:
        await producer.stop()
    return Receipt(partition, rows, texts)


async def write(producer: Producer, settings: Settings, partition: int, rows: list[tuple[bytes, bytes | None]]) -> None:
    """Write rows in batches that a topic of the smallest usual size takes."""
    batch = producer.batch(BATCH_BYTES)
    for key, value in rows:
        if batch.append(key=key, value=value, timestamp=None) is None:
            await (await producer.send_batch(batch, settings.changelog, partition=partition))
            batch = producer.batch(BATCH_BYTES)
            batch.append(key=key, value=value, timestamp=None)
    await (await producer.send_batch(batch, settings.changelog, partition=partition))

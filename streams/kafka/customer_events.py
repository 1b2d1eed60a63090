"""The events of one customer that the topics still hold."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.fault import KairosFault
from streams.kafka import changelog
from streams.kafka.connection import connection
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import Admin, partitions_of
from streams.logs import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaConsumer

    from streams.settings import Settings

DEADLINE_S = 15.0
"""How long is read, at most."""
MOST = 500
"""The newest so many events are kept."""


class CustomerFault(KairosFault):
    """The topics cannot be read."""


class Published(NamedTuple):
    """An event on its topic. `at_ms`: when it was appended, epoch ms; `reason`: why it was missed, None for a published one."""

    at_ms: int
    value: bytes
    reason: str | None


class Found(NamedTuple):
    """What was found. `read`: records that were looked at; `whole`: whether everything since the moment asked for was read and kept."""

    events: list[Published]
    read: int
    whole: bool


async def events_of(settings: Settings, customer: str, topics: Sequence[str], since_ms: int, deadline_s: float = DEADLINE_S) -> Found:
    """The events of `customer` on `topics`, appended since `since_ms` (epoch ms), in the order in which they were appended.

    First the partitions that Kafka's partitioner gives the key, then the others: raw records may come by another partitioner. Raises CustomerFault, BrokerUnreachable.
    """
    until = time.monotonic() + deadline_s
    key = customer.encode()
    try:
        async with Admin(settings) as client:
            counts = await partitions_of(client)
        there = [topic for topic in topics if topic in counts]
        likely = [TopicPartition(topic, partition_of(key, counts[topic])) for topic in there]
        others = [place for topic in there for number in range(counts[topic]) if (place := TopicPartition(topic, number)) not in likely]
        async with changelog.reading(settings, connection(settings)) as consumer:
            runs = [await read(consumer, key, places, since_ms, until) for places in (likely, others) if places]
    except (KafkaError, OSError) as error:
        raise CustomerFault(f"the events topics cannot be read: {words(error)}: grant READ on them, or try again") from error
    events = sorted((event for events, _, _ in runs for event in events), key=lambda event: event.at_ms)
    return Found(events[-MOST:], sum(count for _, count, _ in runs), all(whole for _, _, whole in runs) and len(events) <= MOST)


async def read(consumer: AIOKafkaConsumer, key: bytes, places: list[TopicPartition], since_ms: int, until: float) -> tuple[list[Published], int, bool]:
    """The events with this key in `places`, how many records were read, and whether all were."""
    consumer.assign(places)
    ends = await consumer.end_offsets(places)
    begins = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
    waiting = {place for place in places if begins[place] is not None and begins[place].offset < ends[place]}
    for place in places:
        consumer.seek(place, begins[place].offset if place in waiting else ends[place])
    found: list[Published] = []
    count = 0
    while waiting and time.monotonic() < until:
        for records in (await consumer.getmany(*waiting, timeout_ms=200, max_records=5_000)).values():
            count += len(records)
            found += [published(record) for record in records if record.key == key and record.value is not None]
        waiting = {place for place in waiting if await consumer.position(place) < ends[place]}
        await asyncio.sleep(0)
    return found, count, not waiting


def published(record: Any) -> Published:
    """A record of an events topic. Of the missed topic with its reason, which is a header."""
    reason = dict(record.headers).get("reason")
    return Published(record.timestamp, record.value, reason.decode(errors="replace") if reason is not None else None)

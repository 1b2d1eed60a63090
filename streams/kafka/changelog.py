"""The changelog: a shard's state rows as a compacted partition, read back in bulk."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.settings import Settings

FETCH_BYTES = 32 * 1024 * 1024
FETCH_WAIT_MS = 10
"""A fetch that waits longer at the end of the topic delays all other requests on the same connection: with 500 ms a restore took 3 s longer."""


def reader(settings: Settings, connection: dict[str, Any]) -> AIOKafkaConsumer:
    """A consumer that reads committed records, and belongs to no group."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.brokers,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        **connection,
    )


@asynccontextmanager
async def reading(settings: Settings, connection: dict[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """A `reader`, started, and stopped at the end."""
    consumer = reader(settings, connection)
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def rows(consumer: AIOKafkaConsumer, place: TopicPartition) -> AsyncIterator[list[tuple[bytes, bytes | None]]]:
    """The records of a changelog partition up to its present end, run by run.

    Holes at the end (transaction markers, compacted records) do not matter: the position passes them.
    """
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    end = (await consumer.end_offsets([place]))[place]
    while await consumer.position(place) < end:
        for records in (await consumer.getmany(place, timeout_ms=200)).values():
            yield [(record.key, record.value) for record in records]

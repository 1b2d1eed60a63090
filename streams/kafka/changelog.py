"""The changelog: a shard's state rows as a compacted partition, read back in bulk."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, LeaderNotAvailableError, OffsetOutOfRangeError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.fetch import FetchRequest

from streams.kafka.batches import batches_of, records_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import TopicPartition
    from aiokafka.client import AIOKafkaClient

    from streams.engine.state.changes import Records
    from streams.settings import Settings

FETCH_BYTES = 32 * 1024 * 1024
FETCH_WAIT_MS = 10
"""A fetch that waits longer at the end of the topic delays all other requests on the same connection: with 500 ms a restore took 3 s longer."""

READ_COMMITTED = 1
RETRY_S = 0.1
"""Between two requests where the first was not answered."""


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


async def started(settings: Settings, connection: dict[str, Any]) -> AIOKafkaConsumer:
    """A `reader`, started. Raises KafkaError."""
    consumer = reader(settings, connection)
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


@asynccontextmanager
async def reading(settings: Settings, connection: dict[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """A `reader`, started, and stopped at the end."""
    consumer = await started(settings, connection)
    try:
        yield consumer
    finally:
        await consumer.stop()


async def rows(consumer: AIOKafkaConsumer, place: TopicPartition) -> AsyncIterator[Records]:
    """The records of a changelog partition up to its present end, run by run; while one is read, the next is fetched. Raises KafkaError.

    Holes at the end (transaction markers, compacted records) do not matter: the position passes them.
    """
    position, end = [(await ask([place]))[place] for ask in (consumer.beginning_offsets, consumer.end_offsets)]
    fetching = asyncio.ensure_future(fetch(consumer._client, place, position))
    try:
        while position < end:
            try:
                data, aborted = await fetching
            except OffsetOutOfRangeError:  # what was there is deleted
                position = max(position, (await consumer.beginning_offsets([place]))[place])
                fetching = asyncio.ensure_future(fetch(consumer._client, place, position))
                continue
            batches = list(batches_of(data))
            begin, position = position, max(position, *(batch.last + 1 for batch in batches), 0)
            if position < end:
                fetching = asyncio.ensure_future(fetch(consumer._client, place, position))
            yield records_of(batches, begin, aborted)
    finally:
        fetching.cancel()
        await asyncio.wait([fetching])


async def live(consumer: AIOKafkaConsumer, place: TopicPartition) -> dict[bytes, bytes]:
    """The live records of a changelog partition: the last value of each key that was not deleted."""
    pairs: dict[bytes, bytes] = {}
    async for run in rows(consumer, place):
        for key, value in run.pairs():
            if value is None:
                pairs.pop(key, None)
            else:
                pairs[key] = value
    return pairs


async def fetch(client: AIOKafkaClient, place: TopicPartition, position: int) -> tuple[bytes, list[tuple[int, int]]]:
    """What the leader has from `position` on, at most `FETCH_BYTES` or one batch, and the producers and offsets of aborted transactions in it.

    Asks again as long as there is no leader or no answer. Raises TopicAuthorizationFailedError, OffsetOutOfRangeError.
    """
    request = FetchRequest(FETCH_WAIT_MS, 1, FETCH_BYTES, READ_COMMITTED, [(place.topic, [(place.partition, position, FETCH_BYTES)])])
    while True:
        try:
            leader = client.cluster.leader_for_partition(place)
            if leader is None or leader < 0:
                raise LeaderNotAvailableError(place)
            response = await client.send(leader, request)
            ((_, ((_, error, _, *others),)),) = response.topics
            if error:
                raise for_code(error)(place)
            return bytes(others[-1] or b""), others[2] if response.API_VERSION >= 11 else others[-2]
        except (TopicAuthorizationFailedError, OffsetOutOfRangeError):
            raise
        except KafkaError:
            client.force_metadata_update()
            await asyncio.sleep(RETRY_S)

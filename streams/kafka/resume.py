"""`--resume-from-state`: before a worker starts, shards whose state, offsets and topics do not agree are set to what their state says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from aiokafka import TopicPartition

from streams.engine.state.store import HEAD_KEY, Head
from streams.kafka import books, changelog
from streams.kafka.transaction import NOTHING, Transactions
from streams.logs import log

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from streams.metrics import Metrics
    from streams.settings import Settings

logger = logging.getLogger("kairos.worker")


async def resume_from_state(settings: Settings, connection: dict[str, Any], metrics: Metrics, partitions: int) -> None:
    """Set the group's offsets to those of the state, shard by shard, where they do not agree, and log what that loses or repeats.

    Shards that agree are not changed; the owners of the others are fenced. Raises BooksDiffer where there is no state to start from.
    """
    async with changelog.reading(settings, connection) as consumer:
        for partition in range(partitions):
            try:
                books.agree(await read(settings, connection, consumer, partition), settings)
            except books.BooksDiffer:
                await resume(settings, connection, metrics, consumer, partition)


async def read(settings: Settings, connection: dict[str, Any], consumer: AIOKafkaConsumer, partition: int) -> books.Books:
    """State, offsets and topics of a shard; the head row is read from its changelog."""
    value: bytes | None = None
    async for run in changelog.rows(consumer, TopicPartition(settings.changelog, partition)):
        short = run.some(np.flatnonzero(run.keys.lengths == len(HEAD_KEY)))  # all others are not even made
        value = next((row for key, row in reversed([*short.pairs()]) if key == HEAD_KEY), value)
    head = msgspec.json.decode(value, type=Head) if value is not None else None
    return await books.read_books(settings, connection, consumer, partition, head)


async def resume(settings: Settings, connection: dict[str, Any], metrics: Metrics, consumer: AIOKafkaConsumer, partition: int) -> None:
    """Take a shard over, and commit where it continues."""
    transactions = Transactions(partition, settings, metrics, connection=connection, dead_letter_bytes=0, raw_partitions=0, topic_bytes={})
    await transactions.begin()
    try:
        known = await read(settings, connection, consumer, partition)
        agreed = books.resume(known, settings)
        for remark in agreed.remarks:
            log(logger, logging.WARNING, remark, app=settings.app)
        head = known.head or Head()
        transactions.last, transactions.committed, transactions.head = known.group.token, agreed.offsets, head.moved(head.offsets, agreed.passed)
        await transactions.commit(NOTHING)
    finally:
        await transactions.close()

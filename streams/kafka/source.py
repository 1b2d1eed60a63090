"""Raw records to the raw topics at the pace at which they happen: what a simulated network sends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from streams.kafka.connection import connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.settings import Settings
    from streams.simulation.city import Raw

LINGER_MS = 20
BATCH_BYTES = 262_144
REPORT_S = 10.0
"""How often progress is reported."""


async def send(settings: Settings, records: Iterable[Raw], report: Callable[[int, int], None]) -> int:
    """Send `records`, in order of event time, each no sooner than its event time on the wall clock. Returns how many were sent.

    `report(sent, at)` is called every ten seconds with the records sent and the event time reached (epoch ms). Raises KafkaError.
    """
    producer = AIOKafkaProducer(bootstrap_servers=settings.brokers, linger_ms=LINGER_MS, max_batch_size=BATCH_BYTES, acks="all", **connection(settings))
    await producer.start()
    sent, reported = 0, time.monotonic()
    try:
        for record in records:
            ahead = record.at / 1000 - time.time()
            if ahead > 0:
                await producer.flush()
                while ahead > 0:
                    await asyncio.sleep(min(ahead, 1.0))
                    ahead = record.at / 1000 - time.time()
            await producer.send(record.topic, record.value, key=record.key, timestamp_ms=record.at)
            sent += 1
            if time.monotonic() - reported >= REPORT_S:
                reported = time.monotonic()
                report(sent, record.at)
    finally:
        await producer.stop()
    return sent

"""`python -m tests.speed.floor BROKERS RECORDS`: the floor: aiokafka's fetch and msgspec's typed decoding of what the five rules read, in one process; prints JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.raw import TOPICS
from tests.speed.lab import PARTITIONS
from tests.speed.testbed import memory_bytes

FETCH_BYTES, MOST = 4 << 20, 20_000


class Billing(msgspec.Struct, gc=False):
    """What is read of raw.billing."""

    customer_id: str
    event_time: str
    bucket_kind: str
    operation: str
    balance_after: int


class Usage(msgspec.Struct, gc=False):
    """What is read of raw.usage."""

    customer_id: str
    event_time: str
    total_bytes: int = 0


class Network(msgspec.Struct, gc=False):
    """What is read of raw.network."""

    customer_id: str
    event_time: str
    cell_id: str


class Service(msgspec.Struct, gc=False):
    """What is read of raw.service."""

    customer_id: str
    event_time: str


STRUCTS = {"raw.billing": Billing, "raw.usage": Usage, "raw.network": Network, "raw.service": Service}


async def run(brokers: str, records: int) -> dict[str, float]:
    """Fetch and decode `records` records: from the first fetched on."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers, auto_offset_reset="earliest", enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES, fetch_max_bytes=16 * FETCH_BYTES, check_crcs=False
    )
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)])
    await consumer.seek_to_beginning()
    decode = {topic: msgspec.json.Decoder(struct).decode for topic, struct in STRUCTS.items()}
    marks: list[tuple[float, float]] = []
    done = 0
    while done < records:
        for place, found in (await consumer.getmany(timeout_ms=1000, max_records=MOST)).items():
            if not marks:
                marks.append((time.perf_counter(), time.process_time()))
            read = decode[place.topic]
            for record in found:
                read(record.value)
            if done < records // 2 <= done + len(found):
                marks.append((time.perf_counter(), time.process_time()))
            done += len(found)
    marks.append((time.perf_counter(), time.process_time()))
    await consumer.stop()
    (wall, cpu), (half_wall, half_cpu), (end_wall, end_cpu) = marks
    return {
        "records": done,
        "rate": done / (end_wall - wall),
        "rate_second": done / 2 / (end_wall - half_wall),
        "cpu_us": (end_cpu - cpu) / done * 1e6,
        "cpu_us_second": (end_cpu - half_cpu) / (done / 2) * 1e6,
        "peak_mb": memory_bytes(os.getpid())[1] / 1e6,
    }


if __name__ == "__main__":
    gc.set_threshold(200_000, 50, 1000)
    print(json.dumps(asyncio.run(run(sys.argv[1], int(sys.argv[2])))))

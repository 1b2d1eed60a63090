"""On a real broker: the short form of the soak (`python -m tests.speed soak`). Restarts and new customers leave events, memory and state topic as they must be."""

from __future__ import annotations

import asyncio
import time

import pytest

from streams.definitions.catalogue import Catalogue
from streams.kafka.topics import wanted_topics
from streams.settings import load
from tests.broker.kafka import create_topics, read_all
from tests.broker.workers import Cluster, replayed
from tests.speed.growing import Day, customers_after
from tests.speed.testbed import memory_bytes
from tests.speed.traffic import reference

pytestmark = pytest.mark.broker
PARTS, KILLED, LASTING = 6, 1, 3
"""A new worker for each part up to `LASTING`, whose worker does the rest; one is killed in the middle of a part."""
DAY = Day(0, rate=100, seconds=240, hours=24)
SEGMENT = "1048576"
"""As small as a broker takes it: what 32 MiB are to more customers."""
PER_ROW = 1.5
"""Records of the state topic for each row, once it is compacted: 30 % may be old, and the newest segment is never compacted."""
PER_CUSTOMER = 10_000
"""Bytes of memory for each new customer, from one restart to another: 4,400 were measured."""
PER_RECORD = 4_500
"""Bytes of memory for each record of one worker: 2,800 were measured, since after a restart the first new rows double the arrays; 5,500 where it kept what it had committed."""
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_ARENA_MAX": "1"}
"""The allocator of glibc returns at once what is free of arrays: what a worker then has is what it holds."""
COMPACTED_S = 60.0


@pytest.fixture
def cluster(kafka, tmp_path):
    """An application with one partition, on topics as Kairos makes them but for the small segments of the state."""
    cluster = Cluster(kafka, tmp_path, partitions=1)
    cluster.fresh_topics(create=False)
    topics = wanted_topics(load({"app": cluster.app}, environ={}), Catalogue.load().families)
    topics[f"{cluster.app}.state"] |= {"segment.bytes": SEGMENT, "max.message.bytes": SEGMENT}
    asyncio.run(create_topics(kafka, dict.fromkeys(topics, 1), topics))
    yield cluster
    cluster.end()


def compacted(cluster):
    """Wait until the broker has compacted the state topic."""
    deadline = time.monotonic() + COMPACTED_S
    while True:
        keys = [record.key for record in asyncio.run(read_all(cluster.bootstrap, [f"{cluster.app}.state"]))]
        if len(keys) / len(set(keys)) <= PER_ROW:
            return
        assert time.monotonic() < deadline, f"not compacted: {len(keys):,} records of the state topic for {len(set(keys)):,} rows"
        time.sleep(2)


@pytest.mark.timeout(300)
def test_restarts_and_new_customers_leave_memory_and_state_topic_flat_and_the_events_of_a_replay(cluster, tmp_path):
    tables, records = reference(tmp_path / "reference"), DAY.traffic().records(DAY.records)
    (tmp_path / "day.jsonl").write_bytes(b"".join(value + b"\n" for _, _, value in records))

    def start():
        return cluster.start("--reference", str(tables), "--instance", "soak", environment={"KAIROS_BATCH_RECORDS": "200", **GIVES_BACK})

    resident, size, worker = [], len(records) // PARTS, None
    for part in range(PARTS):
        cluster.produce((topic, None, key, value) for topic, key, value in records[part * size : (part + 1) * size])
        if part == LASTING:
            compacted(cluster)
        if worker is None:
            worker = start()
        if part == KILLED:
            cluster.wait_begun()
            worker.kill()
            worker.wait()
            worker = start()
        cluster.wait_worked_off()
        resident.append(memory_bytes(worker.pid)[0])
        if part < LASTING:
            worker.terminate()
            assert worker.wait(25) == 0
            worker = None

    assert cluster.ids() == replayed(tmp_path / "day.jsonl", tables, 1)
    assert cluster.dead_letters() == []
    read = [f"{one / 1e6:.1f} MB" for one in resident]
    assert (resident[LASTING] - resident[0]) / (customers_after((LASTING + 1) * size) - customers_after(size)) < PER_CUSTOMER, read
    assert (resident[-1] - resident[LASTING]) / ((PARTS - 1 - LASTING) * size) < PER_RECORD, read

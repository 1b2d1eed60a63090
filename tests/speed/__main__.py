"""`make bench`: records/s and CPU µs a record of (a) fetch and decode alone, (b) replay, (c) the worker end to end.

Each runs in a process of its own; the broker and the broker's work are in another. Only ratios within one run are worth comparing.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from schemas.raw import TOPICS
from tests.broker.kafka import create_topics, produce
from tests.broker.workers import OUTPUTS, Cluster
from tests.speed.testbed import Feed, cpu_seconds, machine, own_broker, say
from tests.speed.traffic import Traffic

CUSTOMERS = 200_000
WARM = 600_000
RECORDS = int(os.environ.get("BENCH_RECORDS", "600000"))


def floor(bootstrap: str) -> dict[str, float]:
    """(a) aiokafka's fetch, and decoding into typed columns with the validity rules."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    from streams.intake.decode import decode_chunk

    async def run() -> tuple[float, float, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304, enable_auto_commit=False)
        await consumer.start()
        places = [TopicPartition(topic, p) for topic in TOPICS for p in range(4)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        total = sum((await consumer.end_offsets(places)).values())
        wall, cpu, done = time.perf_counter(), time.process_time(), 0
        while done < total:
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                offsets = [record.offset for record in records]
                decode_chunk(
                    place.topic, place.partition, offsets, [r.key for r in records], [r.value for r in records], next_offset=offsets[-1] + 1, latest_ms=None, max_bytes=1_048_576
                )
                done += len(records)
        result = time.perf_counter() - wall, time.process_time() - cpu, done
        await consumer.stop()
        return result

    gc.set_threshold(200_000, 50, 1000)
    wall, cpu, done = asyncio.run(run())
    return {"records": done, "wall": wall, "cpu": cpu}


def replay() -> dict[str, float]:
    """(b) decode, merge, detect, encode: 200,000 customers with state, no broker."""
    from streams.builder import shard_builder
    from streams.settings import load

    gc.set_threshold(200_000, 50, 1000)
    build, _ = shard_builder(load({"clock": "records"}, environ={}), keep_state=False)
    feed, traffic = Feed(build(0)), Traffic(CUSTOMERS)
    feed.work(traffic.records(WARM))
    records = traffic.records(RECORDS)
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    events = feed.work(records)
    return {"records": len(records), "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "events": events}


def worker(bootstrap: str, folder: Path) -> dict[str, float]:
    """(c) the worker: four partitions of a preloaded broker, transactions and changelog included, from its first commit to its last."""
    cluster = Cluster(bootstrap, folder)
    asyncio.run(
        create_topics(
            bootstrap,
            dict.fromkeys([*OUTPUTS, "customer-events.dead-letter", "customer-events.missed", f"{cluster.app}.state"], 4),
            {f"{cluster.app}.state": {"cleanup.policy": "compact"}},
        )
    )
    total = asyncio.run(cluster.lag())
    process = cluster.start("--log-level", "warning")
    begun: tuple[float, float, int] | None = None
    try:
        while True:
            lag = asyncio.run(cluster.lag())
            now = time.perf_counter(), cpu_seconds(process.pid), total - lag
            if begun is None and lag < total:
                begun = now
            if lag == 0:
                break
            if process.poll() is not None:
                raise SystemExit(cluster.logs()[-2000:])
            time.sleep(0.1)
    finally:
        cluster.end()
    assert begun is not None
    return {"records": now[2] - begun[2], "wall": now[0] - begun[0], "cpu": now[1] - begun[1]}


def main() -> None:
    """Run all three and print the table."""
    if len(sys.argv) > 1:
        part = {"floor": lambda: floor(sys.argv[2]), "replay": replay, "worker": lambda: worker(sys.argv[2], Path(sys.argv[3]))}[sys.argv[1]]
        print(json.dumps(part()))
        return
    with own_broker() as (broker, folder):
        say(f"preloading {RECORDS:,} records of {CUSTOMERS:,} customers …")
        asyncio.run(create_topics(broker.bootstrap, dict.fromkeys(TOPICS, 4)))
        asyncio.run(produce(broker.bootstrap, ((topic, None, key, value) for topic, key, value in Traffic(CUSTOMERS).records(RECORDS))))
        results = {part: measured(part, broker.bootstrap, folder) for part in ("floor", "replay", "worker")}
    report(results)


def measured(part: str, bootstrap: str, folder: Path) -> dict[str, float]:
    """One part in a process of its own."""
    say(f"measuring {part} …")
    done = subprocess.run([sys.executable, "-m", "tests.speed", part, bootstrap, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


def report(results: dict[str, dict[str, float]]) -> None:
    """The table."""
    says = {"floor": "(a) aiokafka fetch + typed decode", "replay": "(b) replay engine, all definitions", "worker": "(c) worker on a real broker"}
    cpu = {name: 1e6 * result["cpu"] / result["records"] for name, result in results.items()}
    print(f"\n{'':38}{'records/s':>12}{'CPU us/record':>16}{'CPU vs (a)':>12}")
    for name, result in results.items():
        print(f"{says[name]:38}{result['records'] / result['wall']:>12,.0f}{cpu[name]:>16.2f}{cpu[name] / cpu['floor']:>12.2f}")
    print(f"\n{RECORDS:,} records of 466 bytes, {CUSTOMERS:,} customers, {machine()}")


if __name__ == "__main__":
    main()

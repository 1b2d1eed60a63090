"""How fast a worker reads its state back: `python -m tests.speed restore`, four shards.

The state is what the engine makes of three records of each customer, written by the worker's own transactions as compaction leaves it:
the last value of every key. The raw topics are empty, so the worker has nothing to do but to restore.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

from schemas.raw import TOPICS
from streams.builder import shard_builder
from streams.cli.demo import free_port
from streams.engine.state.changes import Changes, Records
from streams.engine.state.keymap import Latest
from streams.engine.state.packing import Values
from streams.engine.state.store import CLOCK, HEAD_KEY
from streams.kafka.partitioner import partition_of
from streams.kafka.transaction import NOTHING, Transactions
from streams.metrics import Metrics
from streams.settings import load
from tests.broker.workers import PARTITIONS, Cluster
from tests.speed.testbed import CHUNK, Feed, cpu_seconds, log_lines, memory_bytes, own_broker, say
from tests.speed.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from streams.settings import Settings
    from streams.shard import Shard

RECORDS_EACH = 3
LONGEST_S = 900


class Written(NamedTuple):
    """What is in the changelog."""

    records: int
    size: int
    """Bytes of keys and values, before compression."""


class Restored(NamedTuple):
    """What the worker's start came to."""

    shards: list[tuple[int, int, float]]
    """Partition, rows and seconds of each shard; they restore side by side in one process."""
    ready_s: float
    cpu_s: float
    memory: tuple[int, int]


def detected(customers: int, build: Callable[[int], Shard]) -> list[Feed]:
    """The shards after some records of each customer, and what is stored of them."""
    shards = [build(partition) for partition in range(PARTITIONS)]
    feeds, traffic = [Feed(shard) for shard in shards], Traffic(customers, in_turn=True)
    for feed in feeds:
        feed.rows = Latest()
    total = RECORDS_EACH * customers
    for begin in range(0, total, PARTITIONS * CHUNK):
        parted: list[list[tuple[str, bytes, bytes]]] = [[] for _ in feeds]
        for record in traffic.records(min(PARTITIONS * CHUNK, total - begin)):
            parted[partition_of(record[1], PARTITIONS)].append(record)
        for feed, records in zip(feeds, parted, strict=True):
            feed.work(records)
    return feeds


def compacted(feed: Feed) -> Changes:
    """What compaction leaves of a shard's changelog."""
    assert feed.rows is not None  # `detected` has set it
    parts = feed.rows.parts()
    head = feed.rows.value_strings(parts.pop(CLOCK)).listed()[0]
    return Changes([Records(feed.rows.key_strings(numbers), Values.kept(feed.rows.value_strings(numbers))) for numbers in parts.values()], (HEAD_KEY, head))


async def write(feed: Feed, settings: Settings) -> Written:
    """All rows of the shard into its changelog partition, as a worker commits them."""
    transactions = Transactions(feed.shard.partition, settings, Metrics(), connection={}, dead_letter_bytes=0, raw_partitions=PARTITIONS, topic_bytes={})
    transactions.committed = dict.fromkeys(TOPICS, 0)
    records = size = 0
    for rows in compacted(feed).pieces(settings.batch_records):
        await transactions.commit(NOTHING._replace(rows=rows))
        records += len(rows)
        size += sum(len(one.keys.data) + len(one.values.strings.data) for one in rows.records)
    await transactions.close()
    return Written(records, size)


def fill(settings: Settings, customers: int) -> Written:
    """The changelog of all shards."""
    build, _ = shard_builder(settings)

    def placed(partition: int) -> Shard:
        shard = build(partition)
        shard.engine.state.facts["partitions"] = PARTITIONS
        return shard

    say(f"running {RECORDS_EACH * customers:,} records of {customers:,} customers through the engine …")
    feeds = detected(customers, placed)
    say("writing the changelog …")
    written = [asyncio.run(write(feed, settings)) for feed in feeds]
    return Written(*map(sum, zip(*written, strict=True)))


def start(cluster: Cluster) -> Restored:
    """Start a worker and wait until it is ready."""
    port = free_port()
    begin = time.perf_counter()
    worker = cluster.start("--metrics-port", str(port))
    try:
        while not ready(port):
            if worker.poll() is not None or time.perf_counter() - begin > LONGEST_S:
                raise SystemExit(cluster.logs()[-3000:])
            time.sleep(0.02)
        ready_s = time.perf_counter() - begin
        return Restored(sorted(restored(cluster, worker)), ready_s, cpu_seconds(worker.pid), memory_bytes(worker.pid))
    finally:
        cluster.end()


def ready(port: int) -> bool:
    """Whether /readyz says ok."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=60) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def restored(cluster: Cluster, worker: subprocess.Popen[bytes]) -> Iterable[tuple[int, int, float]]:
    """Partition, rows and seconds of each shard, as the worker logs them."""
    return [(line["shard"], line["rows"], line["seconds"]) for line in log_lines(cluster, worker, "shard restored")]


def stored_bytes(folder: Path, topic: str) -> int:
    """Bytes of a topic in the broker's folder, compressed as they are."""
    return sum(path.stat().st_size for path in folder.glob(f"data/{topic}-*/*.log"))


def figures(customers: int) -> dict[str, float]:
    """What reading the state of `customers` back comes to. This process's memory is of the state, so it is best one of its own."""
    gc.set_threshold(200_000, 50, 1000)
    with own_broker() as (broker, folder):
        cluster = Cluster(broker.bootstrap, folder)
        cluster.fresh_topics()
        written = fill(load({"brokers": broker.bootstrap, "app": cluster.app, "clock": "records"}, environ={}), customers)
        gc.collect()
        say(f"starting a worker on {written.records:,} changelog records …")
        result, stored = start(cluster), stored_bytes(broker.folder, f"{cluster.app}.state")
    rows, seconds = sum(rows for _, rows, _ in result.shards), max(seconds for *_, seconds in result.shards)
    return {
        "customers": customers,
        "rows": rows,
        "rows_per_s": rows / seconds,
        "restore_s": seconds,
        "ready_s": result.ready_s,
        "cpu_s": result.cpu_s,
        "written_mb": written.size / 1e6,
        "stored_mb": stored / 1e6,
        "peak_mb": result.memory[1] / 1e6,
    }

"""`python -m tests.speed.takeover`: seconds without events when a worker dies or leaves, TAKEOVER_RUNS times (5) for each way.

Live traffic of a steady rate goes on all the while, and a read_committed consumer notes when events arrive. A run is the time from the
signal to the arrival of the first event that the successor made on a partition the struck worker owned: one whose timestamp
is not before the successor's log says that it has restored that shard.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import time
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.settings import Settings
from tests.broker.workers import OUTPUTS, PARTITIONS, Cluster
from tests.speed.testbed import log_lines, machine, own_broker, say
from tests.speed.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

RUNS = int(os.environ.get("TAKEOVER_RUNS", "5"))
CUSTOMERS = 20_000
WARM = 60_000
ACTIVE = 400
"""Customers that live traffic is of: few, so that their balances fall and are topped up all the time."""
RATE = 1_000
"""Records a second, of all partitions together."""
EVERY_S = 0.02
LONGEST_S = 60.0
SETTLED_S = (1.0, 3.0)
"""After the last partition has given events again, until the next blow: drawn, so that no run meets the heartbeats at the same moment."""


class Arrival(NamedTuple):
    """An event as a consumer sees it, epoch seconds."""

    partition: int
    made: float
    arrived: float


class Run(NamedTuple):
    """Seconds from the signal to what followed."""

    begun: float
    """The successor began to restore the shard whose event came first."""
    restored: float
    first: float
    """The first event arrived."""
    all: float
    """Every partition that the struck worker owned has given an event."""


class Live:
    """Traffic, and what comes of it."""

    def __init__(self, bootstrap: str) -> None:
        self.traffic = Traffic(CUSTOMERS, in_turn=True, live=True)
        self.producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        self.arrivals: list[Arrival] = []

    async def produce(self) -> None:
        """The warming up at once, then records at the steady rate."""
        await self._send(WARM)
        self.traffic.among(ACTIVE)
        due = time.monotonic()
        while True:
            await self._send(round(RATE * EVERY_S))
            due += EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _send(self, count: int) -> None:
        for topic, key, value in self.traffic.records(count):
            await self.producer.send(topic, value, key=key)

    async def watch(self) -> None:
        """Note every event."""
        self.consumer.assign([TopicPartition(topic, partition) for topic in OUTPUTS for partition in range(PARTITIONS)])
        while True:
            found = await self.consumer.getmany(timeout_ms=100)
            now = time.time()
            self.arrivals += [Arrival(place.partition, record.timestamp / 1000, now) for place, records in found.items() for record in records]


@asynccontextmanager
async def live(bootstrap: str) -> AsyncIterator[Live]:
    """Traffic that goes on until the end."""
    made = Live(bootstrap)
    await made.producer.start()
    await made.consumer.start()
    tasks = [asyncio.create_task(made.produce()), asyncio.create_task(made.watch())]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await made.producer.stop()
        await made.consumer.stop()


class Group:
    """The workers of the application, each on its default session timeout."""

    def __init__(self, cluster: Cluster, traffic: Live) -> None:
        self.cluster, self.live, self.chance = cluster, traffic, Random(1)

    def start(self, instance: str | None = None) -> subprocess.Popen[bytes]:
        """A worker; `instance`: its static id."""
        named = ("--instance", instance) if instance else ()
        return self.cluster.start(*named, clock="wall", environment={"KAIROS_SESSION_TIMEOUT_S": str(Settings().session_timeout_s)})

    def owned(self, worker: subprocess.Popen[bytes]) -> dict[int, tuple[float, float]]:
        """The shards that a worker has restored and not released, with the epoch seconds at which it was done and what it took."""
        held: dict[int, tuple[float, float]] = {}
        for line in log_lines(self.cluster, worker, "shard restored", "shard released"):
            if line["message"] == "shard released":
                held.pop(line["shard"], None)
            else:
                held[line["shard"]] = datetime.fromisoformat(line["time"]).timestamp(), line["seconds"]
        return held

    async def settle(self, workers: list[subprocess.Popen[bytes]]) -> None:
        """Wait until the workers share the partitions evenly and all of them give events."""
        shares = [PARTITIONS // len(workers)] * len(workers)
        begin = time.time()
        while True:
            fresh = {arrival.partition for arrival in self.live.arrivals if arrival.made > begin}
            if len(fresh) == PARTITIONS and [len(self.owned(worker)) for worker in workers] == shares:
                break
            self.patience(begin)
            await asyncio.sleep(0.1)
        await asyncio.sleep(self.chance.uniform(*SETTLED_S))

    def patience(self, begin: float) -> None:
        """Give up on what takes too long."""
        if time.time() - begin > LONGEST_S:
            raise SystemExit(f"no end within {LONGEST_S} s\n{self.cluster.logs()[-3000:]}")

    async def measure(self, struck: float, owned: set[int], successor: subprocess.Popen[bytes]) -> Run:
        """Wait until the successor has made an event on every partition that was owned."""
        while True:
            restored = {partition: times for partition, times in self.owned(successor).items() if partition in owned and times[0] > struck}
            first: dict[int, float] = {}
            for partition, made, arrived in self.live.arrivals:
                if partition in restored and made >= restored[partition][0]:
                    first.setdefault(partition, arrived)
            if first.keys() >= owned:
                break
            self.patience(struck)
            await asyncio.sleep(0.05)
        partition = min(first, key=first.__getitem__)
        done, took = restored[partition]
        return Run(done - took - struck, done - struck, first[partition] - struck, max(first.values()) - struck)

    async def restarted(self) -> list[Run]:
        """(a) kill -9 of the only worker, which has a static id, and is started again at once."""
        worker = self.start("w1")
        runs = []
        for _ in range(RUNS):
            await self.settle([worker])
            owned, struck = set(self.owned(worker)), time.time()
            worker.kill()
            worker.wait()
            worker = self.start("w1")
            runs.append(reported(await self.measure(struck, owned, worker)))
        return runs

    async def taken_over(self, how: signal.Signals, ids: tuple[str | None, str | None]) -> list[Run]:
        """(b), (c), (d): one of two workers is struck, and the other takes its shards; then the first is started again."""
        workers = {name or str(number): (name, self.start(name)) for number, name in enumerate(ids)}
        runs = []
        for number in range(RUNS):
            await self.settle([worker for _, worker in workers.values()])
            key, other = list(workers)[:: 1 if number % 2 else -1]
            name, worker = workers[key]
            owned, struck = set(self.owned(worker)), time.time()
            worker.send_signal(how)
            runs.append(reported(await self.measure(struck, owned, workers[other][1])))
            await asyncio.to_thread(worker.wait)
            workers[key] = name, self.start(name)
        return runs


def reported(run: Run) -> Run:
    """The run, reported on stderr."""
    say(f"  first event after {run.first:.2f} s (restore begun {run.begun:.2f}, done {run.restored:.2f}), all partitions after {run.all:.2f} s")
    return run


WAYS: dict[str, Callable[[Group], Awaitable[list[Run]]]] = {
    "(a) kill -9, static id, restarted": Group.restarted,
    "(b) kill -9, one of two": lambda group: group.taken_over(signal.SIGKILL, (None, None)),
    "(c) SIGTERM, one of two": lambda group: group.taken_over(signal.SIGTERM, (None, None)),
    "(d) SIGTERM, one of two, static ids": lambda group: group.taken_over(signal.SIGTERM, ("w1", "w2")),
}


async def measured(cluster: Cluster, way: Callable[[Group], Awaitable[list[Run]]]) -> list[Run]:
    """One way, on topics that nothing but the warming up has been written to."""
    async with live(cluster.bootstrap) as traffic:
        try:
            return await way(Group(cluster, traffic))
        finally:
            await asyncio.to_thread(cluster.end)


def main() -> None:
    """Measure and print the table."""
    results = {}
    with own_broker() as (broker, folder):
        for number, (name, way) in enumerate(WAYS.items()):
            say(f"{name} …")
            own = folder / f"way-{number}"
            own.mkdir()
            cluster = Cluster(broker.bootstrap, own)
            cluster.fresh_topics()
            results[name] = asyncio.run(measured(cluster, way))
    report(results)


def report(results: dict[str, list[Run]]) -> None:
    """The table."""
    columns = ("min", "median", "max", "all", "restore at", "restore", "event")
    print(f"\n{'seconds without events':38}" + "".join(f"{column:>12}" for column in columns))
    for way, runs in results.items():
        first = [run.first for run in runs]
        parts = [run.begun for run in runs], [run.restored - run.begun for run in runs], [run.first - run.restored for run in runs]
        figures = min(first), statistics.median(first), max(first), *(statistics.median(part) for part in ([run.all for run in runs], *parts))
        print(f"{way:38}" + "".join(f"{figure:>12.2f}" for figure in figures))
    print("\nmin, median, max: signal to the first event of the successor; medians of: all (an event on every partition of the struck worker),")
    print("restore at (the successor begins to restore), restore (what it takes), event (from then to the first event)")
    print(f"{RUNS} runs each, {RATE:,} records/s, {CUSTOMERS:,} customers, session timeout {Settings().session_timeout_s} s, {machine()}")


if __name__ == "__main__":
    main()

"""A broker with a data set, and workers on it: runs from the first record fed to the last transaction ended, their output compared with a replay's.

This tool and the broker have all cores but the last, the worker (and the floor) has the last one.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Consumer

from schemas.raw import TOPICS
from streams.definitions.catalogue import Catalogue
from streams.emit import DEAD_LETTER, MISSED, PREFIX
from tests.broker.kafka import create_topics
from tests.speed import marks
from tests.speed.clients import committed, end_of, producer_at, send
from tests.speed.testbed import cores, memory_bytes, own_broker, say
from tests.speed.traffic import Traffic, reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.broker.kafka import KafkaBroker
    from tests.speed.growing import Day
    from tests.speed.selections import Selection
    from tests.speed.traffic import Record

PARTITIONS = 4
LONGEST_S = 1200.0
PROJECT = Path(__file__).resolve().parent.parent.parent
FATES = re.compile(r'"message":"shard (restored|released)".*?"shard":(\d+)')
"""What a worker's log says of its shards."""
EVENT_ID = re.compile(rb'"id":"([0-9a-f]{32})"')


class WrongOutput(Exception):
    """What a worker published is not what a replay gives: its figures are worth nothing."""


class DataSet(NamedTuple):
    """Which records: everything that they are made from."""

    records: int
    customers: int = 0
    """0: one for each 15 records."""
    hot: float = 0.0
    seed: int = 1

    def traffic(self) -> Traffic:
        """The records from the first on."""
        return Traffic.of_size(self.records, customers=self.customers, seed=self.seed, hot=self.hot)

    @property
    def who(self) -> int:
        """How many customers."""
        return self.customers or max(1, self.records // 15)


class Measured(NamedTuple):
    """A run of one or more workers."""

    run: marks.Run
    peak_bytes: int
    events: int
    start_s: float
    """From the process's start to its first record."""

    def figures(self) -> dict[str, float]:
        """As they are kept."""
        run = self.run
        return {
            "records": run.records,
            "rate": run.records / run.wall_s,
            "rate_second": run.records / 2 / run.second_wall_s,
            "cpu_us": run.cpu_s / run.records * 1e6,
            "cpu_us_second": run.second_cpu_s / (run.records / 2) * 1e6,
            "state_bytes": run.state_bytes / run.records,
            "transactions": run.transactions,
            "events": self.events,
            "peak_mb": self.peak_bytes / 1e6,
            "start_s": self.start_s,
        }


class Worker:
    """A `kairos worker` as a process on some cores, with its marks."""

    def __init__(self, lab: Lab, app: str, selection: Selection, *, clock: str, on: set[int], instance: str | None, environment: dict[str, str]) -> None:
        name = f"{app}-{uuid.uuid4().hex[:6]}"
        self.lab, self.marks_file, self.log = lab, lab.folder / f"{name}.marks", lab.folder / f"{name}.log"
        arguments = ["--brokers", lab.broker.bootstrap, "--app", app, "--clock", clock, "--metrics-port", "0", "--log-level", "info", "--reference", str(lab.reference)]
        named = ["--instance", instance] if instance else []
        command = [sys.executable, "-m", "tests.speed.marks", str(self.marks_file), "worker", *arguments, *named, *selection.arguments()]
        self.started = time.time()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, sorted(on))), *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=PROJECT, env={**os.environ, **environment}
            )

    def marks(self) -> list[marks.Mark]:
        """All that it has committed so far."""
        return marks.read(self.marks_file)

    def shards(self) -> int:
        """How many shards it has restored and not released, by its log."""
        return len(held(self.log.read_text(errors="replace")))

    def parts(self) -> list[tuple[int, Counter[str]]]:
        """CPU seconds by part of the worker after so many records, where it is profiled."""
        found = Path(f"{self.marks_file}.parts")
        return [(records, Counter(seconds)) for records, seconds in map(json.loads, found.read_text().splitlines())] if found.exists() else []

    def done(self) -> int:
        """How many records it has committed. Raises SystemExit when it has ended."""
        if self.process.poll() is not None:
            raise SystemExit(f"the worker ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')[-3000:]}")
        return marks.done(self.marks_file)

    def wait(self, until: Any, what: str, seconds: float = LONGEST_S, every: float = 0.1) -> None:
        """Wait until `until()`. Raises SystemExit."""
        deadline = time.monotonic() + seconds
        while not until():
            self.done()
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {seconds:.0f} s: {what}\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(every)

    def end(self, how: int = signal.SIGTERM) -> None:
        """End the process."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def held(log: str) -> set[int]:
    """The shards that a worker's log last calls restored. One that is released while it restores is released without having been restored."""
    last = {int(shard): what for what, shard in FATES.findall(log)}
    return {shard for shard, what in last.items() if what == "restored"}


class Lab:
    """A broker with topics, reference tables, and what was loaded."""

    def __init__(self, broker: KafkaBroker, folder: Path, families: Iterable[str]) -> None:
        self.broker, self.folder = broker, folder
        self.reference = reference(folder / "reference")
        self.outputs = [PREFIX + family for family in sorted(families)]
        asyncio.run(create_topics(broker.bootstrap, dict.fromkeys([*TOPICS, *self.outputs, DEAD_LETTER, MISSED], PARTITIONS)))
        self.loaded = 0
        self.parts: list[tuple[int, Counter[str]]] = []
        """CPU seconds by part of the last worker after so many records, where it was profiled."""

    def app(self) -> str:
        """A fresh application with its state topic."""
        name = f"bench-{uuid.uuid4().hex[:8]}"
        asyncio.run(create_topics(self.broker.bootstrap, {f"{name}.state": PARTITIONS}, {f"{name}.state": {"cleanup.policy": "compact"}}))
        return name

    def load(self, records: Iterable[Record]) -> int:
        """Write records into the raw topics; how many."""
        producer, count = producer_at(self.broker.bootstrap, linger_ms=50), 0
        for count, (topic, key, value) in enumerate(records, 1):  # noqa: B007  # read behind the loop
            send(producer, topic, key, value)
        unsent = producer.flush(120)
        if unsent:
            raise SystemExit(f"the broker did not take {unsent:,} of {count:,} records within 120 s")
        self.loaded += count
        return count

    def worker(self, app: str, selection: Selection, *, clock: str = "records", on: set[int] | None = None, instance: str | None = None, **environment: str) -> Worker:
        """Start a worker, on the last core unless told otherwise."""
        return Worker(self, app, selection, clock=clock, on=on or cores()[1], instance=instance, environment=environment)

    def drain(self, selection: Selection, wanted: Counter[str] | None, **environment: str) -> Measured:
        """One worker works off all that was loaded. `wanted`: the ids of the events that it must publish. Raises WrongOutput."""
        begin, dead = self.ends(self.outputs), self.ends([DEAD_LETTER])
        worker = self.worker(self.app(), selection, **environment)
        try:
            worker.wait(lambda: worker.done() >= self.loaded, f"{self.loaded:,} records committed")
            found, peak = worker.marks(), memory_bytes(worker.process.pid)[1]
            self.parts = worker.parts()
        finally:
            worker.end()
        ids = self.ids(begin)
        refused = sum(self.ends([DEAD_LETTER]).values()) - sum(dead.values())
        compare(ids, wanted, refused)
        return Measured(marks.run_of(found, self.loaded), peak, ids.total(), found[0].at - worker.started)

    def ends(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Where the partitions of `topics` end."""
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "group.id": "bench-ends"})
        places = [(topic, partition) for topic in topics for partition in range(PARTITIONS)]
        found = {place: end_of(consumer, *place) for place in places}
        consumer.close()
        return found

    def ids(self, begin: dict[tuple[str, int], int]) -> Counter[str]:
        """The ids of the committed events from `begin` on."""
        return Counter(EVENT_ID.search(value)[1].decode() for value in committed(self.broker.bootstrap, begin))  # type: ignore[index]  # every event has one


def compare(got: Counter[str], wanted: Counter[str] | None, refused: int) -> None:
    """Raises WrongOutput unless the events are those wanted, each once, and no record was refused."""
    twice = sum(1 for times in got.values() if times > 1)
    missing, more = ((wanted - got).total(), (got - wanted).total()) if wanted is not None else (0, 0)
    if twice or missing or more or refused:
        size = "unknown" if wanted is None else f"{wanted.total():,}"
        raise WrongOutput(
            f"wanted the {size} events of a replay, each once, and no dead letter: got {missing:,} missing, {more:,} others, {twice:,} twice, {refused:,} dead letters"
        )


def wanted_of(data: DataSet | Day, selection: Selection, folder: Path) -> dict[str, Any]:
    """What a replay of `data` gives with the definitions of `selection`, run in a process of its own: `ids` by event, and its records, wall_s, cpu_s."""
    out = folder / f"replay-{uuid.uuid4().hex[:6]}.json"
    command = [sys.executable, "-m", "tests.speed.replayed", json.dumps([type(data).__name__, *data]), json.dumps(selection), str(folder / "reference"), str(out)]
    on = ",".join(map(str, cores()[1]))
    done = subprocess.run(["taskset", "-c", on, *command], capture_output=True, text=True, check=False, cwd=PROJECT)
    if done.returncode:
        raise SystemExit(f"the replay ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(out.read_text())


@contextmanager
def lab_with(data: DataSet | None, *, definitions: Sequence[str] = ()) -> Iterator[Lab]:
    """A lab whose broker holds `data`; this process stays on its own cores meanwhile."""
    before = os.sched_getaffinity(0)
    tools, _ = cores()
    os.sched_setaffinity(0, tools)
    try:
        with own_broker() as (broker, folder):
            lab = Lab(broker, folder, Catalogue.load(definitions).families)
            os.sched_setaffinity(0, before)
            if data is not None:
                say(f"loading {data.records:,} records of {data.who:,} customers …")
                lab.load(data.traffic().stream(data.records))
            yield lab
    finally:
        os.sched_setaffinity(0, before)

"""A trial: input on a real broker, workers that are restarted as a supervisor would, a fault, and the whole list of what must hold.

What must hold (`Trial.check`): no event missing, wrong or twice under read_committed; what read_uncommitted shows twice is equal; dead
letters exactly those of the oracle; every input offset committed, and in exactly one place of the ledger that is kept with the state; the state
in the changelog equal to the oracle's; no transaction torn (`torn.py`); committed offsets never went back; workers that ended by themselves did so with a status that is
not 0; and the fault has really hit.
The oracle (`oracle.py`) is the engine without a broker over the input as it was read back from the topics; what it expects must be what the scalar
reading of the rules (`tests/reference`) finds in the same input, one record at a time; where topics wait for stragglers, in the input sorted by time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from schemas.raw import TOPICS
from streams.emit import MISSED
from streams.engine.state.codec import split_key
from streams.engine.state.store import ABOUT, CLOCK, Head
from streams.kafka.partitioner import partition_of
from streams.simulation.city import City
from tests.broker.kafka import ends, read_all
from tests.broker.workers import OUTPUTS, Cluster
from tests.faults.oracle import Oracle
from tests.faults.scalar import Input, published, reading_of
from tests.faults.torn import torn

if TYPE_CHECKING:
    from collections.abc import Callable

MIDNIGHT_MS = 1_777_564_800_000
RESULTS = Path(__file__).parent.parent.parent / ".faults" / "results.jsonl"
SMALL_BATCHES = {"KAIROS_BATCH_RECORDS": "200"}
"""Many transactions, so that there is always one to hit."""
Raw = tuple[str, int | None, bytes | None, bytes | None]


class Result(msgspec.Struct):
    """One trial of one fault, as the table shows it."""

    number: int
    fault: str
    hits: int
    lost: int
    doubled: int
    wrong: int
    recovery_s: float | None
    seed: int
    torn: int = 0


def city(folder: Path, seed: int, customers: int, days: int) -> tuple[list[Raw], list[str]]:
    """Raw records of a small city, and the arguments that tell a worker its reference data."""
    town = City(seed, customers, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    return [(record.topic, None, record.key, record.value) for record in town.records(days)], ["--reference", str(folder / "reference")]


def spoilt(records: list[Raw], seed: int) -> list[Raw]:
    """The same with what networks do to records: some twice, some behind others, some broken, some from years ahead."""
    dice = random.Random(seed)
    result: list[Raw] = []
    for topic, partition, key, value in records:
        result.append((topic, partition, key, value))
        if dice.random() < 0.01:
            result.append(dice.choice(result[-200:]))
        if dice.random() < 0.01:
            result.append((topic, partition, key, dice.choice([b"{", b"", b"\xff\xfe", b"\xef\xbb\xbf{}", (value or b"")[:-1], b'{"a":' * 100_000, (value or b"") + b"x"])))
        if dice.random() < 0.001 and value is not None:
            fields = json.loads(value)
            fields["event_time"], fields["record_id"] = MIDNIGHT_MS + 3650 * 86_400_000, fields["record_id"] + "-ahead"
            result.append((topic, partition, key, json.dumps(fields).encode()))
        if len(result) > 20 and dice.random() < 0.02:
            at = dice.randrange(len(result) - 15, len(result) - 1)
            result[at], result[-1] = result[-1], result[at]
    return result


class Trial:
    """One fault against one application."""

    def __init__(self, bootstrap: str, folder: Path, *, number: int, fault: str, seed: int = 1, definitions: str | None = None, waits: dict[str, str] | None = None) -> None:
        self.number, self.fault, self.seed, self.folder, self.definitions, self.waits = number, fault, seed, folder, definitions, waits or {}
        self.cluster = Cluster(bootstrap, folder)
        self.arguments: list[str] = ["--definitions", definitions] if definitions else []
        self.environment = SMALL_BATCHES | {f"KAIROS_{name.upper()}": length for name, length in self.waits.items()}
        self.brokers: str | None = None
        self.running: list[tuple[subprocess.Popen[bytes], tuple[str, ...]]] = []
        self.ended: list[int] = []
        self.highest: dict[TopicPartition, int] = {}
        self.went_back: list[str] = []
        self.hits = 0
        self.recovery_s: float | None = None
        self.struck_at: tuple[float, int] | None = None

    # Input and workers

    def load(self, records: list[Raw], arguments: list[str]) -> None:
        """Fresh topics, filled with `records`."""
        self.cluster.fresh_topics()
        self.arguments += arguments
        given: Input = {}
        for topic, partition, key, value in records:
            place = partition_of(key or b"", self.cluster.partitions) if partition is None else partition
            given.setdefault(f"{topic}/{place}", []).append((key, value))
        if self.definitions is None and not self.waits:
            reading_of(given, self.reference, self.shared)
        self.cluster.produce(records)

    @property
    def shared(self) -> Path:
        """A folder of all processes of this run of the tests; pytest removes it some runs later."""
        own = self.folder.parent
        return own.parent if own.name.startswith("popen-") else own

    @property
    def reference(self) -> str:
        """The folder of reference data."""
        return self.arguments[self.arguments.index("--reference") + 1]

    def start(self, *more: str, fault: str | None = None) -> subprocess.Popen[bytes]:
        """A worker; `fault`: the fail point it dies at."""
        environment = {**self.environment, **({"FAULT": fault} if fault else {})}
        worker = self.cluster.start(*self.arguments, *more, brokers=self.brokers, environment=environment)
        self.running.append((worker, more))
        return worker

    def wait_dead(self, worker: subprocess.Popen[bytes], seconds: float = 60) -> int:
        """Wait for a worker to end by itself, and return its status."""
        try:
            code = worker.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end within {seconds} s\n{self.cluster.logs()[-3000:]}") from None
        self.running = [pair for pair in self.running if pair[0] is not worker]
        self.ended.append(code)
        return code

    def kill(self, worker: subprocess.Popen[bytes], how: int = signal.SIGKILL) -> int:
        """Send a signal and wait for the end."""
        worker.send_signal(how)
        return self.wait_dead(worker)

    def restart_all(self) -> None:
        """SIGTERM to every worker, and start each again."""
        for worker, more in list(self.running):
            self.terminate(worker)
            self.start(*more)

    def delete_all(self, places: list[TopicPartition]) -> None:
        """Delete everything that `places` hold, as retention does."""

        async def delete() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
            await admin.start()
            try:
                upto = await ends(self.cluster.bootstrap, places)
                await admin.delete_records({place: RecordsToDelete(before_offset=offset) for place, offset in upto.items()})
            finally:
                await admin.close()

        asyncio.run(delete())

    def terminate(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGTERM: it must end with 0; one that has not begun yet, and holds nothing, may end by the signal."""
        code = self.kill(worker, signal.SIGTERM)
        log = (self.folder / f"worker-{self.cluster.workers.index(worker)}.log").read_text()
        assert code == 0 or (code == -signal.SIGTERM and "shard restored" not in log), f"SIGTERM: {code}\n{log[-2000:]}"

    def strike(self) -> None:
        """The fault has hit: recovery is the time until more is committed than now; the longest of a trial counts."""
        self.hits += 1
        if self.struck_at is None:
            self.look()
            self.struck_at = (time.monotonic(), sum(self.highest.values()))

    # Looking

    def look(self) -> int | None:
        """Records not committed yet; None when the broker does not say. Notes offsets that go back."""

        async def ask() -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
            from aiokafka import AIOKafkaConsumer

            admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap, request_timeout_ms=3000)
            await asyncio.wait_for(admin.start(), 3)
            try:
                offsets = await asyncio.wait_for(admin.list_consumer_group_offsets(self.cluster.app), 3)
            finally:
                await admin.close()
            consumer = AIOKafkaConsumer(bootstrap_servers=self.cluster.bootstrap, request_timeout_ms=3000)
            await asyncio.wait_for(consumer.start(), 3)
            try:
                places = [TopicPartition(topic, p) for topic in TOPICS for p in range(self.cluster.partitions)]
                ends = await asyncio.wait_for(consumer.end_offsets(places), 3)
            finally:
                await consumer.stop()
            return {place: meta.offset for place, meta in offsets.items()}, ends

        try:
            committed, ends = asyncio.run(ask())
        except Exception:
            return None
        for place, offset in committed.items():
            if offset < self.highest.get(place, -1):
                self.went_back.append(f"{place.topic}[{place.partition}]: {self.highest[place]} -> {offset}")
            self.highest[place] = max(offset, self.highest.get(place, -1))
        if self.struck_at is not None and sum(self.highest.values()) > self.struck_at[1]:
            self.recovery_s = max(self.recovery_s or 0, time.monotonic() - self.struck_at[0])
            self.struck_at = None
        return sum(max(0, end - max(0, committed.get(place, 0))) for place, end in ends.items())

    def supervise(self) -> None:
        """Start again what has ended."""
        for worker, more in list(self.running):
            if worker.poll() is not None:
                assert worker.returncode != 0, f"a worker ended as if all were well\n{self.cluster.logs()[-3000:]}"
                self.ended.append(worker.returncode)
                self.running.remove((worker, more))
                self.start(*more)

    def wait_progress(self, seconds: float = 60) -> None:
        """Wait until more is committed than now."""
        self.look()
        before, deadline = sum(self.highest.values()), time.monotonic() + seconds
        while sum(self.highest.values()) <= before:
            if self.look() == 0:
                return
            assert time.monotonic() < deadline, f"no progress within {seconds} s\n{self.cluster.logs()[-3000:]}"
            self.supervise()
            time.sleep(0.05)

    def wait_all_read(self, seconds: float = 120) -> None:
        """Wait until every offset of the input is committed, restarting what ends."""
        deadline = time.monotonic() + seconds
        while (lag := self.look()) != 0:
            assert time.monotonic() < deadline, f"lag {lag} after {seconds} s, ended {self.ended}\n{self.cluster.logs()[-4000:]}"
            self.supervise()
            time.sleep(0.1)

    def wait_log(self, text: str, times: int = 1, seconds: float = 60) -> None:
        """Wait until the workers have logged `text` so many times."""
        deadline = time.monotonic() + seconds
        while self.cluster.logs().count(text) < times:
            assert time.monotonic() < deadline, f"not {times} times within {seconds} s: {text}\n{self.cluster.logs()[-4000:]}"
            self.supervise()
            time.sleep(0.05)

    def compare_lags(self, seconds: float = 30) -> None:
        """`kairos_consumer_lag_records` is what the broker says of every partition, reported by exactly one worker."""
        deadline = time.monotonic() + seconds
        while (reported := self.cluster.lags()) != (wanted := self.lags_of_broker()):
            assert time.monotonic() < deadline, f"the lag metric says {reported}, the broker {wanted}"
            time.sleep(0.2)

    def lags_of_broker(self) -> dict[tuple[str, int], float]:
        """By topic and partition, the last stable offset less what is committed."""

        async def ask() -> dict[tuple[str, int], float]:
            places = [TopicPartition(topic, p) for topic in TOPICS for p in range(self.cluster.partitions)]
            admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
            await admin.start()
            try:
                committed = await admin.list_consumer_group_offsets(self.cluster.app)
            finally:
                await admin.close()
            stable = await ends(self.cluster.bootstrap, places)
            return {(place.topic, place.partition): stable[place] - max(0, committed[place].offset if place in committed else 0) for place in places}

        return asyncio.run(ask())

    def finish(self, seconds: float = 120) -> None:
        """Wait until everything is worked off, restarting what ends; compare the lag metric with the broker; then end the workers."""
        for worker, _ in self.running:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
        self.wait_all_read(seconds)
        self.compare_lags()
        codes = self.cluster.end()[-len(self.running) :]
        assert all(code in (0, -signal.SIGKILL, -signal.SIGTERM) for code in codes), codes  # SIGTERM: it had not begun yet

    # Judging

    def report(self, lost: int = 0, doubled: int = 0, wrong: int = 0, torn: int = 0) -> Result:
        """Note the result for the table."""
        assert self.hits, "the fault did not hit"
        result = Result(self.number, self.fault, self.hits, lost, doubled, max(0, wrong), self.recovery_s, self.seed, torn)
        note(result)
        assert (lost, doubled, wrong, torn) == (0, 0, 0, 0), f"{result}\n{self.cluster.logs()[-2000:]}"
        return result

    def check(self, *, without: dict[tuple[str, int, int], str] | None = None, letters: bool = True, compacted: bool = False) -> Result:
        """Check everything. `without`: records the oracle must not see but whose dead letters are expected, with their reasons.

        `compacted`: the state topic no longer holds all that was ever written to it.
        """
        oracle = self.oracle(without)
        committed = asyncio.run(read_all(self.cluster.bootstrap, [*OUTPUTS, MISSED]))
        bodies = Counter(record.value for record in committed)
        ids = Counter(json.loads(body)["id"] for body in bodies.elements())
        expected = oracle.events
        doubled = sum(count - 1 for count in ids.values())
        lost, wrong = (expected - bodies).total(), (bodies - expected).total() - doubled
        assert expected.total() > 0
        tears = torn(self.cluster.bootstrap, self.cluster.app, compacted=compacted)
        if (lost, doubled, wrong, tears) != (0, 0, 0, 0):
            return self.report(lost, doubled, wrong, tears)
        seen: dict[str, bytes] = {}
        for record in asyncio.run(read_all(self.cluster.bootstrap, OUTPUTS, isolation="read_uncommitted")):
            assert seen.setdefault(json.loads(record.value)["id"], record.value) == record.value, "an aborted event differs from the committed one"
        found = Counter(tuple(dict(letter.headers)[name].decode() for name in ("topic", "partition", "offset", "reason")) for letter in self.cluster.dead_letters())
        assert found == oracle.dead_letters or not letters
        assert not self.went_back, self.went_back
        self._check_state(oracle)
        if self.definitions is None:
            assert published(bodies.elements()) == reading_of(oracle.given, self.reference, self.shared).result(), "the columnar and the scalar reading differ"
        return self.report()

    def oracle(self, without: dict[tuple[str, int, int], str] | None = None) -> Oracle:
        """What the input as it stands in the topics must give."""
        own = (self.definitions,) if self.definitions else ()
        return Oracle(self.cluster.bootstrap, self.cluster.partitions, self.reference, self.shared, definitions=own, waits=self.waits, without=without or {})

    def _check_state(self, oracle: Oracle) -> None:
        """The state in the changelog: every row, and the ledger of the fate of every record."""
        held: dict[tuple[int, bytes], bytes | None] = {}
        for record in asyncio.run(read_all(self.cluster.bootstrap, [f"{self.cluster.app}.state"])):
            held[record.partition, record.key] = record.value
        heads = {key[0]: value for key, value in held.items() if value is not None and split_key(key[1])[0] == CLOCK}
        rows = {key: value for key, value in held.items() if value is not None and split_key(key[1])[0] not in ABOUT}
        missing, surplus = oracle.needed - rows.keys(), rows.keys() - oracle.rows.keys()
        assert not missing, f"{len(missing)} rows of state are missing, such as {sorted(missing)[:3]}"
        assert not surplus, f"{len(surplus)} rows of state are of what never was, such as {sorted(surplus)[:3]}"
        differing = [key for key, value in rows.items() if oracle.rows[key] != value]
        assert not differing, f"{len(differing)} rows differ, such as {differing[:3]}"
        stored = {partition: msgspec.json.decode(head, type=Head) for partition, head in heads.items()}
        assert not any(passed.done for head in stored.values() for passed in (head.passed or {}).values()), "everything is done, and nothing above it"
        assert {partition: msgspec.structs.replace(head, offsets={}, passed=msgspec.UNSET) for partition, head in stored.items()} == oracle.heads
        booked = {f"{topic}/{partition}": sum(fates.values()) for partition, head in oracle.heads.items() for topic, fates in head.records.items()}
        assert booked == {place: len(records) for place, records in oracle.given.items()}, "a record is in no place of the ledger, or in two"


def waited(holds: Callable[[], bool], seconds: float) -> float:
    """How long it took until `holds` did, at most `seconds`."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.1)
    return time.monotonic() - begun


def note(result: Result) -> None:
    """Add a line to the results that make the table."""
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")

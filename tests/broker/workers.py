"""Workers as separate processes, and topics of their own for every test."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.raw import TOPICS
from streams.definitions.catalogue import Catalogue
from streams.emit import DEAD_LETTER, MISSED, PREFIX
from tests.broker.kafka import create_topics, produce, read_all
from tests.broker.warm import KAIROS, PROJECT, Warm

if TYPE_CHECKING:
    from pathlib import Path

PARTITIONS = 4
LARGE = {"max.message.bytes": "16777216"}
OUTPUTS = [PREFIX + family for family in Catalogue.load().families]


class Cluster:
    """A broker with fresh topics, and the workers of one application on it."""

    def __init__(self, bootstrap: str, folder: Path, partitions: int = PARTITIONS) -> None:
        self.bootstrap, self.folder, self.partitions = bootstrap, folder, partitions
        self.app = f"app-{uuid.uuid4().hex[:8]}"
        self.workers: list[subprocess.Popen[bytes]] = []

    def fresh_topics(self, *, create: bool = True) -> None:
        """Empty topics, or with `create` off none: those of the test before are deleted."""
        from aiokafka.admin import AIOKafkaAdminClient

        async def renew() -> None:
            admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
            await admin.start()
            try:
                there = {topic for topic in await admin.list_topics() if topic.startswith(("raw.", "customer-events.", "app-", "operator."))}
                if there:
                    await admin.delete_topics(list(there))
                while there & set(await admin.list_topics()):
                    await asyncio.sleep(0.05)
            finally:
                await admin.close()
            if not create:
                return
            names = [*TOPICS, *OUTPUTS, DEAD_LETTER, MISSED, f"{self.app}.state"]
            configs = {**dict.fromkeys([*TOPICS, DEAD_LETTER], LARGE), f"{self.app}.state": {"cleanup.policy": "compact", **LARGE}}
            await create_topics(self.bootstrap, dict.fromkeys(names, self.partitions), configs)

        asyncio.run(renew())

    def produce(self, records: Any) -> None:
        asyncio.run(produce(self.bootstrap, records))

    def start(
        self, *arguments: str, clock: str = "records", brokers: str | None = None, environment: dict[str, str] | None = None, code: Path = PROJECT
    ) -> subprocess.Popen[bytes]:
        """A worker of this application, by the code in a folder."""
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        command = [
            *KAIROS,
            "worker",
            "--brokers",
            brokers or self.bootstrap,
            "--app",
            self.app,
            "--clock",
            clock,
            "--metrics-port",
            "0",
            *arguments,
        ]
        own = {**os.environ, "KAIROS_SESSION_TIMEOUT_S": "6", "KAIROS_STALL_S": "30", **(environment or {})}
        worker = Warm(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=code, env=own)
        self.workers.append(worker)
        return worker

    def logs(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    def port(self, number: int) -> int | None:
        """Where the worker of that number answers /metrics, once it has begun."""
        found = re.search(r'"metrics": ?"127\.0\.0\.1:(\d+)"', (self.folder / f"worker-{number}.log").read_text(errors="replace"))
        return int(found[1]) if found else None

    def ask(self, number: int, path: str) -> str:
        """What the worker of that number answers, or why it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port(number)}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError as error:
            return f"no answer: {error}"

    def lags(self) -> dict[tuple[str, int], float]:
        """`kairos_consumer_lag_records` by topic and partition, of all workers that run; NaN where two report one partition."""
        return self.values("kairos_consumer_lag_records")

    def values(self, name: str) -> dict[tuple[str, int], float]:
        """The same of another metric by topic and partition."""
        found: dict[tuple[str, int], float] = {}
        for number, worker in enumerate(self.workers):
            if worker.poll() is None and self.port(number):
                for partition, topic, value in re.findall(rf'^{name}\{{partition="(\d+)",topic="([^"]+)"\}} (\S+)$', self.ask(number, "/metrics"), re.MULTILINE):
                    place = topic, int(partition)
                    found[place] = float("nan") if place in found else float(value)
        return found

    def scene(self) -> str:
        """What a failed test shows: the workers' metrics and readiness, and the tails of their logs."""
        parts = []
        for number, worker in enumerate(self.workers):
            state = "runs" if worker.poll() is None else f"ended with {worker.returncode}"
            parts.append(f"-- worker {number} {state}")
            if worker.poll() is None and self.port(number):
                numbers = [line for line in self.ask(number, "/metrics").splitlines() if line.startswith("kairos_") and "_bucket" not in line and "_created" not in line]
                parts += [f"/readyz: {self.ask(number, '/readyz').strip()}", *numbers]
            parts.append((self.folder / f"worker-{number}.log").read_text(errors="replace")[-3000:])
        return "\n".join(parts)

    def end(self) -> list[int]:
        """SIGTERM to all workers; their exit codes."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        codes = []
        for worker in self.workers:
            try:
                codes.append(worker.wait(20))
            except subprocess.TimeoutExpired:
                worker.kill()
                codes.append(worker.wait())
        return codes

    async def lag(self) -> int:
        """Records of the raw topics that are not committed yet."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.app, enable_auto_commit=False)
        await consumer.start()
        try:
            places = [TopicPartition(topic, p) for topic in TOPICS for p in range(self.partitions)]
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            return sum([ends[place] - (await consumer.committed(place) or 0) for place in places])
        finally:
            await consumer.stop()

    def wait_worked_off(self, seconds: float = 90) -> float:
        """Wait until nothing lags; the seconds it took."""
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            if asyncio.run(self.lag()) == 0:
                return time.monotonic() - begin
            if all(worker.poll() is not None for worker in self.workers):
                break
            time.sleep(0.2)
        raise AssertionError(f"not worked off within {seconds} s: lag {asyncio.run(self.lag())}\n{self.logs()[-3000:]}")

    def wait_ready(self, worker: subprocess.Popen[bytes], seconds: float = 90) -> None:
        """Wait until a worker has restored a shard, and /readyz says that it is ready."""
        number, begin = self.workers.index(worker), time.monotonic()
        log = self.folder / f"worker-{number}.log"
        while '"shard restored"' not in log.read_text(errors="replace") or self.ask(number, "/readyz") != "ok\n":
            assert worker.poll() is None, self.scene()
            assert time.monotonic() - begin < seconds, f"worker {number} is not ready within {seconds} s\n{self.scene()}"
            time.sleep(0.2)

    def wait_begun(self, seconds: float = 90) -> None:
        """Wait until something is committed, but not all."""
        begin, total = time.monotonic(), asyncio.run(self.lag())
        while time.monotonic() - begin < seconds:
            if asyncio.run(self.lag()) < total:
                return
            time.sleep(0.05)
        raise AssertionError(f"nothing was committed within {seconds} s\n{self.logs()[-3000:]}")

    def events(self) -> list[dict[str, Any]]:
        """All committed events."""
        return [json.loads(record.value) for record in asyncio.run(read_all(self.bootstrap, OUTPUTS))]

    def ids(self) -> Counter[str]:
        return Counter(event["id"] for event in self.events())

    def dead_letters(self) -> list[Any]:
        return asyncio.run(read_all(self.bootstrap, [DEAD_LETTER]))


def replayed(path: Path, reference: Path | None, partitions: int = PARTITIONS) -> Counter[str]:
    """The event ids that a replay of the same input gives."""
    from streams.builder import shard_builder
    from streams.settings import load
    from streams.tools.replay import Replay

    build, _ = shard_builder(load({"clock": "records", "reference": str(reference) if reference else None}, environ={}))
    ids: Counter[str] = Counter()
    for step in Replay(build, partitions).run([str(path)]):
        ids.update(json.loads(message.value)["id"] for message in step.events if message.value is not None)
    return ids

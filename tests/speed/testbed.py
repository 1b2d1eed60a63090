"""What every benchmark stands on: a broker of its own, shards fed without one, a process as the kernel counts it, the machine in words."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.raw import TOPICS
from tests.broker.kafka import KafkaBroker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from subprocess import Popen

    from streams.engine.state.keymap import Latest
    from streams.shard import Shard
    from tests.broker.workers import Cluster
    from tests.speed.traffic import Record

CHUNK = 20_000


class Feed:
    """A shard fed without a broker, all topics caught up after every chunk."""

    def __init__(self, shard: Shard) -> None:
        self.shard, self.offsets = shard, dict.fromkeys(TOPICS, 0)
        self.rows: Latest | None = None
        """What compaction leaves of the changelog, where somebody wants it."""
        self.written = 0
        """Bytes of state rows so far, keys and values."""

    def work(self, records: Sequence[Record]) -> int:
        """Feed `records` in chunks and take all steps. Returns the events they made."""
        events = 0
        for begin in range(0, len(records), CHUNK):
            chunk = records[begin : begin + CHUNK]
            for topic in TOPICS:
                own = [(key, value) for name, key, value in chunk if name == topic]
                first, self.offsets[topic] = self.offsets[topic], self.offsets[topic] + len(own)
                self.shard.feed(topic, range(first, first + len(own)), [k for k, _ in own], [v for _, v in own], next_offset=first + len(own), caught_up=True)
            while (step := self.shard.step(None, CHUNK)) is not None:
                events += len(step.events)
                self.written += sum(len(part.keys.data) + len(part.values.strings.data) for part in step.rows.records)
                if self.rows is not None:
                    keys, values = step.rows.columns()
                    self.rows.take(keys, *values)
        return events


@contextmanager
def own_broker() -> Iterator[tuple[KafkaBroker, Path]]:
    """A started broker, and a folder; both are removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="kairos-bench-") as name:
        folder = Path(name)
        broker = KafkaBroker(folder / "broker", brief=False)
        broker.start()
        try:
            yield broker, folder
        finally:
            broker.stop()


def cores() -> tuple[set[int], set[int]]:
    """The cores of this tool with the broker, and the core of what is measured; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return (set(available[:-1]), {available[-1]}) if len(available) > 1 else (set(available), set(available))


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> tuple[int, int]:
    """Resident memory of a process now, and at its highest (Linux)."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) * 1024, int(fields["VmHWM"].split()[0]) * 1024


def log_lines(cluster: Cluster, worker: Popen[bytes], *messages: str) -> list[dict[str, Any]]:
    """The lines of a worker's log that say one of `messages`."""
    log = (cluster.folder / f"worker-{cluster.workers.index(worker)}.log").read_text()
    objects = [json.loads(line) for line in log.splitlines(keepends=True) if line.endswith("}\n")]  # the last one may still be on its way
    return [line for line in objects if line["message"] in messages]


def say(what: str) -> None:
    """Progress, on stderr."""
    print(what, file=sys.stderr, flush=True)


def machine() -> str:
    """Cores, Python and date: what a number is worth nothing without."""
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"


def busy() -> float:
    """How many processes wanted a core in the last minute besides this tool's: the load before it begins."""
    return round(os.getloadavg()[0], 2)

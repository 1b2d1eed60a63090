"""Commands that move, save and put back a stopped application, run in this process or killed on the way, and what holds around them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson
from typer.testing import CliRunner

from schemas.fault import KairosFault
from streams.builder import shard_builder
from streams.cli import app
from streams.settings import load
from streams.simulation.city import City
from streams.tools.replay import Replay
from tests.broker import warm
from tests.broker.test_backfill import wait_without_members
from tests.broker.warm import KAIROS
from tests.broker.workers import PARTITIONS, PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

from tests.broker.workers import Cluster

Raw = tuple[str, bytes, bytes]
"""Topic, key and value of a record."""
MIDNIGHT_MS = 1_777_564_800_000
DAYS, BEFORE = 6, 4
SMALL = {"KAIROS_BATCH_RECORDS": "400"}
"""Several transactions a shard, so that there is one to be killed at."""


def city_of(folder: Path, ends: Iterable[Raw] = ()) -> tuple[Path, list[Raw], list[Raw]]:
    """Days of a small city, and `ends` behind them: the folder with its reference data and all records as a file, and the records before and after the command."""
    town = City(7, 40, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    days = [[(raw.topic, raw.key, raw.value) for raw in town.day(number)] for number in range(DAYS)]
    before, after = ([record for day in own for record in day] for own in (days[:BEFORE], days[BEFORE:]))
    after += ends
    (folder / "all.jsonl").write_bytes(b"".join(value + b"\n" for _, _, value in before + after))
    return folder, before, after


def sent(records: Iterable[Raw]) -> list[tuple[str, None, bytes, bytes]]:
    """With the partition by key: of an old producer, or of one that knows the new number."""
    return [(topic, None, key, value) for topic, key, value in records]


def kairos(cluster: Cluster, *arguments: str) -> str:
    """What the command prints, and the fault that ends it."""
    done = CliRunner().invoke(app, arguments, env={**SMALL, "KAIROS_BROKERS": cluster.bootstrap, "KAIROS_APP": cluster.app})
    if done.exception is not None and not isinstance(done.exception, KairosFault):
        raise done.exception
    return f"{done.stdout}{done.exception or ''}"


def killed(cluster: Cluster, *arguments: str, fault: str) -> None:
    """The command as a process that is killed at a place."""
    command = [*KAIROS, *arguments, "--brokers", cluster.bootstrap, "--app", cluster.app]
    environment = {**os.environ, **SMALL, "FAULT": fault}
    done = warm.run(command, timeout=120, cwd=PROJECT, env=environment)
    assert done.returncode == -9, (fault, done.stdout, done.stderr)


def run(cluster: Cluster, reference: Path) -> None:
    """A worker works off what is there, and is stopped."""
    worker = cluster.start("--reference", str(reference))
    cluster.wait_worked_off()
    worker.terminate()
    assert worker.wait(20) == 0


def blocked(cluster: Cluster, reference: Path, says: str) -> None:
    """A worker that starts now ends with a sentence."""
    worker = cluster.start("--reference", str(reference))
    assert worker.wait(60) != 0
    assert says in (cluster.folder / f"worker-{cluster.workers.index(worker)}.log").read_text(errors="replace")
    wait_without_members(cluster)


def expected(records: Path, reference: Path, partitions: int = PARTITIONS) -> list[Any]:
    """The events that a replay gives."""
    build, _ = shard_builder(load({"clock": "records", "reference": str(reference)}, environ={}))
    return [orjson.loads(message.value) for step in Replay(build, partitions).run([str(records)]) for message in step.events if message.value is not None]

"""What it costs to save, to grow and to put back a stopped application: `python -m tests.speed growth`, four shards that become eight.

The state is that of `restore.py`. Each command is a process of its own on the last core, as an operator runs it; the state behind them is compared with the state before.
"""

from __future__ import annotations

import gc
import hashlib
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from streams.engine.state.codec import split_key
from streams.engine.state.store import ABOUT
from streams.kafka.backup_files import read, read_shard
from streams.kafka.partitioner import partition_of
from streams.settings import load
from tests.broker.workers import PARTITIONS, PROJECT, Cluster
from tests.speed.lab import WrongOutput
from tests.speed.restore import fill, start
from tests.speed.testbed import cores, memory_bytes, own_broker, say

if TYPE_CHECKING:
    from pathlib import Path

GROWN = 2 * PARTITIONS
LONGEST_S = 1800


class Took(NamedTuple):
    """A command from its start to its end, as the kernel counts it."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


class State(NamedTuple):
    """What is in a backup, whatever shard it is in."""

    rows: int
    size: int
    """Bytes of keys and values."""
    digest: int
    """The same for the same rows of customers in any order."""


def took(cluster: Cluster, *arguments: str) -> Took:
    """Run a command of `kairos`. Raises SystemExit where it fails or does not end."""
    say(f"kairos {' '.join(arguments)} …")
    begin = time.perf_counter()
    on = ",".join(map(str, sorted(cores()[1])))
    command = ["taskset", "-c", on, sys.executable, "-c", "from streams.cli import main; main()", *arguments]
    environment = {**os.environ, "KAIROS_BROKERS": cluster.bootstrap, "KAIROS_APP": cluster.app}
    with (cluster.folder / "command.log").open("w+") as log:
        process, peak = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=PROJECT, env=environment), 0
        while not (found := os.wait4(process.pid, os.WNOHANG))[0]:
            with suppress(OSError, KeyError):  # it has just ended
                peak = memory_bytes(process.pid)[1]
            if time.perf_counter() - begin > LONGEST_S:
                process.kill()
                raise SystemExit(f"not within {LONGEST_S} s: kairos {' '.join(arguments)}")
            time.sleep(0.02)
        process.returncode, used = os.waitstatus_to_exitcode(found[1]), found[2]
        log.seek(0)
        if process.returncode:
            raise SystemExit(f"kairos {' '.join(arguments)} ended with {process.returncode}:\n{log.read()[-3000:]}")
    return Took(time.perf_counter() - begin, used.ru_utime + used.ru_stime, peak)


def state_in(folder: Path) -> State:
    """What a backup holds. Raises WrongOutput where a customer's row is not in the shard of its customer."""
    manifest, rows, size, digest = read(folder), 0, 0, 0
    for shard, one in enumerate(manifest.shards):
        for key, value in read_shard(folder / one.file):
            rows, size = rows + 1, size + len(key) + len(value)
            part, name = split_key(key)
            if part in ABOUT:
                continue
            if partition_of(name.split("\x1f", 1)[0].encode(), manifest.partitions) != shard:
                raise WrongOutput(f"a row of {part} is in shard {shard} of {manifest.partitions}, where its customer is not")
            digest ^= int.from_bytes(hashlib.blake2b(key + b"\0" + value, digest_size=16).digest(), "big")
    return State(rows, size, digest)


def figures(customers: int) -> list[dict[str, float | str]]:
    """What each command comes to over the state of `customers`."""
    gc.set_threshold(200_000, 50, 1000)
    with own_broker() as (broker, folder):
        cluster = Cluster(broker.bootstrap, folder)
        cluster.fresh_topics()
        fill(load({"brokers": broker.bootstrap, "app": cluster.app, "clock": "records"}, environ={}), customers)
        gc.collect()
        runs = [("kairos backup", took(cluster, "backup", "--to", str(folder / "first")))]
        before = state_in(folder / "first")
        runs.append((f"kairos repartition, {PARTITIONS} to {GROWN}", took(cluster, "repartition", "--to", str(GROWN))))
        took(cluster, "backup", "--to", str(folder / "second"))
        if (after := state_in(folder / "second")).digest != before.digest:
            raise WrongOutput(f"the {after.rows:,} rows behind the repartition are not the {before.rows:,} before it")
        cluster.app = f"{cluster.app}-restored"
        runs.append(("kairos restore, into an empty application", took(cluster, "restore", "--from", str(folder / "second"))))
        took(cluster, "backup", "--to", str(folder / "third"))
        if state_in(folder / "third") != after:
            raise WrongOutput("what was restored is not what was saved")
        say("starting a worker …")
        begun = start(cluster)
        runs.append(("start of one worker, to ready", Took(begun.ready_s, begun.cpu_s, begun.memory[1])))
        files = sum(path.stat().st_size for path in (folder / "second").iterdir())
    return [
        {
            "name": name,
            "customers": customers,
            "rows": after.rows,
            "seconds": run.wall_s,
            "rows_per_s": after.rows / run.wall_s,
            "mb_per_s": after.size / 1e6 / run.wall_s,
            "cpu_us": run.cpu_s / after.rows * 1e6,
            "peak_mb": run.peak_bytes / 1e6,
            "state_mb": after.size / 1e6,
            "files_mb": files / 1e6,
        }
        for name, run in runs
    ]

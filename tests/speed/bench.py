"""What `make bench` measures: the floor, a replay, and the worker with five, 25 and all definitions, on the same records; every output compared."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.speed.curves import Column
from tests.speed.lab import PROJECT, DataSet, Lab, lab_with, wanted_of
from tests.speed.measures import drained
from tests.speed.selections import ALL, FIRST, FIVE, FIVE_RULES
from tests.speed.testbed import cores, say

if TYPE_CHECKING:
    from tests.speed.measures import Row

COLUMNS = (
    Column("name", "", ""),
    Column("of_floor", "of the floor's records/s", ",.2f"),
    Column("of_floor_cpu", "times its CPU", ",.1f"),
    Column("rate", "records/s"),
    Column("rate_second", "records/s, second half"),
    Column("cpu_us", "CPU µs a record", ",.2f"),
    Column("cpu_us_second", "CPU µs, second half", ",.2f"),
    Column("state_bytes", "state written, B a record"),
    Column("peak_mb", "peak memory, MB"),
    Column("events", "events"),
)


def floor_of(lab: Lab) -> dict[str, float]:
    """The floor of this run, on the worker's core."""
    say("measuring the floor …")
    command = ["taskset", "-c", ",".join(map(str, sorted(cores()[1]))), sys.executable, "-m", "tests.speed.floor", lab.broker.bootstrap, str(lab.loaded)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
    if done.returncode:
        raise SystemExit(f"the floor ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def rows(size: int) -> list[Row]:
    """The rows of the table. Raises WrongOutput."""
    data = DataSet(size)
    with lab_with(data, definitions=(str(FIVE),)) as lab:
        say("replaying the same records, for what each worker must publish …")
        five, every = (wanted_of(data, selection, lab.folder) for selection in (FIVE_RULES, ALL))
        floor = floor_of(lab)
        counted = [
            (FIVE_RULES, "worker, the peers' five rules", five["ids"].values()),
            (FIRST, "worker, 25 definitions", [ids for event, ids in every["ids"].items() if event in FIRST.only]),
            (ALL, "worker, all definitions", every["ids"].values()),
        ]
        found: list[dict[str, Any]] = [{"name": "floor: fetch and msgspec decode", **floor}]
        found += [{"name": name, **drained(lab, selection, Counter(one for ids in own for one in ids), name)} for selection, name, own in counted]
    found.append(
        {
            "name": "replay, all definitions, no broker",
            "rate": size / every["wall_s"],
            "cpu_us": every["cpu_s"] / size * 1e6,
            "events": sum(map(len, every["ids"].values())),
        }
    )
    return [{**row, "of_floor": row["rate"] / floor["rate"], "of_floor_cpu": row["cpu_us"] / floor["cpu_us"]} for row in found]

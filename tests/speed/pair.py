"""Two workers of one application on two cores: how many records a second they commit together while both are at work."""

from __future__ import annotations

import signal
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from streams.emit import DEAD_LETTER
from tests.speed.lab import PARTITIONS, DataSet, Lab, compare
from tests.speed.marks import Mark
from tests.speed.selections import ALL
from tests.speed.testbed import cores, say

if TYPE_CHECKING:
    from collections.abc import Sequence

LONG_S = "1800"
"""No worker is given up while it stands still."""
SHARED_S = 90.0
"""Within this both have their shards: they start, and restore nothing."""
SLOWEST = 1_000
"""Records/s below which two workers are given up."""


def at_work(lab: Lab, data: DataSet, wanted: Counter[str]) -> dict[str, float]:
    """Both share the partitions of empty topics, stand still while the records are written, and go on at once. Raises WrongOutput."""
    app, begin = lab.app(), lab.ends(lab.outputs)
    tools, last = cores()
    workers = [lab.worker(app, ALL, on=on, KAIROS_SESSION_TIMEOUT_S=LONG_S, KAIROS_STALL_S=LONG_S) for on in (last, {min(tools)})]
    try:
        each = PARTITIONS // len(workers)
        workers[0].wait(lambda: all(worker.done() == 0 and worker.shards() == each for worker in workers), f"{each} shards restored by each worker", SHARED_S)
        for worker in workers:
            worker.process.send_signal(signal.SIGSTOP)
        say(f"loading {data.records:,} records …")
        lab.load(data.traffic().stream(data.records))
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)
        say("both go on until all is committed …")
        workers[0].wait(lambda: sum(worker.done() for worker in workers) >= lab.loaded, f"{lab.loaded:,} records committed", SHARED_S + lab.loaded / SLOWEST)
        found = [worker.marks() for worker in workers]
    finally:
        for worker in workers:
            worker.process.send_signal(signal.SIGCONT)
            worker.end()
    compare(lab.ids(begin), wanted, sum(lab.ends([DEAD_LETTER]).values()))
    return together(found)


def together(found: Sequence[Sequence[Mark]]) -> dict[str, float]:
    """Records/s and CPU of all workers while all are at work: from when the last has begun to when the first has ended."""
    begin, end = max(marks[0].at for marks in found), min(marks[-1].at for marks in found)
    if end <= begin:
        raise SystemExit("two workers: wanted both to be at work at one time, got one after the other: more records are needed (--size)")

    def between(marks: Sequence[Mark], values: list[float]) -> float:
        first, last = np.interp([begin, end], [mark.at for mark in marks], values)
        return float(last - first)

    records = sum(between(marks, [mark.records for mark in marks]) for marks in found)
    cpu = sum(between(marks, [mark.cpu for mark in marks]) for marks in found)
    return {"records": round(records), "rate": records / (end - begin), "cpu_us": cpu / records * 1e6}

"""Two workers of one application on two cores: how many records a second they commit together while both are at work."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from streams.emit import DEAD_LETTER
from tests.speed.lab import Lab, compare
from tests.speed.marks import Mark
from tests.speed.selections import ALL
from tests.speed.testbed import cores

if TYPE_CHECKING:
    from collections.abc import Sequence


def at_work(lab: Lab, wanted: Counter[str]) -> dict[str, float]:
    """Both start at once on what is loaded and share the partitions. Raises WrongOutput."""
    app, begin = lab.app(), lab.ends(lab.outputs)
    tools, last = cores()
    workers = [lab.worker(app, ALL, on=on) for on in (last, {min(tools)})]
    try:
        workers[0].wait(lambda: sum(worker.done() for worker in workers) >= lab.loaded, f"{lab.loaded:,} records committed")
        found = [worker.marks() for worker in workers]
    finally:
        for worker in workers:
            worker.end()
    if not all(found):
        raise SystemExit("two workers: wanted both to have records, got one without: more records are needed (--size)")
    compare(lab.ids(begin), wanted, sum(lab.ends([DEAD_LETTER]).values()))
    return together(found)


def together(found: Sequence[Sequence[Mark]]) -> dict[str, float]:
    """Records/s and CPU of all workers while all are at work: from when the last has begun to when the first has ended."""
    begin, end = max(marks[0].at for marks in found), min(marks[-1].at for marks in found)
    spans = [[mark for mark in marks if begin <= mark.at <= end] for marks in found]
    records = sum(marks[-1].records - marks[0].records for marks in spans)
    wall = max(marks[-1].at for marks in spans) - min(marks[0].at for marks in spans)
    cpu = sum(marks[-1].cpu - marks[0].cpu for marks in spans)
    return {"records": records, "rate": records / wall, "cpu_us": cpu / records * 1e6}

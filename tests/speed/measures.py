"""How the figures of curves are measured: each of these gives rows of figures, of a size (0: the default) and whether it may take long."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.speed import selections
from tests.speed.lab import PROJECT, DataSet, lab_with, wanted_of
from tests.speed.live import live
from tests.speed.marks import PROFILE
from tests.speed.pair import at_work
from tests.speed.selections import ALL, FIRST, FIVE, FIVE_IDS, FIVE_RULES, ONE_RULE, Selection
from tests.speed.testbed import cores, say
from tests.speed.traffic import reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.speed.growing import Day
    from tests.speed.lab import Lab, Worker
    from tests.speed.live import Live

Row = dict[str, Any]


def size_of(size: int, full: bool, short: int = 300_000, long: int = 1_500_000) -> int:  # a switch that commands hand on
    """The records of a point."""
    return size or (long if full else short)


def wanted(data: DataSet | Day, lab: Lab, selection: Selection = ALL) -> Counter[str]:
    """The ids of a replay."""
    say("replaying the same records …")
    return Counter(one for ids in wanted_of(data, selection, lab.folder)["ids"].values() for one in ids)


def drained(lab: Lab, selection: Selection, ids: Counter[str] | None, what: str, **environment: str) -> Row:
    """One worker works off what is loaded."""
    say(f"measuring {what} …")
    figures = lab.drain(selection, ids, **environment).figures()
    say(f"  {figures['rate']:,.0f} records/s, {figures['cpu_us']:.1f} CPU us a record")
    return figures


def by_definitions(size: int, full: bool) -> list[Row]:
    """Records/s against the number of definitions."""
    data, rows = DataSet(size_of(size, full)), []
    with tempfile.TemporaryDirectory(prefix="kairos-twice-") as folder, lab_with(data, definitions=(str(FIVE),)) as lab:
        doubled = selections.twice(Path(folder))
        of_five, of_all = (wanted_of(data, one, lab.folder)["ids"] for one in (FIVE_RULES, ALL))
        say("replaying with every definition twice …")
        parts: list[tuple[str, Selection, list[list[str]]]] = [
            ("1", ONE_RULE, [of_five.get(FIVE_IDS[0], [])]),
            ("5", FIVE_RULES, list(of_five.values())),
            ("25", FIRST, [ids for event, ids in of_all.items() if event in FIRST.only]),
            ("all", ALL, list(of_all.values())),
            ("all twice", doubled, list(wanted_of(data, doubled, lab.folder)["ids"].values())),
        ]
        built_in = len(selections.Catalogue.load())
        for name, selection, ids in parts:
            count = {"all": built_in, "all twice": 2 * built_in}.get(name) or int(name)
            rows.append({"name": name, "definitions": count, **drained(lab, selection, Counter(one for own in ids for one in own), f"{name} definitions")})
    return rows


def by_data(sets: Sequence[tuple[str, DataSet, Row]]) -> list[Row]:
    """All definitions on one data set after the other."""
    rows = []
    for name, data, about in sets:
        with lab_with(data) as lab:
            rows.append({"name": name, **about, **drained(lab, ALL, wanted(data, lab), name)})
    return rows


def by_customers(size: int, full: bool) -> list[Row]:
    """Records/s against the number of customers, with as many records."""
    records = size_of(size, full)
    return by_data([(f"{count:,} customers", DataSet(records, count), {"customers": count}) for count in (400, 10_000, 200_000, 1_000_000)])


def by_hot(size: int, full: bool) -> list[Row]:
    """Records/s against the share of the records that one customer makes."""
    records = size_of(size, full)
    return by_data([(f"{share:.0%} of one customer", DataSet(records, hot=share), {"share": share * 100}) for share in (0.0, 0.1, 0.5)])


def by_step(size: int, full: bool) -> list[Row]:
    """Records/s against the largest step."""
    data = DataSet(size_of(size, full))
    with lab_with(data) as lab:
        ids = wanted(data, lab)
        return [
            {"name": f"{count:,}", "batch_records": count, **drained(lab, ALL, ids, f"steps of {count:,} records", KAIROS_BATCH_RECORDS=str(count))}
            for count in (1_000, 5_000, 20_000, 100_000)
        ]


def by_workers(size: int, full: bool) -> list[Row]:
    """One worker on one core, and two on two, of which the broker uses one as well."""
    data = DataSet(size_of(size, full))
    with lab_with(data) as lab:
        ids = wanted(data, lab)
        one = drained(lab, ALL, ids, "one worker")
    with lab_with(None) as lab:
        say("measuring two workers …")
        both = at_work(lab, data, ids)
    return [{"name": "one", "workers": 1, **one, "times": 1.0}, {"name": "two", "workers": 2, **both, "times": both["rate"] / one["rate"]}]


def latencies(size: int, full: bool) -> list[Row]:
    """Latency in an open loop, with 4 shards: few definitions, then all."""
    customers, seconds = size_of(size, full, 20_000, 200_000), 120.0 if full else 16.0
    rows: list[Row] = []

    def at_rates(lab: Live, worker: Worker, what: str) -> None:
        lab.warm(worker, max(60_000, 3 * customers))
        for rate in (1_000, 10_000):
            rows.append({"name": f"{rate:,}/s, {what} definitions", "customers": customers, **lab.phase(worker, rate, seconds).figures})

    for what, selection in (("5", FIVE_RULES), ("25", FIRST)):
        with live(customers, selection) as lab:
            worker = lab.lab.worker(lab.lab.app(), lab.selection, clock="wall")
            try:
                at_rates(lab, worker, what)
            finally:
                worker.end()
    with live(customers, ALL) as lab:
        worker = lab.lab.worker(lab.lab.app(), lab.selection, clock="wall")
        try:
            at_rates(lab, worker, "all")
            say("looking for the highest rate that stays bounded …")
            best = lab.highest(worker, 8_000, 120.0 if full else 10.0)
            for share in (0.2, 0.5, 0.8) if best else ():
                rows.append(
                    {"name": f"{share:.0%} of the highest, all definitions", "customers": customers, "highest": best, **lab.phase(worker, round(best * share), seconds).figures}
                )
        finally:
            worker.end()
    return rows


def memories(size: int, full: bool) -> list[Row]:
    """Bytes of memory a customer."""
    customers, rows = size_of(size, full, 200_000, 1_000_000), []
    with tempfile.TemporaryDirectory(prefix="kairos-memory-") as name:
        tables = str(reference(Path(name)))
        for selection in (FIRST, selections.some(128), ALL):
            say(f"measuring {len(selection.only) or 'all'} definitions, {customers:,} customers …")
            command = ["taskset", "-c", ",".join(map(str, cores()[1])), sys.executable, "-m", "tests.speed.memory", json.dumps(selection), str(customers), "3", tables]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT)
            if done.returncode:
                raise SystemExit(done.stderr[-3000:])
            rows.append({"name": str(len(selection.only) or "all"), **json.loads(done.stdout.splitlines()[-1])})
    return rows


def growths(size: int, full: bool) -> list[Row]:
    """What it costs to save, to grow and to put back an application."""
    from tests.speed import growth

    return growth.figures(size_of(size, full, 50_000, 200_000))


def restores(size: int, full: bool) -> list[Row]:
    """Rows of state that a worker reads back a second."""
    from tests.speed import restore

    return [restore.figures(size_of(size, full, 100_000, 1_000_000))]


def kills(size: int, full: bool) -> list[Row]:
    """kill -9 of the only worker, which is started again at once."""
    with live(size_of(size, full, 50_000, 1_000_000), ALL) as lab:
        return [lab.killed(120.0 if full else 60.0, 1_000)]


def each_record(seconds: Counter[str], records: int) -> Row:
    """CPU µs a record by part, and together."""
    return {"cpu_us": seconds.total() / records * 1e6, **{part: used / records * 1e6 for part, used in seconds.items()}}


def parts(size: int, full: bool) -> list[Row]:
    """CPU a record by part of the worker; the profile itself costs some per cent."""
    data, rows = DataSet(size_of(size, full)), []
    with lab_with(data, definitions=(str(FIVE),)) as lab:
        for name, selection in (("5", FIVE_RULES), ("25", FIRST), ("all", ALL)):
            figures = drained(lab, selection, None, f"{name} definitions with a profile", **{PROFILE: "1"})
            done, whole = lab.parts[-1]
            half, first = next((records, seconds) for records, seconds in lab.parts if records * 2 >= done)
            rows.append({"name": name, "records": done, **each_record(whole, done)})
            if half < done:
                rows.append({"name": f"{name}, after {half:,} records", "records": done, **each_record(whole - first, done - half)})
            say(f"  {figures['cpu_us']:.1f} CPU us a record by the process's own count")
    return rows

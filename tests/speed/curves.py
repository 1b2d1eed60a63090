"""The curves: what each asks, its columns, what is drawn of it, and by what it is measured (`measures.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tests.speed.measures import by_customers, by_definitions, by_hot, by_step, by_workers, growths, kills, latencies, memories, parts, restores
from tests.speed.sampler import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.speed.measures import Row


class Column(NamedTuple):
    """A figure of a row: its key, its title with unit, and how it is written."""

    key: str
    title: str
    form: str = ",.0f"


class Plot(NamedTuple):
    """What is drawn of a curve."""

    x: str
    x_title: str
    lines: tuple[tuple[str, str], ...]
    """Key and name of each line."""
    y_title: str
    by_name: bool = False
    """The rows stand side by side with their names instead of at their x."""


class Curve(NamedTuple):
    """A question, and how it is answered."""

    title: str
    doc: str
    columns: tuple[Column, ...]
    plot: Plot | None
    measure: Callable[[int, bool], list[Row]]
    """Rows, of a size (0: the default) and whether it may take long."""


RUN = (
    Column("rate", "records/s"),
    Column("rate_second", "records/s, second half"),
    Column("cpu_us", "CPU µs a record", ",.1f"),
    Column("cpu_us_second", "CPU µs, second half", ",.1f"),
    Column("peak_mb", "peak memory, MB"),
    Column("state_bytes", "state written, B a record"),
    Column("events", "events"),
)
HALVES = (("rate", "whole run"), ("rate_second", "second half"))
CURVES = {
    "definitions": Curve(
        "Definitions",
        "Records/s against definitions. Five: the peers' rules. *All twice*: a copy of every built-in definition under another id; stages of equal text are kept once, so a copy "
        "costs its own matches, re-arm words and events.",
        (Column("name", "definitions", ""), *RUN),
        Plot("definitions", "definitions", HALVES, "records/s"),
        by_definitions,
    ),
    "customers": Curve(
        "Customers",
        "Records/s against customers: the same number of records, so a customer has the fewer the more there are.",
        (Column("customers", "customers"), *RUN),
        Plot("name", "customers", HALVES, "records/s", by_name=True),
        by_customers,
    ),
    "hot": Curve(
        "One hot customer",
        "Records/s against the share of the records that one customer makes (a test account, a SIM farm), beside the Zipf share of all.",
        (Column("share", "of one customer, %"), *RUN),
        Plot("share", "share of one customer, %", HALVES, "records/s"),
        by_hot,
    ),
    "steps": Curve(
        "Step size",
        "Records/s against the largest step, setting `batch_records`: one transaction a shard and step.",
        (Column("batch_records", "records a step, at most"), Column("transactions", "transactions"), *RUN),
        Plot("name", "records a step, at most", HALVES, "records/s", by_name=True),
        by_step,
    ),
    "workers": Curve(
        "Two workers on two cores",
        "One worker on one core, and two on two while both are at work. The broker uses the first core as well, so the second worker has what the broker leaves of it.",
        (Column("workers", "workers"), Column("rate", "records/s"), Column("cpu_us", "CPU µs a record", ",.1f"), Column("times", "times one worker", ",.2f")),
        None,
        by_workers,
    ),
    "parts": Curve(
        "Parts of a worker",
        "CPU µs a record by part of the worker, from the stacks of all threads at every 2 ms of CPU time; what the profile itself costs is in it, and so are the compiled kernels' first calls.",
        (Column("name", "definitions", ""), Column("cpu_us", "together", ",.2f"), *(Column(part, part, ",.2f") for part, _ in PARTS), Column("other", "other", ",.2f")),
        None,
        parts,
    ),
    "latency": Curve(
        "Latency",
        "Open loop: the clock of a record starts at the moment for which it was scheduled and ends when a `read_committed` consumer has its event; a producer in a process of its own. "
        "One record in ten makes the event `probe.seen`, by which latency is measured. The highest rate is the one at which the lag grows by at most 1 % of the rate, found by steps of 1.3. "
        "*Of a core*: what the worker used at that rate.",
        (
            Column("name", "", ""),
            Column("rate", "records/s"),
            Column("p50_ms", "p50, ms"),
            Column("p99_ms", "p99, ms"),
            Column("p999_ms", "p99.9, ms"),
            Column("samples", "samples"),
            Column("core", "of a core", ".0%"),
            Column("lag_slope", "lag slope", ".1%"),
            Column("producer_late_ms", "producer late, p99, ms", ",.1f"),
        ),
        Plot("name", "rate", (("p50_ms", "p50"), ("p99_ms", "p99"), ("p999_ms", "p99.9")), "ms", by_name=True),
        latencies,
    ),
    "memory": Curve(
        "Memory a customer",
        "Three records of each customer, one shard. Arrays of the state; remembered ids; and what the process holds more than before (resident), buffers included.",
        (
            Column("name", "definitions", ""),
            Column("customers", "customers"),
            Column("state_bytes", "state, B a customer"),
            Column("ids_bytes", "remembered ids, B a customer"),
            Column("resident_bytes", "resident, B a customer"),
        ),
        Plot("name", "definitions", (("state_bytes", "state"), ("ids_bytes", "remembered ids"), ("resident_bytes", "resident")), "bytes a customer", by_name=True),
        memories,
    ),
    "restore": Curve(
        "Restore",
        "Rows of state that a worker reads back a second, four shards in one process on one core; three records of each customer.",
        (
            Column("customers", "customers"),
            Column("rows", "rows"),
            Column("rows_per_s", "rows/s"),
            Column("ready_s", "start to ready, s", ",.1f"),
            Column("stored_mb", "stored, MB"),
            Column("peak_mb", "peak memory, MB"),
        ),
        None,
        restores,
    ),
    "growth": Curve(
        "Growing, saving and putting back a stopped application",
        "Each command as a process on one core, the broker on the others; all definitions, three records of each customer. The application stands still from the workers' end until they are ready "
        "again: `kairos repartition` and a start, of which several workers share the rows. Rows and bytes (keys and values) are those of the whole state, of which `repartition` moves half. "
        "The rows behind each command are compared with those before it.",
        (
            Column("name", "", ""),
            Column("rows", "rows"),
            Column("state_mb", "state, MB"),
            Column("seconds", "s", ",.1f"),
            Column("rows_per_s", "rows/s"),
            Column("mb_per_s", "MB/s", ",.1f"),
            Column("cpu_us", "CPU µs a row", ",.1f"),
            Column("peak_mb", "peak memory, MB"),
            Column("files_mb", "files of the backup, MB"),
        ),
        None,
        growths,
    ),
    "kill": Curve(
        "After a kill -9",
        "The only worker, which has a static id, is killed under live load and started again at once. Outage: from the kill to the first transaction of the new process; catch-up: from "
        "there until an event arrives as soon as before; p99 normal: from the kill until p99 of each second of records stays within twice what it was.",
        (
            Column("customers", "customers"),
            Column("rate", "records/s"),
            Column("p99_before_ms", "p99 before, ms"),
            Column("outage_s", "outage, s", ",.1f"),
            Column("catch_up_s", "catch-up, s", ",.1f"),
            Column("normal_s", "until p99 is normal, s", ",.0f"),
        ),
        None,
        kills,
    ),
}

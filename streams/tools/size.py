"""What an installation needs, from its numbers and measured figures (`figures.toml`): sums alone, nothing is asked of a broker."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from math import ceil
from pathlib import Path
from typing import NamedTuple

from schemas.fault import KairosFault

FIGURES = Path(__file__).with_name("figures.toml")
DAY_S, MONTH_H, GIB, GB = 86_400, 730, 2**30, 10**9
SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
RAW_TOPICS, OTHER_OUTPUTS = 4, 3
"""Topics beside those of the families: raw ones; state, dead letters, missed events."""


class SizeFault(KairosFault):
    """A number or a figure cannot be used."""


class Figure(NamedTuple):
    """A measured number."""

    value: float
    measured: str
    """`end to end` or `in process`."""
    date: date
    what: str


NAMES = (
    *("cpu_us_a_record", "memory_bytes_a_customer", "state_bytes_a_record", "state_bytes_a_customer", "state_rows_a_customer", "restore_rows_a_second"),
    *("restore_rows_a_second_in_process", "raw_bytes_a_record", "event_bytes", "events_a_record"),
)


class Asked(NamedTuple):
    """The numbers of an installation. Prices are in whatever currency they are given in; None: not given."""

    customers: float
    records_per_day: float
    """Of a customer."""
    families: int
    """Output topics of events."""
    peak: float = 3.0
    """The busiest hour against the mean."""
    utilisation: float = 0.6
    """Share of a core, and of a worker's memory, that may be used at the peak: the rest is for catching up."""
    replication: int = 3
    worker_gib: float = 16.0
    restore_s: float = 900.0
    """How long the restore of a worker may take."""
    shards_per_worker: int = 4
    """So many times as many workers can share the load later without a new number of partitions."""
    batch_wait_ms: float = 10.0
    raw_days: float = 7.0
    event_days: float = 7.0
    core_hour: float | None = None
    gib_hour: float | None = None
    gb_stored_month: float | None = None


class Line(NamedTuple):
    """One result: its name in JSON, what it is, its number with unit, and how it was computed."""

    name: str
    label: str
    value: float
    unit: str
    how: str

    @property
    def shown(self) -> str:
        """The number as people read it."""
        return f"{short(self.value)} {self.unit}".strip()


def short(value: float) -> str:
    """Three significant digits, whole from 100 on.

    >>> short(69_444.4), short(2.139), short(0.0), short(12)
    ('69,400', '2.14', '0', '12')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 or rounded == int(rounded) else f"{rounded:,g}"


def number(text: str, option: str, least: float, most: float) -> float:
    """A number such as `100M`, `2.5k` or `20`. Raises SizeFault.

    >>> number("100M", "--customers", 1, 1e10), number("2.5k", "--customers", 1, 1e10)
    (100000000.0, 2500.0)
    """
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([kMG]?)", text)
    value = float(found[1]) * SUFFIXES[found[2]] if found else -1.0
    if not least <= value <= most:
        raise SizeFault(f"{option}: wanted a number from {least:,g} to {most:,g}, such as 500k or 100M, got {text!r}")
    return value


def figures(path: Path = FIGURES) -> dict[str, Figure]:
    """The measured figures of a file. Raises SizeFault with all faults."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SizeFault(f"--figures: wanted a readable TOML file such as streams/tools/figures.toml, got {path}: {error}") from error
    found: dict[str, Figure] = {}
    faults = []
    for name in NAMES:
        table = tables.get(name)
        if not isinstance(table, dict):
            faults.append(f"{path}: [{name}]: wanted this table, got none")
            continue
        value, measured, on = table.get("value"), table.get("measured"), table.get("date")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
            faults.append(f"{path}: [{name}] value: wanted a number above 0, got {value!r}")
        elif measured not in ("end to end", "in process"):
            faults.append(f"{path}: [{name}] measured: wanted 'end to end' or 'in process', got {measured!r}")
        elif not isinstance(on, date):
            faults.append(f"{path}: [{name}] date: wanted a day such as 2026-11-27, got {on!r}")
        else:
            found[name] = Figure(float(value), measured, on, str(table.get("what", "")))
    if faults:
        raise SizeFault("\n".join(faults))
    return found


def size(asked: Asked, measured: dict[str, Figure]) -> list[Line]:
    """What the installation needs, line by line, each computed from lines before it."""
    f = {name: figure.value for name, figure in measured.items()}
    a = asked
    daily = a.customers * a.records_per_day
    mean = daily / DAY_S
    peak = mean * a.peak
    cores = peak * f["cpu_us_a_record"] / 1e6 / a.utilisation
    memory = a.customers * f["memory_bytes_a_customer"]
    rows = a.customers * f["state_rows_a_customer"]
    needs = {
        "CPU": ceil(cores),
        "memory": ceil(memory / (a.worker_gib * GIB * a.utilisation)),
        "restore": ceil(rows / f["restore_rows_a_second"] / a.restore_s),
    }
    workers = max(1, *needs.values())
    binds = max(needs, key=lambda name: needs[name])
    partitions = workers * a.shards_per_worker
    replicas = partitions * (RAW_TOPICS + a.families + OTHER_OUTPUTS) * a.replication
    transactions = min(peak, partitions * 1000 / a.batch_wait_ms)
    raw, state, events = f["raw_bytes_a_record"], f["state_bytes_a_record"], f["events_a_record"] * f["event_bytes"]
    live = a.customers * f["state_bytes_a_customer"]
    stored = (daily * raw * a.raw_days + daily * events * a.event_days + 2 * live) * a.replication
    lines = [
        Line("records_a_day", "records", daily, "a day", f"{short(a.customers)} customers × {short(a.records_per_day)} a day"),
        Line("records_a_second", "records, mean", mean, "a second", "÷ 86,400 s"),
        Line("records_a_second_peak", "records, peak", peak, "a second", f"× {short(a.peak)} (--peak)"),
        Line("cores", "cores for records", cores, "", f"peak × {short(f['cpu_us_a_record'])} µs ÷ {short(a.utilisation)} (--utilisation); a worker uses one"),
        Line("memory_gib", "memory of all workers", memory / GIB, "GiB", f"customers × {short(f['memory_bytes_a_customer'])} B"),
        Line("workers_by_cpu", "workers, by CPU", needs["CPU"], "", "cores, rounded up"),
        Line("workers_by_memory", "workers, by memory", needs["memory"], "", f"memory ÷ {short(a.worker_gib)} GiB (--worker-gib) ÷ {short(a.utilisation)}"),
        Line("workers_by_restore", "workers, by restore", needs["restore"], "", f"rows ÷ {short(f['restore_rows_a_second'])} a second ÷ {short(a.restore_s)} s (--restore-s)"),
        Line("workers", "workers", workers, "", f"the most of the three: {binds}"),
        Line("partitions", "partitions of each topic", partitions, "", f"workers × {a.shards_per_worker} (--shards-per-worker)"),
        Line(
            "replicas",
            "partition replicas on the brokers",
            replicas,
            "",
            f"× ({RAW_TOPICS} raw + {a.families} families + {OTHER_OUTPUTS} others) × {a.replication} (--replication)",
        ),
        Line(
            "transactions_a_second",
            "transactions, at most",
            transactions,
            "a second",
            f"each shard one in {short(a.batch_wait_ms)} ms (--batch-wait-ms), not more than records at the peak",
        ),
        Line(
            "restore_s", "restore of a worker", rows / workers / f["restore_rows_a_second"], "s", f"customers × {short(f['state_rows_a_customer'])} rows ÷ workers ÷ rows a second"
        ),
        Line(
            "restore_in_process_s",
            "the same, at best",
            rows / workers / f["restore_rows_a_second_in_process"],
            "s",
            f"at {short(f['restore_rows_a_second_in_process'])} rows a second, the fetch left out",
        ),
        Line("raw_gb_a_day", "raw records", daily * raw / GB, "GB a day", f"records × {short(raw)} B, one copy, not compressed"),
        Line("events_gb_a_day", "events", daily * events / GB, "GB a day", f"records × {short(f['events_a_record'])} × {short(f['event_bytes'])} B"),
        Line("state_gb_a_day", "state topic, written", daily * state / GB, "GB a day", f"records × {short(state)} B, before compaction"),
        Line("state_gb", "state topic, kept", live / GB, "GB", f"customers × {short(f['state_bytes_a_customer'])} B, after compaction, one copy"),
        Line("read_mbit", "brokers to workers, peak", peak * raw * 8 / 1e6, "Mbit/s", f"peak × {short(raw)} B"),
        Line("write_mbit", "workers to brokers, peak", peak * (state + events) * 8 / 1e6, "Mbit/s", f"peak × ({short(state)} B of state + {short(events)} B of events)"),
        Line(
            "replication_mbit",
            "among the brokers, peak",
            peak * (raw + state + events) * (a.replication - 1) * 8 / 1e6,
            "Mbit/s",
            f"raw, state and events × {a.replication - 1} further copies",
        ),
        Line(
            "stored_gb",
            "stored on the brokers",
            stored / GB,
            "GB",
            f"(raw × {short(a.raw_days)} days + events × {short(a.event_days)} days + state × 2, as compaction lags) × {a.replication}",
        ),
    ]
    return lines + costs(a, workers, stored / GB)


def costs(a: Asked, workers: int, stored_gb: float) -> list[Line]:
    """What the given prices come to a month; the brokers' machines are not in it."""
    lines = []
    if a.core_hour is not None:
        lines.append(Line("cost_cores", "cost of the workers' cores", workers * a.core_hour * MONTH_H, "a month", f"workers × {a.core_hour:g} (--core-hour) × {MONTH_H} h"))
    if a.gib_hour is not None:
        paid = workers * a.worker_gib
        lines.append(
            Line(
                "cost_memory",
                "cost of the workers' memory",
                paid * a.gib_hour * MONTH_H,
                "a month",
                f"workers × {short(a.worker_gib)} GiB × {a.gib_hour:g} (--gib-hour) × {MONTH_H} h",
            )
        )
    if a.gb_stored_month is not None:
        lines.append(Line("cost_stored", "cost of what is stored", stored_gb * a.gb_stored_month, "a month", f"stored GB × {a.gb_stored_month:g} (--gb-stored-month)"))
    if len(lines) > 1:
        lines.append(Line("cost", "cost, the brokers' machines left out", sum(line.value for line in lines), "a month", "sum"))
    return lines


def markdown(lines: list[Line]) -> str:
    """The lines as a Markdown table."""
    return "\n".join(["| what | needed | how |", "| --- | ---: | --- |", *(f"| {line.label} | {line.shown} | {line.how} |" for line in lines)])

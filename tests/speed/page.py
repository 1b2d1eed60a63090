"""docs/performance.md, its curves, README's table and what docs/scaling.md has measured, all written from the figures that the benchmarks have kept."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.speed import flat
from tests.speed.bench import COLUMNS
from tests.speed.curves import CURVES, Column, Plot
from tests.speed.drawing import Line, drawn
from tests.speed.peers import FLINK, FLOOR, KAIROS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.speed.curves import Curve
    from tests.speed.measures import Row

ROOT = Path(__file__).resolve().parent.parent.parent
FIGURES = ROOT / "docs" / "performance.json"
BEGIN, END = "<!-- figures: make bench-page -->", "<!-- end of figures -->"
SCALING = ("workers", "growth")
"""Curves that docs/scaling.md shows too."""
BUSY = 0.5
"""From this load on, before a run begins, other work has disturbed it."""
PEER_COLUMNS = (
    Column("name", "", ""),
    Column("of_flink", "Kairos against it, whole run", ",.2f"),
    Column("of_flink_second", "against it, second half", ",.2f"),
    Column("of_flink_cpu", "against it, by CPU", ",.2f"),
    Column("rate", "records/s"),
    Column("rate_second", "records/s, second half"),
    Column("cpu_us", "CPU µs a record", ",.2f"),
    Column("cpu_us_second", "CPU µs, second half", ",.2f"),
    Column("peak_mb", "peak memory, MB"),
    Column("events", "events"),
)
NAMES = {
    FLOOR: "floor: aiokafka fetch and msgspec decode",
    FLINK: "Flink, one core, at least once",
    KAIROS: "Kairos, exactly once",
    "ks-mem-eos": "Kafka Streams, in memory, exactly once",
    "ks-mem": "Kafka Streams, in memory, at least once",
    "ks-rocksdb": "Kafka Streams, RocksDB",
    "jet-eos": "Hazelcast Jet, exactly once",
    "jet-alo": "Hazelcast Jet, at least once",
    "pathway": "Pathway",
}


def text_of(value: Any, form: str) -> str:
    """A figure as it is written; what was not measured is a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return format(value, form) if isinstance(value, int | float) else str(value)


def note_of(figures: dict[str, Any]) -> str:
    """Size, machine, date, and whether the machine was busy: by its load before, or by the note of what ran beside it (`beside`)."""
    busy = figures.get("beside") or (f"load {figures['load']} before the run" if figures["load"] >= BUSY else "")
    quiet = f"; the machine was busy ({busy}): a first version, compare ratios and CPU alone" if busy else ""
    return f"{figures['size']}{', ' if figures['size'] else ''}{figures['machine']}, took {figures['seconds']} s{quiet}"


def markdown(columns: Sequence[Column], rows: Iterable[Row]) -> list[str]:
    """A table."""
    lines = ["| " + " | ".join(column.title for column in columns) + " |", "| " + " | ".join("---" if number == 0 else "---:" for number in range(len(columns))) + " |"]
    return lines + ["| " + " | ".join(text_of(row.get(column.key), column.form) for column in columns) + " |" for row in rows]


def peer_rows(runs: dict[str, list[dict[str, Any]]]) -> list[Row]:
    """The best run of each system, and Kairos' ratio to it: the median of the ratios of each turn."""
    rows: list[Row] = []
    for name, own in sorted(runs.items(), key=lambda one: (one[0] != KAIROS, one[0] != FLINK)):
        row: Row = {"name": NAMES.get(name, name), **max(own, key=lambda run: run["rate"])}
        row["cpu_us"] = min(run["cpu_us"] for run in own)
        if name != KAIROS:
            for key, of in (("of_flink", "rate"), ("of_flink_second", "rate_second")):
                row[key] = median([mine[of] / run[of] for mine, run in zip(runs[KAIROS], own, strict=True)])
            row["of_flink_cpu"] = median([run["cpu_us"] / mine["cpu_us"] for mine, run in zip(runs[KAIROS], own, strict=True)])
        rows.append(row)
    return rows


def median(values: Sequence[float]) -> float:
    """The lower one of two in the middle."""
    return sorted(values)[(len(values) - 1) // 2]


def curve_lines(name: str, curve: Curve, figures: dict[str, Any]) -> list[str]:
    """The section of a curve."""
    picture = [f"![{curve.title}](performance/{name}.svg)", ""] if curve.plot else []
    return [f"## {curve.title}", "", curve.doc, "", *markdown(curve.columns, figures["rows"]), "", f"{note_of(figures)}.", "", *picture]


def page(every: dict[str, Any]) -> str:
    """docs/performance.md."""
    lines = [
        "# Performance",
        "",
        "Written by `make bench-page` from `docs/performance.json`; that one command measures everything again (some 20 minutes on a quiet 2-core machine; `FULL=1`: longer runs and a",
        "million customers, some three hours; `PEERS=FOLDER`: the other systems too), but for the soak (`make soak JSON=docs/performance.json`). Sections that are missing have no figures yet.",
        "",
        "* **Records** are like users': RFC 3339 times with offset, Zipf customers (weight 1 / rank^0.6), 15 records each over ten days, about 480 bytes.",
        "* **A run** is one `kairos worker` on one core, the broker on the others: from the first record fed to the end of the last transaction, state and offsets included.",
        "* **Output**: the ids of all events are compared with a replay's; a run with a missing, additional or repeated event gives no figures.",
        "* **Second half**: while the second half of the records is committed. The worker reads ahead, up to 60,000 records a topic partition: where a size is not many times that, much of the",
        "  second half was fetched and decoded in the first, and the whole run is what counts. The first half has what is new of every customer.",
        "* **Compare ratios within one table**: machines and days differ.",
        "",
    ]
    if found := every.get("bench"):
        lines += ["## Against the floor", "", FLOOR_DOC, "", *markdown(COLUMNS, found["rows"]), "", f"{note_of(found)}.", ""]
    if found := every.get("peers"):
        lines += ["## Against other systems", "", PEERS_DOC, "", *markdown(PEER_COLUMNS, peer_rows(found["runs"])), "", f"{note_of(found)}.", ""]
    for name, curve in CURVES.items():
        if found := every.get(name):
            lines += curve_lines(name, curve, found)
    if found := every.get("soak"):
        lines += soak_lines(found)
    return "\n".join(lines).rstrip() + "\n"


def soak_lines(figures: dict[str, Any]) -> list[str]:
    """The section of the soak."""
    lines = ["## Soak", "", SOAK_DOC, "", *markdown(flat.PERIODS, figures["rows"]), "", f"{note_of(figures)}.", "", SOAK_BOUNDS, ""]
    return [*lines, *markdown(flat.VERDICTS, figures["verdicts"]), "", "![Soak](performance/soak.svg)", ""]


SOAK_DOC = (
    "A simulated day (`python -m tests.speed soak`, `make soak`): one worker with all definitions on one core, records at a steady rate, every 15th of a new customer, the others by Zipf of those that "
    "there are; SIGTERM and `kill -9` in turns, one before each row but the first. The topics are as Kairos makes them, compaction included. Event time runs faster than the wall, a day in the whole run, "
    "so `clock=records`: no wall clock, no gate for old events, and a topic that has run out is looked at before every step, which costs latency. *Latest event*: from when the record of an event was "
    "due to the event, at most, the restart included; *memory then*: after two fifths of the period, from where latency and CPU count; rows restored are records of the state topic, *rows a customer* "
    "are by `kairos_rows`, which counts a row with all its parts once."
)
SOAK_BOUNDS = (
    "The verdict is of the second half, by the straight line through it: in the first one what a worker needs without customers weighs too much. What a customer has is spread alike at any number of "
    "customers, so what is kept of one must be flat."
)
SOAK_LINES = (("resident_mb", "memory"), ("stored_customer", "topic/customer"), ("us_row", "restore/row"), ("p50_ms", "latency, p50"))
SOAK_PLOT = Plot("minute", "minute", SOAK_LINES, "% of the mean")


FLOOR_DOC = (
    "The floor is aiokafka's fetch and msgspec's typed decoding of what the five rules read, in one process on the same core, and nothing else. Kairos checks every validity rule, keeps state, and "
    "commits events, state and offsets exactly once."
)
PEERS_DOC = (
    "The same five rules as a good user of each system would write them, on the same records and broker, one core each, in turns (`make bench-peers PEERS=FOLDER`). Ratios are medians over the turns, "
    "other figures the best turn; every output equals the oracle's, event by event."
)


def picture(title: str, plot: Plot, rows: Sequence[Row]) -> str:
    """The curve as SVG."""
    names = [text_of(row[plot.x], ",.0f") if isinstance(row[plot.x], int | float) else row[plot.x] for row in rows]
    places = list(range(len(rows))) if plot.by_name else [float(row[plot.x]) for row in rows]
    lines = [Line(title, [(place, float(row[key])) for place, row in zip(places, rows, strict=True)]) for key, title in plot.lines]
    return drawn(title, lines, plot.x_title, plot.y_title, dict(zip(places, names, strict=True)))


def readme(every: dict[str, Any], text: str) -> str:
    """README with the table between its marks. Raises ValueError where they are missing."""
    found = every["bench"]
    columns = [column for column in COLUMNS if column.key in {"name", "of_floor", "of_floor_cpu", "rate", "rate_second", "cpu_us", "cpu_us_second"}]
    table = "\n".join(markdown(columns, found["rows"]))
    return between(text, f"`make bench`, {note_of(found)}.\n\n{table}")


def scaling(every: dict[str, Any], text: str) -> str:
    """docs/scaling.md with what growing costs between its marks; what has no figures is not there. Raises ValueError where the marks are missing."""
    sections = [[f"### {CURVES[name].title}", *curve_lines(name, CURVES[name], every[name])[1:]] for name in SCALING if name in every]
    return between(text, "\n".join(line for section in sections for line in section).rstrip())


def between(text: str, own: str) -> str:
    """`text` with `own` between its marks. Raises ValueError where they are missing."""
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return f"{text[:begin]}\n{own}\n{text[end:]}"


def write(every: dict[str, Any], root: Path = ROOT) -> list[Path]:
    """Write page, pictures and the tables of README and docs/scaling.md below `root`; which files."""
    folder = root / "docs" / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    files = {root / "docs" / "performance.md": page(every)}
    files |= {folder / f"{name}.svg": picture(curve.title, curve.plot, every[name]["rows"]) for name, curve in CURVES.items() if curve.plot and name in every}
    if "soak" in every:
        files[folder / "soak.svg"] = picture("Soak", SOAK_PLOT, flat.in_percent(every["soak"]["rows"], SOAK_LINES))
    if "bench" in every:
        files[root / "README.md"] = readme(every, (root / "README.md").read_text("utf-8"))
    if any(name in every for name in SCALING):
        files[root / "docs" / "scaling.md"] = scaling(every, (root / "docs" / "scaling.md").read_text("utf-8"))
    for path, text in files.items():
        path.write_text(text, "utf-8")
    return list(files)

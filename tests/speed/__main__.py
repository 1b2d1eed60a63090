"""`python -m tests.speed`: benchmarks on records like users'. Ratios within one run are worth comparing; every output is compared with a replay's."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from tests.broker.kafka import BrokerMissing
from tests.speed import bench as benchmark
from tests.speed import flat
from tests.speed import page as pages
from tests.speed import peers as others
from tests.speed import soak as soaks
from tests.speed.curves import CURVES
from tests.speed.lab import WrongOutput
from tests.speed.testbed import busy, machine, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.speed.curves import Column, Curve
    from tests.speed.measures import Row

SIZE = 1_200_000
PEERS_SIZE = 3_000_000
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="""Benchmarks of Kairos on a real broker (Linux, Java 17, Maven), on records like users': RFC 3339 texts, Zipf customers, 15 records each.

Each command prints a table; --json FILE puts the figures into FILE, beside those of other commands. A wrong output ends a command with exit code 1.

Examples:

    python -m tests.speed bench --size 1200000 --json figures.json

    python -m tests.speed latency --json figures.json

    python -m tests.speed memory --full

    python -m tests.speed everything --json docs/performance.json

    python -m tests.speed soak --minutes 60 --json docs/performance.json

    python -m tests.speed page docs/performance.json
""",
)
Json = Annotated[Path | None, typer.Option("--json", help="Put the figures into this file, too; those of other commands in it stay.")]
Full = Annotated[bool, typer.Option("--full", help="Measure longer and with more customers: for figures to publish.")]


def kept(file: Path | None, name: str, figures: dict[str, Any]) -> None:
    """Put figures into a file, beside what it has."""
    if file is not None:
        every = json.loads(file.read_text("utf-8")) if file.exists() else {}
        every[name] = {**figures, "rows": [{key: None if value != value else value for key, value in row.items()} for row in figures["rows"]]}  # noqa: PLR0124  # JSON has no NaN
        file.write_text(json.dumps(every, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")


def about(load: float, begun: float, size: str) -> dict[str, Any]:
    """What every set of figures carries."""
    return {"machine": machine(), "load": load, "seconds": round(time.time() - begun), "size": size}


def cells(columns: Sequence[Column], row: Row) -> list[str]:
    """A row as texts; what was not measured is a dash."""
    return [pages.text_of(row.get(column.key), column.form) for column in columns]


def shown(title: str, columns: Sequence[Column], rows: Sequence[Row], note: str) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column.title, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*cells(columns, row))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def ran(measure: Callable[[], Any]) -> Any:
    """Measure; what cannot be trusted or is missing ends the command."""
    try:
        return measure()
    except WrongOutput as fault:
        say(f"wrong output, so no figures: {fault}")
    except (BrokerMissing, others.PeersFault) as fault:
        say(str(fault))
    raise typer.Exit(1)


@app.command()
def bench(
    size: Annotated[int, typer.Option(help="Records; a fifteenth as many customers.", min=15_000)] = SIZE,
    json_file: Json = None,
) -> None:
    """The worker with 5, 25 and all definitions against the floor of the same run: some six minutes.

    Example: python -m tests.speed bench --size 300000
    """
    load, begun = busy(), time.time()
    rows = ran(lambda: benchmark.rows(size))
    figures = {**about(load, begun, f"{size:,} records, {size // 15:,} customers"), "rows": rows}
    kept(json_file, "bench", figures)
    shown("On one core, the broker on the others", benchmark.COLUMNS, rows, pages.note_of(figures))


def curve(name: str, one: Curve) -> None:
    """Make a curve a command."""

    def measure(size: Annotated[int, typer.Option(help="Records or customers of a point; 0: as is usual.", min=0)] = 0, full: Full = False, json_file: Json = None) -> None:
        load, begun = busy(), time.time()
        rows = ran(lambda: one.measure(size, full))
        records = f"{rows[0]['records']:,} records a point" if "records" in rows[0] else f"{rows[0]['customers']:,} customers" if "customers" in rows[0] else ""
        figures = {**about(load, begun, records), "rows": rows}
        kept(json_file, name, figures)
        shown(one.title, one.columns, rows, pages.note_of(figures))

    app.command(name, help=f"{one.doc}\n\nExample: python -m tests.speed {name} --json figures.json")(measure)


for each, the_curve in CURVES.items():
    curve(each, the_curve)


@app.command()
def everything(
    file: Annotated[Path, typer.Option("--json", help="Where the figures go.")],
    size: Annotated[int, typer.Option(help="Records of the first table.", min=15_000)] = SIZE,
    full: Full = False,
) -> None:
    """The table and all curves, one after the other, each in a process of its own: some 20 minutes, with --full some three hours.

    Example: python -m tests.speed everything --json docs/performance.json
    """
    failed = []
    for name in ("bench", *CURVES):
        say(f"== {name}")
        more = ["--size", str(size)] if name == "bench" else ["--full"] if full else []
        if os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "tests.speed", name, "--json", str(file), *more]):
            failed.append(name)
    if failed:
        say(f"without figures: {', '.join(failed)}; what the file had of them stays")
        raise typer.Exit(1)


@app.command()
def page(
    figures: Annotated[Path, typer.Argument(help="The figures, as --json has put them.")] = pages.FIGURES,
) -> None:
    """Write docs/performance.md, its SVG curves, and the tables of README and docs/scaling.md from figures.

    Example: python -m tests.speed page docs/performance.json
    """
    for path in pages.write(json.loads(figures.read_text("utf-8"))):
        say(f"wrote {path}")


@app.command()
def peers(
    folder: Annotated[Path | None, typer.Option("--peers", help="The folder with the same rules on other systems.")] = None,
    which: Annotated[str, typer.Option(help="Which of them, separated by spaces: flink-p1 ks-mem-eos jet-eos …")] = others.FLINK,
    size: Annotated[int, typer.Option(help="Records; a fifteenth as many customers.", min=15_000)] = PEERS_SIZE,
    runs: Annotated[int, typer.Option(help="Interleaved runs of each.", min=1)] = 2,
    lab: Annotated[Path | None, typer.Option(help="Where the set-up is kept; none: in the user's cache.")] = None,
    json_file: Json = None,
) -> None:
    """The same five rules on Kairos and on other systems, in one sitting, one core each: some 5 minutes a run with Flink, after a set-up of some minutes.

    Example: make bench-peers PEERS=../shared/peers WHICH="flink-p1 jet-eos" RUNS=2 SIZE=3000000
    """
    load, begun = busy(), time.time()
    found = ran(lambda: others.sitting(folder, lab, which.split(), size, runs))
    figures = {**about(load, begun, f"{size:,} records, {size // 15:,} customers, best of {runs} interleaved runs"), "rows": pages.peer_rows(found["runs"]), "runs": found["runs"]}
    kept(json_file, "peers", figures)
    shown("Five rules, one core each, every output equal to the oracle's", pages.PEER_COLUMNS, figures["rows"], pages.note_of(figures))


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(help="How long; in event time it is a day.", min=1.0)] = 60.0,
    rate: Annotated[float, typer.Option(help="Records a second.", min=10.0)] = 400.0,
    restart: Annotated[float, typer.Option("--restart-every", help="Minutes from one restart to the next.", min=0.5)] = 5.0,
    json_file: Json = None,
) -> None:
    """A simulated day with restarts and ever more customers: memory, state topic, restore and latency must stay flat, and the events must be a replay's.

    What grows ends the command with exit code 1, after its figures are kept.

    Example: python -m tests.speed soak --minutes 60 --rate 400 --json figures.json
    """
    plan, load, begun = soaks.Plan(minutes, rate, restart), busy(), time.time()
    if plan.periods < flat.FEWEST:
        raise typer.BadParameter(f"wanted at least {flat.FEWEST} periods, got {minutes:g} minutes with a restart every {restart:g}", param_hint="--restart-every")
    rows = ran(lambda: soaks.measure(plan))
    found = flat.verdicts(rows)
    figures = {**about(load, begun, f"{rate:,.0f} records/s for {minutes:g} minutes, {flat.size_of(rows)}"), "rows": rows, "verdicts": found}
    kept(json_file, "soak", figures)
    shown("Soak", flat.PERIODS, rows, pages.note_of(figures))
    shown("Second half", flat.VERDICTS, found, "")
    if not flat.flat(found):
        raise typer.Exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # workers and broker are ended, too
    app()

"""`kairos size`: what an installation needs, from its numbers and measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.tools.size import Figure, Line


def size(
    customers: Annotated[str, typer.Option(help="Customers, such as 500k or 100M.")],
    records_per_day: Annotated[str, typer.Option(help="Raw records of a customer in a day, all topics together.")],
    peak: Annotated[float, typer.Option(help="The busiest hour against the mean.", min=1, max=100)] = 3.0,
    utilisation: Annotated[float, typer.Option(help="Share of a core and of a worker's memory that may be used at the peak.", min=0.05, max=1)] = 0.6,
    replication: Annotated[int, typer.Option(help="Copies of every topic.", min=1, max=9)] = 3,
    worker_gib: Annotated[float, typer.Option(help="Memory of a worker, GiB.", min=0.5, max=4096)] = 16.0,
    restore_s: Annotated[float, typer.Option(help="How long the restore of a worker may take, s.", min=1, max=86_400)] = 900.0,
    shards_per_worker: Annotated[int, typer.Option(help="Partitions for each worker: so many times as many workers can share the load later.", min=1, max=100)] = 4,
    batch_wait_ms: Annotated[float, typer.Option(help="Setting batch_wait_ms, as it will be.", min=1, max=10_000)] = 10.0,
    raw_days: Annotated[float, typer.Option(help="Days that raw records are kept.", min=0, max=3660)] = 7.0,
    event_days: Annotated[float, typer.Option(help="Days that events are kept.", min=0, max=3660)] = 7.0,
    core_hour: Annotated[float | None, typer.Option(help="Price of a core for an hour.", min=0, max=1e6)] = None,
    gib_hour: Annotated[float | None, typer.Option(help="Price of a GiB of memory for an hour.", min=0, max=1e6)] = None,
    gb_stored_month: Annotated[float | None, typer.Option(help="Price of a GB on the brokers' disks for a month.", min=0, max=1e6)] = None,
    figures: Annotated[Path | None, typer.Option(help="Your own measured figures, a file like streams/tools/figures.toml.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="A Markdown table.")] = False,  # noqa: FBT002  # a switch
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
) -> None:
    """Compute partitions, workers, memory, network, volumes, restore time and cost, and say how. With all built-in events; nothing is asked of a broker.

    Example: kairos size --customers 100M --records-per-day 20

    Example: kairos size --customers 5M --records-per-day 35 --peak 4 --worker-gib 32 --core-hour 0.04 --gib-hour 0.005 --json
    """
    from streams.definitions.catalogue import Catalogue
    from streams.tools import size as sums

    if markdown and json:
        raise sums.SizeFault("--markdown: wanted one form, got --json too: leave one out")
    asked = sums.Asked(
        sums.number(customers, "--customers", 1, 10**10),
        sums.number(records_per_day, "--records-per-day", 0.001, 10**6),
        len(Catalogue.load().families),
        peak,
        utilisation,
        replication,
        worker_gib,
        restore_s,
        shards_per_worker,
        batch_wait_ms,
        raw_days,
        event_days,
        core_hour,
        gib_hour,
        gb_stored_month,
    )
    measured = sums.figures(figures or sums.FIGURES)
    lines = sums.size(asked, measured)
    if json:
        import orjson

        shown = {line.name: {"value": line.value, "unit": line.unit, "how": line.how} for line in lines}
        used = {name: {"value": figure.value, "measured": figure.measured, "date": figure.date.isoformat(), "what": figure.what} for name, figure in measured.items()}
        typer.echo(orjson.dumps({"asked": asked._asdict(), "needed": shown, "figures": used}).decode())
    elif markdown:
        typer.echo(sums.markdown(lines))
    else:
        show(lines, measured)


def show(lines: list[Line], measured: dict[str, Figure]) -> None:
    """What is needed, and the figures behind it."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("what", "needed", "how")
    table.columns[1].justify = "right"
    for line in lines:
        table.add_row(line.label, line.shown, line.how)
    console.print(table)
    table = Table("figure", "value", "measured", "on", title="figures")
    table.columns[1].justify = "right"
    for name, figure in measured.items():
        table.add_row(name, f"{figure.value:,g}", figure.measured, figure.date.isoformat())
    console.print(table)
    console.print("Not in it: the brokers' own CPU and memory, compression, and what other machines and records make of the figures: measure yours (docs/scaling.md).")

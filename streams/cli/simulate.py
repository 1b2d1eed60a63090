"""`kairos simulate`: a simulated city as a source of raw records, into topics or files."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.simulation.city import City

FOREVER_DAYS = 36_500


def simulate(
    out: Annotated[Path | None, typer.Option(help="Write files: raw/TOPIC.jsonl and reference/*.csv below this folder.")] = None,
    brokers: Annotated[str | None, typer.Option(help="Send to the raw topics, each record when it happens. HOST:PORT,… [KAIROS_BROKERS]")] = None,
    reference: Annotated[Path | None, typer.Option(help="With --brokers: write the city's reference tables into this folder first.")] = None,
    customers: Annotated[int, typer.Option(help="Customers of the city; each makes some 30 records a day.", min=1, max=1_000_000)] = 300,
    days: Annotated[int | None, typer.Option(help="Days to simulate; with --brokers it goes on until stopped when not given, else 14.", min=1, max=FOREVER_DAYS)] = None,
    back: Annotated[int, typer.Option(help="With --brokers: begin so many hours ago; what has passed is sent at once.", min=0, max=87_600)] = 0,
    start: Annotated[str | None, typer.Option(help="With --out: first day, YYYY-MM-DD.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same city.")] = 1,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Simulate a city's customers: raw records of all four topics, and the reference tables that belong to them.

    Example: kairos simulate --out city --customers 300 --days 30, then kairos replay city/raw/*.jsonl --reference city/reference
    """
    from streams import settings
    from streams.settings import SettingsError
    from streams.simulation.city import City

    if (out is None) == (brokers is None):
        raise SettingsError("simulate: wanted either --out FOLDER or --brokers HOST:PORT, got " + ("none" if out is None else "both"))
    chosen = settings.load({"brokers": brokers}, config)
    zone = ZoneInfo(chosen.zone)
    begin = datetime.now(zone) - timedelta(hours=back)
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    if start is not None:
        try:
            midnight = datetime.strptime(start, "%Y-%m-%d").replace(tzinfo=zone)
        except ValueError as error:
            raise SettingsError(f"--start: wanted YYYY-MM-DD, got {start!r}") from error
    city = City(seed, customers, round(midnight.timestamp() * 1000))
    if out is not None:
        write(city, out, days or 14)
        return
    if reference is not None:
        city.write_reference(reference)
    asyncio.run(send_live(city, chosen, days or FOREVER_DAYS, round(begin.timestamp() * 1000)))


def write(city: City, out: Path, days: int) -> None:
    """Write the records of `days` days by topic, and the reference tables."""
    city.write_reference(out / "reference")
    raw = out / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[bytes]] = {}
    for number in range(days):
        for record in city.day(number):
            files.setdefault(record.topic, []).append(record.value + b"\n")
        typer.echo(f"day {number + 1} of {days}", err=True)
    for topic, lines in files.items():
        (raw / f"{topic}.jsonl").write_bytes(b"".join(lines))
    typer.echo(f"{sum(map(len, files.values())):,} records of {len(city.customers):,} customers in {raw}; reference tables in {out / 'reference'}")
    typer.echo(f"try: kairos replay {raw}/*.jsonl --reference {out / 'reference'} --out {out / 'events.jsonl'}")


async def send_live(city: City, chosen: Settings, days: int, begin_ms: int) -> None:
    """Send the records from `begin_ms` (epoch ms) on, each when it happens."""
    from streams.kafka.source import send

    def report(sent: int, at: int) -> None:
        typer.echo(f"{sent:,} records sent, up to {datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec='seconds')}", err=True)

    sent = await send(chosen, (record for record in city.records(days) if record.at >= begin_ms), report)
    typer.echo(f"{sent:,} records sent")

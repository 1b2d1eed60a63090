"""`kairos reference`: whether a folder of reference tables can be used, and what is in it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.reference import Reference
    from streams.settings import Settings


def reference(
    folder: Annotated[Path, typer.Argument(help="Folder of cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv.")],
    publish: Annotated[  # noqa: FBT002  # a switch
        bool, typer.Option("--publish", help="Write the rows of the files to the topic of the setting reference_topic: only what is new, has changed or is gone.")
    ] = False,
    brokers: Annotated[str | None, typer.Option(help="With --publish: Kafka brokers, HOST:PORT. [KAIROS_BROKERS]")] = None,
    topic: Annotated[str | None, typer.Option(help="With --publish: the topic. [KAIROS_REFERENCE_TOPIC]")] = None,
    country: Annotated[str | None, typer.Option(help="The operator's country, alpha-2. [KAIROS_COUNTRY]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Check a folder of reference tables: rows, keys, moments from which rows are valid, and every kind of fault.

    Exit code 1 when a worker would refuse it; warnings alone give 0.

    With --publish the tables of the folder go to a compacted topic, which is made where it is missing; tables without a file there stay as they are.

    Example: kairos reference ./reference

    Example: kairos reference ./reference --publish --topic operator.reference --brokers 127.0.0.1:9092
    """
    from schemas.reference import Reference
    from schemas.reference.fault import summary
    from streams import settings
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.reference_use import warnings

    chosen = settings.load({"country": country, "definitions": tuple(definitions or ()), "brokers": brokers, "reference_topic": topic, "reference": None}, config)
    if publish and chosen.reference_topic is None:
        raise settings.SettingsError("--publish: wanted a topic to write to, got none: name it with --topic, or by the setting reference_topic")
    tables = Reference(folder, chosen.country)
    for line in overview(tables, chosen.country):
        typer.echo(line)
    for warning in warnings(Catalogue.load(chosen.definitions), tables, history=chosen.history_from is not None):
        typer.echo(f"warning: {warning}")
    faults = summary(tables.faults)
    for fault in faults:
        typer.echo(f"fault: {fault}")
    if faults:
        raise typer.Exit(1)
    typer.echo("no faults")
    if publish:
        from streams.kafka.reference_topic import publish as write
        from streams.reference_rows import rows_of

        done = asyncio.run(write(msgspec.structs.replace(chosen, reference=None), rows_of(folder)))
        typer.echo(f"{chosen.reference_topic}: {done.written:,} rows written, {done.removed:,} removed, {done.same:,} were there already")


@contextmanager
def settled(chosen: Settings) -> Iterator[Settings]:
    """The settings, with a folder that holds what the reference topic holds now where one is set; the broker is asked only then."""
    if chosen.reference_topic is None:
        yield chosen
        return
    from streams.kafka.reference_topic import settled as read

    with read(chosen) as found:
        yield found


def overview(reference: Reference, country: str) -> list[str]:
    """One line for each table: its usable rows and keys, from when its rows are valid, and where it comes from."""
    from schemas.reference import TABLES

    lines = [f"{'table':<10} {'rows':>9} {'keys':>9}  {'valid from':<34} source"]
    for table in TABLES:
        own = getattr(reference, table.name)
        source = reference.sources[table.name]
        lines.append(f"{table.file:<10} {own.size:>9,} {len(set(own.keys.tolist())):>9,}  {valid_range(own.valid_from.tolist()):<34} {source}")
    covered = reference.holiday.coverage(country)
    lines.append(f"holidays of {country}: {f'{covered[0]} to {covered[1]}' if covered else 'no calendar; whether a day is a holiday is unknown'}")
    return lines


def valid_range(moments: list[int]) -> str:
    """The earliest and the latest `valid_from` of a table."""
    from schemas.reference.values import ALWAYS

    if not moments:
        return "-"
    texts = ["always" if at == ALWAYS else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="minutes")[:16] for at in (min(moments), max(moments))]
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)

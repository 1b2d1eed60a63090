"""`kairos restore`: a backup becomes an application's state and offsets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer


def restore(
    from_: Annotated[Path, typer.Option("--from", help="The folder of a backup.")],
    app: Annotated[str | None, typer.Option(help="Application to write; without it the name of the settings. [KAIROS_APP]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over the state and offsets that are there.")] = False,  # noqa: FBT002  # a switch
    new_topics: Annotated[bool, typer.Option("--new-topics", help="The raw topics were made again: read them from their beginning.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Write a backup into the state topic and the group of an application that does not run; the worker goes on from there.

    What was published after the backup comes again with the same ids. When it was stopped, run it again: no worker starts before it has ended.

    Example: kairos restore --from /backups/kairos-2026-11-27 --brokers 127.0.0.1:9092 --app kairos

    Example: kairos restore --from /backups/kairos-2026-11-27 --app kairos-drill
    """
    from streams import settings
    from streams.cli.backfill import counting
    from streams.definitions.catalogue import Catalogue
    from streams.kafka.backup import restore as put

    given: dict[str, Any] = {"brokers": brokers, "app": app, "definitions": tuple(definitions or ())}
    chosen, started = settings.load(given, config), time.perf_counter()
    catalogue = Catalogue.load(chosen.definitions, chosen.events, chosen.only, chosen.without)
    with counting() as count:
        saved = asyncio.run(put(chosen, catalogue, from_, count, replace=replace, new_topics=new_topics))
    for note in saved.notes:
        typer.echo(note)
    typer.echo(
        f"{chosen.app}: {saved.rows:,} rows of {saved.manifest.partitions} shards from the backup of {saved.manifest.app} of {saved.manifest.taken}; {time.perf_counter() - started:.1f} s"
    )

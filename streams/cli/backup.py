"""`kairos backup`: a stopped application's state and offsets as files."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any

import typer


def backup(
    to: Annotated[Path, typer.Option(help="A folder that is empty or not there yet.")],
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Write the state and offsets of a stopped application to a folder, with the versions of the rules and checksums.

    The files hold personal data, and 'kairos erase' does not reach them: keep them as the state topic is kept. Raw records and events
    are not in them.

    Example: kairos backup --to /backups/kairos-2026-11-27 --brokers 127.0.0.1:9092 --app kairos
    """
    from streams import settings
    from streams.cli.backfill import counting
    from streams.definitions.catalogue import Catalogue
    from streams.kafka.backup import backup as save

    given: dict[str, Any] = {"brokers": brokers, "app": app, "definitions": tuple(definitions or ())}
    chosen, started = settings.load(given, config), time.perf_counter()
    catalogue = Catalogue.load(chosen.definitions, chosen.events, chosen.only, chosen.without)
    with counting() as count:
        saved = asyncio.run(save(chosen, catalogue, to, count))
    typer.echo(
        f"{to}: {saved.rows:,} rows of {saved.manifest.partitions} shards of {chosen.app}, format {saved.manifest.format}, {len(saved.manifest.rules)} rules, "
        f"{saved.bytes / 1e6:.1f} MB; {time.perf_counter() - started:.1f} s; check it with: cd {to} && sha256sum -c SHA256SUMS"
    )

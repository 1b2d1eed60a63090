"""`kairos repartition`: move an application to more partitions."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

MOST = 10_000
"""A broker does not refuse a number that it cannot serve (tried with a million), and partitions cannot be taken away again."""


def repartition(
    to: Annotated[int, typer.Option(help="How many partitions the raw topics and the state shall have.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Give an application more partitions, so that more workers can share it: every customer's state goes where their records will go.

    Stop the producers, let the workers finish, stop them, then run this; start the producers again when it has ended. A multiple of the
    present number is best: then no two shards meet. Event topics keep their partitions. When it was stopped, run it again: no worker
    starts before it has ended.

    Example: kairos repartition --to 8 --dry-run --brokers 127.0.0.1:9092 --app kairos

    Example: kairos repartition --to 8
    """
    from streams import settings
    from streams.cli.backfill import counting
    from streams.kafka.repartition import repartition as move

    if not 1 <= to <= MOST:
        raise settings.SettingsError(f"--to: wanted a number of partitions above the present one and at most {MOST}, got {to}")
    chosen, started = settings.load({"brokers": brokers, "app": app}, config), time.perf_counter()
    with counting() as count:
        moved = asyncio.run(move(chosen, to, dry_run=dry_run, progress=count))
    if not moved.done:
        typer.echo(f"nothing to do: {chosen.app} has {moved.to} partitions")
        return
    if dry_run:
        typer.echo(f"{chosen.app}: {moved.was} to {moved.to} partitions: {moved.rows:,} state rows would move; nothing was written")
        typer.echo(f"topics that would get partitions: {', '.join(moved.grown) or 'none'}")
        return
    late = f", {moved.records:,} raw records that came meanwhile sent on" if moved.records else ""
    typer.echo(
        f"{chosen.app}: {moved.was} to {moved.to} partitions: {moved.rows:,} state rows moved{late}; {time.perf_counter() - started:.1f} s; start the workers, then the producers"
    )

"""`kairos plan`: what a deployment would change in the stored state."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.tools.plan import Line, Stored


def plan(
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Publish this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Publish all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE; may be given again.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Compare the installed definitions with the state in the changelog, before they are deployed: nothing is written.

    Exit code 1 when a start would be refused.

    Example: kairos plan --brokers 127.0.0.1:9092 --app kairos --definitions ./mine --set balance.rapid_drop.window=7200000
    """
    from rich.console import Console

    from streams import settings
    from streams.builder import shard_builder
    from streams.kafka.control import follow
    from streams.tools.plan import in_words
    from streams.tools.plan import plan as compare

    given = {"brokers": brokers, "app": app, "definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}
    given |= {"only": tuple(only or ()), "without": tuple(without or ())}
    chosen = settings.load(given, config)
    build, _ = shard_builder(chosen)
    catalogue = asyncio.run(follow(build, chosen))
    stored = asyncio.run(read(chosen))
    lines = compare(stored, build(0).engine, catalogue)
    refused = any(line.becomes == "refused" for line in lines)
    if json:
        typer.echo(as_json(lines, ok=not refused))
        raise typer.Exit(int(refused))
    console = Console()
    for sentence in in_words(lines):
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    if blind := sorted({event for line in lines if line.becomes in ("new", "restarted") and not line.note.endswith("warm at once") for event in line.events}):
        console.print(f"before they go live, 'kairos backfill' fills from history: {', '.join(blind)}", highlight=False, markup=False, soft_wrap=True)
    if stored.unfinished:
        console.print("'kairos backfill' was stopped while it wrote: run it again, a worker would refuse to start", highlight=False)
    for becomes, own in by_result(lines).items():
        console.print(f"{becomes}: {len(own)} columns of {len({event for line in own for event in line.events})} events", highlight=False)
    if refused:
        console.print("a worker with these definitions would refuse to start")
        raise typer.Exit(1)


def as_json(lines: list[Line], *, ok: bool) -> str:
    """The lines as one document; state that every installation has is of no event."""
    import orjson

    columns = [{"becomes": line.becomes, "events": line.events, "column": line.column, "rows": line.rows, "note": line.note or None} for line in lines]
    return orjson.dumps({"ok": ok, "columns": columns}).decode()


def by_result(lines: list[Line]) -> dict[str, list[Line]]:
    """The lines by what becomes of their columns."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.becomes, []).append(line)
    return found


async def read(chosen: Settings) -> Stored:
    """Read all partitions of the changelog. Raises TopicFault."""
    from aiokafka import TopicPartition

    from streams.kafka import changelog
    from streams.kafka.connection import connection
    from streams.kafka.topics import changelog_partitions
    from streams.tools.plan import Stored

    count = await changelog_partitions(chosen)
    stored = Stored()
    async with changelog.reading(chosen, connection(chosen)) as consumer:
        for partition in range(count):
            async for run in changelog.rows(consumer, TopicPartition(chosen.changelog, partition)):
                stored.take(run.pairs())
    return stored

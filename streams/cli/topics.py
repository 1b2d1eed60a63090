"""`kairos topics`: create the topics, or check them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.kafka.topics import Created
    from streams.settings import Settings

WARNING = "warning: "


def topics(
    create: Annotated[bool, typer.Option("--create", help="Create what is missing.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    partitions: Annotated[int, typer.Option(help="Partitions of new topics, when no raw topic is there yet.", min=1)] = 4,
    replication: Annotated[int, typer.Option(help="Copies of each partition; 3 in production.", min=1)] = 1,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="The topics of this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="The topics of all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Check that all topics are there as they must be; with --create, make those that are missing.

    Example: kairos topics --create --brokers 127.0.0.1:9092 --partitions 12 --replication 3
    """
    from streams import settings
    from streams.definitions.catalogue import Catalogue
    from streams.kafka import topics

    chosen = settings.load({"brokers": brokers, "app": app, "definitions": tuple(definitions or ()), "only": tuple(only or ()), "without": tuple(without or ())}, config)
    families = Catalogue.load(chosen.definitions, chosen.events, chosen.only, chosen.without).families
    done = asyncio.run(topics.create(chosen, families, partitions=partitions, replication=replication)) if create else topics.NOTHING_CREATED
    if json:
        tell_json(chosen, families, done, config)
        return
    for line in done.lines:
        typer.echo(line)
    checked = asyncio.run(topics.check(chosen, families, config, done.topics))
    for line in checked.warnings:
        typer.echo(f"warning: {line}", err=True)
    typer.echo(f"{len(checked.topic_bytes)} topics are as they must be, {checked.partitions} partitions each")


def tell_json(chosen: Settings, families: Iterable[str], done: Created, config: str | None) -> None:
    """Print what was done and found as one document; faulty topics are no error message then, but in it. Raises BrokerUnreachable."""
    import orjson

    from streams.cli import USAGE
    from streams.kafka import topics

    faults: list[str] = []
    warnings: list[str] = []
    count = None
    try:
        checked = asyncio.run(topics.check(chosen, families, config, done.topics))
        count, warnings = checked.partitions, checked.warnings
    except topics.BrokerUnreachable:
        raise
    except topics.TopicFault as fault:
        for line in str(fault).splitlines():
            (warnings if line.startswith(WARNING) else faults).append(line.removeprefix(WARNING))
    names = list(topics.wanted_topics(chosen, families))
    typer.echo(orjson.dumps({"ok": not faults, "topics": names, "partitions": count, "done": done.lines, "faults": faults, "warnings": warnings}).decode())
    if faults:
        raise typer.Exit(USAGE)

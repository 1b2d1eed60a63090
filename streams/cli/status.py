"""`kairos status`: one screen about a running installation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streams.kafka.status import Overview, Place
    from streams.settings import Settings
    from streams.tools.scrape import WorkerView


def status(
    worker: Annotated[list[str] | None, typer.Option(help="Address of a worker's /metrics, such as http://127.0.0.1:9464; may be given again.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id. [KAIROS_APP]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Show the group's members, which member holds which shard, and the lag of each raw topic; with --worker also what the workers report of themselves.

    Without --worker only the broker is asked, so it works when no worker runs. Where workers want a token, metrics_token_file names it.

    Exit code 0 when all is well, 1 when something is wrong (it is listed), 2 when the broker does not answer.

    Example: kairos status --brokers 127.0.0.1:9092 --worker http://127.0.0.1:9464
    """
    import logging

    from streams import settings
    from streams.kafka.connection import secret
    from streams.kafka.status import overview, problems_of
    from streams.tools.scrape import view, wrong_with

    chosen = settings.load({"brokers": brokers, "app": app}, config)
    token = secret("metrics_token_file", chosen.metrics_token_file) if chosen.metrics_token_file else None
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # an unreachable broker is reported in one sentence
    views = [view(url, token) for url in worker or ()]
    seen = asyncio.run(overview(chosen))
    problems = [*problems_of(seen, chosen.app), *(line for one in views for line in wrong_with(one))]
    if json:
        import orjson

        typer.echo(orjson.dumps(document(chosen, seen, views, problems)).decode())
    else:
        show(chosen, seen, views, problems)
    if problems:
        raise typer.Exit(1)


def document(chosen: Settings, seen: Overview, views: list[WorkerView], problems: list[str]) -> dict[str, Any]:
    """All of it as one JSON document (`docs/json.md`)."""
    from streams.tools.scrape import quantile

    return {
        "app": chosen.app,
        "brokers": chosen.brokers,
        "ok": not problems,
        "problems": problems,
        "group": {
            "state": seen.group.state,
            "members": [{"member": one.name, "client": one.client, "host": one.host, "shards": one.shards} for one in seen.group.members],
        },
        "topics": [{"topic": topic, **dict(zip(("committed", "end", "lag"), total(own), strict=True))} for topic, own in by_topic(seen.places).items()],
        "partitions": [{"topic": one.topic, "partition": one.partition, "owner": one.owner, "committed": one.committed, "end": one.end, "lag": one.lag} for one in seen.places],
        "workers": [
            {
                "url": one.url,
                "trouble": one.trouble,
                "version": one.version,
                "ready": one.ready,
                "state": one.state,
                "restoring": one.restoring,
                "behind_s": one.behind_s,
                "rules_off": one.rules_off,
            }
            for one in views
        ],
        "latency_s": {"p50": quantile(0.5, views), "p99": quantile(0.99, views)} if views else None,
    }


def by_topic(places: list[Place]) -> dict[str, list[Place]]:
    """The partitions of each topic."""
    found: dict[str, list[Place]] = {}
    for place in places:
        found.setdefault(place.topic, []).append(place)
    return found


def total(places: list[Place]) -> tuple[int, int, int]:
    """Committed, end and lag over partitions."""
    return sum(one.committed or 0 for one in places), sum(one.end for one in places), sum(one.lag for one in places)


def show(chosen: Settings, seen: Overview, views: list[WorkerView], problems: list[str]) -> None:
    """One screen."""
    from rich.console import Console
    from rich.table import Table

    from streams.tools.scrape import quantile

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{chosen.app} on {chosen.brokers}: group {seen.group.state.lower()}, {len(seen.group.members)} members")
    if seen.group.members:
        table = Table("member", "host", "shards")
        for member in seen.group.members:
            table.add_row(member.name, member.host, ", ".join(map(str, member.shards)) or "none")
        console.print(table)
    table = Table("topic", "committed", "end", "lag", "not held")
    for topic, own in by_topic(seen.places).items():
        table.add_row(topic, *(f"{number:,}" for number in total(own)), ", ".join(str(one.partition) for one in own if one.owner is None) or "")
    for column in table.columns[1:4]:
        column.justify = "right"
    console.print(table)
    if views:
        table = Table("worker", "version", "ready", "in the group", "behind", "rules off")
        for one in views:
            behind = "" if one.behind_s is None else f"{one.behind_s:,.0f} s"
            table.add_row(one.url, one.version or "?", "yes" if one.ready else "no", one.state or "?", behind, ", ".join(one.rules_off))
        console.print(table)
        median, slow = quantile(0.5, views), quantile(0.99, views)
        if median is not None and slow is not None:
            console.print(f"events since the workers started, append to commit: half within {median:.3g} s, 99 % within {slow:.3g} s")
    for line in problems:
        console.print(line, markup=False, style="bold red")
    if not problems:
        console.print("all is well")

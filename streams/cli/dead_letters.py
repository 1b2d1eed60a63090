"""`kairos dead-letters`: what was refused and why, and how to put it back."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

if TYPE_CHECKING:
    from streams.kafka.dead_letters import Listed, Summary, Wanted
    from streams.settings import Settings

SHOWN = 5
"""Coordinates of each reason and topic in the list."""
UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def dead_letters(
    reason: Annotated[list[str] | None, typer.Option(help="Only this reason; may be given again.")] = None,
    since: Annotated[str | None, typer.Option(help="Only letters written since then: 2026-05-02T03:00:00+08:00, or 90m, 12h, 3d ago.")] = None,
    put_back: Annotated[bool, typer.Option("--put-back", help="Put back into the raw topics what is valid now.")] = False,  # noqa: FBT002  # a switch
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --put-back: say what would be done, write nothing.")] = False,  # noqa: FBT002  # a switch
    show: Annotated[bool, typer.Option("--show", help="Keys and values too: customers' data.")] = False,  # noqa: FBT002  # a switch
    json: Annotated[bool, typer.Option("--json", help="One JSON object a dead letter, or a line of the summary.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id. [KAIROS_APP]")] = None,
    clock: Annotated[str | None, typer.Option(help="wall: records of the future stay; records: they are valid. [KAIROS_CLOCK]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """List dead letters by reason and topic; with --put-back write those that are valid now to their raw topics, each once.

    Every record is decoded again by the installed version. A valid one goes back with its key, value, headers and time, to the partition of its key.
    A receipt in the dead-letter topic records it, so a second call puts nothing back twice. Some records stay: those that are still refused
    (corrections, until they are supported; records of the future, until their time has come), and late ones, which would be even later.

    A record that its source has delivered again meanwhile (same source_system and record_id) is dropped as a duplicate, as long as the engine
    remembers the id of that delivery: the last ones of the customer and topic. One whose time is further back than late_limit_ms comes to the
    dead-letter topic again, as late. Events of records that are put back may be too old for consumers, and go to customer-events.missed.

    Example: kairos dead-letters --put-back --reason bad_time --since 12h --dry-run
    """
    from streams import settings
    from streams.kafka.dead_letters import Wanted

    if dry_run and not put_back:
        raise settings.SettingsError("--dry-run: wanted --put-back with it; without --put-back nothing is written anyway")
    chosen = settings.load({"brokers": brokers, "app": app, "clock": clock}, config)
    wanted = Wanted(frozenset(reason or ()), begin_of(since) if since else None)
    if put_back:
        asyncio.run(tell_put_back(chosen, wanted, dry_run=dry_run, json=json))
    else:
        asyncio.run(tell_listing(chosen, wanted, show=show, json=json))


def begin_of(since: str) -> int:
    """Epoch ms of a time with offset, or of an age such as 3d. Raises SettingsError."""
    from streams.settings import SettingsError

    if ago := re.fullmatch(r"(\d{1,9})([smhd])", since):
        return int(time.time() * 1000) - int(ago[1]) * UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SettingsError(f"--since: wanted a time with offset such as 2026-05-02T03:00:00+08:00, or 90m, 12h, 3d, got {since!r}")
    return max(0, int(moment.timestamp() * 1000))


def moment_of(ms: int | None) -> str | None:
    """A time in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds") if ms is not None else None


async def tell_listing(chosen: Settings, wanted: Wanted, *, show: bool, json: bool) -> None:
    """Print the list."""
    from streams.kafka.dead_letters import listing

    groups: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, 0, [], ""])
    async for listed in listing(chosen, wanted):
        letter = listed.letter
        if json:
            typer.echo(orjson.dumps(as_json(listed, show=show)).decode())
            continue
        if show:
            typer.echo(f"{letter.reason} {letter.where} {letter.key!r} {letter.value!r}")
        group = groups[letter.reason, letter.topic]
        group[0] += 1
        group[1] += listed.put_back
        group[3] = group[3] or (letter.detail or "").partition(", got ")[0]  # what came may be a customer's
        if len(group[2]) < SHOWN:
            group[2].append(letter.where)
    if json:
        return
    for (reason, topic), (count, back, places, detail) in sorted(groups.items()):
        more = f", and {count - len(places)} more" if count > len(places) else ""
        typer.echo(f"{reason}  {topic}  {count}{f' ({back} put back)' if back else ''}: {', '.join(places)}{more}")
        if detail:
            typer.echo(f"  {'the first: ' if count > 1 else ''}{detail}")
    typer.echo("no dead letters" if not groups else "'kairos dead-letters --put-back --dry-run' says which of them are valid now; --json lists each")


def as_json(listed: Listed, *, show: bool) -> dict[str, Any]:
    """A dead letter as an object; key and value only where they are asked for."""
    letter = listed.letter
    shown = {
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.raw_partition,
        "offset": letter.raw_offset,
        "timestamp": moment_of(letter.timestamp),
        "dead_letter": {"partition": letter.partition, "offset": letter.offset, "time": moment_of(letter.appended_ms)},
        "put_back": listed.put_back,
    }
    if show:
        values = {"key": letter.key, "value": letter.value, **{f"header.{name}": value for name, value in letter.headers}}
        shown |= {name: value.decode(errors="backslashreplace") if value is not None else None for name, value in values.items()}
    return shown


async def tell_put_back(chosen: Settings, wanted: Wanted, *, dry_run: bool, json: bool) -> None:
    """Put back, and print the result for all."""
    from streams.kafka.dead_letters import PUT_BACK, put, put_back

    def progress(seen: int, back: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{seen} dead letters read, {back} put back", end="", file=sys.stderr)

    summary: Summary = await put_back(chosen, wanted, dry_run=dry_run, progress=progress)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for (reason, topic, outcome), count in sorted(summary.items()):
        said = "would be put back" if dry_run and outcome == PUT_BACK else outcome
        if json:
            typer.echo(orjson.dumps({"reason": reason, "topic": topic, "outcome": said, "count": count}).decode())
        else:
            typer.echo(f"{reason}  {topic}  {count}: {said}")
    if not json:
        typer.echo(f"{put(summary)} of {summary.total()} {'would be' if dry_run else 'were'} put back")

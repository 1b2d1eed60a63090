"""`kairos ingest`: files in an operator's own format to the raw topics, each row once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.kafka.ingest import Ingest
    from streams.kafka.ingest_topic import IngestTopic

UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")
"""Ends of names of files that are still written."""
EVERY_S = 5.0
"""Between two looks at a folder; a file is taken when it has not changed from one to the next."""


def ingest(
    source: Annotated[str, typer.Option(help="The mapping: a table [sources.NAME] of the settings (docs/sources.md).")],
    files: Annotated[list[str] | None, typer.Argument(help="Files in the source's format, gzip too, or folders of such files; none: the topic that the mapping names.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on with new and grown files until it is ended; a file is taken when it rests for 5 s.")] = False,  # noqa: FBT002  # a switch
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables, in which lookups find their files, too. [KAIROS_REFERENCE]")] = None,
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT. [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; <app>.ingest holds what is done. [KAIROS_APP]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings, with the mapping. [KAIROS_CONFIG]")] = None,
) -> None:
    """Write files or a topic of your own format to the raw topics, each row exactly once, however often it is ended and started.

    Rows that cannot be used become dead letters. One process for each source; exit code 2 when a file could not be read.

    Example: kairos ingest /var/spool/cdr --watch --source pbx --config kairos.toml
    """
    from streams import settings
    from streams.cli.reference import settled
    from streams.kafka.ingest import Ingest
    from streams.kafka.ingest_topic import IngestTopic
    from streams.sources.mapping import load_source

    with settled(settings.load({"reference": reference, "brokers": brokers, "app": app}, config)) as chosen:
        own = load_source(source, chosen.sources, settings.file_in_force(config), chosen.reference)
    if bool(files) == (own.spec.topic is not None):
        wanted = "no files, since the mapping names a topic" if files else "files, or a mapping that names a topic"
        raise settings.SettingsError(f"FILES: wanted {wanted}, got {'files' if files else 'neither'}")
    if not files:
        messages = IngestTopic(chosen, own)
        asyncio.run(topic(messages, watch=watch))
        print(f"{messages.counts['records']:,} records written, {messages.counts['bad']:,} dead letters", file=sys.stderr)
        return
    run = Ingest(chosen, own, lambda line: print(line, file=sys.stderr, flush=True))
    asyncio.run(work(run, files, watch=watch))
    counts = run.counts
    print(f"{counts['files']:,} files, {counts['records']:,} records written, {counts['bad']:,} dead letters", file=sys.stderr)
    if run.faults:
        raise settings.SettingsError("\n".join(run.faults.values()))


async def topic(run: IngestTopic, *, watch: bool) -> None:
    """Ingest the topic."""
    try:
        await run.run(watch=watch)
    finally:
        await run.close()


async def work(run: Ingest, files: Sequence[str], *, watch: bool) -> None:
    """Ingest the files, and where `watch` says so, go on with what comes."""
    try:
        if not watch:
            await run.run(listed(files))
            return
        before: dict[str, tuple[int, int]] = {}
        handled: dict[str, tuple[int, int]] = {}
        while True:
            now = {path: shape for path in listed(files) if (shape := shape_of(path)) is not None}
            resting = [path for path, shape in now.items() if before.get(path) == shape != handled.get(path)]
            await run.run(resting)
            handled |= {path: now[path] for path in resting}
            for path in resting:
                if path in run.faults:
                    print(f"kairos: {run.faults[path]}", file=sys.stderr, flush=True)
            before = now
            await asyncio.sleep(EVERY_S)
    finally:
        await run.close()


def listed(files: Sequence[str]) -> list[str]:
    """The files, and those of the folders, oldest first; hidden ones and those that are still written are left out."""
    found: list[str] = []
    for name in files:
        path = Path(name)
        if not path.is_dir():
            found.append(name)
            continue
        inside = [one for one in path.iterdir() if one.is_file() and not one.name.startswith(".") and not one.name.endswith(UNFINISHED)]
        found += [str(one) for one in sorted(inside, key=lambda one: (one.stat().st_mtime_ns, one.name))]
    return found


def shape_of(path: str) -> tuple[int, int] | None:
    """Size and time of a file; None where it is gone."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns

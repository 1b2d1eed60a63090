"""`kairos replay`: the engine over files, without a broker."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Self

import typer

if TYPE_CHECKING:
    from streams.shard import Step


def replay(
    files: Annotated[list[str], typer.Argument(help="Files of raw records, one JSON object a line, gzip too; - is stdin.")],
    out: Annotated[str | None, typer.Option(help="Write the events here, one CloudEvent a line; - is stdout.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE, such as balance.low.low=500 or balance.rapid_drop.window=2h; may be given again.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Publish this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Publish all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    rejects: Annotated[str | None, typer.Option(help="Write refused records here: reason, detail, topic and line, one JSON object a line.")] = None,
    partitions: Annotated[int, typer.Option(help="Shards to split the customers over, as a cluster with so many partitions does.", min=1)] = 1,
    until: Annotated[str | None, typer.Option(help="RFC 3339: move the clock on to this moment at the end, so that timers fire.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Detect events in files of raw records: try a rule on history before it goes live.

    Time passes with the records alone, so a replay gives the same events with the same ids every time.

    Example: kairos replay may.jsonl.gz --out events.jsonl --set balance.low.low=500 --only balance.low
    """
    from streams import settings
    from streams.builder import shard_builder
    from streams.tools.replay import Replay

    given = {"reference": reference, "clock": "records", "definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}
    given |= {"only": tuple(only or ()), "without": tuple(without or ())}
    build, catalogue = shard_builder(settings.load(given, config), keep_state=False)
    until_ms = int(datetime.fromisoformat(until).timestamp() * 1000) if until else None
    started = perf_counter()
    tally = Tally(out, rejects)
    with tally, progress_bar(files) as progress:
        for step in Replay(build, partitions).run(files, progress, until_ms):
            tally.take(step)
    tally.report([event.id for event in catalogue], perf_counter() - started)


class Tally:
    """Counts what a replay finds, and writes it."""

    def __init__(self, out: str | None, rejects: str | None) -> None:
        self.out, self.rejects = opened(out), opened(rejects)
        self.events: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()
        self.records = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self.out, self.rejects):
            if file is not None:
                file.flush()

    def take(self, step: Step) -> None:
        """Count and write one step."""
        self.records += step.records
        self.events.update(detection.event for detection in step.detections)
        self.counters.update(step.counters)
        if self.out is not None:
            self.out.writelines(message.value + b"\n" for message in step.events if message.value is not None)
        if self.rejects is not None:
            import orjson

            for message in step.dead_letters:
                named = {name: value.decode() for name, value in message.headers}
                raw = (message.value or b"")[:2000].decode("utf-8", "replace")
                self.rejects.write(orjson.dumps({**named, "raw": raw}) + b"\n")

    def report(self, events: list[str], seconds: float) -> None:
        """Print the summary on stderr."""
        from rich.console import Console
        from rich.table import Table

        console = Console(stderr=True)
        table = Table("event", "detections", title="detections")
        table.columns[1].justify = "right"
        for event in events:
            table.add_row(event, f"{self.events[event]:,}", style="dim" if not self.events[event] else None)
        console.print(table)
        refused = {name.removeprefix("reject."): number for name, number in sorted(self.counters.items()) if name.startswith("reject.")}
        if refused:
            table = Table("reason", "records", title="refused")
            for reason, number in refused.items():
                table.add_row(reason, f"{number:,}")
            console.print(table)
        others = ", ".join(f"{self.counters[name]:,} {name}" for name in ("late", "duplicate", "conflict", "terminated") if self.counters[name])
        total = self.records + sum(refused.values()) - refused.get("late", 0)
        console.print(f"{total:,} records, {self.events.total():,} events in {seconds:.1f} s ({total / max(seconds, 1e-9):,.0f} records/s)" + (f"; {others}" if others else ""))


def opened(path: str | None) -> BinaryIO | None:
    """A file to write to; `-` is stdout."""
    import sys

    if path is None:
        return None
    return sys.stdout.buffer if path == "-" else Path(path).open("wb")


class progress_bar:  # noqa: N801  # used like a function
    """A progress bar over the bytes of files, on stderr; silent when that is no terminal."""

    def __init__(self, files: list[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        total = sum(Path(file).stat().st_size for file in files if file != "-" and Path(file).is_file())
        console = Console(stderr=True)
        self.bar = Progress(TextColumn("replay"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("replay", total=total or None)

    def __enter__(self) -> Any:
        self.bar.start()
        return lambda more: self.bar.advance(self.task, more)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

"""`kairos replay`: the engine over files, without a broker."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.tools.rates import RateTally
from streams.valve import COUNTER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.cli.output import Output
    from streams.promises import Limit
    from streams.shard import Step
    from streams.sources.batch import Bad


ODD = ("late", "duplicate", "conflict", "terminated", "bad_msisdn", "bill_lines_differ", "window_full")
"""Counters of records that were odd, and of members that full windows dropped."""
FEW = 20
"""Up to so many events each has a row; of more, those that happened."""


def replay(
    files: Annotated[list[str], typer.Argument(help="Files of raw records, one JSON object a line, gzip too; - is stdin.")],
    out: Annotated[str | None, typer.Option(help="Write the events here, one CloudEvent a line; - is stdout.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE, such as balance.low.low=500 or balance.rapid_drop.window=2h; may be given again.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Publish this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Publish all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    rejects: Annotated[str | None, typer.Option(help="Write refused records here: reason, detail, topic, file:line and raw text, one JSON object a line.")] = None,
    missed: Annotated[str | None, typer.Option(help="Write the events here that a valve holds back, one CloudEvent a line (setting valve).")] = None,
    rates: Annotated[bool, typer.Option("--rates", help="Print how often each event happened, as the table [expect] of the settings.")] = False,  # noqa: FBT002  # a switch
    partitions: Annotated[int, typer.Option(help="Shards to split the customers over, as a cluster with so many partitions does.", min=1)] = 1,
    until: Annotated[str | None, typer.Option(help="RFC 3339 with offset: move the clock on to this moment at the end, so that timers fire.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON document on stdout.")] = False,  # noqa: FBT002  # a switch
    source: Annotated[str | None, typer.Option(help="The files are of this format: a mapping [sources.NAME] of the settings (docs/sources.md).")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Detect events in files of raw records: try a rule on history before it goes live.

    Time passes with the records alone, so a replay gives the same events with the same ids every time.

    Example: kairos replay may.jsonl.gz --out events.jsonl --set balance.low.low=500 --only balance.low

    Example: kairos replay april.jsonl.gz may.jsonl.gz --rates > expect.toml
    """
    from streams import settings
    from streams.builder import shard_builder
    from streams.cli.output import STDOUT, Output
    from streams.cli.reference import settled
    from streams.sources.mapping import load_source
    from streams.tools.replay import Replay
    from streams.tools.source_replay import SourceReplay

    until_ms = moment(until) if until is not None else None
    events, refused, overflow = Output("--out", out, files), Output("--rejects", rejects, files), Output("--missed", missed, files)
    events.differs_from(refused)
    events.differs_from(overflow)
    refused.differs_from(overflow)
    for option, given_too in (("--json", json), ("--rates", rates)):
        if given_too and STDOUT in (out, rejects, missed):
            raise settings.SettingsError(f"{option}: wanted stdout for it alone, got --out, --rejects or --missed there too: name a file")
    if json and rates:
        raise settings.SettingsError("--rates: wanted stdout for it alone, got --json too: leave one out")
    given = {"reference": reference, "clock": "records", "definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}
    given |= {"only": tuple(only or ()), "without": tuple(without or ())}
    with settled(settings.load(given, config)) as chosen:
        build, catalogue = shard_builder(chosen, keep_state=False)
        own = load_source(source, chosen.sources, settings.file_in_force(config), chosen.reference) if source is not None else None
    started = perf_counter()
    tally = Tally(events, refused, overflow, build.shard.valves)
    run = Replay(build, partitions)
    if own is not None:
        run = SourceReplay(build, partitions, own, tally.refuse)
    with events, refused, overflow:
        with progress_bar(files) as progress:
            for step in run.run(files, progress, until_ms):
                tally.take(step)
        (tally.report_json if json else tally.report)([event.id for event in catalogue], perf_counter() - started)
        if isinstance(run, SourceReplay) and (said := run.skipped.said()):
            print(said, file=sys.stderr)
        if rates:
            typer.echo(tally.rates.toml([event.id for event in catalogue if event.id not in catalogue.quiet], sum(shard.rows()["customer"] for shard in run.shards)), nl=False)
        refused.keep()
        tally.refuse_nothing_but_refused(rejects)
        events.keep()
        overflow.keep()


def moment(text: str, option: str = "--until") -> int:
    """Epoch ms of an RFC 3339 time that `option` gives. Raises SettingsError."""
    from streams.intake.times import INVALID, epoch_ms
    from streams.settings import SettingsError

    (ms,) = epoch_ms([text]).tolist()
    if ms == INVALID:
        raise SettingsError(f"{option}: wanted a time with its offset, such as 2026-05-02T03:00:00+08:00, got {text!r}")
    return int(ms)


class Tally:
    """Counts what a replay finds, and writes it."""

    def __init__(self, out: Output, rejects: Output, missed: Output, valves: Mapping[str, Limit]) -> None:
        self.out, self.rejects, self.missed, self.valves = out, rejects, missed, valves
        self.rates = RateTally()
        self.events: Counter[str] = Counter()
        self.counters: Counter[str] = Counter()
        self.records = 0
        self.first_refused: bytes | None = None

    def take(self, step: Step) -> None:
        """Count and write one step."""
        self.records += step.records
        self.events.update(detection.event for detection in step.detections)
        self.rates.take(step.detections)
        self.counters.update(step.counters)
        self.out.write([message.value for message in step.events if message.value is not None])
        self.missed.write([message.value for message in step.missed if message.value is not None])
        if step.dead_letters:
            import orjson

            if self.first_refused is None:
                self.first_refused = step.dead_letters[0].value
            named = ({name: value.decode() for name, value in message.headers} | {"raw": (message.value or b"")[:2000].decode("utf-8", "replace")} for message in step.dead_letters)
            self.rejects.write([orjson.dumps(letter) for letter in named])

    def refuse(self, bad: Bad) -> None:
        """Count and write a row that its mapping cannot use."""
        self.counters[f"reject.{bad.reason}"] += 1
        self.rejects.write([bad.json()])

    def refuse_nothing_but_refused(self, rejects: str | None) -> None:
        """Raises InputFault where records came and none was accepted."""
        from streams.tools.formats import looks_like
        from streams.tools.replay import InputFault

        if self.records or not self.refused:
            return
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in self.refused.items())
        hint = looks_like(self.first_refused) if self.first_refused is not None else None
        see = f"see {rejects}" if rejects else "--rejects FILE writes each with its reason and line"
        raise InputFault(f"none of {sum(self.refused.values()):,} records was accepted ({reasons}): {hint + '; ' if hint else ''}{see}")

    @property
    def refused(self) -> dict[str, int]:
        """Refused records by reason."""
        return {name.removeprefix("reject."): number for name, number in sorted(self.counters.items()) if name.startswith("reject.") and number}

    @property
    def valved(self) -> dict[str, int]:
        """By event that has a valve, how many it held back."""
        return {event: self.counters[f"{COUNTER}.{event}"] for event in sorted(self.valves)}

    @property
    def total(self) -> int:
        """Records that came, the refused ones included."""
        return self.records + sum(self.refused.values()) - self.refused.get("late", 0)

    def report_json(self, events: list[str], seconds: float) -> None:
        """Print the summary on stdout as one document."""
        import orjson

        odd = {name: self.counters[name] for name in ODD}
        by_event = {event: self.events[event] for event in events}
        summary = {"records": self.total, "events": self.events.total(), "seconds": round(seconds, 3), "by_event": by_event, "refused": self.refused, "counters": odd}
        summary["valved"] = self.valved
        typer.echo(orjson.dumps(summary).decode())

    def report(self, events: list[str], seconds: float) -> None:
        """Print the summary on stderr."""
        from rich.console import Console
        from rich.table import Table

        console = Console(stderr=True)
        valved = self.valved
        table = Table("event", "detections", *(("published", "held back", "its valve") if valved else ()), title="detections")
        for column in table.columns[1:4]:
            column.justify = "right"
        shown = [event for event in events if self.events[event] or event in valved or len(events) <= FEW]
        for event in shown:
            split = (f"{self.events[event] - valved[event]:,}", f"{valved[event]:,}", self.valves[event].text) if event in valved else ()
            table.add_row(event, f"{self.events[event]:,}", *split, style="dim" if not self.events[event] else None)
        if others := len(events) - len(shown):
            table.add_row(f"{others:,} others", "0", style="dim")
        console.print(table)
        refused = self.refused
        if refused:
            table = Table("reason", "records", title="refused")
            for reason, number in refused.items():
                table.add_row(reason, f"{number:,}")
            console.print(table)
        odd = ", ".join(f"{self.counters[name]:,} {name}" for name in ODD if self.counters[name])
        total = self.total
        console.print(f"{total:,} records, {self.events.total():,} events in {seconds:.1f} s ({total / max(seconds, 1e-9):,.0f} records/s)" + (f"; {odd}" if odd else ""))


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

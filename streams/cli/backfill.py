"""`kairos backfill`: fill the state of new rules from history, before they go live."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.kafka.backfill import Done
    from streams.tools.backfill import Reach


def backfill(
    events: Annotated[list[str] | None, typer.Argument(help="Rules to fill; none: all that 'kairos plan' calls new, or whose state begins again.")] = None,
    since: Annotated[str | None, typer.Option(help="How far back, from the shard's clock, such as 28d, or RFC 3339 with offset. Without it: all there is.")] = None,
    from_: Annotated[list[str] | None, typer.Option("--from", help="A file of raw records, one JSON object a line, gzip too; may be given again, in the order of time.")] = None,
    topic: Annotated[bool, typer.Option("--topic", help="Read the raw topics too, where --from is given; without --from they are read anyway.")] = False,  # noqa: FBT002  # a switch
    everything: Annotated[bool, typer.Option("--all", help="Rebuild the whole state, as where it is lost.")] = False,  # noqa: FBT002  # a switch
    missed: Annotated[bool, typer.Option("--missed", help="Publish the events of the history to customer-events.missed, with the reason backfill.")] = False,  # noqa: FBT002  # a switch
    drop: Annotated[bool, typer.Option("--drop", help="Delete the state of events that are not installed, as the next start will.")] = False,  # noqa: FBT002  # a switch
    brokers: Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")] = None,
    app: Annotated[str | None, typer.Option(help="Application id; its changelog topic is APP.state. [KAIROS_APP]")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Publish this event alone; may be given again. [KAIROS_ONLY]")] = None,
    without: Annotated[list[str] | None, typer.Option(help="Publish all events but this; may be given again. [KAIROS_WITHOUT]")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE; may be given again.")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables. [KAIROS_REFERENCE]")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Fill the state of rules from the raw topics or from files, while no worker runs: then a new rule is not blind for its frame.

    Give the settings of the deployment. Other rules' state, offsets and remembered ids are not touched, and nothing is published.
    When it was stopped, run it again.

    Example: kairos backfill voice.surge data.surge --since 28d --brokers 127.0.0.1:9092 --app kairos --reference reference

    Example: kairos backfill --from may.jsonl.gz --from june.jsonl.gz --definitions ./mine

    Example: kairos backfill --all
    """
    from streams import settings
    from streams.builder import shard_builder
    from streams.cli.reference import settled
    from streams.definitions.words import suggest
    from streams.kafka.backfill import Wanted
    from streams.kafka.backfill import backfill as fill
    from streams.kafka.control import follow

    given: dict[str, Any] = {"brokers": brokers, "app": app, "reference": reference, "definitions": tuple(definitions or ())}
    given |= {"only": tuple(only or ()), "without": tuple(without or ()), "events": settings.parameter_overrides(set_ or [])}
    if everything and events:
        raise settings.SettingsError(f"--all: wanted no rules by name, got {', '.join(events)}: leave out one of them")
    begin = since_of(since)
    with settled(settings.load(given, config)) as chosen:
        build, catalogue = shard_builder(chosen)
    if strange := [name for name in events or () if name not in catalogue.by_id]:
        raise settings.SettingsError("\n".join(f"{name}: no such event{suggest(name, catalogue.by_id)}" for name in strange))
    catalogue = asyncio.run(follow(build, chosen))
    report, started = Report(), time.perf_counter()
    wanted = Wanted(tuple(events or ()), begin, tuple(from_ or ()), topic or not from_, everything, missed, drop)
    with counting() as count:
        asyncio.run(fill(chosen, build, catalogue, wanted, count, report.take))
    report.show(time.perf_counter() - started)


def since_of(text: str | None) -> Callable[[int], int]:
    """From a shard's clock to the first event time, epoch ms. Raises SettingsError."""
    from streams.cli.replay import moment
    from streams.engine.expression import DefinitionFault
    from streams.engine.expression.quantities import quantity
    from streams.settings import SettingsError

    if text is None:
        return lambda _: 0
    if re.match(r"\d{4}-", text):
        begin = moment(text, "--since")
        return lambda _: begin
    try:
        number, unit = quantity(text)
    except DefinitionFault:
        number, unit = 0, ""
    span = {"ms": 1, "civil days": 86_400_000}.get(unit, 0) * number
    if span <= 0:
        raise SettingsError(f"--since: wanted a length of time such as 28d or 36h, or a time with its offset such as 2026-05-02T00:00:00+08:00, got {text!r}")
    return lambda clock: (clock or round(time.time() * 1000)) - span


class Report:
    """What was done in all shards."""

    def __init__(self) -> None:
        self.shards = self.rows = self.published = 0
        self.counts: Counter[str] = Counter()
        self.reaches: dict[str, Reach] = {}
        self.first: dict[str, int] = {}

    def take(self, done: Done) -> None:
        """Add a shard."""
        self.shards += 1
        self.rows += done.rows
        self.published += done.published
        self.counts.update(done.counts)
        for event, reach in done.reaches.items():
            self.reaches[event] = reach.worse(self.reaches.get(event))
        for topic, first in done.first.items():
            self.first[topic] = max(first, self.first.get(topic, 0))

    def show(self, seconds: float) -> None:
        """Print it: rule by rule, and a last line that says what is complete, and since when."""
        from streams.engine.detection import rfc3339

        if not self.shards:
            typer.echo("nothing to fill: no rule is new or begins again; name a rule to fill it again, or give --all")
            return
        for event, reach in sorted(self.reaches.items()):
            typer.echo(reach.said(event))
        for topic, first in sorted(self.first.items()):
            typer.echo(f"{topic}: the history begins at {rfc3339(first)}, later than was asked for: what was before is deleted there, or in no file")
        others = {"refused": "refused", "before": "from before --since", "live": "left to the live run"}
        left = "".join(f", {self.counts[name]:,} {words}" for name, words in others.items() if self.counts[name])
        typer.echo(
            f"{self.counts['taken']:,} records replayed{left}; {self.rows:,} rows written in {self.shards} shards, {self.published:,} events published to missed; {seconds:.1f} s"
        )
        short = [event for event, reach in self.reaches.items() if reach.complete_at != 0 or reach.shared]
        since = max((reach.known_from for reach in self.reaches.values()), default=0)
        reaching = f"since {rfc3339(since)}" if since else "since the very first record"
        typer.echo(f"complete: {len(self.reaches) - len(short)} of {len(self.reaches)} rules; what they read is known {reaching}; a worker goes on exactly where this ended")


class counting:  # noqa: N801  # used like a function
    """What is being done, on stderr; silent when that is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        self.bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
        self.task = self.bar.add_task("reading")

    def __enter__(self) -> Callable[[str], None]:
        self.bar.start()
        return lambda text: self.bar.update(self.task, description=text)

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

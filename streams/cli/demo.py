"""`kairos demo`: everything on one machine, with nothing but Python."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streams.definitions.catalogue import Catalogue

FIRST_MIDNIGHT_MS = 1_777_564_800_000
"""2026-05-01T00:00+08:00."""
SLICES = 20
"""Number of parts in which a simulated day is produced."""
DAY_S = 1.0
"""A simulated day takes this long."""
AHEAD = 30_000
"""Records that the city may be ahead of the worker: the embedded broker keeps about 5 MB a partition, and deletes the oldest, read or not."""
START_S = 120
"""A demo without any event ends after so long."""
LATEST = 8
FRAMES = 9
"""Lines of a terminal that frames, titles and heads take."""


def demo(
    seconds: Annotated[int, typer.Option(help="End by itself so many seconds after the first event.", min=5)] = 30,
    customers: Annotated[int, typer.Option(help="Customers of the simulated city.", min=1, max=5000)] = 300,
    seed: Annotated[int, typer.Option(help="The same seed gives the same city.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Go on until Ctrl-C, with /metrics up.")] = False,  # noqa: FBT002  # a switch
    metrics_port: Annotated[int | None, typer.Option(help="Port of the worker's /metrics; 9464 with --keep, else a free one.")] = None,
    out: Annotated[Path, typer.Option(help="Leave the records, the reference tables and the events in this folder; what an earlier demo left there is overwritten.")] = Path(
        "kairos-demo"
    ),
) -> None:
    """Show the whole way: an embedded broker, a simulated city, the ordinary worker, and what it detects, live.

    Example: kairos demo --seconds 60 --customers 500
    """
    port = metrics_port if metrics_port is not None else 9464 if keep else free_port()
    demo_run = Demo(seconds, customers, seed, port, out, keep=keep)
    try:
        asyncio.run(demo_run.run())
    except KeyboardInterrupt:
        demo_run.console.print("stopped")
    finally:
        demo_run.end()
    demo_run.summary()
    if demo_run.failed:
        raise SystemExit(1)


class Demo:
    """A running demo."""

    def __init__(self, seconds: int, customers: int, seed: int, port: int, out: Path, *, keep: bool) -> None:
        from rich.console import Console

        from streams.definitions.catalogue import Catalogue
        from streams.simulation.city import City

        self.seconds, self.port, self.out, self.keep = seconds, port, out, keep
        self.console = Console()
        self.catalogue: Catalogue = Catalogue.load()
        self.city = City(seed, customers, FIRST_MIDNIGHT_MS)
        self.published: Path = out / "events.jsonl"
        self.counts: Counter[str] = Counter()
        self.latest: list[str] = []
        """The latest events by their time, in words that begin with it."""
        self.latest_id = ""
        self.produced = self.day = 0
        self.started = time.monotonic()
        self.first_event_s: float | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.failed = False
        self.over = asyncio.Event()

    async def run(self) -> None:
        """Broker, worker, city, display: until the time is up."""
        from schemas.raw import TOPICS
        from streams.emit import DEAD_LETTER, MISSED, PREFIX
        from streams.kafka.embedded import EmbeddedBroker

        reference = self.out / "reference"
        self.city.write_reference(reference)
        (self.out / "raw").mkdir(exist_ok=True)
        outputs = [PREFIX + family for family in self.catalogue.families]
        with EmbeddedBroker() as broker:
            broker.bring_up([*TOPICS, *outputs, DEAD_LETTER, MISSED, "kairos.state"])
            self._start_worker(broker.bootstrap, reference)
            self.console.print(
                f"broker {broker.bootstrap}, {len(self.city.customers)} customers, {len(self.catalogue)} events, metrics http://127.0.0.1:{self.port}/metrics", highlight=False
            )
            tasks = [asyncio.create_task(work) for work in (self._produce(broker.bootstrap), self._consume(broker.bootstrap, outputs), self._watch())]
            await self._show()
            self.over.set()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    self.failed = True
                    self.console.print(f"failed: {result}")
            self.end()

    def _start_worker(self, bootstrap: str, reference: Path) -> None:
        command = [
            *(sys.executable, "-c", "from streams.cli import main; main()", "worker", "--brokers", bootstrap, "--clock", "records", "--reference", str(reference)),
            *("--metrics-port", str(self.port), "--no-check", "--log-level", "warning"),
        ]
        self.log = (self.out / "worker.log").open("w+b")
        self.worker = subprocess.Popen(command, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    async def _watch(self) -> None:
        """Raise if the worker has ended."""
        while True:
            await asyncio.sleep(0.2)
            if self.worker is not None and self.worker.poll() is not None:
                self.over.set()
                self.log.seek(0)
                raise RuntimeError(f"the worker ended with {self.worker.returncode}: {self.log.read()[-2000:].decode(errors='replace')}")

    async def _produce(self, bootstrap: str) -> None:
        """The city's raw logs, a day a second, and never further ahead of the worker than the broker remembers."""
        from aiokafka import AIOKafkaProducer

        from schemas.raw import TOPICS

        taken = 0
        with ExitStack() as files:
            left = {topic: files.enter_context((self.out / "raw" / f"{topic}.jsonl").open("wb")) for topic in TOPICS}
            async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=262_144) as producer:
                while True:
                    begin = time.monotonic()
                    records = self.city.day(self.day)
                    size = len(records) // SLICES + 1
                    for number in range(SLICES):
                        while self.produced - taken > AHEAD:
                            taken = await asyncio.to_thread(self._taken)
                            await asyncio.sleep(0.05)
                        for record in records[number * size : (number + 1) * size]:
                            await producer.send(record.topic, record.value, key=record.key)
                            left[record.topic].write(record.value + b"\n")
                            self.produced += 1
                        await asyncio.sleep(max(0.001, begin + (number + 1) * DAY_S / SLICES - time.monotonic()))
                    self.day += 1

    def _taken(self) -> int:
        """How many records the worker has committed, by its metrics; none as long as it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=2) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return 0
        return round(sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("kairos_records_in_total{")))

    async def _consume(self, bootstrap: str, topics: list[str]) -> None:
        """Read what marketing would read: committed events."""
        from aiokafka import AIOKafkaConsumer

        from streams.cli.wording import city_names, in_words
        from streams.definitions.event import AMOUNT

        cities = city_names()
        money = {event.id: frozenset(name for name, field in event.payload.items() if field.shape is AMOUNT) for event in self.catalogue}

        options: dict[str, Any] = {"isolation_level": "read_committed", "auto_offset_reset": "earliest", "fetch_max_wait_ms": 100, "check_crcs": False}
        async with AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap, **options) as consumer:
            with self.published.open("wb") as left:
                while True:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for record in records:
                            event = orjson.loads(record.value)
                            left.write(record.value + b"\n")
                            self._count(event["data"], in_words(event["data"], money.get(event["data"]["event"], frozenset()), cities))
                            self.latest_id = event["id"]

    def _count(self, data: dict[str, Any], words: str) -> None:
        self.counts[data["event"]] += 1
        self.latest = sorted([*self.latest, words])[-LATEST:]
        if self.first_event_s is None:
            self.first_event_s = time.monotonic() - self.started

    def _goes_on(self) -> bool:
        """Until so many seconds after the first event; without any, no longer than a worker can need to start."""
        if self.over.is_set():
            return False
        return self.keep or time.monotonic() - self.started < (START_S if self.first_event_s is None else self.first_event_s + self.seconds)

    async def _show(self) -> None:
        """A live table on a terminal, a line every few seconds elsewhere."""
        from rich.live import Live

        if self.console.is_terminal:
            with Live(self._table(), console=self.console, refresh_per_second=4) as live:
                while self._goes_on():
                    await asyncio.sleep(0.25)
                    live.update(self._table())
            return
        said = 0.0
        while self._goes_on():
            await asyncio.sleep(0.25)
            if time.monotonic() - said >= 5:
                said = time.monotonic()
                self.console.print(self._line(), highlight=False)

    def _line(self) -> str:
        seconds = time.monotonic() - self.started
        latest = self.latest[-1] if self.latest else "no event yet"
        return f"{seconds:4.0f} s  day {self.day:3}  {self.produced:>9,} records  {self.counts.total():>7,} events  {latest}"

    def _table(self) -> RenderableType:
        """A table that fits the terminal: the latest events always, then as many rows as there is room for, the most frequent first."""
        from rich.console import Group
        from rich.panel import Panel
        from rich.table import Table

        seconds = max(0.1, time.monotonic() - self.started)
        table = Table("event", "detections", "per s", title=f"day {self.day}: {self.produced:,} records, {self.counts.total():,} events, {seconds:.0f} s")
        for column in table.columns[1:]:
            column.justify = "right"
        latest = self.latest[-min(LATEST, max(3, self.console.height // 4)) :]
        room = max(3, self.console.height - len(latest) - FRAMES)
        rows = sorted(self.catalogue, key=lambda event: -self.counts[event.id])
        for event in rows[:room]:
            number = self.counts[event.id]
            table.add_row(event.id, f"{number:,}", f"{number / seconds:.1f}", style=None if number else "dim")
        if len(rows) > room:
            table.caption = f"{len(rows) - room} more at the end"
        return Group(table, Panel("\n".join(latest) or "waiting for the first event", title="latest", expand=False))

    def end(self) -> None:
        """End the worker: it finishes its batch."""
        if self.worker is not None and self.worker.poll() is None:
            self.worker.terminate()
            try:
                self.worker.wait(15)
            except subprocess.TimeoutExpired:
                self.worker.kill()
                self.worker.wait()

    def summary(self) -> None:
        """Print the summary."""
        from rich.table import Column, Table

        seconds = time.monotonic() - self.started
        found = [event for event in self.catalogue if self.counts[event.id]]
        wide = max((len(event.id) for event in found), default=0)
        about = Column("what happened", width=max(20, self.console.width - wide - 20), no_wrap=True, overflow="ellipsis")
        table = Table(Column("event", width=wide), Column("detections", width=10, justify="right"), about, title="detected")
        for event in found:
            table.add_row(event.id, f"{self.counts[event.id]:,}", event.doc().splitlines()[0])
        self.console.print(table)
        first = f", the first after {self.first_event_s:.1f} s" if self.first_event_s is not None else ""
        self.console.print(
            f"{self.counts.total():,} events of {len(found)} kinds of {len(self.catalogue)} from {self.produced:,} records of {self.day} simulated days in {seconds:.0f} s{first}",
            highlight=False,
        )
        for line in self.latest[-3:]:
            self.console.print(line, highlight=False)
        self.failed |= not found
        if not found:
            self.console.print(f"no event within {START_S} s: {self.out / 'worker.log'} says why", highlight=False)
            return
        files, again = f"{self.out}/raw/*.jsonl --reference {self.out}/reference", self.out / "again.jsonl"
        self.console.print(f"Records, reference tables and events are in {self.out}. Try next:", highlight=False)
        self.console.print(f"  kairos explain {self.published} --id {self.latest_id}", highlight=False, soft_wrap=True)
        self.console.print(f"  kairos replay {files} --set balance.low.low=500 --only balance.low --out {again}", highlight=False, soft_wrap=True)
        self.console.print(f"  kairos why-not travel.tourist_city --customer {self.city.customers[0].id} {files}", highlight=False, soft_wrap=True)
        self.console.print("  kairos catalog travel.tourist_city; README.md: add an event in ten lines", highlight=False, soft_wrap=True)


def free_port() -> int:
    """A free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

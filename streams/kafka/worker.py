"""The worker: a Faust app with one agent a raw topic, and one task a shard. The only file beside the transport that knows Faust."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.tables import TableManager
from faust.types.auth import SASLMechanism

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.builder import shard_builder
from streams.kafka import topics as kafka_topics
from streams.kafka.connection import connection, is_loopback, secret
from streams.kafka.resume import resume_from_state
from streams.kafka.shard_task import ShardTask
from streams.kafka.topics import UNCHECKED
from streams.kafka.transport import Consumer, Fetched, Transport, check_libraries, spare_objects
from streams.kafka.watchdog import EXIT, Watchdog
from streams.logs import log, place_of
from streams.metrics import Metrics, Server, Status
from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from faust.types import TP

    from streams.kafka.topics import BrokerFacts
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.worker")
FETCHES_IN_FLIGHT = 4
HEARTBEAT_S = 0.5
"""A worker hears of a rebalance with its next heartbeat: so long others wait for it."""
METADATA_MS = 10_000
"""How soon a changed number of partitions is noticed."""


class Worker:
    """The shards of this process, as the consumer group hands them out."""

    def __init__(self, settings: Settings, build_shard: Callable[[int], Shard], metrics: Metrics, status: Status, broker: BrokerFacts, folder: Path) -> None:
        self.settings, self.build_shard, self.metrics, self.status = settings, build_shard, metrics, status
        self.broker, self.folder = broker, folder
        self.connection = connection(settings)
        self.tasks: dict[int, ShardTask] = {}
        self.running: dict[int, asyncio.Task[None]] = {}
        self.dealt = False
        """Whether the group has dealt out partitions to us (perhaps none)."""
        status.waiting, status.note = self.waiting, self.note
        self.app: App = make_app(settings, self)
        Watchdog(self.tasks.values, settings.stall_s).start()

    def waiting(self) -> str | None:
        """Why the worker is not ready yet, if so."""
        if not self.dealt:
            return "waiting for partitions"
        restoring = [str(task.partition) for task in list(self.tasks.values()) if not task.ready.is_set()]
        if restoring:
            return f"restoring shards {', '.join(restoring)}"
        return next((f"shard {task.partition}: {task.trouble}" for task in list(self.tasks.values()) if task.trouble), None)

    def note(self) -> str | None:
        """What holds a ready worker up, through no fault of its own."""
        return "; ".join(f"shard {task.partition}: {why}" for task in list(self.tasks.values()) if (why := task.held_back())) or None

    async def assigned(self, places: set[TP]) -> None:
        """These topic partitions are ours now: shards that stay keep their state, new ones begin to restore."""
        mine = {place.partition for place in places if place.topic in TOPICS}
        topics_of = Counter(place.partition for place in places)
        strange = [place for place in places if place.partition >= self.broker.partitions or topics_of[place.partition] != len(TOPICS)]
        if strange:
            self.fail(
                "partition counts changed",
                f"{strange[0].topic}: wanted {self.broker.partitions} partitions, as every raw topic had at the start, got another number: "
                "customers' records would meet another shard's state; go back to the old number, or start with another --app and replay history",
            )
        for partition in sorted(mine - self.tasks.keys()):
            task = ShardTask(
                self._build(partition),
                self.settings,
                self.metrics,
                connection=self.connection,
                dead_letter_bytes=self.broker.dead_letter_bytes,
                raw_partitions=self.broker.partitions,
                resume=self._resume,
                rebuild=partial(self._build, partition),
                topic_bytes=self.broker.topic_bytes,
            )
            self.tasks[partition] = task
            self.running[partition] = asyncio.create_task(self._run(task), name=f"shard-{partition}")
        for partition in self.tasks.keys() & mine:
            self.tasks[partition].paused.clear()
            self.tasks[partition].compare = self.broker.tells_offsets
            self.tasks[partition].go_on()
        await self.drop(self.tasks.keys() - mine)
        self.dealt = True

    def _build(self, partition: int) -> Shard:
        shard = self.build_shard(partition)
        shard.engine.state.facts["partitions"] = self.broker.partitions
        return shard

    async def revoked(self, _: set[TP]) -> None:
        """The group is being dealt anew: no shard begins a transaction until it is known who keeps it."""
        going = {partition for partition, task in self.tasks.items() if not task.ready.is_set()}
        for task in list(self.tasks.values()):
            if task.partition not in going and not await task.suspend():
                going.add(task.partition)
        for partition in going:
            self.running[partition].cancel()
        await self.drop(going)

    async def drop(self, partitions: set[int]) -> None:
        """Finish the transaction in flight of each shard, and let it go."""
        going = [(partition, self.tasks.pop(partition), self.running.pop(partition)) for partition in sorted(partitions)]
        for _, task, _ in going:
            task.stopping = True
            task.go_on()
        for partition, task, running in going:
            await asyncio.wait([running], timeout=10)
            running.cancel()
            await task.close()
            self.metrics.forget(partition)
            log(logger, logging.INFO, "shard released", partition=partition)

    async def _run(self, task: ShardTask) -> None:
        try:
            await task.run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, nothing more may be acknowledged
            self.fail(f"shard {task.partition} failed", words(error), error=type(error).__name__, place=place_of(error))

    def fail(self, what: str, reason: str, **named: Any) -> NoReturn:
        """End the process at once: nothing more may be acknowledged."""
        self.status.unwell = what
        log(logger, logging.ERROR, f"{what}, the worker ends", reason=reason, **named)
        logging.shutdown()
        os._exit(EXIT)

    def feed(self, topic: str, partition: int, run: Fetched) -> None:
        """A fetched run goes to its shard; a full queue pauses the partition and never blocks the agent."""
        task = self.tasks.get(partition)
        if task is not None and not task.feed(topic, run):
            self.app.consumer.pause_partitions(self._place(topic, partition))

    def at_end(self, place: TP, run: Fetched) -> None:
        """A fetch brought nothing of `place`: its end may have been reached."""
        task = self.tasks.get(place.partition)
        consumer = self.app.consumer
        if task is None or not isinstance(consumer, Consumer):
            return
        handed = consumer.handed.get(place)
        if handed is None or handed <= task.fed.get(place.topic, -1):
            task.at_end(place.topic, run.position, run.end, run.held)

    def _resume(self, topic: str, partition: int) -> None:
        self.app.consumer.resume_partitions(self._place(topic, partition))

    def _place(self, topic: str, partition: int) -> set[TP]:
        return {place for place in self.app.consumer.assignment() if place.topic == topic and place.partition == partition}


class NoTables(TableManager):
    """Faust's tables are not used: it need not wait a second for some to be declared before it subscribes."""

    async def on_start(self) -> None:
        """Start what the assignment of partitions goes through."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """Faust's app, with our transport, and shards that end before the consumer does."""

    worker: Worker

    @property
    def connection(self) -> dict[str, Any]:
        """What every client connects with."""
        return self.worker.connection

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def on_position(self, place: TP, run: Fetched) -> None:
        """A fetch brought nothing of `place`."""
        self.worker.at_end(place, run)

    async def on_stop(self) -> None:
        """Finish the transactions in flight before anything else stops."""
        await self.worker.drop(set(self.worker.tasks))
        await super().on_stop()


def words(error: BaseException) -> str:
    """The message of an error of ours; of others only their kind, for they may hold values of records."""
    return str(error) if isinstance(error, KairosFault) else type(error).__name__


def make_app(settings: Settings, worker: Worker) -> App:
    """The Faust app with one agent a raw topic."""
    app = App(
        settings.app,
        broker=[f"kafka://{broker}" for broker in settings.brokers.split(",")],
        broker_credentials=credentials(worker.connection),
        broker_session_timeout=float(settings.session_timeout_s),
        broker_heartbeat_interval=min(HEARTBEAT_S, settings.session_timeout_s / 4),
        broker_request_timeout=max(30.0, float(settings.session_timeout_s)),
        consumer_group_instance_id=settings.instance,
        consumer_metadata_max_age_ms=METADATA_MS,
        consumer_max_fetch_size=settings.fetch_bytes,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=FETCHES_IN_FLIGHT,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        datadir=worker.folder,
        store="memory://",
        TableManager=NoTables,
    )
    app.worker = worker
    for name in TOPICS:
        make_agent(app, worker, name)
    app.on_partitions_assigned.connect(lambda _app, assigned, **_: worker.assigned(assigned))
    app.on_partitions_revoked.connect(lambda _app, revoked, **_: worker.revoked(revoked))
    return app


def credentials(options: dict[str, Any]) -> SSLCredentials | SASLCredentials | None:
    """The same connection in Faust's words, for the producer that it opens at start and never uses."""
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return SASLCredentials(
            username=options["sasl_plain_username"], password=options["sasl_plain_password"], ssl_context=context, mechanism=SASLMechanism(options["sasl_mechanism"])
        )
    return SSLCredentials(context=context) if context is not None else None


def make_agent(app: App, worker: Worker, name: str) -> None:
    """The agent of one raw topic: every message is a fetched run, and goes to the shard of its partition."""

    async def take(stream: Any) -> None:
        async for event in stream.events():
            worker.feed(name, event.message.partition, event.value)

    app.agent(app.topic(name, internal=False, value_type=None, key_type=None), name=f"take.{name}")(take)


def run(settings: Settings, *, check: bool = True, config: str | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises the faults of settings, definitions, reference and topics before it starts."""
    check_libraries()
    connection(settings)
    token = secret("metrics_token_file", settings.metrics_token_file) if settings.metrics_token_file else None
    if token is None and not is_loopback(settings.metrics_host):
        raise SettingsError(f"metrics_host: wanted a loopback address, or metrics_token_file as well, got {settings.metrics_host} without a token")
    spare_objects()
    build, catalogue = shard_builder(settings)
    broker = asyncio.run(kafka_topics.facts(settings, catalogue.families, config)) if check else UNCHECKED
    gc.set_threshold(200_000, 50, 1000)
    metrics, status = Metrics(), Status()
    server = Server(metrics, status, settings.metrics_host, settings.metrics_port, token)
    if settings.resume_from_state:
        asyncio.run(resume_from_state(settings, connection(settings), metrics, broker.partitions))
    log(
        logger,
        logging.INFO,
        "worker starts",
        brokers=settings.brokers,
        app=settings.app,
        clock=settings.clock,
        events=len(catalogue),
        metrics=f"{settings.metrics_host}:{server.port}",
    )
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="kairos-") as folder:
        worker = Worker(settings, build, metrics, status, broker, Path(folder))
        shell = faust.Worker(worker.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        shell.spinner = None  # it writes escapes between the lines of the log
        shell.execute_from_commandline()

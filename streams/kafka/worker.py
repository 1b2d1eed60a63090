"""The worker: a Faust app with one agent a raw topic, and one task a shard. The only file beside the transport that knows Faust."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import faust
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.auth import SASLCredentials, SSLCredentials
from faust.tables import TableManager
from faust.types import TP
from faust.types.auth import SASLMechanism

from schemas.raw import TOPICS
from schemas.reference.fault import ReferenceFault
from streams.builder import shard_builder
from streams.definitions import first_ever
from streams.kafka import topics as kafka_topics
from streams.kafka.bystander import Bystander
from streams.kafka.connection import connection, is_loopback, secret
from streams.kafka.contact import Contact, listen
from streams.kafka.control_watch import ControlWatch
from streams.kafka.ending import Ending
from streams.kafka.group import Refusals, cause, why_uneven
from streams.kafka.looks import Looks
from streams.kafka.reading import RetentionGap, refuse_gaps
from streams.kafka.reference_topic import ReferenceTopic
from streams.kafka.reference_watch import ReferenceWatch
from streams.kafka.resume import resume_from_state
from streams.kafka.shard_task import ShardTask, pace_of
from streams.kafka.topics import UNCHECKED
from streams.kafka.tracing import tracing
from streams.kafka.transport import Consumer, Fetched, Transport, check_libraries, hand_over_runs
from streams.kafka.watchdog import EXIT, Watchdog
from streams.logs import about, log
from streams.metrics import Metrics, Server, Status
from streams.settings import SettingsError, changed
from streams.valve import Hourly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from streams.builder import Build
    from streams.kafka.topics import BrokerFacts
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.worker")
FETCHES_IN_FLIGHT = 4
HEARTBEAT_S = 0.5
"""A worker learns of a rebalance from its next heartbeat; the others wait that long."""
METADATA_MS = 10_000
"""How soon a changed number of partitions is noticed."""


class Worker:
    """The shards of this process, as the consumer group hands them out."""

    def __init__(self, settings: Settings, build_shard: Build, metrics: Metrics, status: Status, broker: BrokerFacts, folder: Path, contact: Contact | None = None) -> None:
        self.settings, self.build_shard, self.metrics, self.status = settings, build_shard, metrics, status
        self.broker, self.folder, self.contact = broker, folder, contact or Contact()
        self.connection = connection(settings)
        self.tracing = tracing(settings)
        self.tasks: dict[int, ShardTask] = {}
        self.running: dict[int, asyncio.Task[None]] = {}
        self.assigned_once = False
        """True after the first assignment, even an empty one."""
        self.hourly = Hourly()
        self.pace = pace_of(settings)
        self.looks = Looks(settings, self.connection, self._looked, self._unseen)
        self.looking: asyncio.Task[None] | None = None
        self.reference: ReferenceWatch | None = None
        self.watching: list[asyncio.Task[None]] = []
        self.control: ControlWatch | None = None
        self.first_start: str | None = None
        """What is logged when a shard has no state yet."""
        status.waiting, status.note = self.waiting, self.note
        self.rebalancing = False
        """Whether the group is assigning its partitions again."""
        metrics.member_is(self.member_state)
        metrics.restoring.set_function(lambda: float(sum(not task.ready.is_set() for task in list(self.tasks.values()))))
        self.app: App = make_app(settings, self)
        refusals = Refusals(settings)
        self.contact.refused = lambda code: self.fail("the group refuses the worker", why) if (why := refusals.why(code)) else None
        Watchdog(self.tasks.values, settings.stall_s, self.fail, self.contact.silent_s).start()

    def member_state(self) -> str:
        """What the worker is in its group: one of `metrics.MEMBER_STATES`."""
        return "rebalancing" if self.rebalancing else "stable" if self.assigned_once else "joining"

    def waiting(self) -> str | None:
        """Why the worker is not ready, if so."""
        if away := self.contact.away(self.settings.contact_s):
            return away
        if not self.assigned_once:
            return "waiting for partitions"
        restoring = [str(task.partition) for task in list(self.tasks.values()) if not task.ready.is_set()]
        if restoring:
            return f"restoring shards {', '.join(restoring)}"
        return next((f"shard {task.partition}: {task.trouble}" for task in list(self.tasks.values()) if task.trouble), None)

    def note(self) -> str | None:
        """What needs attention although the worker is ready: records held back by others, rules that are shut off."""
        tasks = list(self.tasks.values())
        held = [f"shard {task.partition}: {why}" for task in tasks if (why := task.held_back())]
        return (
            "; ".join([*held, *(f"shard {task.partition}: {event} is shut off: {why}" for task in tasks for event, why in list(task.off.items())), *self._about_others()]) or None
        )

    def _about_others(self) -> list[str]:
        notes = [note] if self.reference is not None and (note := self.reference.note()) else []
        return [*notes, *(self.control.note() if self.control is not None else ())]

    def shards(self) -> list[Shard]:
        """The shards of this process."""
        return [task.shard for task in self.tasks.values()]

    async def assigned(self, places: set[TP]) -> None:
        """These topic partitions are ours now: shards that stay keep their state, new ones begin to restore."""
        mine = {place.partition for place in places if place.topic in TOPICS}
        if uneven := why_uneven(places, self.broker.partitions, self.app.consumer._thread._consumer._client.cluster, self.settings.app):
            self.fail(*uneven)
        if self.looking is None:
            self.looking = asyncio.create_task(self._guarded(self.looks.run(), "the looks at the topics' ends failed"), name="looks")
            if self.reference is not None:
                self.watching.append(asyncio.create_task(self._guarded(self.reference.run(), "the looks at the reference tables failed"), name="reference"))
            if self.control is not None:
                self.watching.append(asyncio.create_task(self._guarded(self.control.run(), "following the control topic failed"), name="control"))
        for partition in sorted(mine - self.tasks.keys()):
            task = ShardTask(
                self._build(partition),
                self.settings,
                self.metrics,
                connection=self.connection,
                dead_letter_bytes=self.broker.dead_letter_bytes,
                raw_partitions=self.broker.partitions,
                rewind=self._rewind,
                look=self._look,
                rebuild=partial(self._build, partition),
                topic_bytes=self.broker.topic_bytes,
                tracing=self.tracing,
                hourly=self.hourly,
                pace=self.pace,
                first=self._first,
                control=self.control,
            )
            self.tasks[partition] = task
            self.running[partition] = asyncio.create_task(self._guarded(task.run(), f"shard {partition} failed"), name=f"shard-{partition}")
        for partition in self.tasks.keys() & mine:
            self.tasks[partition].compare = self.broker.reports_offsets
            self.tasks[partition].go_on()
        await self.drop(self.tasks.keys() - mine)
        self.assigned_once, self.rebalancing = True, False

    def _build(self, partition: int, off: frozenset[str] = frozenset()) -> Shard:
        shard = self.build_shard(partition, off)
        shard.engine.state.facts["partitions"] = self.broker.partitions
        return shard

    def _first(self) -> None:
        """Say once what a first start takes for granted."""
        says, self.first_start = self.first_start, None
        if says is not None:
            log(logger, logging.WARNING, says)

    async def revoked(self, _: set[TP]) -> None:
        """The group is being rebalanced: no shard begins a transaction until it is known who keeps it."""
        self.rebalancing = self.assigned_once
        tasks = list(self.tasks.values())  # a copy: while the worker waits for one task, a stop may drop another
        going = {task.partition for task in tasks if not task.ready.is_set()}
        for task in tasks:
            if task.partition not in going and not await task.suspend():
                going.add(task.partition)
        for partition in going & self.running.keys():
            self.running[partition].cancel()
        await self.drop(going & self.tasks.keys())

    async def drop(self, partitions: set[int]) -> None:
        """Finish the transaction in flight of each shard, and give the shard up."""
        going = [(partition, self.tasks.pop(partition), self.running.pop(partition)) for partition in sorted(partitions)]
        for _, task, _ in going:
            task.stopping = True
            task.go_on()
        for partition, task, running in going:
            self.pace.forget(partition)
            await asyncio.wait([running], timeout=10)
            running.cancel()
            await task.close()
            self.metrics.forget(partition)
            log(logger, logging.INFO, "shard released", partition=partition)

    async def _guarded(self, work: Awaitable[None], what: str) -> None:
        """Do `work`; an error is reported as `what`, and ends the worker."""
        try:
            await work
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # nobody asked for it: something inside was cancelled, and the work would end without a word
                self.broken(what, error)
            raise
        except BaseException as error:  # noqa: BLE001  # after any error nothing more may be acknowledged
            self.broken(what, error)

    def broken(self, what: str, error: BaseException) -> NoReturn:
        """End the process because of an error that nothing handles."""
        self.fail(what, **about(error))

    def fail(self, what: str, reason: str, **named: Any) -> NoReturn:
        """End the process at once: nothing more may be acknowledged."""
        try:
            self.status.unwell = what
            log(logger, logging.ERROR, f"{what}, the worker ends", reason=reason, **named)
            logging.shutdown()
        finally:
            os._exit(EXIT)  # also when there is no memory left to write the reason

    def wants(self, place: TP) -> bool:
        """Whether `place` is to be fetched now."""
        task = self.tasks.get(place.partition)
        return task is not None and task.wants(place.topic)

    def positions(self) -> list[tuple[TP, int]]:
        """Where the shards that are ready are read from. The others say so when they are."""
        return [(TP(topic, task.partition), offset) for task in list(self.tasks.values()) if task.ready.is_set() for topic, offset in task.reading.next.items()]

    def feed(self, topic: str, partition: int, run: Fetched) -> bool:
        """A fetched run goes to its shard. Returns whether that takes runs. An error ends the worker: the records would be lost without notice."""
        task = self.tasks.get(partition)
        if task is None:
            return False
        try:
            return task.feed(topic, run)
        except BaseException as error:  # noqa: BLE001  # also when there is no memory left
            self.broken(f"feeding {topic}[{partition}] from position {run.begin} failed", error)

    def at_end(self, place: TP, run: Fetched) -> bool:
        """A fetch brought no record of `place`, but perhaps moved on, or came to its end. Runs that are still on their way come first. Returns whether the shard took it."""
        task, consumer = self.tasks.get(place.partition), self.app.consumer
        if task is None or not isinstance(consumer, Consumer) or consumer.handed.get(place, 0) > task.reading.next.get(place.topic, 0):
            return False
        return self.feed(place.topic, place.partition, run)

    async def out_of_range(self, place: TP, offset: int) -> None:
        """The broker has nothing at `offset`: input was deleted unread, or the topic is another one. Ends the worker, unless nobody reads there any more."""
        task = self.tasks.get(place.partition)
        if task is None or task.reading.next.get(place.topic) != offset:
            return
        topic_partition = TopicPartition(*place)
        try:
            begins, ends = await self.looks.begins([topic_partition]), await self.looks.ends([topic_partition])
        except (KafkaError, OSError, TimeoutError):
            return  # the next fetch reports it again
        if begins[topic_partition] <= offset <= ends[topic_partition]:
            return
        try:
            refuse_gaps({topic_partition: offset}, begins)
        except RetentionGap as gap:
            self.broken(f"shard {place.partition} failed", gap)
        self.fail(
            f"shard {place.partition} failed",
            f"{place.topic}[{place.partition}]: wanted to read from offset {offset}, but the topic ends at {ends[topic_partition]}: "
            "it was cut off or made again; start with another --app and replay history",
        )

    def _rewind(self, topic: str, partition: int, offset: int) -> None:
        if isinstance(consumer := self.app.consumer, Consumer):
            consumer.rewind(TP(topic, partition), offset)

    def _look(self, partition: int, topics: Iterable[str]) -> None:
        self.looks.ask(TopicPartition(topic, partition) for topic in topics)

    def _looked(self, place: TopicPartition, moment: float, end: int) -> None:
        if (task := self.tasks.get(place.partition)) is not None:
            task.looked(place.topic, moment, end)

    def _unseen(self, place: TopicPartition, why: str) -> None:
        if (task := self.tasks.get(place.partition)) is not None:
            task.reading.unseen = why


class NoTables(TableManager):
    """Faust's tables are not used: it need not wait a second for some to be declared before it subscribes."""

    async def on_start(self) -> None:
        """Start the services that the assignment of partitions goes through."""
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

    def wants(self, place: TP) -> bool:
        """Whether `place` is to be fetched now."""
        return self.worker.wants(place)

    def positions(self) -> list[tuple[TP, int]]:
        """Where partitions are read from."""
        return self.worker.positions()

    def on_position(self, place: TP, run: Fetched) -> bool:
        """A fetch brought nothing of `place`. Returns whether its shard took it."""
        return self.worker.at_end(place, run)

    def fetch_s(self) -> float:
        """How long to wait behind a fetch that brought few records."""
        return self.worker.pace.fetch_s(time.monotonic())

    async def on_out_of_range(self, place: TP, offset: int) -> None:
        """The broker has nothing at `offset` of `place`."""
        await self.worker.out_of_range(place, offset)

    def on_failure(self, what: str, error: BaseException) -> NoReturn:
        """What brings the records has failed."""
        self.worker.broken(what, error)

    def _crash(self, reason: BaseException) -> None:
        """One of Faust's services has crashed: a worker without it would stall, or miss records."""
        if not self.should_stop and not isinstance(reason, asyncio.CancelledError):
            self.worker.broken("a service of Faust crashed", reason)
        super()._crash(reason)

    async def on_stop(self) -> None:
        """Finish the transactions in flight before anything else stops."""
        await self.worker.drop(set(self.worker.tasks))
        for looking in (*filter(None, [self.worker.looking]), *self.worker.watching):
            looking.cancel()
        if self.worker.control is not None:
            await self.worker.control.close()
        await asyncio.to_thread(self.worker.tracing.close)
        await super().on_stop()


class Shell(faust.Worker):
    """Faust's own start and stop; `Ending` handles signals, and `run` reports an error."""

    def install_signal_handlers(self) -> None:
        """Install none: only `Ending` handles signals, and no signal opens a debugger."""

    def finish(self) -> None:
        """Begin an orderly end; from any thread."""
        self.loop.call_soon_threadsafe(self._schedule_shutdown, signal.SIGTERM)

    def run(self) -> None:
        """Run until asked to end. Raises the error that ended the worker."""
        self._starting_fut = asyncio.ensure_future(self.start(), loop=self.loop)
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self._starting_fut)
        if self.crash_reason is not None:
            raise self.crash_reason
        self.on_worker_shutdown()
        self.stop_and_shutdown()


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
    """The same connection in Faust's types, for the producer that it opens at start and never uses."""
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return SASLCredentials(
            username=options["sasl_plain_username"], password=options["sasl_plain_password"], ssl_context=context, mechanism=SASLMechanism(options["sasl_mechanism"])
        )
    return SSLCredentials(context=context) if context is not None else None


def make_agent(app: App, worker: Worker, name: str) -> None:
    """The agent of one raw topic: every message is a fetched run, and goes to the shard of its partition."""

    async def take(stream: Any) -> None:
        try:
            async for event in stream.events():
                worker.feed(name, event.message.partition, event.value)
        except Exception as error:  # noqa: BLE001  # Faust would restart the agent behind the run that it held
            worker.broken(f"the agent of {name} failed", error)

    app.agent(app.topic(name, internal=False, value_type=None, key_type=None), name=f"take.{name}")(take)


def run(settings: Settings, *, check: bool = True, config: str | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises the faults of settings, definitions, reference and topics before it starts."""
    check_libraries()
    contact = Contact()
    listen(contact)
    ending = Ending(contact)
    ending.install()
    connection(settings)
    token = secret("metrics_token_file", settings.metrics_token_file) if settings.metrics_token_file else None
    if token is None and not is_loopback(settings.metrics_host):
        raise SettingsError(f"metrics_host: wanted a loopback address, or metrics_token_file as well, got {settings.metrics_host} without a token")
    hand_over_runs()
    with tempfile.TemporaryDirectory(prefix="kairos-reference-") as folder:
        topic = ReferenceTopic(settings, Path(folder)) if settings.reference_topic else None
        run_with(settings, topic, ending, contact, token, check=check, config=config)


def run_with(settings: Settings, topic: ReferenceTopic | None, ending: Ending, contact: Contact, token: str | None, *, check: bool, config: str | None) -> None:
    """Run it, with the reference tables of the topic where there is one."""
    read = settings if topic is None else topic.in_folder()
    if topic is not None:
        topic.read()
    try:
        build, catalogue = shard_builder(read, named=str if topic is None else topic.mirror.named)
    except ReferenceFault as fault:
        raise ReferenceFault(str(fault) if topic is None else topic.mirror.named(str(fault))) from fault
    broker = asyncio.run(kafka_topics.facts(settings, catalogue.families, config)) if check else UNCHECKED
    gc.set_threshold(200_000, 50, 1000)
    metrics, status = Metrics(), Status()
    metrics.promise(build.promised, build.shard.valves)
    metrics.watch(contact.silent_s, contact.group_silent_s)
    server = Server(metrics, status, settings.metrics_host, settings.metrics_port, token)
    if settings.resume_from_state:
        asyncio.run(resume_from_state(settings, connection(settings), metrics, broker.partitions))
    log(
        logger,
        logging.INFO,
        "worker starts",
        version=version("kairos"),
        brokers=settings.brokers,
        app=settings.app,
        clock=settings.clock,
        events=len(catalogue),
        changed=changed(settings),
        metrics=f"{settings.metrics_host}:{server.port}",
    )
    for notice in catalogue.notices:
        log(logger, logging.WARNING, "a definition may surprise", notice=notice)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="kairos-") as folder:
        worker = Worker(settings, build, metrics, status, broker, Path(folder), contact)
        worker.first_start = None if settings.history_from else first_ever.taken_for_granted(catalogue)
        worker.reference = ReferenceWatch(read, build, metrics, worker.shards, topic)
        if broker.control:
            worker.control = ControlWatch(settings, build, metrics, worker.connection, lambda: list(worker.tasks.values()))
        shell = Shell(worker.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        shell.spinner = None  # it would write escape codes between the lines of the log
        ending.finish = shell.finish
        if check:
            Bystander(settings, broker.partitions, metrics, contact).start()
        try:
            shell.run()
        except Exception as error:  # noqa: BLE001  # every error is reported in a line, and nothing more may be acknowledged
            worker.fail("the worker failed", **cause(error))

"""The worker: the shards that the consumer group gives to this process, one task each, and what all of them share."""

from __future__ import annotations

import asyncio
import logging
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.raw import TOPICS
from streams.kafka.app import make_app
from streams.kafka.connection import connection
from streams.kafka.contact import Contact
from streams.kafka.control_watch import ControlWatch
from streams.kafka.group import Refusals, why_uneven
from streams.kafka.looks import Looks
from streams.kafka.reading import RetentionGap, refuse_gaps
from streams.kafka.reference_watch import ReferenceWatch
from streams.kafka.shard_task import ShardTask, pace_of
from streams.kafka.tracing import tracing
from streams.kafka.transport import Consumer, Fetched
from streams.kafka.watchdog import EXIT, Watchdog
from streams.logs import about, log
from streams.metrics import Metrics, Status
from streams.valve import Hourly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from streams.builder import Build
    from streams.kafka.app import App
    from streams.kafka.topics import BrokerFacts
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.worker")


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

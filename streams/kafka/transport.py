"""Faust's consumer, handing over whole fetches: one message for each fetched run of a partition's records.

Faust was made for one message a record. What that means for a message of many records (`docs/adr/0003`): Faust commits no
offsets at all here (they go with the shard's transaction, and a late plain commit would move the group back), keeps no
book of gaps, and never drops what it thinks it read before; the shard trims by its own next offset.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka
import faust
from aiokafka import conn as aiokafka_conn
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords
from faust.transport.drivers import aiokafka as driver
from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP, ConsumerMessage

from schemas.fault import KairosFault
from streams.kafka import producer
from streams.kafka.batches import OlderFormat
from streams.kafka.raw_run import NOTHING, RawRun, read_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}
"""The versions whose private names are used here."""
FEW = 2_000
"""A fetch that brings fewer records, from all partitions, is followed by a short wait: the next brings more."""
POLL_S = 0.1
"""How long a fetch waits for records."""


class Fetched(NamedTuple):
    """What a fetch brought of one partition: raw records, the positions before and after them, and the partition's end.

    Positions have no holes, offsets may: between two runs of a partition nothing is missing if the second begins where the first ended.
    `end` is the last stable offset; `held` offsets lie behind it, which nobody may read before an open transaction has ended.
    `read_at`: when the fetch came back, seconds of the monotonic clock.
    """

    records: RawRun
    begin: int
    position: int
    end: int
    held: int = 0
    read_at: float = 0.0


class ConsumerEnded(Exception):
    """A background task of the client has ended: nothing would be fetched any more."""


class UnsupportedVersion(KairosFault):
    """An installed library is not the one this transport was written against."""


def check_libraries() -> None:
    """Raise UnsupportedVersion unless the private names used here are there, in the pinned versions."""
    for package, wanted in PINNED.items():
        if version(package) != wanted:
            raise UnsupportedVersion(f"{package}: wanted {wanted}, whose private names the transport overrides, got {version(package)}: install from the lock file")
    for owner, name, parameters in OVERRIDDEN:
        method = getattr(owner, name, None)
        if method is None or list(inspect.signature(method).parameters) != parameters:
            raise UnsupportedVersion(f"{owner.__qualname__}.{name}: wanted parameters {parameters}, got another method")
    if other := producer.differing():
        raise UnsupportedVersion(f"{', '.join(other)}: wanted what aiokafka {PINNED['aiokafka']} has, got another method")


class KeptRecords:
    """The client's reader of a fetch, with the bytes that it reads."""

    def __init__(self, data: bytes) -> None:
        self.data, self._reader = data, MemoryRecords(data)
        self.has_next, self.next_batch, self.size_in_bytes = self._reader.has_next, self._reader.next_batch, self._reader.size_in_bytes


class RunRecords(aiokafka_fetcher.PartitionRecords):
    """A fetched partition: one run of all its records where the consumer asks for runs, by `as_runs` in the place of its key deserializer."""

    next_fetch_offset: int
    _key_deserializer: Any

    def _unpack_records(self) -> Any:
        if self._key_deserializer is not as_runs:
            yield from super()._unpack_records()
            return
        try:
            run, following = read_run(self._records.data, self.next_fetch_offset, self._aborted_transactions)
        except OlderFormat:
            self._key_deserializer = None
            run = RawRun.of(list(super()._unpack_records()))
            following = self.next_fetch_offset
        self.next_fetch_offset = following
        if len(run):
            yield run


def as_runs(key: bytes) -> bytes:
    """Marks a consumer that is handed whole runs; the client never calls it."""
    return key


class ExactResult(aiokafka_fetcher.FetchResult):
    """A fetched run that notes between which positions its records stood: on the partition's state, since a fetch may pass what is no record."""

    def getall(self, max_records: int | None = None) -> Any:
        begin = self._partition_records.next_fetch_offset if self._partition_records is not None else None
        records = super().getall(max_records)
        state = self._assignment.state_value(self._topic_partition) if self._assignment.active else None
        if begin is not None and state is not None and state.has_valid_position and state.position >= begin:
            first, upto = getattr(state, "passed", (begin, begin))
            state.passed = (first if upto == begin else begin, state.position)
        return records


def hand_over_runs() -> None:
    """Have consumers that ask for them handed whole runs, and note where runs begin."""
    aiokafka_fetcher.MemoryRecords = KeptRecords
    aiokafka_fetcher.PartitionRecords = RunRecords
    aiokafka_fetcher.FetchResult = ExactResult


class Thread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka fetches."""

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Print nothing: the error is raised, and logged where it is caught."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        """A consumer that keeps partition p of all topics together, and reads what is committed."""
        self._assignor = RangePartitionAssignor
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",  # the shards set the positions; one that moved by itself would be a hole
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=int(POLL_S * 1000),
            key_deserializer=as_runs,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            isolation_level="read_committed",
            **self.app.connection,
        )

    async def _fetch_records(self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None) -> Any:
        """Fetched records by partition, each with the positions around them, taken together so that neither runs ahead."""
        for task in (consumer._fetcher._fetch_task, consumer._coordinator._coordination_task):
            if task.done() and not consumer._closed:
                raise ConsumerEnded(f"the client's {task.get_name()} has ended") from (None if task.cancelled() else task.exception())
        try:
            records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        except NoOffsetForPartitionError:  # a rebalance came in between: the shards have not set the positions yet
            records = {}
        subscription = consumer._subscription.subscription
        found: dict[TP, Fetched] = {}
        for tp in active_partitions if subscription is not None and subscription.assignment is not None else ():
            state = subscription.assignment.state_value(tp)
            if state is None or not state.has_valid_position or state.highwater is None:
                continue
            begin, upto = state.__dict__.pop("passed", (state.position, state.position))
            stable = state.lso if state.lso is not None and state.lso >= 0 else state.highwater
            found[TP(tp.topic, tp.partition)] = Fetched(
                records[tp][0] if records.get(tp) else NOTHING,
                begin if upto == state.position else state.position,
                state.position,
                stable,
                state.highwater - stable,
                time.monotonic(),
            )
        return found

    def seek_back(self, place: TP, offset: int) -> None:
        """Make the client fetch `place` from `offset` on, where it is still ours. Call it in this thread only."""
        consumer = self._ensure_consumer()
        if any(place == tp for tp in consumer.assignment()):
            consumer._fetcher.seek_to(ensure_aiokafka_TP(place), offset)


class Consumer(driver.Consumer):
    """Faust's consumer without its bookkeeping of single messages, and without its sets of paused partitions: the queues say what is fetched."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handed: dict[TP, int] = {}
        """Position after the last run handed over, by partition; empty after every seek."""
        self.reported: dict[TP, tuple[int, int, int, int]] = {}
        """What was last reported of a partition of which a fetch brought no record: it is reported again where it has changed. Empty after every seek."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    def _get_active_partitions(self) -> set[TP]:
        """The assigned partitions whose shards want records: asked at every fetch, so that nothing goes stale over a rebalance."""
        return {place for place in self.assignment() if self.app.wants(place)}

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: a full agent's queue holds up the fetch itself."""

    on_buffer_drop = on_buffer_full

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """One message a partition and fetch. Runs that a rebalance or a stop has overtaken are left out, and fetched again where they are still ours."""
        del timeout
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = self._get_active_partitions()
        if not active:
            await asyncio.sleep(POLL_S / 10)
            return
        generation = self.app.consumer_generation_id
        brought = 0
        for tp, run in (await self._fetch(active)).items():
            brought += len(run.records)
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                self.rewind(tp, run.begin)
            elif len(run.records):
                self.handed[tp] = run.position
                self.reported.pop(tp, None)
                yield tp, self._message(tp, run)
            elif self.reported.get(tp) != (news := (run.begin, run.position, run.end, run.held)) and self.app.on_position(tp, run):
                self.reported[tp] = news
        if 0 < brought < FEW:
            await asyncio.sleep(self.app.fetch_s())

    async def _fetch(self, active: set[TP]) -> Mapping[TP, Fetched]:
        """Fetch; an error ends the worker, unless it is ending already."""
        self.not_waiting_next_records.clear()
        try:
            return await self._getmany(active_partitions=active, timeout=POLL_S) or {}
        except OffsetOutOfRangeError as error:
            for tp, offset in error.args[0].items():
                await self.app.on_out_of_range(TP(tp.topic, tp.partition), offset)
            return {}
        except Exception as error:
            if self.should_stop or self.app.should_stop:
                raise
            self.app.on_failure("the fetch failed", error)
            raise
        finally:
            self.not_waiting_next_records.set()

    def _message(self, tp: TP, run: Fetched) -> ConsumerMessage:
        offset, timestamp = int(run.records.offsets[-1]), int(run.records.timestamps[-1])
        return ConsumerMessage(tp.topic, tp.partition, offset, timestamp / 1000, 0, [], None, run, None, 0, 0, tp, generation_id=self.app.consumer_generation_id)

    def rewind(self, place: TP, offset: int) -> None:
        """Fetch `place` from `offset` on, if it is ours. Nothing waits for it: a shard that is handed a later run says so again."""
        self.handed.pop(place, None)
        self.reported.pop(place, None)
        self._thread.thread_loop.call_soon_threadsafe(self._thread.seek_back, place, offset)

    async def perform_seek(self) -> None:
        """After every assignment: each partition is fetched from where its shard says; those of a shard that restores are not fetched before it has said so."""
        self.handed.clear()
        self.reported.clear()
        self._read_offset.clear()
        for place, offset in self.app.positions():
            self.rewind(place, offset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed over of revoked partitions."""
        for tp in revoked:
            self.handed.pop(tp, None)
            self.reported.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: FBT002  # Faust's signature
        """Never commit: offsets go with the shard's transaction, and a separate commit could move the group back."""
        del topics, start_new_transaction
        return False

    force_commit = commit

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        del offsets
        return True

    def _new_offset(self, tp: TP) -> int | None:
        del tp
        return None

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """A message's own records are no gap."""

    def ack(self, message: Any) -> bool:
        """An agent is done with a message: that says nothing about its records, which are in the shard's queue."""
        self._unacked_messages.discard(message)
        message.acked = True
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Disabled: Faust's livelock detector only logs, and `streams/kafka/watchdog.py` replaces it."""


class Transport(driver.Transport):
    """Faust's transport with the consumer above."""

    Consumer = Consumer


OVERRIDDEN: list[tuple[Any, str, list[str]]] = [
    (driver.AIOKafkaConsumerThread, "_create_worker_consumer", ["self", "transport"]),
    (driver.AIOKafkaConsumerThread, "_fetch_records", ["self", "consumer", "active_partitions", "timeout", "max_records"]),
    (driver.Consumer, "getmany", ["self", "timeout"]),
    (driver.Consumer, "perform_seek", ["self"]),
    (driver.Consumer, "on_partitions_revoked", ["self", "revoked"]),
    (driver.Consumer, "commit", ["self", "topics", "start_new_transaction"]),
    (driver.Consumer, "force_commit", ["self", "topics", "start_new_transaction"]),
    (driver.Consumer, "_commit", ["self", "offsets"]),
    (driver.Consumer, "_new_offset", ["self", "tp"]),
    (driver.Consumer, "_add_gap", ["self", "tp", "offset_from", "offset_to"]),
    (driver.Consumer, "ack", ["self", "message"]),
    (driver.Consumer, "_get_active_partitions", ["self"]),
    (aiokafka_conn.AIOKafkaConnection, "send", ["self", "request", "expect_response"]),
    (aiokafka_conn.AIOKafkaConnection, "_handle_frame", ["self", "resp"]),
    (driver.Consumer, "on_buffer_full", ["self", "tp"]),
    (driver.Consumer, "on_buffer_drop", ["self", "tp"]),
    (driver.Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
    (driver.Consumer, "_getmany", ["self", "active_partitions", "timeout"]),
    (driver.Consumer, "assignment", ["self"]),
    (driver.AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
    (driver.AIOKafkaConsumerThread, "on_crash", ["self", "msg", "fmt", "kwargs"]),
    (faust.App, "_crash", ["self", "reason"]),
    (aiokafka_fetcher.PartitionRecords, "_unpack_records", ["self"]),
    (aiokafka_fetcher.FetchResult, "getall", ["self", "max_records"]),
    (aiokafka_fetcher.FetchResult, "check_assignment", ["self", "tp"]),
    (aiokafka_fetcher.Fetcher, "fetched_records", ["self", "partitions", "timeout", "max_records"]),
    (aiokafka_fetcher.Fetcher, "seek_to", ["self", "tp", "offset"]),
    (FetchRequest, "__init__", ["self", "max_wait_time", "min_bytes", "max_bytes", "isolation_level", "topics", "rack_id"]),
    (ClusterMetadata, "leader_for_partition", ["self", "partition"]),
]

__all__ = ["Consumer", "Fetched", "Transport", "check_libraries"]

"""Faust's consumer, handing over whole fetches: one message for each fetched run of a partition's records.

Faust was made for one message a record. What that means for a message of many records (`docs/adr/0003`): Faust commits no
offsets at all here (they go with the shard's transaction, and a late plain commit would move the group back), keeps no
book of gaps, and never drops what it thinks it read before; the shard trims by its own next offset.
"""

from __future__ import annotations

import asyncio
import inspect
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from schemas.fault import KairosFault
from streams.kafka import producer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0", "mode-streaming": "0.7.1"}
"""The versions whose private names are used here."""
POLL_S = 0.1
"""How long a fetch waits for records: also how often an idle partition's end is looked at."""


class Fetched(NamedTuple):
    """What a fetch brought of one partition: raw records in offset order, the position after them, and the partition's end.

    `end` is the last stable offset; `held` offsets lie behind it, which nobody may read before an open transaction has ended.
    """

    records: list[Any]
    position: int
    end: int
    held: int = 0


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


class BareRecords(aiokafka_fetcher.PartitionRecords):
    """A fetched partition's records as they were parsed, without a Python object more for each (offset, timestamp, key, value)."""

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        del tp
        return record


def spare_objects() -> None:
    """Have all consumers of this process hand out bare records."""
    aiokafka_fetcher.PartitionRecords = BareRecords


class Thread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka fetches."""

    positions: dict[TP, tuple[int, int]]

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
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=int(POLL_S * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            isolation_level="read_committed",
            **self.app.connection,
        )

    async def _fetch_records(self, consumer: Any, active_partitions: Any, timeout: float | None = None, max_records: int | None = None) -> Any:
        """Fetched records by partition, each with the position after them, taken together so that neither runs ahead."""
        records = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        assignment = consumer._subscription.subscription
        found: dict[TP, Fetched] = {}
        for tp in active_partitions if assignment is not None and assignment.assignment is not None else ():
            state = assignment.assignment.state_value(tp)
            if state is None or not state.has_valid_position or state.highwater is None:
                continue
            stable = state.lso if state.lso is not None and state.lso >= 0 else state.highwater
            found[TP(tp.topic, tp.partition)] = Fetched(records.get(tp, []), state.position, stable, state.highwater - stable)
        return found


class Consumer(driver.Consumer):
    """Faust's consumer without its bookkeeping of single messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handed: dict[TP, int] = {}
        """Position after the last run handed over, by partition; empty after every seek."""

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        """One message a partition and fetch; partitions lost or paused meanwhile are left out."""
        del timeout
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        if not self._get_active_partitions():
            await asyncio.sleep(POLL_S / 10)
            return
        generation = self.app.consumer_generation_id
        self.not_waiting_next_records.clear()
        try:
            fetched: Mapping[TP, Fetched] = await self._getmany(active_partitions=set(self._get_active_partitions()), timeout=POLL_S)
        finally:
            self.not_waiting_next_records.set()
        for tp, run in (fetched or {}).items():
            if self.should_stop or not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if tp not in self._assigned():
                continue
            if run.records:
                self.handed[tp] = run.position
                yield tp, self._message(tp, run)
            else:
                self.app.on_position(tp, run)

    def _assigned(self) -> set[TP]:
        return self._active_partitions or set()

    def _message(self, tp: TP, run: Fetched) -> ConsumerMessage:
        last = run.records[-1]
        return ConsumerMessage(tp.topic, tp.partition, last.offset, last.timestamp / 1000, 0, [], None, run, None, 0, 0, tp, generation_id=self.app.consumer_generation_id)

    async def perform_seek(self) -> None:
        """Back to what is committed; what was handed over before comes again and is trimmed by the shard."""
        self.handed.clear()
        await super().perform_seek()
        self._read_offset.clear()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed over of partitions that go."""
        for tp in revoked:
            self.handed.pop(tp, None)
        await super().on_partitions_revoked(revoked)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: FBT002  # Faust's signature
        """Never: offsets go with the shard's transaction, and a plain commit beside it could move the group back."""
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
        """Faust's detectors only log; the shard has a watch of its own."""


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
    (aiokafka_fetcher.PartitionRecords, "_consumer_record", ["self", "tp", "record"]),
    (aiokafka_fetcher.Fetcher, "fetched_records", ["self", "partitions", "timeout", "max_records"]),
]

__all__ = ["Consumer", "Fetched", "Transport", "check_libraries"]

"""The record-batch transport against every trap of Faust's one-message-a-record bookkeeping."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import OffsetOutOfRangeError
from faust.types import TP

from streams.kafka import transport
from streams.kafka.raw_run import NOTHING, RawRun
from streams.kafka.topics import UNCHECKED
from streams.kafka.transport import FEW, Consumer, ExactResult, Fetched, KeptRecords, RunRecords, UnsupportedVersion, as_runs, check_libraries
from streams.kafka.worker import Worker
from streams.metrics import Metrics, Status
from streams.settings import load
from tests.kafka.test_batches import batch

PLACE = TP("raw.usage", 0)


def run_of(first, count, end=None, position=None, begin=None):
    records = [SimpleNamespace(offset=first + i, timestamp=5, key=b"C1", value=b"{}", headers=()) for i in range(count)]
    return Fetched(RawRun.of(records), first if begin is None else begin, position if position is not None else first + count, end if end is not None else first + count)


@pytest.fixture
async def consumer(tmp_path):
    """Our consumer in a Faust app, fetching what a test puts into `fetches`."""
    worker = Worker(load({"clock": "records"}, environ={}), lambda p: SimpleNamespace(partition=p), Metrics(), Status(), UNCHECKED, tmp_path)
    ours: Any = worker.app.consumer
    assert isinstance(ours, Consumer)
    ours.fetches, ours.asked, ours.wanted, ours.rewinds, ours.empties = [], [], {PLACE}, [], []

    async def fetch(active_partitions, timeout):
        ours.asked.append(set(active_partitions))
        return ours.fetches.pop(0) if ours.fetches else {}

    ours._getmany = fetch
    ours.assignment = lambda: {PLACE, TP("raw.usage", 1)}
    ours.rewind = lambda *where: ours.rewinds.append(where)
    ours.flow_active = True
    worker.app.wants = lambda place: place in ours.wanted
    worker.app.on_position = lambda place, run: ours.empties.append((place, run))
    return ours


async def handed(consumer):
    return [message async for _, message in consumer.getmany(1.0)]


async def test_a_fetch_is_one_message_that_ends_at_its_last_offset(consumer):
    consumer.fetches = [{PLACE: run_of(0, 1000)}, {PLACE: run_of(2000, 5)}]
    (first,), (second,) = await handed(consumer), await handed(consumer)
    assert (first.offset, len(first.value.records), second.offset) == (999, 1000, 2004)
    assert consumer.handed == {PLACE: 2005}


async def test_nothing_is_ever_committed_by_faust(consumer):
    consumer.fetches = [{PLACE: run_of(0, 10)}]
    (message,) = await handed(consumer)
    consumer.track_message(message)
    assert consumer.ack(message)
    assert len(consumer.unacked) == 0
    assert await consumer.commit() is False
    assert await consumer.force_commit() is False
    assert await consumer._commit({PLACE: 10}) is True
    assert consumer._new_offset(PLACE) is None


async def test_the_records_of_a_run_are_no_gap_and_holes_are_not_counted(consumer):
    await consumer._add_gap(PLACE, 1, 10_000_000)
    assert not consumer._gap[PLACE]


async def test_only_what_is_assigned_and_wanted_is_fetched_as_the_queues_stand_now(consumer):
    consumer.wanted = {PLACE, TP("raw.usage", 7)}
    await handed(consumer)
    consumer.pause_partitions({PLACE})
    await handed(consumer)
    consumer.wanted = {PLACE, TP("raw.usage", 1)}
    await handed(consumer)
    assert consumer.asked == [{PLACE}, {PLACE}, {PLACE, TP("raw.usage", 1)}], "Faust's own set of paused partitions, which a rebalance leaves behind, says nothing"


async def test_a_rebalance_during_the_fetch_discards_it_and_has_it_fetched_again(consumer):
    async def fetch(active_partitions, timeout):
        consumer.app.consumer_generation_id += 1
        return {PLACE: run_of(4, 3, begin=2)}

    consumer._getmany = fetch
    assert await handed(consumer) == []
    assert consumer.handed == {}
    assert consumer.rewinds == [(PLACE, 2)]


async def test_a_stopped_flow_hands_nothing_over_and_rewinds(consumer):
    async def fetch(active_partitions, timeout):
        consumer.stop_flow()
        return {PLACE: run_of(0, 3)}

    consumer._getmany = fetch
    assert await handed(consumer) == []
    assert consumer.rewinds == [(PLACE, 0)]


async def test_an_empty_fetch_reports_where_the_partition_ends(consumer):
    consumer.fetches = [{PLACE: Fetched(NOTHING, 12, 12, 12)}]
    assert await handed(consumer) == []
    assert consumer.empties == [(PLACE, Fetched(NOTHING, 12, 12, 12))]


async def test_what_an_empty_fetch_says_is_told_once_until_it_changes_or_was_not_taken(consumer):
    same = {PLACE: Fetched(NOTHING, 12, 12, 12, 0, 1.0)}
    later = {PLACE: Fetched(NOTHING, 12, 12, 12, 0, 2.0)}
    held = {PLACE: Fetched(NOTHING, 12, 12, 12, 3, 3.0)}
    taken = iter((False, True, True, True, True))
    consumer.app.on_position = lambda place, run: (consumer.empties.append(run.read_at), next(taken))[1]

    async def told(*fetches):
        consumer.fetches, consumer.empties = list(fetches), []
        for _ in fetches:
            await handed(consumer)
        return consumer.empties

    assert await told(same, later, later, held) == [1.0, 2.0, 3.0], "the first was not taken, the third says what the second did"
    consumer._thread = SimpleNamespace(seek_back=None, thread_loop=SimpleNamespace(call_soon_threadsafe=lambda *_: None))
    Consumer.rewind(consumer, PLACE, 12)
    assert await told(held, held) == [3.0], "a shard that asks again is told again"
    assert await told({PLACE: run_of(12, 2)}, held) == [3.0]


async def test_a_fetch_of_few_records_waits_a_little_for_the_next(consumer):
    waits = []
    consumer.app.fetch_s = lambda: waits.append(1) or 0.0
    consumer.fetches = [{PLACE: run_of(0, FEW - 1)}, {PLACE: run_of(FEW, FEW)}, {PLACE: Fetched(NOTHING, 12, 12, 12)}]
    counts = []
    for _ in range(3):
        await handed(consumer)
        counts.append(len(waits))
    assert counts == [1, 1, 1], "a backlog does not wait, and neither does an idle partition, whose fetch waits at the broker"


async def test_where_nothing_is_wanted_nothing_is_fetched_and_little_time_lost(consumer):
    consumer.wanted = set()
    consumer.fetches = [{PLACE: run_of(0, 3)}]
    begin = asyncio.get_running_loop().time()
    assert await handed(consumer) == []
    assert asyncio.get_running_loop().time() - begin < 0.5
    consumer.wanted = {PLACE}
    assert len(await handed(consumer)) == 1


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("in the client")])
async def test_an_error_of_the_fetch_ends_the_worker_by_name(consumer, error):
    async def fetch(active_partitions, timeout):
        raise error

    failures = []
    consumer._getmany = fetch
    consumer.app.on_failure = lambda *what: failures.append(what)
    with pytest.raises(type(error)):
        await handed(consumer)
    assert failures == [("the fetch failed", error)]


async def test_an_offset_that_the_broker_does_not_have_is_checked(consumer):
    async def fetch(active_partitions, timeout):
        raise OffsetOutOfRangeError({PLACE: 4})

    async def out_of_range(place, offset):
        consumer.empties.append((place, offset))

    consumer._getmany = fetch
    consumer.app.on_out_of_range = out_of_range
    assert await handed(consumer) == []
    assert consumer.empties == [(PLACE, 4)]


async def test_after_an_assignment_everything_is_fetched_from_where_its_shard_says(consumer):
    consumer.handed[PLACE] = 9
    consumer.app.positions = lambda: [(PLACE, 0), (TP("raw.usage", 1), 7)]
    await consumer.perform_seek()
    assert consumer.handed == {}
    assert consumer.rewinds == [(PLACE, 0), (TP("raw.usage", 1), 7)]


def log_of(*spans):
    """The bytes of a fetch response: (first, last, whether they are records rather than a marker)."""
    return b"".join(batch(first, -1, [(0, 1, (b"k", b"v", []))] * (last - first + 1), transactional=not plain, control=not plain)[0] for first, last, plain in spans)


async def fetched(state, place, *spans):
    """The records of one fetch response, drained as the client does."""
    records = RunRecords(place, KeptRecords(log_of(*spans)), None, state.position, as_runs, None, False, 1)
    found = ExactResult(place, assignment=state._assignment, partition_records=records, backoff=0.1).getall()
    return found[0].offsets.tolist() if found else []


async def test_a_run_begins_where_the_one_before_it_ended_also_over_markers():
    place = TopicPartition("raw.usage", 0)
    state = Assignment([place]).state_value(place)
    state.seek(5)
    assert await fetched(state, place, (5, 6, True), (7, 7, False)) == [5, 6]
    assert state.passed == (5, 8)
    assert await fetched(state, place, (8, 8, False)) == []
    assert state.passed == (5, 9), "two drains of one fetch are one run"
    state.__dict__.pop("passed")
    assert await fetched(state, place, (12, 14, True)) == [12, 13, 14]
    assert state.passed == (9, 15)
    state.seek(2)
    assert await fetched(state, place, (2, 3, True)) == [2, 3]
    assert state.passed == (2, 4), "a seek in between begins a new run"


def test_the_private_names_that_are_overridden_are_there(monkeypatch):
    check_libraries()
    monkeypatch.setitem(transport.PINNED, "aiokafka", "0.0.1")
    with pytest.raises(UnsupportedVersion, match="aiokafka: wanted 0.0.1"):
        check_libraries()


def test_a_changed_signature_is_noticed(monkeypatch):
    monkeypatch.setattr(transport, "OVERRIDDEN", [(Consumer, "commit", ["self"])])
    with pytest.raises(UnsupportedVersion, match="Consumer.commit"):
        check_libraries()


async def test_work_that_ends_by_a_cancellation_that_nobody_asked_for_ends_the_worker(tmp_path):
    worker = Worker(load({"clock": "records"}, environ={}), lambda p: SimpleNamespace(partition=p), Metrics(), Status(), UNCHECKED, tmp_path)
    ended = []
    worker.broken = lambda what, error: ended.append((what, type(error)))

    async def cancelled_inside():
        inner = asyncio.ensure_future(asyncio.sleep(60))
        inner.cancel()
        await inner

    with pytest.raises(asyncio.CancelledError):
        await worker._guarded(cancelled_inside(), "shard 1 failed")
    assert ended == [("shard 1 failed", asyncio.CancelledError)]
    asked = asyncio.ensure_future(worker._guarded(asyncio.sleep(60), "shard 2 failed"))
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert len(ended) == 1

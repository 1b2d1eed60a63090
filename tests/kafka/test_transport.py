"""The record-batch transport against every trap of Faust's one-message-a-record bookkeeping."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.kafka import transport
from streams.kafka.topics import UNCHECKED
from streams.kafka.transport import Consumer, Fetched, UnsupportedVersion, check_libraries
from streams.kafka.worker import Worker
from streams.metrics import Metrics, Status
from streams.settings import load

PLACE = TP("raw.usage", 0)


def run_of(first, count, end=None, position=None):
    records = [SimpleNamespace(offset=first + i, timestamp=5, key=b"C1", value=b"{}", topic="raw.usage", partition=0) for i in range(count)]
    return Fetched(records, position if position is not None else first + count, end if end is not None else first + count)


@pytest.fixture
async def consumer(tmp_path):
    """Our consumer in a Faust app, fetching what a test puts into `fetches`."""
    worker = Worker(load({"clock": "records"}, environ={}), lambda p: SimpleNamespace(partition=p), Metrics(), Status(), UNCHECKED, tmp_path)
    ours: Any = worker.app.consumer
    assert isinstance(ours, Consumer)
    ours.fetches = []

    async def fetch(active_partitions, timeout):
        return ours.fetches.pop(0) if ours.fetches else {}

    ours._getmany = fetch
    ours._set_active_tps({PLACE})
    ours.flow_active = True
    ours.empties = []
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


async def test_revoked_partitions_are_not_handed_over(consumer):
    other = TP("raw.usage", 1)
    consumer.fetches = [{PLACE: run_of(0, 3), other: run_of(0, 3)}]
    assert [message.tp for message in await handed(consumer)] == [PLACE]


async def test_a_rebalance_during_the_fetch_discards_it(consumer):
    async def fetch(active_partitions, timeout):
        consumer.app.consumer_generation_id += 1
        return {PLACE: run_of(0, 3)}

    consumer._getmany = fetch
    assert await handed(consumer) == []
    assert consumer.handed == {}


async def test_a_stopped_flow_hands_nothing_over(consumer):
    async def fetch(active_partitions, timeout):
        consumer.stop_flow()
        return {PLACE: run_of(0, 3)}

    consumer._getmany = fetch
    assert await handed(consumer) == []


async def test_an_empty_fetch_tells_where_the_partition_ends(consumer):
    consumer.fetches = [{PLACE: Fetched([], 12, 12)}]
    assert await handed(consumer) == []
    assert consumer.empties == [(PLACE, Fetched([], 12, 12))]


async def test_with_all_partitions_paused_nothing_is_fetched_and_little_time_lost(consumer):
    consumer.pause_partitions({PLACE})
    consumer.fetches = [{PLACE: run_of(0, 3)}]
    begin = asyncio.get_running_loop().time()
    assert await handed(consumer) == []
    assert asyncio.get_running_loop().time() - begin < 0.5
    consumer.resume_partitions({PLACE})
    assert len(await handed(consumer)) == 1


async def test_a_seek_forgets_what_was_handed_over(consumer):
    async def committed():
        return {PLACE: 4}

    consumer.handed[PLACE] = 9
    consumer.seek_to_committed = committed
    await consumer.perform_seek()
    assert consumer.handed == {}
    assert PLACE not in consumer._read_offset


def test_the_private_names_that_are_overridden_are_there(monkeypatch):
    check_libraries()
    monkeypatch.setitem(transport.PINNED, "aiokafka", "0.0.1")
    with pytest.raises(UnsupportedVersion, match="aiokafka: wanted 0.0.1"):
        check_libraries()


def test_a_changed_signature_is_noticed(monkeypatch):
    monkeypatch.setattr(transport, "OVERRIDDEN", [(Consumer, "commit", ["self"])])
    with pytest.raises(UnsupportedVersion, match="Consumer.commit"):
        check_libraries()

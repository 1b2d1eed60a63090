"""Small fetched runs are decoded together: the same records as one by one, none passed over, and none decoded late."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.stories import charge, session
from schemas.raw import TOPICS
from streams.kafka.gathering import ENOUGH, Gathered, Gathering
from streams.kafka.raw_run import RawRun
from tests.kafka.test_shard_task import charges, made, passed, run_of

BYTES = st.one_of(st.none(), st.binary(max_size=6))
RECORDS = st.lists(st.tuples(st.integers(1, 9), BYTES, BYTES, st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=2)), max_size=4)


def run(records, first):
    """Offsets with holes, null keys and values, and headers."""
    offset, made = first, []
    for step, key, value, headers in records:
        offset += step
        made.append(SimpleNamespace(offset=offset, timestamp=offset * 10, key=key, value=value, headers=headers))
    return RawRun.of(made), offset + 1


def seen(runs):
    """Each record, without the reader that is tested."""
    return [
        (offset, timestamp, key, value, one.headers.get(offset, ()))
        for one in runs
        for offset, timestamp, key, value in zip(one.offsets.tolist(), one.timestamps.tolist(), list(one.keys), list(one.values), strict=True)
    ]


@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_runs_together_are_the_runs_one_after_the_other(several):
    runs, at = [], 0
    for records in several:
        one, at = run(records, at)
        runs.append(one)
    assert seen([RawRun.chained(runs)]) == seen(runs)


@given(st.lists(st.integers(1, ENOUGH + 200), min_size=1, max_size=8))
def test_a_topic_is_taken_whole_in_order_and_small_runs_as_one(sizes):
    gathering, at = Gathering(), 0
    for number, size in enumerate(sizes):
        one = RawRun.of([SimpleNamespace(offset=at + i, timestamp=1, key=b"k", value=b"v", headers=()) for i in range(size)])
        at += size
        assert gathering.add("raw.usage", Gathered(one, at, float(number))) == (at >= ENOUGH)
    taken = list(gathering.take("raw.usage"))
    assert [offset for one in taken for offset in one.records.offsets.tolist()] == list(range(at))
    assert [one.position for one in taken] == [int(one.records.offsets[-1]) + 1 for one in taken]
    assert all(len(one.records) <= ENOUGH or one.position - len(one.records) in (sum(sizes[:i]) for i in range(len(sizes))) for one in taken)
    assert len(taken) <= 1 + 2 * at // ENOUGH
    assert not gathering.holds("raw.usage")
    assert list(gathering.take("raw.usage")) == []


def test_what_is_read_together_counts_as_read_with_the_last():
    gathering = Gathering()
    for number in range(3):
        one = RawRun.of([SimpleNamespace(offset=number, timestamp=1, key=b"k", value=b"v", headers=())])
        gathering.add("raw.usage", Gathered(one, number + 1, 10.0 + number))
    (taken,) = gathering.take("raw.usage")
    assert (taken.position, taken.read_at) == (3, 12.0)


async def test_small_runs_are_decoded_at_the_step_with_their_faults():
    task = made()
    task.feed("raw.billing", run_of(0, charges(1)))
    task.feed("raw.billing", run_of(1, [{"record_type": "odd"}]))
    task.feed("raw.billing", run_of(2, charges(1, 1)))
    assert task.shard.merger.queues[0].size == 0
    assert task.busy()
    for topic in TOPICS:
        task.looked(topic, 2.0, task.reading.next[topic])
    assert await task._step() == 2
    (step,) = task.committed_steps
    assert step.offsets == {"raw.billing": 3}
    assert [dict(letter.headers)["offset"] for letter in step.dead_letters] == [b"1"]


async def test_no_position_passes_records_that_are_not_decoded_yet():
    task = made()
    task.feed("raw.billing", run_of(0, charges(1)))
    task.feed("raw.billing", passed(1, 4))
    await task._pass_over()
    assert task.committed_steps == []
    for topic in TOPICS:
        task.looked(topic, 2.0, task.reading.next[topic])
    await task._step()
    await task._pass_over()
    assert [step.offsets for step in task.committed_steps] == [{"raw.billing": 1}, {"raw.billing": 4}]


def test_records_read_after_a_look_wait_for_the_next_also_where_they_came_with_earlier_ones():
    task = made()
    task.feed("raw.billing", run_of(0, charges(1), read_at=10.0))
    task.feed("raw.billing", run_of(1, charges(1, 1), read_at=12.0))
    for topic in TOPICS:
        task.looked(topic, 11.0, task.reading.next[topic] if topic == "raw.billing" else 0)
    task.reading.decode(task.shard, "raw.billing")
    assert task.shard.step(None, 100) is None
    for topic in TOPICS:
        task.looked(topic, 12.5, task.reading.next[topic] if topic == "raw.billing" else 0)
    assert task.shard.step(None, 100).records == 2


@pytest.mark.parametrize(("count", "decoded"), [(ENOUGH - 1, 0), (ENOUGH, ENOUGH)])
def test_a_large_run_is_decoded_at_once(count, decoded):
    task = made()
    record = charge(9000, 8000, "10:00")
    raw = [SimpleNamespace(offset=i, timestamp=1, headers=(), key=b"C1", value=orjson.dumps({**record, "record_id": f"r{i}"})) for i in range(count)]
    task.feed("raw.billing", run_of(0, [])._replace(records=RawRun.of(raw), position=count, end=count))
    assert task.shard.merger.queues[0].size == decoded


def test_a_topic_that_waits_is_decoded_at_once():
    task = made({"raw.usage": 60_000})
    task.feed("raw.usage", run_of(0, [session("10:00")]))
    assert task.shard.merger.holds(1)
    assert not task.reading.gathering.holds("raw.usage")

"""A shard's task trims what comes twice, pauses what runs ahead, and knows when it has caught up."""

from __future__ import annotations

from types import SimpleNamespace

import orjson
import pytest

from events.stories import charge
from schemas.raw import TOPICS
from streams.emit import dead_letter
from streams.kafka.shard_task import ShardTask
from streams.kafka.transport import Fetched
from streams.metrics import Metrics
from streams.settings import load
from tests.shards import Bench


def run_of(first, records, end=None):
    raw = [SimpleNamespace(offset=first + i, timestamp=1, headers=(), key=b"C1", value=orjson.dumps(r)) for i, r in enumerate(records)]
    return Fetched(raw, first + len(raw), end if end is not None else first + len(raw))


@pytest.fixture
def task():
    bench = Bench()
    bench.shard.merger.caught_up = [False] * 4
    bench.shard.merger.limit = 4
    made = ShardTask(
        bench.shard,
        load({"clock": "records"}, environ={}),
        Metrics(),
        connection={},
        dead_letter_bytes=10_000,
        raw_partitions=4,
        resume=lambda *_: None,
        rebuild=lambda: bench.shard,
    )
    made.next = dict.fromkeys(TOPICS, 0)
    made.ready.set()
    return made


def test_what_comes_a_second_time_is_trimmed(task):
    records = [charge(9000, 8000, f"10:0{n}") for n in range(4)]
    task.feed("raw.billing", run_of(0, records[:2]))
    task.feed("raw.billing", run_of(0, records[:3]))
    assert task.shard.merger.queues[0].size == 3
    assert task.next["raw.billing"] == 3


def test_before_the_restore_is_done_runs_wait(task):
    task.ready.clear()
    task.feed("raw.billing", run_of(0, [charge(9000, 8000)]))
    assert task.shard.merger.queues[0].size == 0
    assert len(task.waiting) == 1


def test_a_full_queue_asks_to_be_paused_and_takes_what_it_was_given(task):
    assert task.feed("raw.billing", run_of(0, [charge(9000, 8000, f"10:0{n}") for n in range(3)]))
    assert not task.feed("raw.billing", run_of(3, [charge(9000, 8000, f"11:0{n}") for n in range(3)]))
    assert task.paused == {"raw.billing"}
    assert task.shard.merger.queues[0].size == 6


def test_caught_up_is_the_last_stable_offset_reached(task):
    task.feed("raw.billing", run_of(0, [charge(9000, 8000)], end=5))
    assert task.shard.merger.caught_up == [False] * 4
    task.at_end("raw.billing", 5, 5)
    assert task.shard.merger.caught_up[0]
    assert task.shard.step(None, 100) is None, "the other topics have not been looked at yet"
    for topic in TOPICS[1:]:
        task.at_end(topic, 0, 0)
    assert task.shard.step(None, 100).records == 1


def test_a_dead_letter_too_large_for_its_topic_is_cut_and_says_so(task):
    whole = dead_letter("too_large", "…", ("raw.usage", 0, 7), b"C1", b"x" * 50_000)
    cut = task.transactions._fitting(whole)
    assert len(cut.value) < 10_000
    assert ("cut_from_bytes", b"50000") in cut.headers
    small = dead_letter("bad_json", "…", ("raw.usage", 0, 7), b"C1", b"x")
    assert task.transactions._fitting(small) is small

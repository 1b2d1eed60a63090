"""A shard's task trims what comes twice, accepts no hole, wants no more than its queues hold, and knows when it has caught up."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import orjson
import pytest
from aiokafka import TopicPartition

from events.stories import charge, session
from schemas.raw import TOPICS
from streams.emit import dead_letter
from streams.engine.state.store import Head
from streams.intake.merge import UNREAD
from streams.kafka import books, changelog, restoring
from streams.kafka.books import Books, BooksDiffer, Group
from streams.kafka.raw_run import NOTHING, RawRun
from streams.kafka.reading import RetentionGap, refuse_gaps
from streams.kafka.restoring import SettingsLost
from streams.kafka.shard_task import ShardTask
from streams.kafka.transport import Fetched
from streams.metrics import Metrics
from streams.settings import load
from streams.switches import Values
from tests.shards import Bench


def run_of(first, records, end=None, begin=None, read_at=1.0):
    raw = [SimpleNamespace(offset=first + i, timestamp=1, headers=(), key=b"C1", value=orjson.dumps(r)) for i, r in enumerate(records)]
    return Fetched(RawRun.of(raw), first if begin is None else begin, first + len(raw), end if end is not None else first + len(raw), 0, read_at)


def passed(begin, position, end=None, held=0):
    """What a fetch says of a partition of which it brought no record."""
    return Fetched(NOTHING, begin, position, position if end is None else end, held, 1.0)


def made(waits=None, **settings):
    bench = Bench(waits=waits or {})
    bench.shard.merger.looked = [UNREAD] * 4
    bench.shard.merger.limit = 4
    task = ShardTask(
        bench.shard,
        load({"clock": "records", **settings}, environ={}),
        Metrics(),
        connection={},
        dead_letter_bytes=10_000,
        raw_partitions=4,
        rewind=lambda *where: task.rewinds.append(where),
        look=lambda partition, topics: task.asked.update(topics),
        rebuild=lambda: bench.shard,
    )
    task.rewinds, task.asked, task.committed_steps = [], set(), []
    task.reading.next = dict.fromkeys(TOPICS, 0)
    task.ready.set()

    async def commit(step):
        task.committed_steps.append(step)
        task.transactions.committed |= step.offsets

    task.transactions.commit = commit
    return task


@pytest.fixture
def task():
    return made()


def fed(task, topic, run):
    """The run is fed, and decoded as it is before the next step."""
    task.feed(topic, run)
    task.reading.decode(task.shard, topic)


def charges(count, first=0):
    return [charge(9000, 8000, f"10:0{first + n}") for n in range(count)]


def test_records_that_come_twice_are_trimmed(task):
    fed(task, "raw.billing", run_of(0, charges(2)))
    fed(task, "raw.billing", run_of(0, charges(3)))
    assert task.shard.merger.queues[0].size == 3
    assert task.reading.next["raw.billing"] == 3
    assert task.rewinds == []


def test_a_run_that_begins_behind_a_hole_is_not_taken_and_read_again_from_there(task):
    fed(task, "raw.billing", run_of(0, charges(2)))
    fed(task, "raw.billing", run_of(3, charges(1)))
    assert task.shard.merger.queues[0].size == 2
    assert task.reading.next["raw.billing"] == 2
    assert task.rewinds == [("raw.billing", 0, 2)]
    fed(task, "raw.billing", run_of(2, charges(2)))
    assert task.reading.next["raw.billing"] == 4


def test_offsets_may_have_holes_positions_may_not(task):
    fed(task, "raw.billing", run_of(7, charges(1), begin=0))
    assert task.reading.next["raw.billing"] == 8
    fed(task, "raw.billing", passed(8, 11))
    assert task.reading.next["raw.billing"] == 11
    assert task.rewinds == []
    fed(task, "raw.billing", passed(12, 12))
    assert task.reading.next["raw.billing"] == 11
    assert task.rewinds == [("raw.billing", 0, 11)], "an empty fetch shows a hole as well"


def test_before_the_restore_is_done_nothing_is_wanted_and_nothing_kept(task):
    task.ready.clear()
    assert not task.wants("raw.billing")
    fed(task, "raw.billing", run_of(0, charges(1)))
    assert task.shard.merger.queues[0].size == 0
    assert task.reading.next["raw.billing"] == 0
    task.ready.set()
    assert task.wants("raw.billing")


def test_a_full_queue_is_wanted_no_more_takes_what_it_was_given_and_is_wanted_again_once_released(task):
    fed(task, "raw.billing", run_of(0, charges(3)))
    assert task.wants("raw.billing")
    fed(task, "raw.billing", run_of(3, charges(3, 3)))
    assert not task.wants("raw.billing")
    assert task.shard.merger.queues[0].size == 6
    for topic in TOPICS:
        task.looked(topic, 2.0, task.reading.next[topic])
    assert task.shard.step(None, 100).records == 6
    assert task.wants("raw.billing")


def test_a_topic_holds_back_until_a_look_that_is_newer_and_whose_end_was_reached(task):
    fed(task, "raw.billing", run_of(0, charges(1), end=5, read_at=10.0))
    for topic in TOPICS[1:]:
        task.looked(topic, 11.0, 0)
    assert task.shard.step(None, 100).records == 1, "its own queue has not run out before it"
    fed(task, "raw.billing", run_of(1, charges(1, 1), end=5, read_at=12.0))
    assert task.shard.step(None, 100) is None
    assert task.shard.blocking() >= set(TOPICS[1:])
    task.looked("raw.usage", 13.0, 0)
    task.looked("raw.service", 13.0, 4)
    task.looked("raw.network", 13.0, 0)
    assert task.shard.step(None, 100) is None, "raw.service has four offsets unread"
    assert task.reading.behind() == {"raw.billing", "raw.service"}
    fed(task, "raw.service", passed(0, 4))
    assert task.shard.step(None, 100).records == 1


@pytest.mark.parametrize(("clock", "released"), [("records", False), ("wall", True)])
def test_with_the_wall_clock_alone_a_look_is_good_for_a_while(clock, released):
    task = made(clock=clock)
    for topic in TOPICS:
        task.looked(topic, 10.0, 0)
    fed(task, "raw.billing", run_of(0, charges(1), read_at=10.2))
    assert (task.shard.step(None, 100) is not None) == released
    fed(task, "raw.billing", run_of(1, charges(1, 1), read_at=10.3))
    assert task.shard.step(None, 100) is None
    for topic in TOPICS:
        task.looked(topic, 10.3, task.reading.next[topic])
    assert task.shard.step(None, 100) is not None


async def test_positions_without_records_are_committed_once_and_not_too_often(task):
    task.transactions.committed = dict.fromkeys(TOPICS, 0)
    await task._pass_over()
    assert task.committed_steps == []
    fed(task, "raw.usage", passed(0, 3))
    fed(task, "raw.billing", run_of(0, charges(1)))
    await task._pass_over()
    assert [step.offsets for step in task.committed_steps] == [{"raw.usage": 3}], "a queued record is not passed over"
    fed(task, "raw.usage", passed(3, 5))
    await task._pass_over()
    assert len(task.committed_steps) == 1
    task.passed_at -= 60
    await task._pass_over()
    assert task.committed_steps[1].offsets == {"raw.usage": 5}


def test_the_lag_is_what_the_broker_says_less_what_is_committed(task):
    task.transactions.committed = dict.fromkeys(TOPICS, 0)
    fed(task, "raw.billing", run_of(0, charges(3), end=9))
    task._observe()
    lag = lambda topic: task.metrics.registry.get_sample_value("kairos_consumer_lag_records", {"topic": topic, "partition": "0"})
    assert lag("raw.billing") == 9
    task.looked("raw.billing", 2.0, 12)
    task.transactions.committed["raw.billing"] = 3
    task._observe()
    assert lag("raw.billing") == 9


def test_deleted_unread_input_is_refused_also_before_the_first_record():
    place = TopicPartition("raw.usage", 0)
    refuse_gaps({place: 0}, {place: 0})
    refuse_gaps({place: 7}, {place: 7})
    for offset, begin in ((0, 1), (7, 8), (0, 700)):
        with pytest.raises(RetentionGap, match=rf"raw.usage\[0\]: records {offset} to {begin - 1} were deleted unread"):
            refuse_gaps({place: offset}, {place: begin})


def committed_by(task, token, upto=5):
    """What a coordinator shows when `token` has committed offset `upto` of each topic."""
    offsets = dict.fromkeys(TOPICS, upto)
    return Books(task.partition, task.transactions.head, Group(offsets, token), dict.fromkeys(TOPICS, 0), dict.fromkeys(TOPICS, 9))


@pytest.fixture
def compared(task, monkeypatch):
    """Compares the task's numbers with these, one after the other, as after a rebalance; the task has committed offset 5 of each topic with the token mine-2."""

    @asynccontextmanager
    async def reading(*_):
        yield None

    async def restore(task):
        task.restored.append(task.shard)
        task.ready.set()

    async def compare(*answers):
        left = list(answers)

        async def read_books(*_):
            return left.pop(0)

        monkeypatch.setattr(books, "read_books", read_books)
        task.compare = True
        await restoring.compare(task)
        assert not task.compare
        assert left == [], "all was asked for"

    monkeypatch.setattr(changelog, "reading", reading)
    monkeypatch.setattr(restoring, "SETTLE_S", 0)
    monkeypatch.setattr(restoring, "restore", restore)
    task.restored, task.rebuild = [], lambda off: Bench().shard
    task.transactions.last, task.transactions.head = "mine-2", Head(1, offsets=dict.fromkeys(TOPICS, 5))
    return compare


async def test_after_a_rebalance_the_own_last_commit_may_be_shown_late(task, compared):
    await compared(committed_by(task, "mine-2"))
    await compared(committed_by(task, "mine-1", upto=4), committed_by(task, "mine-2"))
    await compared(committed_by(task, "", upto=-1), committed_by(task, "mine-2"))
    assert task.restored == []
    assert task.ready.is_set()


async def test_a_shard_that_another_worker_had_in_between_is_restored_with_nothing_of_before(task, compared):
    fed(task, "raw.billing", run_of(0, charges(3)))
    task.off, before = {"charge.large": "it raised"}, task.shard
    await compared(*[committed_by(task, "others-7", upto=8)] * 2)
    (restored,) = task.restored
    assert restored is task.shard
    assert restored is not before
    assert not restored.queued("raw.billing"), "what was fed, and not committed, is read again"
    assert task.off == {}
    assert task.reading.origins.runs == {}


async def test_offsets_that_were_set_by_hand_end_the_worker(task, compared):
    with pytest.raises(BooksDiffer, match="the state has read up to 5, the group up to 3"):
        await compared(*[committed_by(task, "", upto=3)] * 2)
    assert task.restored == []


def test_settings_older_than_those_the_state_was_evaluated_by_refuse_the_start(task):
    restoring.refuse_older_settings(task, Head())
    with pytest.raises(SettingsLost, match=r"kairos.control: wanted version 3 of the settings or a later one, by which shard 0 was evaluated, got none: .*--resume-from-state"):
        restoring.refuse_older_settings(task, Head(settings_version=3))
    task.shard.switch(Values(2))
    with pytest.raises(SettingsLost, match="got 2"):
        restoring.refuse_older_settings(task, Head(settings_version=3))
    task.shard.switch(Values(3))
    restoring.refuse_older_settings(task, Head(settings_version=3))
    asked = made({}, resume_from_state=True)
    restoring.refuse_older_settings(asked, Head(settings_version=3))


def test_a_dead_letter_too_large_for_its_topic_is_cut_and_says_so(task):
    whole = dead_letter("too_large", "…", ("raw.usage", 0, 7), b"C1", b"x" * 50_000)
    cut = task.transactions._fitting(whole)
    assert len(cut.value) < 10_000
    assert ("cut_from_bytes", b"50000") in cut.headers
    small = dead_letter("bad_json", "…", ("raw.usage", 0, 7), b"C1", b"x")
    assert task.transactions._fitting(small) is small


def waiting(task, topic="raw.billing"):
    return task.metrics.registry.get_sample_value("kairos_waiting_records", {"topic": topic, "partition": "0"})


def test_records_that_wait_leave_by_a_look_after_as_long_without_input():
    task = made({"raw.billing": 30_000})
    task.transactions.committed = dict.fromkeys(TOPICS, 0)
    fed(task, "raw.billing", run_of(0, charges(2), read_at=100.0))
    for topic in TOPICS:
        task.looked(topic, 129.9, task.reading.next[topic])
    assert task.shard.step(None, 100).records == 1, "the other is a minute newer"
    assert task.shard.step(None, 100) is None
    assert task.shard.queued("raw.billing")
    assert not task.shard.blocking(), "no look helps before"
    assert task.shard.resting(129.9) == set()
    assert task.shard.rests_at() == 130.0
    assert task.shard.resting(130.0) == {"raw.billing"}
    task.looked("raw.billing", 130.0, 5)
    assert task.shard.step(None, 100) is None, "there is more"
    fed(task, "raw.billing", passed(2, 5))
    assert task.shard.step(None, 100).records == 1, "that was no record"
    assert not task.shard.queued("raw.billing")


def test_with_the_wall_clock_too_only_a_look_that_is_late_enough_lets_them_go():
    task = made({"raw.billing": 30_000}, clock="wall", look_ms=60_000)
    fed(task, "raw.billing", run_of(0, charges(1), read_at=100.0))
    for topic in TOPICS:
        task.looked(topic, 129.9, task.reading.next[topic])
    assert task.shard.step(None, 100) is None
    task.looked("raw.billing", 130.0, 1)
    assert task.shard.step(None, 100).records == 1


def test_a_topic_that_waits_is_fetched_however_many_wait_and_the_metric_is_what_lag_is_not():
    task = made({"raw.billing": 86_400_000})
    task.transactions.committed = dict.fromkeys(TOPICS, 0)
    fed(task, "raw.billing", run_of(0, charges(9), end=12))
    task._observe()
    assert task.wants("raw.billing")
    assert waiting(task) == 9
    assert waiting(task, "raw.usage") is None, "no end is known"
    fed(task, "raw.usage", run_of(0, [session("10:00")], end=3))
    task._observe()
    assert waiting(task, "raw.usage") == 0
    assert task.shard.step(None, 100) is None
    task._observe()
    assert waiting(task, "raw.usage") == 1, "it waits for the other topic"
    assert task.reading.behind() == {"raw.billing", "raw.usage"}


def test_a_shard_whose_records_wait_is_not_busy_and_one_that_is_not_fed_is(monkeypatch):
    task = made({"raw.billing": 30_000})
    monkeypatch.setattr("streams.kafka.shard_task.time.monotonic", lambda: 110.0)
    fed(task, "raw.billing", run_of(0, charges(1), read_at=100.0))
    fed(task, "raw.usage", passed(0, 0))
    assert not task.busy()
    task.looked("raw.usage", 105.0, 4)
    assert task.busy()
    monkeypatch.setattr("streams.kafka.shard_task.time.monotonic", lambda: 131.0)
    task.looked("raw.usage", 105.0, 0)
    assert task.busy()


async def test_a_record_that_waits_holds_the_clock_and_no_position_passes_it():
    task = made({"raw.billing": 30_000}, clock="wall")
    task.transactions.committed, ticks = dict.fromkeys(TOPICS, 0), []

    async def tick(looked):
        ticks.append(looked)

    task._tick = tick
    fed(task, "raw.billing", run_of(0, charges(1), read_at=100.0))
    for looked, offsets in ((129.0, []), (130.0, [{"raw.billing": 1}])):
        for topic in TOPICS:
            task.looked(topic, looked, task.reading.next[topic])
        assert await task._idle(looked)
        assert not ticks
        step = task.shard.step(None, 100)
        assert ([] if step is None else [step.offsets]) == offsets
    await task.commit(step)
    assert await task._idle(130.0)
    assert ticks == [130.0]

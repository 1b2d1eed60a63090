"""Faults of the worker: killed, stopped, frozen, joined and left, at every point of a transaction and of a restore."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from streams.kafka.failpoints import POINTS
from streams.settings import Settings
from tests.broker.kafka import ends
from tests.broker.workers import OUTPUTS
from tests.faults.harness import waited

pytestmark = pytest.mark.broker
full = pytest.mark.fault_full
SEED = int(os.environ.get("SEED", "1"))


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=full)])
def test_kill_9_at_random_times(trial, kills):
    dice, run = random.Random(SEED), trial(1, "kill -9 at random times")
    for number in range(kills):
        worker = run.start("--instance", "w1")
        if number % 2 == 0 or kills < 5:
            run.wait_progress()
        time.sleep(dice.random() * (0.5 if kills < 5 else 2.5))
        assert run.kill(worker) == -signal.SIGKILL
        run.strike()
    run.start("--instance", "w1")
    run.finish()
    assert run.check().recovery_s < 20


def test_kill_9_at_every_point_of_a_transaction_and_a_restore(trial):
    run = trial(2, "kill -9 at every fail point")
    for number, point in enumerate(POINTS):
        first = "restore" not in point or number == 0
        worker = run.start("--instance", "w1", fault=f"{point}:{5 if first else 1}")
        assert run.wait_dead(worker) == -signal.SIGKILL, point
        run.strike()
    run.start("--instance", "w1")
    run.finish()
    run.check()


def test_the_reply_of_a_commit_is_lost_after_and_before_it_was_done(trial):
    """Done, it must not be done again; not done, it must."""
    run = trial(12, "reply of EndTxn lost, producer started again")
    for point in ("after_commit:5:error", "before_commit:5:error"):
        worker = run.start("--instance", "w1", fault=point)
        deadline = time.monotonic() + 60
        while run.cluster.logs().count("transaction failed, trying again") <= run.hits and time.monotonic() < deadline:
            time.sleep(0.05)
        run.strike()
        time.sleep(0.3)
        assert run.kill(worker, signal.SIGTERM) == 0
    assert run.cluster.logs().count("transaction failed, trying again") == run.hits == 2
    run.start("--instance", "w1")
    run.finish()
    run.check()


def test_kill_9_three_times_in_a_row_during_the_restore(trial):
    run = trial(3, "kill -9 during the restore, three times in a row")
    worker = run.start("--instance", "w1")
    run.wait_progress()
    run.kill(worker)
    for point in ("restore_reading:2", "restore_read:1", "restore_reading:1"):
        worker = run.start("--instance", "w1", fault=point)
        assert run.wait_dead(worker) == -signal.SIGKILL
        run.strike()
    run.start("--instance", "w1")
    run.finish()
    run.check()


def test_sigterm_under_load_ends_with_0_within_10_s_and_nothing_is_done_again(trial):
    run = trial(4, "SIGTERM under load")
    for _ in range(3):
        worker = run.start()
        run.wait_progress()
        run.strike()
        begun = time.monotonic()
        assert run.kill(worker, signal.SIGTERM) == 0
        assert time.monotonic() - begun < 10
    run.start()
    run.finish()
    run.check()


def is_stopped(worker):
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.parametrize("frozen_s", [8, pytest.param(45, marks=full)])
def test_an_owner_frozen_in_a_transaction_longer_than_its_session_is_fenced(trial, frozen_s):
    """What its open transaction holds back is free again with the next owner; awake, it ends. 45 s: longer than an attempt at a transaction may take."""
    run = trial(5, "SIGSTOP beyond the session timeout, then SIGCONT, two workers")
    run.environment["KAIROS_STALL_S"] = "120"  # when it wakes, the fence must end it, not its watchdog
    broker, changelog = run.cluster.bootstrap, f"{run.cluster.app}.state"
    places = [TopicPartition(topic, partition) for topic in (changelog, *OUTPUTS) for partition in range(run.cluster.partitions)]
    frozen = run.start(fault="before_commit:20:stop")
    waited(lambda: is_stopped(frozen), 60)
    begun = time.monotonic()
    run.strike()
    stable, high = (asyncio.run(ends(broker, places, isolation)) for isolation in ("read_committed", "read_uncommitted"))
    held = [place for place in places if stable[place] < high[place]]
    assert changelog in {place.topic for place in held}
    assert {place.topic for place in held} & set(OUTPUTS)
    run.start()
    waited(lambda: "shard restored" in run.cluster.logs().rpartition("worker starts")[2], 30)

    def free():
        now = asyncio.run(ends(broker, held))
        return all(now[place] >= high[place] for place in held)

    waited(free, 15)
    assert time.monotonic() - begun < Settings().transaction_timeout_ms / 1000, "it was the new owner, not the broker's patience that ended it"
    run.wait_progress()
    time.sleep(max(0, begun + frozen_s - time.monotonic()))
    assert is_stopped(frozen)
    frozen.send_signal(signal.SIGCONT)
    assert run.wait_dead(frozen) == 70
    assert "another worker has taken over" in run.cluster.logs()
    run.finish()
    run.check()


@pytest.mark.parametrize("times", [4, pytest.param(20, marks=full)])
def test_workers_join_and_leave_again_and_again(trial, times):
    run = trial(6, "join and leave storm")
    run.start()
    run.wait_progress()
    for number in range(times):
        guest = run.start()
        time.sleep(3)
        run.strike()
        run.kill(guest, signal.SIGTERM if number % 2 else signal.SIGKILL)
    run.finish()
    run.check()

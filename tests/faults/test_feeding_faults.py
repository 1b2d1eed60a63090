"""Faults of feeding: an error in any stage, a fetch that a rebalance overtakes, a rebalance while partitions are paused, progress without records."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition

pytestmark = pytest.mark.broker
full = pytest.mark.fault_full
SEED = int(os.environ.get("SEED", "1"))
INJECT = str(Path(__file__).parent / "inject")
STAGES = ("fetch", "parse", "agent", "decode", "queue", "merge", "admission", "emit", "build")
ENDS_BY_ITSELF = {"admission": ("MemoryError",), "emit": ("MemoryError",)}
"""Where another error than these is a rule's, or is narrowed to its record: that is proven with the rules."""
NAMED = {"fetch": "the fetch failed"}
"""Of the others "parse" may meet the reading of the state first, "agent" a run without records; small runs are decoded and queued at the step, large ones when they come."""


@pytest.fixture
def town(request, towns):
    """Less input than other trials have: these start a worker for each stage."""
    return towns(60, 4)


def injected(run, plan, *more):
    """A worker with something broken inside."""
    run.environment |= {"PYTHONPATH": INJECT, "INJECT": plan}
    try:
        return run.start(*more)
    finally:
        del run.environment["INJECT"]


def ended_by_name(run, worker, stage, error):
    assert run.wait_dead(worker) == 70, stage
    run.strike()
    log = (run.folder / f"worker-{run.cluster.workers.index(worker)}.log").read_text()
    assert f"injected {stage} {error}" in log
    lines = [line for line in log.splitlines() if "the worker ends" in line]
    assert lines, log
    assert NAMED.get(stage, "") in lines[0], lines
    assert error in lines[0], lines


SOME = pytest.param("MemoryError", ("decode", "merge", "emit", "build"), id="memory")
ALL = [pytest.param(error, [stage for stage in STAGES if error in ENDS_BY_ITSELF.get(stage, (error,))], id=f"all-{error}", marks=full) for error in ("MemoryError", "RuntimeError")]


@pytest.mark.parametrize(("error", "stages"), [SOME, *ALL])
def test_an_error_in_any_stage_ends_the_worker_before_anything_more_is_committed(trial, error, stages):
    """The input waits when the worker starts; after all the ends everything equals the oracle."""
    run = trial(40, f"{error} in each stage, in the backlog")
    for stage in stages:
        ended_by_name(run, injected(run, f"{stage}:2:{error}", "--instance", "w1"), stage, error)
    run.start("--instance", "w1")
    run.finish()
    run.check()


@pytest.mark.parametrize(("error", "stages"), [pytest.param("MemoryError", ("decode", "agent"), id="memory"), *ALL])
def test_an_error_while_records_come_ends_the_worker_before_anything_more_is_committed(trial, tmp_path, town, error, stages):
    """The worker has worked everything off before, then each stage fails at new records."""
    records, arguments = town
    size = len(records) // (len(stages) + 1)
    run = trial(41, f"{error} in each stage, live", records=(records[:size], arguments))
    for number, stage in enumerate(stages, 1):
        armed = tmp_path / f"armed-{stage}"
        worker = injected(run, f"{stage}:1:{error}:{armed}", "--instance", "w1")
        run.wait_all_read()
        armed.touch()
        run.cluster.produce(records[number * size :] if number == len(stages) else records[number * size : (number + 1) * size])
        ended_by_name(run, worker, stage, error)
    run.start("--instance", "w1")
    run.finish()
    run.check()


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=full) for seed in range(2, 20))])
def test_a_fetch_that_straddles_the_rebalance_of_a_fresh_application(trial, seed):
    """Nothing is committed yet, so the client's own seek does nothing; what the fetch brings is thrown away."""
    dice, run = random.Random(f"{SEED}-{seed}"), trial(42, "fetch straddles a rebalance of a fresh application")
    injected(run, "straddle:1")
    run.wait_log("shard restored")
    time.sleep(dice.random())
    run.start()
    run.wait_log("injected a fetch with records straddled a rebalance")
    run.strike()
    run.finish()
    run.check()


@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=full) for seed in range(2, 20))])
def test_a_rebalance_while_partitions_are_paused(trial, tmp_path, town, seed):
    """The worker takes no step from before a part of the input comes until the rebalance, so its queues are full then."""
    dice, (records, arguments), armed = random.Random(f"{SEED}-{seed}"), town, tmp_path / "armed"
    guests = dice.randint(1, 2)
    size = len(records) // (guests + 1)
    run = trial(43, "rebalance while partitions are paused", records=(records[:size], arguments))
    run.environment |= {"KAIROS_QUEUE_RECORDS": "100", "KAIROS_BATCH_RECORDS": "20", "KAIROS_FETCH_BYTES": "65536"}
    injected(run, f"paused:{armed}")
    run.wait_progress()
    for number in range(1, guests + 1):
        armed.touch()
        run.cluster.produce(records[number * size :] if number == guests else records[number * size : (number + 1) * size])
        guest = run.start()
        run.wait_log("injected a rebalance with", number)
        run.strike()
        if dice.random() < 0.7:
            time.sleep(dice.random() * 2)
            run.kill(guest, dice.choice((signal.SIGTERM, signal.SIGKILL)))
    assert "injected a rebalance with 0 paused" not in run.cluster.logs()
    run.finish()
    run.check()


def test_an_aborted_transaction_at_the_tail_of_an_idle_partition_is_passed_by_the_groups_offset(trial):
    """Nothing but markers lies there: the outside lag becomes 0, and deleting it by retention is no loss, live or at a start."""
    run = trial(44, "aborted transaction at an idle tail, then retention")
    run.start()
    run.wait_all_read()
    places = [TopicPartition("raw.service", 0), TopicPartition("raw.billing", 1)]

    async def abort():
        producer = AIOKafkaProducer(bootstrap_servers=run.cluster.bootstrap, transactional_id="aborting")
        await producer.start()
        await producer.begin_transaction()
        for place in places:
            await (await producer.send(place.topic, b"{", key=b"C1", partition=place.partition))
        await producer.abort_transaction()
        await producer.stop()

    asyncio.run(abort())
    run.strike()
    run.wait_all_read()
    run.delete_all(places)
    run.restart_all()
    run.finish()
    run.report()

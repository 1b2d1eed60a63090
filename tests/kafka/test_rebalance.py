"""What a worker does with its shards while the group is rebalanced."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from streams.kafka.pace import Pace
from streams.kafka.worker import Worker


async def test_a_shard_that_ends_while_others_are_suspended_stops_no_rebalance():
    """A stop drops shards while the rebalance waits for the transaction of one of them."""
    worker = Worker.__new__(Worker)
    worker.assigned_once, worker.tasks, worker.running = True, {}, {}
    suspended = []

    def shard(partition):
        async def suspend():
            suspended.append(partition)
            if partition == 0:
                await worker.drop({2})
            return True

        async def close():
            suspended.append(f"{partition} closed")

        ready = asyncio.Event()
        ready.set()
        return SimpleNamespace(partition=partition, ready=ready, suspend=suspend, close=close, go_on=lambda: None, stopping=False)

    worker.metrics, worker.pace = SimpleNamespace(forget=lambda partition: None), Pace(0.01, 40, 20_000)
    for partition in range(3):
        worker.tasks[partition] = shard(partition)
        worker.running[partition] = asyncio.create_task(asyncio.sleep(0))
    await worker.revoked(set())
    assert suspended[:3] == [0, "2 closed", 1]
    assert sorted(worker.tasks) == [0, 1]
    assert worker.rebalancing

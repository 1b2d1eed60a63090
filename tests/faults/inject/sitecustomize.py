"""What a trial breaks inside a worker: Python runs this file at the start of each process that finds its folder in PYTHONPATH.

INJECT=STAGE:COUNT:ERROR[:FILE] raises ERROR at the COUNT-th time that STAGE is reached, counted from when FILE is there.
INJECT=lag:SECONDS keeps one topic after the other from being fetched for so long.
INJECT=paused:FILE takes no step while FILE is there, and removes it at the next rebalance.
INJECT=straddle:COUNT delays the first COUNT fetches with records until after a rebalance, as a fetch on a busy machine may.
Each hit is a line `injected ...` on stderr.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import sys
import time
from functools import wraps
from pathlib import Path

STRADDLE_S = 20.0


def note(what):
    sys.stderr.write(f"injected {what}\n")
    sys.stderr.flush()


def places():
    """By stage, the object and the attribute through which a worker comes there."""
    import streams.emit
    import streams.intake.merge
    import streams.kafka.transaction
    import streams.kafka.transport
    import streams.kafka.worker
    import streams.shard
    from streams.engine.admission import Admission

    return {
        "fetch": (streams.kafka.transport.Thread, "_fetch_records"),
        "parse": (streams.kafka.transport, "read_run"),
        "agent": (streams.kafka.worker.Worker, "feed"),
        "decode": (streams.shard, "decode_chunk"),
        "queue": (streams.intake.merge.Merger, "add"),
        "merge": (streams.intake.merge.Merger, "release"),
        "admission": (Admission, "admit"),
        "emit": (streams.emit.Emitter, "messages"),
        "build": (streams.kafka.transaction.Transactions, "_transaction"),
    }


def worker_started():
    """What says whether the worker has begun: the rehearsal of the rules before it goes through the same stages."""
    from streams.kafka.worker import Worker

    original = Worker.__init__
    begun = []

    @wraps(original)
    def init(self, *args, **kwargs):
        begun.append(True)
        original(self, *args, **kwargs)

    Worker.__init__ = init
    return lambda: bool(begun)


def raise_at(stage, count, error, armed):
    owner, name = places()[stage]
    original = getattr(owner, name)
    left = [count]
    started = worker_started()

    @wraps(original)
    def broken(*args, **kwargs):
        if left[0] and started() and (armed is None or armed.exists()):
            left[0] -= 1
            if not left[0]:
                note(f"{stage} {error.__name__}")
                raise error("injected")
        return original(*args, **kwargs)

    setattr(owner, name, broken)


def straddle(count):
    from streams.kafka.transport import Thread

    original = Thread._fetch_records
    left = [count]

    async def late(self, *args, **kwargs):
        before, found = self.app.consumer_generation_id, await original(self, *args, **kwargs)
        if not left[0] or not any(run.records for run in found.values()):
            return found
        left[0] -= 1
        begun = time.monotonic()
        while time.monotonic() - begun < STRADDLE_S and (self.app.consumer_generation_id == before or not self.consumer.flow_active):
            await asyncio.sleep(0.01)
        if self.app.consumer_generation_id != before:
            note("a fetch with records straddled a rebalance")
        return found

    Thread._fetch_records = late


def lag(seconds):
    from schemas.raw import TOPICS
    from streams.kafka.transport import Thread

    original = Thread.getmany

    async def getmany(self, active_partitions, timeout):
        slow = TOPICS[int(time.monotonic() / seconds) % len(TOPICS)]
        left = {place for place in active_partitions if place.topic != slow}
        if left:
            return await original(self, left, timeout)
        await asyncio.sleep(0.05)
        return {}

    Thread.getmany = getmany


def hold(armed):
    """Take no step while the file `armed` is there, so that the queues fill and partitions are paused; the next rebalance removes it."""
    from schemas.raw import TOPICS
    from streams.kafka.worker import Worker
    from streams.shard import Shard

    step, original = Shard.step, Worker.revoked

    def held(self, *args, **kwargs):
        return None if armed.exists() else step(self, *args, **kwargs)

    async def revoked(self, partitions):
        full = sum(task.ready.is_set() and task.shard.full(topic) for task in self.tasks.values() for topic in TOPICS)
        if armed.exists():
            note(f"a rebalance with {full} paused partitions")
            armed.unlink()
        return await original(self, partitions)

    Shard.step, Worker.revoked = held, revoked


if plan := os.environ.get("INJECT"):
    what, *more = plan.split(":")
    if what == "straddle":
        straddle(int(more[0]))
    elif what == "lag":
        lag(float(more[0]))
    elif what == "paused":
        hold(Path(more[0]))
    else:
        raise_at(what, int(more[0]), getattr(builtins, more[1]), Path(more[2]) if len(more) > 2 else None)

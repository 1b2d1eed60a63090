"""`python -m tests.speed.ids`: what remembering ids costs: bytes an id, and ns a record at 200,000, 400 and one customers.

Admission alone, with random ids; the times are processor time of this process, best and median batch of the second half of the run.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from streams.engine.admission import Admission
from streams.engine.batch import PROCESSED
from streams.engine.clock import JUMP_MS
from streams.engine.state.tables import Table
from tests.speed.testbed import machine, say

BATCH = 20_000
START_MS, LATE_MS = 1_777_600_000_000, 48 * 3_600_000
COMMIT_EVERY = 5
"""Batches; a step has at most 100,000 records."""


class Batch(NamedTuple):
    """What admission reads and writes of a batch."""

    n: int
    time: Any
    rank: Any
    clock: Any
    customer: Any
    id_hash: Any
    content_hash: Any
    fate: Any
    believed: Any


class Costs(NamedTuple):
    """ns a record of each batch and of each commit, and what was written a record."""

    admit_ns: list[float]
    commit_ns: list[float]
    written_bytes: int
    records: int


def batches(customers: int, ids_each: int, topics: int, *, limits: float) -> Any:
    """Records of `customers`, each with `ids_each` a topic within the late limit, for `limits` times the limit."""
    random = np.random.default_rng(1)
    step = LATE_MS / (customers * ids_each * topics)
    for begin in range(0, int(LATE_MS * limits / step), BATCH):
        times = (START_MS + (begin + np.arange(BATCH)) * step).astype(np.int64)
        hashes = random.integers(-(2**62), 2**62, BATCH)
        rows = random.integers(0, customers, BATCH).astype(np.int32)
        yield Batch(BATCH, times, random.integers(0, topics, BATCH), np.append(times, times[-1]), rows, hashes, hashes, np.full(BATCH, PROCESSED, np.int8), np.ones(BATCH, bool))


def run(customers: int, ids_each: int, topics: int, *, limits: float, commit_last: float) -> tuple[Admission, Costs]:
    """Admission of all batches; what the last ones change, such a part of all, is encoded as for the changelog."""
    table = Table("customer", 1)
    admission = Admission(table, LATE_MS, JUMP_MS, Counter())
    table.build()
    table.grow(max(customers, table.size))
    costs = Costs([], [], 0, 0)
    total = customers * ids_each * topics * limits / BATCH
    for number, batch in enumerate(batches(customers, ids_each, topics, limits=limits), 1):
        begin = time.process_time()
        admission.admit(batch)  # type: ignore[arg-type]  # it has what is needed
        costs.admit_ns.append((time.process_time() - begin) * 1e9 / BATCH)
        if number % COMMIT_EVERY:
            continue
        if number < total * (1 - commit_last):
            for ids in admission.ids:
                ids.forget_changes()
            continue
        begin = time.process_time()
        changes = [ids.take_changes() for ids in admission.ids]
        costs.commit_ns.append((time.process_time() - begin) * 1e9 / (BATCH * COMMIT_EVERY))
        size = sum(len(change.values.strings.data) for change in changes)
        costs = costs._replace(written_bytes=costs.written_bytes + size, records=costs.records + BATCH * COMMIT_EVERY)
    return admission, costs


def speed(customers: int, ids_each: int, limits: float) -> None:
    """Say what a record costs."""
    admission, costs = run(customers, ids_each, 1, limits=limits, commit_last=0.1)
    half = costs.admit_ns[len(costs.admit_ns) // 2 :]
    say(
        f"{customers:,} customers, {ids_each:,} ids each: {min(half):.0f} ns a record (best batch; median {np.median(half):.0f}, "
        f"worst of all {max(costs.admit_ns):.0f}); commit {np.median(costs.commit_ns):.0f} ns and {costs.written_bytes / costs.records:.0f} B of values a record; "
        f"{admission.counters['ids_forgotten']:,} ids let go"
    )


def memory() -> None:
    """Say what 120 ids of three topics of 100,000 customers take."""
    admission, _ = run(100_000, 120, 3, limits=1.1, commit_last=0)
    topics = admission.ids[:3]
    held, used = sum(ids.held() for ids in topics), sum(ids.memory_bytes() for ids in topics)
    lists = sum(ids.lists.nbytes for ids in topics)
    say(
        f"100,000 customers, three topics, 120 ids each: {held:,} ids, {used / 1e6:,.0f} MB: {(used - lists) / held:.1f} B an id and {lists / 100_000:.0f} B a customer for the lists"
    )


if __name__ == "__main__":
    say(machine())
    for number, each, times in ((200_000, 40, 1.5), (200_000, 120, 1.1), (400, 120, 60.0), (1, 120, 20_000.0), (1, 40_000, 20.0)):
        speed(number, each, times)
    memory()

"""How long shards gather records after small steps: what they use together, what a pause and a backlog change."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka.pace import LATELY_S, LONGEST_S, Pace

SECONDS = 30.0


def used(pace: Pace, took: list[float], records: int = 10) -> tuple[float, float]:
    """Shards that share a core, each with a step as soon as its wait is over: the part of the core that they use, and the longest time between two steps of one."""
    due = [(0.0, shard) for shard in range(len(took))]
    free, busy, gap, last = 0.0, 0.0, 0.0, [0.0] * len(took)
    while due[0][0] < SECONDS:
        at, shard = heapq.heappop(due)
        free = max(free, at) + took[shard]
        busy, gap, last[shard] = busy + took[shard], max(gap, free - last[shard]), free
        heapq.heappush(due, (free + pace.wait_s(shard, took[shard], records, free), shard))
    return busy / max(free, SECONDS), gap


@given(st.lists(st.floats(0.001, 0.04), min_size=1, max_size=4), st.sampled_from([20, 40, 80]))
def test_small_steps_of_all_shards_stay_within_their_share(took, percent):
    share, gap = used(Pace(0.0, percent, 20_000), took)
    if max(took) * (len(took) / percent * 100 - 1) <= LONGEST_S:
        assert share <= percent / 100 * 1.05
    assert gap <= LONGEST_S + sum(took) + 1e-9


def test_a_share_is_used_and_not_left_over():
    share, _ = used(Pace(0.0, 40, 20_000), [0.02])
    assert share == pytest.approx(0.4, rel=0.05)


def test_a_fast_step_waits_the_least_time():
    assert Pace(0.01, 40, 20_000).wait_s(0, 0.0001, 5, 1.0) == 0.01


@pytest.mark.parametrize(("records", "waits"), [(1_999, True), (2_000, False), (20_000, False)])
def test_a_backlog_does_not_wait(records, waits):
    assert (Pace(0.01, 40, 20_000).wait_s(0, 0.05, records, 1.0) > 0) == waits


def test_a_shard_that_rests_or_is_gone_takes_no_share():
    pace = Pace(0.0, 50, 20_000)
    pace.wait_s(0, 0.01, 1, 0.0)
    assert pace.wait_s(1, 0.01, 1, LATELY_S) == pytest.approx(0.03)
    assert pace.wait_s(1, 0.01, 1, 2 * LATELY_S + 0.1) == pytest.approx(0.01)
    pace.wait_s(0, 0.01, 1, 3.0)
    pace.forget(0)
    assert pace.wait_s(1, 0.01, 1, 3.0) == pytest.approx(0.01)

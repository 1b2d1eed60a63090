"""One wrong date moves nobody else's clock: no timers, no end of state; and a real gap in the traffic is no wrong date."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streams.engine import clock
from tests.shards import Bench, epoch_ms
from tests.streams.records import good

DAY = 86_400_000
NOON = epoch_ms("2026-05-01T12:00:00+08:00")
LINES = {"C1": "S1", "C2": "S2", "C3": "S3"}


def money(customer, at, number, delta=-100, after=5000):
    return good(
        "balance_change", record_id=f"r{number}", customer_id=customer, account_id=f"A{customer}", subscription_id=LINES[customer], event_time=at, delta=delta, balance_after=after
    )


def emptied():
    """C1 has nothing left at noon: a timer is due a day later."""
    return money("C1", NOON, 0, delta=-10, after=0)


@pytest.mark.parametrize("years", [1, 10, 200])
@pytest.mark.parametrize("cut", [True, False])
def test_a_record_far_ahead_fires_no_timers_of_others(years, cut):
    bench = Bench()
    records = [
        emptied(),
        money("C3", NOON + 1000, 1),
        money("C2", NOON + years * 365 * DAY, 2),
        money("C3", NOON + 3000, 3),
        money("C3", NOON + 20 * 3_600_000, 4),
    ]
    found = [d for batch in ([[record] for record in records] if cut else [records]) for d in bench.feed(batch)]
    assert "topup.missing_after_depletion" not in {d.event for d in found}
    assert bench.shard.clock == NOON + 20 * 3_600_000


def test_the_next_record_of_another_customer_confirms_a_real_gap():
    bench = Bench()
    bench.feed([emptied(), money("C3", NOON + 1000, 1)])
    assert bench.feed([money("C2", NOON + 90 * DAY, 2)]) == []
    assert bench.shard.clock == NOON + 1000
    found = bench.feed([money("C3", NOON + 90 * DAY + 5, 3)])
    assert bench.shard.clock == NOON + 90 * DAY + 5
    assert [(d.event, d.time) for d in found] == [("topup.missing_after_depletion", NOON + DAY)]


def test_many_records_of_one_customer_confirm_nothing_and_a_restart_forgets_nothing():
    bench = Bench()
    bench.feed([emptied(), money("C3", NOON + 1000, 1)])
    for number in range(2, 5):
        bench.feed([money("C2", NOON + 400 * DAY + number, number)])
        bench.restart()
    assert bench.shard.clock == NOON + 1000
    bench.feed([money("C3", NOON + 400 * DAY, 5)])
    assert bench.shard.clock == NOON + 400 * DAY + 4


def test_a_wrong_date_at_the_very_start_is_survived():
    bench = Bench()
    bench.feed([money("C2", NOON + 3650 * DAY, 0), emptied(), money("C3", NOON + 1000, 1)])
    assert bench.shard.clock == NOON + 1000


def test_up_to_a_month_ahead_a_record_moves_the_clock_at_once():
    bench = Bench()
    bench.feed([emptied(), money("C3", NOON + 1000, 1)])
    found = bench.feed([money("C2", NOON + 1000 + 31 * DAY, 2)])
    assert [(d.event, d.time) for d in found] == [("topup.missing_after_depletion", NOON + DAY)]


class Names:
    """A table of customers whose keys are their rows."""

    def key_text(self, row):
        return str(row)


@pytest.mark.parametrize("seed", range(200))
def test_many_records_at_once_pass_as_one_by_one(seed, monkeypatch):
    monkeypatch.setattr(clock, "STRETCH", 4)
    dice = random.Random(seed)
    times = [NOON + dice.randrange(30) * DAY + (dice.randrange(1, 4) * 200 * DAY if dice.random() < 0.2 else 0) for _ in range(dice.randrange(40))]
    customers = [dice.randrange(3) for _ in times]
    alone, seen = clock.Clock(), []
    for time, customer in zip(times, customers, strict=True):
        seen.append(alone.now)
        alone._take(time, str(customer))
    whole, cut, found = clock.Clock(), dice.randrange(len(times) + 1), []
    for own in (slice(cut), slice(cut, None)):
        found += whole.follow(np.array(times[own], np.int64), np.array(customers[own], np.int32), Names()).tolist()[:-1]
    assert found == seen
    assert (whole.now, whole.ahead) == (alone.now, alone.ahead)

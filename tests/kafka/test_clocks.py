"""The wall clock is believed only as far as the broker's."""

from __future__ import annotations

import time

import pytest

from streams.kafka import clocks
from streams.kafka.clocks import APART_MS, FRESH_S, Clocks


@pytest.fixture
def now(monkeypatch):
    """Both of this machine's clocks, to be set."""
    held = {"wall": 1_777_600_000.0, "monotonic": 50.0}
    monkeypatch.setattr(clocks.time, "time", lambda: held["wall"])
    monkeypatch.setattr(clocks.time, "monotonic", lambda: held["monotonic"])
    return held


def test_the_brokers_time_continues_with_the_monotonic_clock(now):
    both = Clocks()
    both.hear(1_777_600_000_000)
    now["monotonic"] += 10
    now["wall"] += 10
    assert both.broker_ms() == both.wall_ms() == 1_777_600_010_000
    now["wall"] += 365 * 86_400
    assert both.earlier_ms() == 1_777_600_010_000
    assert both.later_ms() == both.wall_ms()


@pytest.mark.parametrize(("apart", "believed"), [(0, True), (APART_MS, True), (-APART_MS, True), (APART_MS + 1, False), (-APART_MS - 1, False)])
def test_a_minute_of_difference_is_accepted_and_no_more(now, apart, believed):
    both = Clocks()
    both.hear(int(time.time() * 1000) - apart)
    assert (both.trouble() is None) == believed
    if not believed:
        assert f"is 60 s {'ahead of' if apart > 0 else 'behind'} the broker's" in both.trouble()


def test_an_answer_is_fresh_for_half_a_minute(now):
    both = Clocks()
    assert not both.fresh
    both.hear(1_777_600_000_000)
    now["monotonic"] += FRESH_S
    assert both.fresh
    now["monotonic"] += 0.1
    assert not both.fresh


def test_without_the_brokers_time_nothing_ticks(now):
    both = Clocks()
    assert "the broker reports no time" in both.trouble()
    assert both.earlier_ms() == both.later_ms() == both.wall_ms()

"""What grows in a soak is found, and what is flat passes; a growing population has the same spread at any size."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from tests.speed import flat
from tests.speed import soak as soaks
from tests.speed.__main__ import app
from tests.speed.growing import APART, NOON_MS, Day, customers_after
from tests.speed.lab import WrongOutput
from tests.speed.traffic import rfc3339

DAY = Day(6_000, rate=100, seconds=540, hours=24)
TITLES = [one.title for one in flat.FLAT]


def period(number, **changed):
    """A flat one: 10,000 customers more each, 5 kB of memory and 3 kB of the state topic each; every other one is disturbed a little."""
    customers, wave = 10_000 * (number + 1), 1 + (number % 2) / 50
    row = {
        "minute": 5.0 * (number + 1),
        "customers": customers,
        "sent": 15 * 120_000,
        "events": 4 * customers,
        "how": "SIGTERM" if number else "start",
        "settled_mb": (400e6 + 5_000 * (customers - 6_000)) / 1e6,
        "resident_mb": (400e6 + 5_000 * customers) / 1e6 * wave,
        "rows_customer": 15.5,
        "stored_mb": 3_000 * customers / 1e6,
        "stored_customer": 3_000.0 * wave,
        "p50_ms": 40.0 * wave,
        "p99_ms": 90.0,
        "lag": 10,
        "core": 0.4,
    }
    if number:
        row |= {"ready_s": 5.0, "restored": 30 * customers, "us_row": 4.0 * wave, "outage_s": 7.0}
    return {**row, **{key: change(number) for key, change in changed.items()}}


def periods(**changed):
    return [period(number, **changed) for number in range(12)]


def growing(**changed):
    return [one["title"] for one in flat.verdicts(periods(**changed)) if one["verdict"] != "flat"]


def test_what_is_flat_passes():
    assert growing() == []
    assert flat.flat(flat.verdicts(periods()))
    assert len(flat.verdicts(periods())) == len(TITLES) + 3


@pytest.mark.parametrize("bound", flat.FLAT, ids=lambda bound: bound.key)
def test_each_figure_that_grows_is_found_and_one_that_falls_is_not(bound):
    over, under = ((lambda number, share=bound.most * times: 100 * (1 + share * ((number - 6) / 5 - 0.5))) for times in (1.1, 0.9))
    assert growing(**{bound.key: over}) == [bound.title]
    assert growing(**{bound.key: under}) == []
    assert growing(**{bound.key: lambda number: 1000 - 50 * number}) == []


def test_memory_may_grow_with_customers_and_no_more():
    assert growing(resident_mb=lambda number: 400 + 90 * number, settled_mb=lambda number: 400 + 90 * number) == []
    (title,) = growing(resident_mb=lambda number: 400 + 110 * number, settled_mb=lambda number: 400 + 110 * number)
    assert title.startswith("memory, MB")


def test_a_topic_that_is_compacted_is_judged_by_its_peaks():
    saw = [6000, 6600, 3000, 4000, 5000, 6000, 6500, 6900, 3000, 3500, 6000, 7000]
    assert growing(stored_customer=lambda number: saw[number]) == []
    assert growing(stored_customer=lambda number: saw[number] + 40 * number) == [flat.STORED.title]


def test_what_a_restart_gives_back_was_a_leak():
    (title,) = growing(settled_mb=lambda number: 0.75 * (400 + 50 * number))
    assert title.startswith("memory after restarts")


def test_the_command_ends_with_1_where_something_grows_and_keeps_its_figures(monkeypatch, tmp_path):
    command = ["soak", "--minutes", "60", "--json", str(tmp_path / "figures.json")]
    monkeypatch.setattr(soaks, "measure", lambda plan: periods(us_row=lambda number: 1.0 + number))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1, done.output
    assert orjson.loads((tmp_path / "figures.json").read_bytes())["soak"]["verdicts"][4]["verdict"] == "**grows**"
    monkeypatch.setattr(soaks, "measure", lambda plan: periods())
    assert CliRunner().invoke(app, command).exit_code == 0

    def wrong(_):
        raise WrongOutput("2 missing")

    monkeypatch.setattr(soaks, "measure", wrong)
    (tmp_path / "figures.json").unlink()
    assert CliRunner().invoke(app, command).exit_code == 1
    assert not (tmp_path / "figures.json").exists()


def test_too_few_periods_are_refused_before_the_run(monkeypatch):
    monkeypatch.setattr(soaks, "measure", lambda plan: pytest.fail("it began"))
    done = CliRunner().invoke(app, ["soak", "--minutes", "20", "--restart-every", "4"])
    assert done.exit_code == 2, done.output
    assert "wanted at least 6 periods" in done.output


@pytest.fixture(scope="module")
def records():
    return DAY.traffic().records(DAY.records)


def test_a_day_gives_the_same_records_however_they_are_taken(records):
    pieces = DAY.traffic()
    assert [*pieces.records(1), *pieces.records(4_999), *pieces.records(5_000)] == records[:10_000]
    assert len(records) == DAY.records == 60_000


def test_customers_come_steadily_and_no_customer_has_two_records_side_by_side(records):
    keys = [key for _, key, _ in records]
    for count in (15_000, 30_000, 60_000):
        assert len(set(keys[:count])) == pytest.approx(customers_after(count), abs=2)
    last = {}
    for number, key in enumerate(keys):
        assert number - last.get(key, -APART) >= APART
        last[key] = number


def test_records_of_a_customer_are_spread_alike_at_any_size(records):
    early, late = (sorted(Counter(key for _, key, _ in records[:count]).values()) for count in (30_000, 60_000))
    for share in (0.25, 0.5, 0.75, 0.9):
        assert np.quantile(late, share) == pytest.approx(np.quantile(early, share), rel=0.15, abs=1)


def test_event_time_is_a_day_from_noon_and_tells_when_a_record_was_due(records):
    times = [orjson.loads(value)["event_time"] for _, _, value in records]
    assert all(before <= after for before, after in itertools.pairwise(times))
    assert times[0] == rfc3339(NOON_MS)
    assert times[DAY.first].startswith("2026-05-01T14:40:0")
    assert times[-1] < rfc3339(NOON_MS + round(DAY.records * DAY.step_ms))
    assert DAY.records * DAY.step_ms == pytest.approx(24 * 3_600_000 * 60_000 / 54_000)
    for number in (DAY.first, 40_000, 59_999):
        event_s = (NOON_MS + number * DAY.step_ms) / 1000
        assert DAY.scheduled(event_s, 1_000.0) == pytest.approx(1_000.0 + (number - DAY.first) / DAY.rate, abs=0.01)

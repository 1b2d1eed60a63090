"""The open loop: the clock starts at the scheduled moment, and a stall is not hidden."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.speed.marks import Mark, done, moment_of, read, run_of
from tests.speed.openloop import Schedule, normal_again, pace, percentile, slope, spread
from tests.speed.pair import together


class Clock:
    """A clock that only sleeping and stalling moves."""

    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += max(seconds, 1e-6)


def test_each_record_is_sent_when_it_is_due():
    clock, sent = Clock(), []
    late = pace(Schedule(5.0, 100.0), 300, lambda number: sent.append((number, clock.now)), lambda: clock.now, clock.sleep)
    assert [number for number, _ in sent] == list(range(300))
    assert all(0 <= at - (5 + number / 100) < 0.0011 for number, at in sent)
    assert max(late) < 0.0011


def test_a_stall_counts_for_every_record_that_was_scheduled_while_it_lasted():
    clock, arrived = Clock(), []
    schedule = Schedule(0.0, 100.0)

    def send(number):
        if number == 100:
            clock.now += 2.0  # the system stalls: a closed loop would send nothing meanwhile and see one slow record
        arrived.append(clock.now)

    late = pace(schedule, 500, send, lambda: clock.now, clock.sleep)
    latencies = [at - schedule.due(number) for number, at in enumerate(arrived)]
    assert sum(latency > 0.5 for latency in latencies) == pytest.approx(150, abs=2)
    assert spread(latencies).p99 > 1900
    assert max(late) == pytest.approx(1.99, abs=0.01)


def test_how_many_are_due():
    schedule = Schedule(10.0, 4.0)
    assert [schedule.count_by(moment) for moment in (9.9, 10.0, 10.24, 10.25, 11.0)] == [0, 1, 1, 2, 5]
    assert [schedule.due(number) for number in (0, 1, 4)] == [10.0, 10.25, 11.0]


def test_percentiles_are_values_that_occurred():
    values = [float(number) for number in range(1, 1001)]
    assert [percentile(values[::-1], share) for share in (0.5, 0.99, 0.999, 1.0)] == [500.0, 990.0, 999.0, 1000.0]
    assert percentile([7.0], 0.001) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_a_lag_that_grows_is_told_from_one_that_is_large():
    assert slope([(second, 5000.0) for second in range(20)]) == pytest.approx(0)
    assert slope([(100.0 + second, 30.0 * second) for second in range(20)]) == pytest.approx(30)
    assert slope([(1.0, 5.0)]) == 0.0


def test_normal_again_is_the_second_from_which_it_lasts():
    quick = [(100 + number / 10, 100 + number / 10 + 0.01) for number in range(200)]
    slow = [(scheduled, arrived + (2.0 if 101 <= scheduled < 104 or 106 <= scheduled < 107 else 0)) for scheduled, arrived in quick]
    assert normal_again(quick, 100.0, 0.01) == 0
    assert normal_again(slow, 100.0, 0.01) == 7
    assert math.isnan(normal_again([(scheduled, scheduled + 1) for scheduled, _ in quick], 100.0, 0.01))


def test_a_run_goes_from_the_first_record_to_the_transaction_that_ends_it(tmp_path: Path):
    file = tmp_path / "marks"
    assert (read(file), done(file)) == ([], 0)
    file.write_text("100.0 1.0 0 0\n104.0 3.0 400 40\n106.0 4.0 800 80\n107.0 4.5 1000 100\n109.0 9.9 2000 9")
    assert done(file) == 1000
    marks = read(file)
    assert len(marks) == 4
    run = run_of(marks, 1000)
    assert (run.wall_s, run.cpu_s, run.state_bytes, run.transactions) == (7.0, 3.5, 100, 3)
    assert (run.second_wall_s, run.second_cpu_s) == (2.5, 1.25)
    assert moment_of(marks, 600) == (105.0, 3.5)
    with pytest.raises(ValueError, match="wanted 1,001 records committed, got 1,000"):
        run_of(marks, 1001)


def test_two_workers_count_while_both_are_at_work():
    first = [Mark(10.0, 1.0, 0, 0), Mark(20.0, 5.0, 1000, 0), Mark(30.0, 9.0, 2000, 0), Mark(40.0, 13.0, 3000, 0)]
    second = [Mark(20.0, 1.0, 0, 0), Mark(30.0, 6.0, 500, 0)]
    assert together([first, second]) == {"records": 1500, "rate": 150.0, "cpu_us": 6000.0}
    later = [Mark(25.0, 1.0, 0, 0), Mark(35.0, 6.0, 500, 0)]
    assert together([first, later]) == {"records": 1500, "rate": 150.0, "cpu_us": 6000.0}
    with pytest.raises(SystemExit, match="one after the other"):
        together([first, [Mark(41.0, 1.0, 0, 0), Mark(43.0, 6.0, 500, 0)]])

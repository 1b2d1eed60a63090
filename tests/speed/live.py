"""Live runs: a producer in a process of its own, an ordinary worker, and the events of `probe.seen` as a consumer sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.speed.arrivals import Arrivals
from tests.speed.lab import PROJECT, Lab, lab_with
from tests.speed.openloop import Schedule, normal_again, slope, spread
from tests.speed.selections import PROBE, Selection
from tests.speed.testbed import cores, cpu_seconds, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.speed.lab import Worker

SETTLE = 0.25
"""The first part of a phase, which does not count."""
BOUNDED = 0.01
"""A lag that grows by more of the rate than this is not bounded."""
STEP = 1.3
LOWEST = 500
WARM_HOURS = 20.0
PROBE_EVERY = 100
"""Among so many records there surely is one with an event of the probe."""


class Phase(NamedTuple):
    """What a rate gave."""

    figures: dict[str, float]
    bounded: bool


class Live:
    """A lab with a producer and a consumer of the probe's events."""

    def __init__(self, lab: Lab, customers: int, selection: Selection) -> None:
        self.lab, self.selection, self.customers = lab, selection.with_probe(), customers
        command = ["taskset", "-c", ",".join(map(str, sorted(cores()[0]))), sys.executable, "-m", "tests.speed.producer", lab.broker.bootstrap, str(customers)]
        self.producer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=dict(os.environ))
        self.sent, self.before = 0, 0
        self.watcher = Arrivals(lab.broker.bootstrap)
        self.arrivals = self.watcher.seen
        """When each record was scheduled, and when its event arrived."""

    def answer(self) -> dict[str, Any]:
        """What the producer says next. Raises SystemExit."""
        assert self.producer.stdout is not None
        line = self.producer.stdout.readline()
        if not line:
            raise SystemExit(f"the producer ended with {self.producer.wait()}")
        return json.loads(line)

    def order(self, **what: float) -> dict[str, Any]:
        """Have the producer do something; its first answer."""
        assert self.producer.stdin is not None
        self.producer.stdin.write(json.dumps(what) + "\n")
        self.producer.stdin.flush()
        return self.answer()

    def warm(self, worker: Worker, records: int) -> None:
        """State of the customers: records of the last hours, worked off."""
        say(f"warming up with {records:,} records of {self.customers:,} customers …")
        self.sent += self.order(backlog=records, hours=WARM_HOURS)["sent"]
        self.drained(worker)
        time.sleep(1)

    def done(self, worker: Worker) -> int:
        """Records that were committed, those of workers before included."""
        return self.before + worker.done()

    def drained(self, worker: Worker) -> None:
        """Wait until everything that was sent is committed."""
        worker.wait(lambda: self.done(worker) >= self.sent, f"{self.sent:,} records committed")

    def phase(self, worker: Worker, rate: float, seconds: float) -> Phase:
        """Records at a rate for some seconds."""
        schedule, count, base = Schedule(self.order(rate=rate, seconds=seconds)["begin"], rate), int(rate * seconds), self.done(worker)
        first = schedule.begin + SETTLE * seconds
        time.sleep(max(0.0, first - time.time()))
        cpu, at, lags = cpu_seconds(worker.process.pid), time.time(), []
        while (now := time.time()) < schedule.begin + seconds:
            lags.append((now, min(count, schedule.count_by(now)) - (self.done(worker) - base)))
            time.sleep(0.2)
        used, grows = (cpu_seconds(worker.process.pid) - cpu) / (time.time() - at), slope(lags) / rate
        sent = self.answer()
        self.sent += sent["sent"]
        self.drained(worker)
        time.sleep(0.5)
        found = spread([arrived - scheduled for scheduled, arrived in list(self.arrivals) if first <= scheduled <= schedule.begin + seconds])
        figures = {
            "rate": rate,
            "seconds": seconds,
            "samples": found.samples,
            "p50_ms": found.p50,
            "p99_ms": found.p99,
            "p999_ms": found.p999,
            "most_ms": found.most,
            "lag_slope": grows,
            "core": used,
            "cpu_us": used / rate * 1e6,
            "producer_late_ms": sent["late_p99_ms"],
        }
        say(f"  {rate:,.0f} records/s: p50 {found.p50:.0f} ms, p99 {found.p99:.0f} ms, lag grows by {grows:.1%} of the rate, {used:.0%} of a core")
        return Phase(figures, grows <= BOUNDED)

    def highest(self, worker: Worker, first: float, seconds: float) -> float:
        """The highest rate at which the lag stays bounded, by steps of 1.3; 0 where it grows at the lowest rate that is tried."""
        rate, best = first, 0.0
        while True:
            phase = self.phase(worker, rate, seconds)
            if phase.bounded:
                best = rate
                rate *= STEP
            elif best:
                return best
            else:
                rate /= 2 * STEP
                if rate < LOWEST:
                    say(f"the lag grows at every rate from {LOWEST:,} records/s on: another machine, or a quieter one, is needed")
                    return 0.0

    def killed(self, seconds: float, rate: float) -> dict[str, float]:
        """kill -9 of the only worker, which has a static id and is started again at once."""
        worker = self.lab.worker(self.lab.app(), self.selection, clock="wall", instance="bench-1")
        app = worker.marks_file.name.rsplit("-", 1)[0]
        try:
            self.warm(worker, 2 * self.customers)
            say(f"kill -9 at {rate:,.0f} records/s …")
            begin = self.order(rate=rate, seconds=seconds)["begin"]
            struck_at = begin + seconds / 4
            time.sleep(max(0.0, struck_at - time.time()))
            worker.end(signal.SIGKILL)
            struck = time.time()
            second = self.lab.worker(app, self.selection, clock="wall", instance="bench-1")
        except BaseException:
            worker.end()
            raise
        try:
            self.sent += self.answer()["sent"]
            second.wait(lambda: bool(self.arrivals) and self.arrivals[-1][0] > begin + seconds - PROBE_EVERY / rate, "the last events after a kill", 120)
            first = next(mark.at for mark in second.marks() if mark.records)
        finally:
            second.end()
        before = spread([arrived - scheduled for scheduled, arrived in self.arrivals if begin + 1 < scheduled < struck - 1])
        caught = next((arrived for scheduled, arrived in self.arrivals if arrived >= first and arrived - scheduled <= before.p99 / 1000), float("nan"))
        return {
            "customers": self.customers,
            "rate": rate,
            "p99_before_ms": before.p99,
            "outage_s": first - struck,
            "catch_up_s": caught - first,
            "normal_s": normal_again(self.arrivals, struck, before.p99 / 1000),
        }

    def end(self) -> None:
        """End producer and consumer."""
        assert self.producer.stdin is not None
        self.producer.stdin.close()
        try:
            self.producer.wait(10)
        except subprocess.TimeoutExpired:
            self.producer.kill()
            self.producer.wait()
        self.watcher.end()


@contextmanager
def live(customers: int, selection: Selection) -> Iterator[Live]:
    """A broker, a producer and a consumer."""
    with lab_with(None, definitions=(*selection.folders, str(PROBE))) as lab:
        one = Live(lab, customers, selection)
        try:
            yield one
        finally:
            one.end()

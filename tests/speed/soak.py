"""A simulated day with restarts and a growing population: one worker on one core, `kill -9` and SIGTERM in turns, figures of every period between two."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER
from tests.speed.arrivals import Arrivals
from tests.speed.growing import Day, customers_after
from tests.speed.lab import PARTITIONS, PROJECT, compare, lab_with
from tests.speed.measures import wanted
from tests.speed.openloop import Schedule, spread
from tests.speed.restore import stored_bytes
from tests.speed.selections import ALL
from tests.speed.testbed import cores, cpu_seconds, memory_bytes, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.speed.lab import Lab, Worker
    from tests.speed.measures import Row

SELECTION = ALL.with_probe()
INSTANCE = "soak-1"
AT_ONCE = 0.1
"""Of the records, those that are there when it begins."""
SETTLED = 0.4
"""The part of a period after a restart that latency leaves out."""
READY_S = 300.0
HOURS = 24.0
ENDS = (signal.SIGTERM, signal.SIGKILL)


class Plan(NamedTuple):
    """What is done."""

    minutes: float
    rate: float
    restart_minutes: float

    @property
    def day(self) -> Day:
        """The records: a day of event time, however long it takes."""
        seconds = self.minutes * 60
        return Day(int(AT_ONCE * self.rate * seconds), self.rate, seconds, HOURS)

    @property
    def periods(self) -> int:
        """How many parts there are between restarts."""
        return round(self.minutes / self.restart_minutes)


class Soak:
    """The worker that there is, and what is known of it."""

    def __init__(self, lab: Lab, plan: Plan) -> None:
        self.lab, self.plan, self.day = lab, plan, plan.day
        self.app = f"soak-{uuid.uuid4().hex[:8]}"  # it has no state topic: the worker makes it, as it makes every one
        self.consumer = Consumer({"bootstrap.servers": lab.broker.bootstrap, "group.id": self.app, "enable.auto.commit": False})
        self.places = [TopicPartition(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)]
        self.worker = self.started()

    def started(self) -> Worker:
        """A worker that has restored its shards."""
        worker = self.lab.worker(self.app, SELECTION, instance=INSTANCE)
        worker.wait(lambda: worker.shards() == PARTITIONS, "all shards restored", READY_S)
        return worker

    def lag(self) -> int:
        """Records that are not committed yet."""
        ends = sum(self.consumer.get_watermark_offsets(place, timeout=30)[1] for place in self.places)
        return ends - sum(max(0, place.offset) for place in self.consumer.committed(self.places, timeout=30))

    def rows(self) -> int:
        """Rows of the state, by its metric."""
        port = re.search(r'"metrics": ?"127\.0\.0\.1:(\d+)"', self.worker.log.read_text(errors="replace"))
        assert port is not None  # it is ready
        with urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/metrics", timeout=30) as answer:
            return round(sum(float(value) for value in re.findall(r"^kairos_rows\{.*\} (\S+)$", answer.read().decode(), re.MULTILINE)))

    def restarted(self, how: signal.Signals) -> Row:
        """End the worker and start it again; what the start came to."""
        self.worker.end(how)
        self.worker = self.started()
        lines = [json.loads(line) for line in self.worker.log.read_text().splitlines() if '"shard restored"' in line]
        restored, took = sum(line["rows"] for line in lines), max(line["seconds"] for line in lines)
        ready = max(datetime.fromisoformat(line["time"]).timestamp() for line in lines) - self.worker.started
        say(f"  {how.name}, ready after {ready:.1f} s: {restored:,} rows in {took:.1f} s")
        return {"how": "kill -9" if how is signal.SIGKILL else how.name, "ready_s": ready, "restored": restored, "restore_s": took, "us_row": took / restored * 1e6}

    def resident_mb(self) -> float:
        """Resident memory."""
        return memory_bytes(self.worker.process.pid)[0] / 1e6

    def period(self, number: int, schedule: Schedule, arrivals: Arrivals) -> Row:
        """From one restart to just before the next."""
        length = self.day.seconds / self.plan.periods
        begin = schedule.begin + number * length
        row: Row = self.restarted(ENDS[(number - 1) % len(ENDS)]) if number else {"how": "start"}
        self.sleep_until(begin + SETTLED * length)
        at, used = time.time(), cpu_seconds(self.worker.process.pid)
        row["settled_mb"] = self.resident_mb()
        self.sleep_until(begin + length - 1)
        row["core"] = (cpu_seconds(self.worker.process.pid) - used) / (time.time() - at)
        customers, rows, stored = self.customers(schedule), self.rows(), stored_bytes(self.lab.broker.folder, f"{self.app}.state")
        late = [(due, arrived - due) for event, arrived in list(arrivals.seen) if (due := self.day.scheduled(event, schedule.begin)) >= begin]
        if not any(due >= at for due, _ in late):
            raise SystemExit(f"no event of what was due in the last {time.time() - at:.0f} s:\n{self.worker.log.read_text(errors='replace')[-3000:]}")
        settled = spread([took for due, took in late if due >= at])
        row |= {
            "minute": (begin + length - schedule.begin) / 60,
            "customers": customers,
            "records": self.day.first + schedule.count_by(time.time()),
            "outage_s": max(took for _, took in late),
            "resident_mb": self.resident_mb(),
            "rows": rows,
            "rows_customer": rows / customers,
            "stored_mb": stored / 1e6,
            "stored_customer": stored / customers,
            "p50_ms": settled.p50,
            "p99_ms": settled.p99,
            "samples": settled.samples,
            "lag": self.lag(),
        }
        say(f"  minute {row['minute']:.1f}: {json.dumps({key: round(value, 2) for key, value in row.items() if isinstance(value, int | float)})}")
        return row

    def customers(self, schedule: Schedule) -> int:
        """How many there are now."""
        return customers_after(self.day.first + schedule.count_by(time.time()))

    def sleep_until(self, moment: float) -> None:
        """Wait; a worker that has ended by itself ends the run."""
        while (rest := moment - time.time()) > 0:
            self.worker.done()
            time.sleep(min(1.0, rest))

    def drained(self) -> None:
        """Wait until everything is committed."""
        self.worker.wait(lambda: self.lag() == 0, "all records committed", every=1.0)


class Producer:
    """The process that sends the records of a day."""

    def __init__(self, bootstrap: str, day: Day) -> None:
        command = ["taskset", "-c", ",".join(map(str, sorted(cores()[0]))), sys.executable, "-m", "tests.speed.growing", bootstrap, json.dumps(day)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT, env=dict(os.environ))

    def answer(self) -> dict[str, Any]:
        """What it says next. Raises SystemExit."""
        assert self.process.stdout is not None
        if not (line := self.process.stdout.readline()):
            raise SystemExit(f"the producer ended with {self.process.wait()}")
        return json.loads(line)

    def go(self) -> float:
        """Have it send records when they are due; when the first one is, epoch seconds."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()["begin"]

    def end(self) -> None:
        """End the process."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextmanager
def watched(bootstrap: str) -> Iterator[Arrivals]:
    """The arrivals of the probe's events meanwhile."""
    arrivals = Arrivals(bootstrap)
    try:
        yield arrivals
    finally:
        arrivals.end()


def soaked(lab: Lab, plan: Plan) -> list[Row]:
    """The figures of all periods. Raises WrongOutput."""
    begin, soak = lab.ends(lab.outputs), Soak(lab, plan)
    producer = Producer(lab.broker.bootstrap, plan.day)
    try:
        with watched(lab.broker.bootstrap) as arrivals:
            say(f"{producer.answer()['sent']:,} records at once, then {plan.rate:,.0f}/s for {plan.minutes:g} minutes with {plan.periods - 1} restarts …")
            soak.drained()
            schedule = Schedule(producer.go(), plan.rate)
            rows = [soak.period(number, schedule, arrivals) for number in range(plan.periods)]
            late = producer.answer()
        soak.drained()
    finally:
        producer.end()
        soak.worker.end()
    ids = lab.ids(begin)
    compare(ids, wanted(plan.day, lab, SELECTION), sum(lab.ends([DEAD_LETTER]).values()))
    return [{**row, **late, "sent": plan.day.records, "events": ids.total()} for row in rows]


def measure(plan: Plan) -> list[Row]:
    """A soak on a broker of its own. Raises WrongOutput."""
    with lab_with(None, definitions=SELECTION.folders) as lab:
        return soaked(lab, plan)

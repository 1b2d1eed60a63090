"""`python -m tests.speed.producer BROKERS CUSTOMERS`: makes records and sends them when they are due, in a process of its own.

Reads orders as JSON, one a line: {"backlog": COUNT, "hours": H} sends records of the last H hours at once; {"rate": R, "seconds": S} prepares the
records first, answers when the first is due, sends each when it is due, and answers how late they were sent.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from tests.speed.clients import producer_at, send
from tests.speed.openloop import Schedule, pace, percentile
from tests.speed.traffic import Traffic

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from tests.speed.traffic import Record

LEAD_S, TRIES = 1.0, 4


def prepared(traffic: Traffic, rate: float, count: int) -> tuple[Schedule, list[Record]]:
    """Records whose event times are the moments at which they are due, made before the first is. Raises SystemExit."""
    each = 10e-6
    for _ in range(TRIES):
        begun = time.time()
        schedule = Schedule(begun + LEAD_S + 2 * each * count, rate)
        traffic.at, traffic.step_ms = schedule.begin * 1000, 1000 / rate
        records = traffic.records(count)
        if time.time() < schedule.begin - LEAD_S / 4:
            return schedule, records
        each = max(each, (time.time() - begun) / count)
    raise SystemExit(f"{count:,} records could not be prepared in time: got {each * 1e6:.0f} us a record; a quieter machine is needed")


def backlog(producer: Producer, traffic: Traffic, count: int, hours: float) -> dict[str, Any]:
    """Records of the last hours, at once."""
    span = hours * 3_600_000
    traffic.at, traffic.step_ms = time.time() * 1000 - span, span / count
    for topic, key, value in traffic.stream(count):
        send(producer, topic, key, value)
    producer.flush(120)
    return {"sent": count}


def live(producer: Producer, traffic: Traffic, rate: float, seconds: float) -> dict[str, Any]:
    """Records at a rate."""
    schedule, records = prepared(traffic, rate, int(rate * seconds))
    print(json.dumps({"begin": schedule.begin}), flush=True)

    def one(number: int) -> None:
        topic, key, value = records[number]
        send(producer, topic, key, value)
        if number % 16 == 0:
            producer.poll(0)

    late = pace(schedule, len(records), one)
    producer.flush(60)
    return {"sent": len(records), "late_p99_ms": percentile(late, 0.99) * 1000, "late_most_ms": max(late) * 1000}


def main() -> None:
    """Do what is ordered until stdin ends."""
    producer, traffic = producer_at(sys.argv[1], linger_ms=1), Traffic(int(sys.argv[2]))
    for line in sys.stdin:
        order = json.loads(line)
        done = backlog(producer, traffic, order["backlog"], order["hours"]) if "backlog" in order else live(producer, traffic, order["rate"], order["seconds"])
        print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main()

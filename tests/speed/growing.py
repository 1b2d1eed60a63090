"""A population that grows while it is used, and `python -m tests.speed.growing BROKERS DAY`, which sends its records when they are due.

Every 15th record is the first one of a new customer; the others are of customers that there are, by Zipf in the order of their coming. So at any size
the records that customers have had are spread in the same way: what is kept of a customer is flat, unless it grows with time.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tests.speed.clients import producer_at, send
from tests.speed.openloop import Schedule, pace, percentile
from tests.speed.traffic import BLOCK, EACH, START_MS, Traffic

if TYPE_CHECKING:
    from schemas.columns import Ints

NOON_MS = START_MS + 12 * 3_600_000
"""2026-05-01 12:00 +08:00: a day from there has midnight in its middle."""
APART = 64
"""Records between two of one customer, at least: however quickly four topics bring them, their order is never in doubt."""
LEAD_S = 1.0


class Day(NamedTuple):
    """Which records: everything that they are made from."""

    first: int
    """Records that are sent at once."""
    rate: float
    """Records a second after them."""
    seconds: float
    hours: float
    """Event time that passes in these seconds."""
    seed: int = 1

    @property
    def records(self) -> int:
        """All of them."""
        return self.first + round(self.rate * self.seconds)

    @property
    def step_ms(self) -> float:
        """Event time from a record to the next."""
        return self.hours * 3_600_000 / (self.rate * self.seconds)

    def traffic(self) -> Growing:
        """The records from the first on."""
        return Growing(self.records, self.seed, step_ms=self.step_ms)

    def scheduled(self, event_s: float, begin: float) -> float:
        """When the record of that event time is due; `begin`: when the first one after those sent at once is. Epoch seconds."""
        return begin + ((event_s * 1000 - NOON_MS) / self.step_ms - self.first) / self.rate


def customers_after(records: int) -> int:
    """How many customers there are after so many records."""
    return APART + -(-records // EACH)


class Growing(Traffic):
    """The stream of a day. `records`: how many there will be."""

    def __init__(self, records: int, seed: int = 1, *, step_ms: float) -> None:
        super().__init__(customers_after(records), seed, start_ms=NOON_MS, step_ms=step_ms)
        self.last = [-APART] * self.customers
        """By customer, the number of its newest record."""
        self.made = 0

    def _who(self) -> Ints:
        numbers = self.made + np.arange(BLOCK)
        self.made += BLOCK
        there = np.minimum(customers_after(0) + numbers // EACH + 1, self.customers)
        chosen = np.searchsorted(self.edges, self.random.random(BLOCK) * self.edges[there - 1])
        wanted = np.where(numbers % EACH == 0, there - 1, np.minimum(chosen, there - 1))
        return np.array([self._free(*one) for one in zip(wanted.tolist(), there.tolist(), numbers.tolist(), strict=True)])

    def _free(self, who: int, there: int, number: int) -> int:
        """That customer, or the next one without a record among the newest."""
        while number - self.last[who] < APART:
            who = (who + 1) % there
        self.last[who] = number
        return who


def main() -> None:
    """Send the first records at once, say so, then the others when they are due, and say how late they were."""
    day, producer = Day(*json.loads(sys.argv[2])), producer_at(sys.argv[1], linger_ms=1)
    traffic = day.traffic()
    for topic, key, value in traffic.stream(day.first):
        send(producer, topic, key, value)
    producer.flush(120)
    print(json.dumps({"sent": day.first}), flush=True)
    sys.stdin.readline()  # until the worker has done them
    schedule = Schedule(time.time() + LEAD_S, day.rate)
    print(json.dumps({"begin": schedule.begin}), flush=True)

    def one(_: int) -> None:
        send(producer, *traffic.records(1)[0])
        producer.poll(0)

    late: Any = pace(schedule, day.records - day.first, one)
    producer.flush(60)
    print(json.dumps({"late_p99_ms": percentile(late, 0.99) * 1000, "late_most_ms": max(late) * 1000}), flush=True)


if __name__ == "__main__":
    main()

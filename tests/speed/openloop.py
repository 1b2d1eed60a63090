"""Latency in an open loop: the clock of a record starts at the moment for which it was scheduled, whether or not it could be sent then.

So a stall counts for every record that was scheduled while it lasted, and no coordinated omission is possible.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Schedule(NamedTuple):
    """Record i is due at `begin` + i / `rate`, epoch seconds."""

    begin: float
    rate: float

    def due(self, number: int) -> float:
        """When a record is due."""
        return self.begin + number / self.rate

    def count_by(self, moment: float) -> int:
        """How many records are due before or at `moment`."""
        return max(0, int((moment - self.begin) * self.rate) + 1) if moment >= self.begin else 0


def pace(schedule: Schedule, count: int, send: Callable[[int], None], now: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> list[float]:
    """Call `send(i)` for each record when it is due, or at once where that has passed. Returns by how many seconds each was sent late."""
    late, sent = [], 0
    while sent < count:
        moment = now()
        due = min(count, schedule.count_by(moment))
        for number in range(sent, due):
            late.append(moment - schedule.due(number))
            send(number)
        sent = max(sent, due)
        if sent < count:
            sleep(max(0.0, min(0.001, schedule.due(sent) - now())))
    return late


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value such that `share` (0 to 1) of all are not above it. Raises ValueError where there are none.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0, 3.0, 4.0], 0.99)
    (2.0, 4.0)
    """
    if not len(values):
        raise ValueError("a percentile of no values")
    return float(np.quantile(np.asarray(values), share, method="inverted_cdf"))


class Spread(NamedTuple):
    """Latencies in ms."""

    samples: int
    p50: float
    p99: float
    p999: float
    most: float


def spread(latencies_s: Sequence[float]) -> Spread:
    """The percentiles of latencies in seconds."""
    return Spread(len(latencies_s), *(percentile(latencies_s, share) * 1000 for share in (0.5, 0.99, 0.999, 1.0)))


def slope(samples: Iterable[tuple[float, float]]) -> float:
    """How fast a lag grows: records a second, of (seconds, lag)."""
    moments, lags = np.array(list(samples), np.float64).T
    return float(np.polyfit(moments - moments[0], lags, 1)[0]) if len(moments) > 1 else 0.0


def normal_again(arrivals: Sequence[tuple[float, float]], struck: float, before_s: float) -> float:
    """Seconds from `struck` until p99 is normal: by the second in which records were scheduled, the first one from which on p99 is at most 2 x `before_s`.

    `arrivals`: when each record was scheduled and when its event arrived. NaN where p99 is not normal to the end.
    """
    bins: dict[int, list[float]] = {}
    for scheduled, arrived in arrivals:
        if scheduled >= struck:
            bins.setdefault(int(scheduled - struck), []).append(arrived - scheduled)
    again = float("nan")
    for second in sorted(bins, reverse=True):
        if percentile(bins[second], 0.99) > 2 * before_s:
            break
        again = float(second)
    return again

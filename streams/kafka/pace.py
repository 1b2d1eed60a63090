"""How long shards gather records between small steps.

A step costs something however few records it has, so at a trickle steps decide the CPU of a worker. After a small step a shard waits the
longer the more its step took and the more shards of the process are at work, so that all their small steps together take no more than a
share of one core. The first record after a pause waits for nothing; a backlog makes large steps, which do not wait.
"""

from __future__ import annotations

LATELY_S = 1.0
"""A shard is at work whose last step ended no longer ago."""
LONGEST_S = 0.5
"""No wait is longer, whatever a step took."""
SMALL = 10
"""A step is small with less than this part of the records that one may have."""


class Pace:
    """Shared by the shards of a process. `percent`: of a core that small steps may take; `least_s`: the shortest wait; `most_records`: of a step."""

    def __init__(self, least_s: float, percent: int, most_records: int) -> None:
        self.least_s, self.share, self.small = least_s, percent / 100, most_records // SMALL
        self._ended: dict[int, float] = {}
        """By partition, when its last step ended, seconds."""

    def wait_s(self, partition: int, took_s: float, records: int, now: float) -> float:
        """How long shard `partition` waits at `now` (seconds) after a step over so many records that took so long to evaluate.

        >>> pace = Pace(least_s=0.01, percent=40, most_records=20_000)
        >>> pace.wait_s(0, took_s=0.02, records=10, now=5.0)  # alone: 20 of 50 ms
        0.03
        >>> pace.wait_s(1, took_s=0.02, records=10, now=5.1)  # with another: each 20 of 100 ms
        0.08
        >>> pace.wait_s(0, took_s=0.001, records=10, now=9.0), pace.wait_s(0, took_s=0.3, records=9_000, now=9.3)
        (0.01, 0.0)
        """
        self._ended[partition] = now
        if records >= self.small:
            return 0.0
        working = sum(now - ended <= LATELY_S for ended in self._ended.values())
        return round(max(self.least_s, min(LONGEST_S, took_s * (working / self.share - 1))), 6)

    def forget(self, partition: int) -> None:
        """The shard is not here any more."""
        self._ended.pop(partition, None)

"""How long shards gather records between small steps.

A step costs something however few records it has, so at a trickle steps decide the CPU of a worker. After a small step a shard waits the
longer the more its step took and the more shards of the process are at work, so that all their small steps together take no more than a
share of one core. The first record after a pause waits for nothing; a backlog makes large steps, which do not wait.
"""

from __future__ import annotations

LATELY_S = 1.0
"""A shard is at work whose last step ended no longer ago."""
LONGEST_S = 0.1
"""No wait is longer, whatever a step took: with `clock=wall` less than a look at the ends is good for."""
FETCHES = 4
"""So often records are fetched while a shard waits."""
SMALL = 10
"""A step is small with less than this part of the records that one may have."""


class Pace:
    """Shared by the shards of a process. `percent`: of a core that small steps may take; `least_s`: the shortest wait; `most_records`: of a step."""

    def __init__(self, least_s: float, percent: int, most_records: int) -> None:
        self.least_s, self.share, self.small = least_s, percent / 100, most_records // SMALL
        self._steps: dict[int, tuple[float, float]] = {}
        """By partition, when its last step ended, and how long it waits since, seconds."""

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
        wait = 0.0
        if records < self.small:
            working = len(self._waits(now)) + (partition not in self._steps or now - self._steps[partition][0] > LATELY_S)
            wait = round(max(self.least_s, min(LONGEST_S, took_s * (working / self.share - 1))), 6)
        self._steps[partition] = now, wait
        return wait

    def _waits(self, now: float) -> list[float]:
        """How long each shard waits that is at work."""
        return [wait for ended, wait in self._steps.values() if now - ended <= LATELY_S]

    def fetch_s(self, now: float) -> float:
        """How long to wait before the next fetch, behind one that brought few records: a part of what the shards wait, for they take what comes meanwhile together.

        >>> pace = Pace(least_s=0.01, percent=40, most_records=20_000)
        >>> pace.wait_s(0, took_s=0.02, records=10, now=5.0), pace.fetch_s(5.0), pace.fetch_s(9.0)
        (0.03, 0.0075, 0.0)
        """
        return min(self._waits(now), default=0.0) / FETCHES

    def forget(self, partition: int) -> None:
        """The shard is not here any more."""
        self._steps.pop(partition, None)

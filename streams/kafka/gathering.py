"""Small fetched runs of a shard, until they are decoded together: decoding costs about the same for one record as for some hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.kafka.raw_run import RawRun

if TYPE_CHECKING:
    from collections.abc import Iterator

ENOUGH = 1_000
"""So many records are decoded at once, without waiting for more."""


class Gathered(NamedTuple):
    """Raw records of a topic that came one after the other; `position`: behind the last; `read_at`: when the last of them were read, seconds."""

    records: RawRun
    position: int
    read_at: float


class Gathering:
    """What was fetched of each topic and is not decoded yet."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Gathered]] = {}

    def add(self, topic: str, run: Gathered) -> bool:
        """Keep a run. Returns whether there is enough of its topic to be decoded now."""
        runs = self._runs.setdefault(topic, [])
        runs.append(run)
        return sum(len(one.records) for one in runs) >= ENOUGH

    def holds(self, topic: str) -> bool:
        """Whether anything of `topic` is not decoded yet."""
        return topic in self._runs

    def topics(self) -> list[str]:
        """The topics of which something is not decoded yet."""
        return list(self._runs)

    def take(self, topic: str) -> Iterator[Gathered]:
        """All runs of `topic`, small ones as one: what was read with the last of them counts as read then."""
        runs = self._runs.pop(topic, [])
        while runs:
            count = upto = 0
            while upto < len(runs) and (not upto or count + len(runs[upto].records) <= ENOUGH):
                count, upto = count + len(runs[upto].records), upto + 1
            some, runs = runs[:upto], runs[upto:]
            yield some[0] if len(some) == 1 else Gathered(RawRun.chained([one.records for one in some]), some[-1].position, some[-1].read_at)


__all__ = ["Gathered", "Gathering"]

"""The flood valve: events beyond a day's allowance go to the `missed` topic instead of to consumers.

It stands behind the rules: a held event was evaluated, is remembered and is read by other rules as if it were published. What it holds depends on
the records alone, in their order: on the event's civil day, on how many of that day it let through before, and on the customers that the shard knew then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.state.day_counts import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.engine.detection import Detection
    from streams.engine.state.day_counts import DayCounts
    from streams.promises import Limit

COUNTER = "valved"
HOUR_S = 3600


class Valve:
    """The valves of one shard, over the numbers in its state."""

    def __init__(self, limits: Mapping[str, Limit], counts: DayCounts) -> None:
        self.limits, self.counts = limits, counts
        counts.names = frozenset(limits)

    def exceeded(self, detection: Detection, customers: int, clock_ms: int) -> int | None:
        """Count a detection, if it may be published; else return the allowance of its day.

        `customers`: those that the shard knew when it was detected; `clock_ms`: its clock then.
        """
        limit = self.limits.get(detection.event)
        if limit is None:
            return None
        allowed = limit.allowance(customers)
        return None if self.counts.add(detection.event, (detection.time + detection.offset_ms) // DAY_MS, clock_ms, allowed) else allowed


def held(counters: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The events that valves held in a step, and how many of each, from the step's counters."""
    for name, number in counters.items():
        family, _, event = name.partition(".")
        if family == COUNTER and number:
            yield event, number


class Hourly:
    """Lets a name through at most once an hour."""

    def __init__(self) -> None:
        self.last: dict[str, float] = {}

    def due(self, name: str, now_s: float) -> bool:
        """Whether an hour has passed since it was last true for `name`. `now_s`: seconds of a monotonic clock."""
        if name in self.last and now_s - self.last[name] < HOUR_S:
            return False
        self.last[name] = now_s
        return True

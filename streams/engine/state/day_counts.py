"""How many events of a name there were on each of the last days: a few numbers a shard, a row of state for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DAY_MS = 86_400_000
KEPT_DAYS = 3
"""Days behind the clock's that have a number of their own; what is older counts with the oldest of them."""


class DayCounts:
    """Numbers by name and civil day (days since 1970-01-01). What is counted and forgotten depends on the order of `add` alone, not on when it is stored."""

    def __init__(self) -> None:
        self.names: frozenset[str] = frozenset()
        """What is counted; rows of other names are deleted after a restore."""
        self.days: dict[str, dict[int, int]] = {}
        self.changed: set[str] = set()

    def add(self, name: str, day: int, clock_ms: int, most: int) -> bool:
        """Count one of `day`, if there are fewer than `most` of that day; returns whether there were. `clock_ms`: the shard's clock then, which never goes back.

        A day far from the clock's is taken as the nearest one that has a number, so that one wrong date cannot begin a day that lasts; not by a
        clock that stands at 0, before it has begun.
        """
        today = clock_ms // DAY_MS if clock_ms else day
        oldest, newest = today - KEPT_DAYS, today + 1  # a civil day may begin half a day before that of UTC
        day = min(max(day, oldest), newest)
        counted = self.days.get(name, {})
        if counted.get(day, 0) >= most:
            return False
        days = {own: number for own, number in counted.items() if oldest <= own <= newest}
        days[day] = days.get(day, 0) + 1
        self.days[name] = days
        self.changed.add(name)
        return True

    def changes(self) -> dict[str, bytes]:
        """The rows that changed since the last call, by name."""
        changed, self.changed = sorted(self.changed), set()
        return {name: msgspec.json.encode(self.days[name]) for name in changed}

    def restore(self, rows: Mapping[str, bytes]) -> Iterable[str]:
        """Take rows that were stored. Returns the names that nobody counts any more."""
        self.days = {name: msgspec.json.decode(value, type=dict[int, int]) for name, value in rows.items() if name in self.names}
        return sorted(rows.keys() - self.names)

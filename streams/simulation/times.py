"""Lengths of time in ms, and the civil days of the simulated city."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@lru_cache(64)
def civil(midnight: int) -> date:
    """The civil day that begins at a local midnight, epoch ms. At local noon UTC has the same date in every zone up to 12 hours away."""
    return datetime.fromtimestamp((midnight + 12 * HOUR) / 1000, UTC).date()


def date_in(midnight: int, days: int) -> str:
    """The date so many days after that of `midnight`, YYYY-MM-DD."""
    return (civil(midnight) + timedelta(days)).isoformat()


def term(midnight: int, cycle_day: int) -> tuple[int, int]:
    """Begin and end (epoch ms) of the bill cycle that the day of `midnight` is in. `cycle_day`: 1 to 28."""
    today = civil(midnight)
    begin = today.replace(day=cycle_day)
    if begin > today:
        begin = (begin.replace(day=1) - timedelta(1)).replace(day=cycle_day)
    end = (begin.replace(day=1) + timedelta(32)).replace(day=cycle_day)
    return midnight + (begin - today).days * DAY, midnight + (end - today).days * DAY

"""Complete days and weeks before a happening: each period looked through whole, from midnight to midnight."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.reference.civil import civil_day, midnight
from tests.reference.values import value


def added_up_before(node: Any, row: Any, on: Any, first_seen: int | None) -> Any:
    """What the complete periods before `on` add up to; None with too few after the day on which the key was first seen."""
    extent = node.frame.extent
    number, least, ago = (value(one, on) for one in (extent.number, extent.least, extent.ago))
    length = 7 if extent.period == "week" else 1
    begin = civil_day(on.time, on.zone)
    if length == 7:
        begin -= timedelta(days=begin.weekday())
    begin -= timedelta(days=length * ago)
    periods = []
    """The newest first."""
    for _ in range(number):
        end, begin = begin, begin - timedelta(days=length)
        if first_seen is not None and begin > civil_day(first_seen, on.zone):
            periods.append((midnight(begin, on.zone), midnight(end, on.zone)))
    if len(periods) < min(least, number):
        return None
    if node.function == "periods":
        return len(periods)
    members = [row.between(begin - 1, end - 1) for begin, end in periods]
    if node.function == "count":
        return sum(map(len, members))
    (argument,) = [one.key() for one in node.arguments]
    sums = [sum(one.values[(argument,)][0] or 0 for one in period) for period in members]
    if node.function == "sum":
        return sum(sums)
    falls = 0
    while falls + 1 < len(sums) and sums[falls] < sums[falls + 1]:
        falls += 1
    return falls

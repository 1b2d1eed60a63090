"""Civil time inside kernels: the zones of the calendar and the lines of the operator as arrays.

Where the moments are known before a kernel runs, `calendar.py` gives their days; a kernel that learns a moment on its way (when the
votes of a line are counted again) asks here. Both have the same transitions, and the same rules for gaps and ambiguous times.

>>> from streams.engine.calendar import Calendar
>>> calendar = Calendar()
>>> berlin = calendar.zone("Europe/Berlin")
>>> zones, begins = Zones.of(calendar)
>>> int(offset_at(zones, begins, berlin, 1_774_661_400_000)) // 60_000  # 28 March 2026, 02:30
60
>>> int(days_later(zones, begins, berlin, 1_774_661_400_000, 1)) - 1_774_661_400_000  # 02:30 does not exist on the 29th: 03:30
86400000
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import World
    from streams.engine.calendar import Calendar

STARTS, OFFSETS, LOCAL_STARTS = range(3)
"""Rows of `Zones.table`: see `calendar.Zone`."""
LINE, VALID_FROM, ZONE, HOME_CITY = range(4)
"""Rows of the table of lines: code of the line, from when on the row holds (epoch ms), number of the zone, code of the home city."""


class Zones(NamedTuple):
    """The transitions of all zones of a calendar: those of zone z are the columns begins[z] to begins[z + 1] of `table`."""

    table: Ints
    begins: Ints

    @classmethod
    def of(cls, calendar: Calendar) -> Zones:
        """The zones that `calendar` has numbers for, times and offsets in ms."""
        zones = calendar.zones
        begins = np.cumsum([0, *(len(zone.starts) for zone in zones)])
        parts = [[zone.starts for zone in zones], [zone.offsets for zone in zones], [zone.local_starts for zone in zones]]
        return cls(np.array([np.concatenate(part) for part in parts], np.int64), begins.astype(np.int64))


def lines_of(world: World) -> Ints:
    """The operator's lines as a table for kernels, sorted by line and VALID_FROM; without any rows where nothing is known of lines."""
    line = world.reference.line
    return line.for_kernels(tuple(world.calendar.zones_of(line.zone_codes, world.default_zone).tolist()))


@kernel("int64(int64[:,:], int64, int64)")
def line_at(lines: Any, line: int, time: int) -> int:
    """The column of `lines` that holds for a line at a time; -1 where there is none."""
    low, high = 0, lines.shape[1]
    while low < high:
        middle = (low + high) // 2
        key = lines[LINE, middle]
        if key < line or (key == line and lines[VALID_FROM, middle] <= time):
            low = middle + 1
        else:
            high = middle
    return low - 1 if low > 0 and lines[LINE, low - 1] == line else -1


@kernel("int64(int64[:,:], int64[:], int64, int64)")
def offset_at(zones: Any, begins: Any, zone: int, time: int) -> int:
    """The offset of a zone from UTC at a time, ms."""
    low, high = begins[zone], begins[zone + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if zones[STARTS, middle] <= time:
            low = middle
        else:
            high = middle
    return zones[OFFSETS, low]


@kernel("int64(int64[:,:], int64[:], int64, int64)")
def utc_of(zones: Any, begins: Any, zone: int, local: int) -> int:
    """UTC of a local time, ms: one that does not exist is shifted forward by the gap, of two the first counts."""
    first = begins[zone]
    low, high = first, begins[zone + 1]
    while high - low > 1:
        middle = (low + high) // 2
        if zones[LOCAL_STARTS, middle] <= local:
            low = middle
        else:
            high = middle
    utc = local - zones[OFFSETS, low]
    return local - zones[OFFSETS, low - 1] if utc < zones[STARTS, low] and low > first else utc


@kernel("int64(int64[:,:], int64[:], int64, int64)")
def day_of(zones: Any, begins: Any, zone: int, time: int) -> int:
    """The civil day of a time: days since 1970-01-01 of the local date."""
    return (time + offset_at(zones, begins, zone, time)) // DAY_MS


@kernel("int64(int64[:,:], int64[:], int64, int64, int64)")
def days_later(zones: Any, begins: Any, zone: int, time: int, days: int) -> int:
    """The same civil time `days` days later, epoch ms."""
    return utc_of(zones, begins, zone, time + offset_at(zones, begins, zone, time) + days * DAY_MS)


__all__ = ["HOME_CITY", "LINE", "VALID_FROM", "ZONE", "Zones", "day_of", "days_later", "line_at", "lines_of", "offset_at", "utc_of"]

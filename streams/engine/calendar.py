"""Civil time over columns: days, midnights and the same civil time some days later, by the zones' own rules.

Transitions of a zone are found by asking `zoneinfo` every few days and bisecting to the second. Gaps (spring) are shifted forward
by their length, ambiguous times (autumn) are the first occurrence, as `zoneinfo` has them with `fold=0`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from schemas.codes import text_of
from schemas.columns import DAY_MS, Ints
from schemas.fault import KairosFault

PROBE_S = 5 * 86_400
FIRST_S = int(datetime(1999, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
"""After this year a zone keeps its last offset."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY_OFFSET = 3
"""1970-01-01 was a Thursday."""


class UnknownZone(KairosFault, ValueError):
    """No such IANA time zone."""


def offset_at(zone: ZoneInfo, second: int) -> int:
    """The offset from UTC in s at an epoch second."""
    offset = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


class Zone:
    """Transitions of one zone: from `starts[i]` (epoch ms) on the offset is `offsets[i]` (ms)."""

    def __init__(self, name: str) -> None:
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZone(f"zone: wanted an IANA name such as Asia/Shanghai, got {name!r}") from error
        starts, offsets = [-(2**62)], [offset_at(zone, FIRST_S)]
        for probe in range(FIRST_S, LAST_S, PROBE_S):
            low, high = probe, probe + PROBE_S
            while offset_at(zone, high) != offsets[-1]:
                begin = low
                end = high
                while end - begin > 1:
                    middle = (begin + end) // 2
                    begin, end = (middle, end) if offset_at(zone, middle) == offsets[-1] else (begin, middle)
                starts.append(end * 1000)
                offsets.append(offset_at(zone, end))
                low = end
        self.starts, self.offsets = np.array(starts), np.array(offsets) * 1000
        self.fixed = len(offsets) == 1
        before = np.concatenate([self.offsets[:1], self.offsets[:-1]])
        self.local_starts = self.starts + before
        """Local time at which the old offset stops counting for local times (fold=0: up to the end of the overlap)."""

    def offset(self, times: Ints) -> Ints:
        """Offset in ms at UTC times."""
        if self.fixed:
            return np.full(np.shape(times), self.offsets[0])
        return self.offsets[self.starts.searchsorted(times, side="right") - 1]

    def utc(self, local: Ints) -> Ints:
        """UTC of local times: gaps shifted forward, ambiguous times the first occurrence.

        A local time belongs to the old offset until `start + old offset`: in a gap that shifts it forward by the gap's length,
        in an overlap it is the first occurrence.
        """
        if self.fixed:
            return local - self.offsets[0]
        at = self.local_starts.searchsorted(local, side="right") - 1
        utc = local - self.offsets[at]
        in_gap = utc < self.starts[at]
        return np.where(in_gap, local - self.offsets[np.maximum(at - 1, 0)], utc)


@cache
def zone_of(name: str) -> Zone:
    """The zone, whose transitions are found once. Raises UnknownZone."""
    return Zone(name)


class Calendar:
    """Zones by small numbers, and civil time for columns with one zone for all or one a row."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.zones: list[Zone] = []
        self.by_name: dict[str, int] = {}

    def zone(self, name: str) -> int:
        """The number of a zone. Raises UnknownZone."""
        if name not in self.by_name:
            self.zones.append(zone_of(name))
            self.names.append(name)
            self.by_name[name] = len(self.names) - 1
        return self.by_name[name]

    def zones_of(self, codes: Ints, default: int) -> Ints:
        """Zone numbers for codes of zone names; 0 is `default`."""
        distinct, where = np.unique(codes, return_inverse=True)
        numbers = np.array([self.zone(text_of(code)) if code else default for code in distinct.tolist()], np.int64)
        return numbers[where]

    def _each(self, method: str, times: Ints, zone: Ints | int) -> Ints:
        times = np.asarray(times, np.int64)
        if isinstance(zone, int):
            return np.asarray(getattr(self.zones[zone], method)(times))
        result = np.empty(len(times), np.int64)
        for number in np.unique(zone).tolist():
            mine = zone == number
            result[mine] = getattr(self.zones[number], method)(times[mine])
        return result

    def offset_ms(self, times: Ints, zone: Ints | int) -> Ints:
        """Offset from UTC at `times`, ms."""
        return self._each("offset", times, zone)

    def day(self, times: Ints, zone: Ints | int) -> Ints:
        """Civil days of `times`: days since 1970-01-01 of the local date."""
        return (times + self.offset_ms(times, zone)) // DAY_MS

    def local_ms_of_day(self, times: Ints, zone: Ints | int) -> Ints:
        """Milliseconds on the local clock since its 00:00."""
        return (times + self.offset_ms(times, zone)) % DAY_MS

    def at(self, day: Ints, ms_of_day: Ints | int, zone: Ints | int) -> Ints:
        """The moment the local clock shows `ms_of_day` on civil day `day`."""
        return self._each("utc", np.asarray(day) * DAY_MS + ms_of_day, zone)

    def midnight(self, day: Ints, zone: Ints | int) -> Ints:
        """The moment civil day `day` begins."""
        return self.at(day, 0, zone)

    def add_days(self, times: Ints, days: int, zone: Ints | int) -> Ints:
        """The same civil time `days` days later."""
        local = times + self.offset_ms(times, zone)
        return self._each("utc", local + days * DAY_MS, zone)

    @staticmethod
    def week_start(day: Ints) -> Ints:
        """The Monday of each civil day's ISO week."""
        return day - (day + MONDAY_OFFSET) % 7

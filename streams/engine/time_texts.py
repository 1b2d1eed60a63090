"""Many times as RFC 3339 texts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from schemas.columns import Ints

UTC, WITH_OFFSET = 24, 29
"""Characters of a text."""


@kernel("void(int64[:], int64[:], boolean, uint8[:, ::1])")
def write_times(times: Any, offsets: Any, local: bool, out: Any) -> None:
    """Write each time, epoch ms: in UTC, or as local time with its offset (ms)."""
    for i in range(len(times)):
        offset = offsets[i] if local else 0
        ms = times[i] + offset
        day, rest = ms // 86_400_000, ms % 86_400_000
        # days since 0000-03-01, by eras of 400 years (the calendar repeats after 146,097 days)
        shifted = day + 719_468
        era = shifted // 146_097
        of_era = shifted - era * 146_097
        year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
        of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        part = (5 * of_year + 2) // 153
        month = part + 3 if part < 10 else part - 9
        year = year_of_era + era * 400 + (1 if month <= 2 else 0)
        text = out[i]
        numbers = (year // 100, year % 100, month, of_year - (153 * part + 2) // 5 + 1, rest // 3_600_000, rest // 60_000 % 60, rest // 1000 % 60, rest % 1000 // 10)
        for k, at in enumerate((0, 2, 5, 8, 11, 14, 17, 20)):
            text[at], text[at + 1] = 48 + numbers[k] // 10, 48 + numbers[k] % 10
        text[22] = 48 + rest % 10
        text[4], text[7], text[10], text[13], text[16], text[19] = 45, 45, 84, 58, 58, 46
        if local:
            minutes = abs(offset) // 60_000
            text[23], text[26] = 45 if offset < 0 else 43, 58
            text[24], text[25] = 48 + minutes // 600, 48 + minutes // 60 % 10
            text[27], text[28] = 48 + minutes % 60 // 10, 48 + minutes % 10
        else:
            text[23] = 90


def texts_of_times(times: Ints, offsets: Ints | None = None) -> list[str]:
    """Epoch ms as RFC 3339 with milliseconds: in UTC, or as local time with offsets (ms). Years 0 to 9999.

    >>> texts_of_times(np.array([61_001]))
    ['1970-01-01T00:01:01.001Z']
    >>> texts_of_times(np.array([0, 0]), np.array([28_800_000, -12_600_000]))
    ['1970-01-01T08:00:00.000+08:00', '1969-12-31T20:30:00.000-03:30']
    """
    width = UTC if offsets is None else WITH_OFFSET
    out = np.empty((len(times), width), np.uint8)
    write_times(times, times if offsets is None else offsets, offsets is not None, out)
    whole = out.tobytes().decode("ascii")
    return [whole[begin : begin + width] for begin in range(0, len(whole), width)]


__all__ = ["texts_of_times"]

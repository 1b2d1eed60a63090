"""Months and years over columns of civil days (days since 1970-01-01): no zone has a part in them."""

from __future__ import annotations

import numpy as np

from schemas.columns import Ints


def months_later(days: Ints, months: Ints | int) -> Ints:
    """The same day of the month so many months later; in shorter months their last day.

    >>> days = np.array(["2024-01-31", "2024-02-29", "2023-03-31"], "M8[D]").astype(np.int64)
    >>> months_later(days, 1).astype("M8[D]").tolist() == np.array(["2024-02-29", "2024-03-29", "2023-04-30"], "M8[D]").tolist()
    True
    >>> str(months_later(days, 12).astype("M8[D]")[1])
    '2025-02-28'
    """
    month = np.asarray(days, "M8[D]").astype("M8[M]")
    return on_day_of_month(month + months, days - month.astype("M8[D]").astype(np.int64) + 1)


def on_day_of_month(months: np.ndarray, day: Ints) -> Ints:
    """Day `day` (from 1 on) of `months` (datetime64[M]); in shorter months the last one."""
    first, following = months.astype("M8[D]").astype(np.int64), (months + 1).astype("M8[D]").astype(np.int64)
    return np.minimum(first + day, following) - 1


def month_start(days: Ints) -> Ints:
    """The first day of each day's month."""
    return np.asarray(days, "M8[D]").astype("M8[M]").astype("M8[D]").astype(np.int64)


def year_start(days: Ints) -> Ints:
    """The first day of each day's year."""
    return np.asarray(days, "M8[D]").astype("M8[Y]").astype("M8[D]").astype(np.int64)


def cycle_start(days: Ints, day_of_month: Ints) -> Ints:
    """The last day up to each day that is the `day_of_month` of its month; in shorter months the last day stands for it.

    >>> days = np.array(["2026-02-28", "2026-03-01", "2026-03-30"], "M8[D]").astype(np.int64)
    >>> [str(day) for day in cycle_start(days, np.array([31, 31, 15])).astype("M8[D]")]
    ['2026-02-28', '2026-02-28', '2026-03-15']
    """
    month = np.asarray(days, "M8[D]").astype("M8[M]")
    this = on_day_of_month(month, day_of_month)
    return np.where(this <= days, this, on_day_of_month(month - 1, day_of_month))


def years_between(days: Ints, other: Ints) -> Ints:
    """How many years `other` is behind `days`, to the nearest whole number."""
    return ((other - days) * 10_000 + 3_652_425 // 2) // 3_652_425


__all__ = ["cycle_start", "month_start", "months_later", "on_day_of_month", "year_start", "years_between"]

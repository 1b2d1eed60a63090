"""Times and dates of raw records as numbers: RFC 3339 texts as a matrix of bytes, a whole column at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import NULL
from schemas.columns import DAY_MS, Bools, Ints

if TYPE_CHECKING:
    from collections.abc import Sequence

INVALID = NULL + 1
"""Stands for a text that is no time, or no date."""
ZERO = ord("0")
SHORTEST = len("2026-05-01T09:30:00Z")
LONGEST = len("2026-05-01T09:30:00.123456789+08:00")
FRACTION = len("2026-05-01T09:30:00.")
FINER = re.compile(r"(?<=^.{19}\.[0-9]{9})[0-9]+")
"""Digits behind the ninth of a fraction."""


def epoch_ms(values: Sequence[int | str | None]) -> Ints:
    """Epoch ms of integers (taken as they are) and RFC 3339 texts with offset; None is NULL, others INVALID. Digits finer than ms are cut off."""
    try:
        if set(map(type, values)) <= {int}:
            result = np.array(values, np.int64)
            return np.where(result == NULL, INVALID, result)
    except OverflowError:
        pass
    return _mixed(values)


def _mixed(values: Sequence[int | str | None]) -> Ints:
    result = np.full(len(values), NULL)
    texts: list[str] = []
    places: list[int] = []
    for at, value in enumerate(values):
        if isinstance(value, str):
            texts.append(value)
            places.append(at)
        elif value is not None:
            result[at] = value if abs(value) < -NULL else INVALID
    if texts:
        result[places] = rfc3339_ms(texts)
    return result


def byte_matrix(texts: list[str], width: int) -> tuple[Ints, Ints]:
    """[n, width] bytes, zeros behind the end, and the lengths; texts that are too long or not ASCII count as empty."""
    raw = [text.encode() if text.isascii() and len(text) <= width else b"" for text in texts]
    lengths = np.fromiter(map(len, raw), np.int64, len(raw))
    matrix = np.array(raw, f"S{width}").view(np.uint8).reshape(len(raw), width)
    return matrix.astype(np.int64), lengths


def digits(matrix: Ints, begin: int, end: int) -> tuple[Ints, Bools]:
    """The number in columns begin..end, and whether they are all digits."""
    part = matrix[:, begin:end] - ZERO
    are_digits: Bools = np.asarray(((part >= 0) & (part <= 9)).all(1))
    return part @ (10 ** np.arange(end - begin - 1, -1, -1)), are_digits


def civil_days(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, chrono-compatible date algorithms, days_from_civil)."""
    shifted = year - (month <= 2)  # the year begins in March, so that a leap day is its last
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def date_part(matrix: Ints) -> tuple[Ints, Bools]:
    """Days since 1970 of the first ten columns, and whether they are a date."""
    (year, a), (month, b), (day, c) = digits(matrix, 0, 4), digits(matrix, 5, 7), digits(matrix, 8, 10)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    month_index = np.clip(month, 1, 12)
    last = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[month_index - 1] + (leap & (month == 2))
    sound = a & b & c & (matrix[:, 4] == ord("-")) & (matrix[:, 7] == ord("-")) & (year >= 1) & (month == month_index) & (day >= 1) & (day <= last)
    return civil_days(year, month, day), sound


def rfc3339_ms(texts: list[str]) -> Ints:
    """Epoch ms of RFC 3339 date-times with offset, cut off to the millisecond; INVALID for others.

    Read as well: a blank for `T`, an offset without colon. `:60` is read as `:59.999`.
    """
    longest = max(map(len, texts))
    if longest > LONGEST:
        texts = [FINER.sub("", text) if len(text) > LONGEST else text for text in texts]
    matrix, length = byte_matrix(texts, min(max(longest, SHORTEST), LONGEST))
    day, sound = date_part(matrix)
    (hour, a), (minute, b), (second, c) = digits(matrix, 11, 13), digits(matrix, 14, 16), digits(matrix, 17, 19)
    sound &= a & b & c & np.isin(matrix[:, 10], (ord("T"), ord("t"), ord(" "))) & (matrix[:, 13] == ord(":")) & (matrix[:, 16] == ord(":"))
    sound &= (hour <= 23) & (minute <= 59) & (second <= 60)
    millis, at, fraction_sound = fraction(matrix)
    offset, offset_sound = zone_offset(matrix, at, length)
    leap = second == 60
    seconds = hour * 3600 + minute * 60 + np.where(leap, 59, second)
    result = day * DAY_MS + seconds * 1000 + np.where(leap, 999, millis) - offset * 60_000
    return np.where(sound & fraction_sound & offset_sound, result, INVALID)


def fraction(matrix: Ints) -> tuple[Ints, Ints, Bools]:
    """Milliseconds of a fraction of one digit or more, the column behind it, and whether it is one."""
    has = matrix[:, FRACTION - 1] == ord(".") if matrix.shape[1] > SHORTEST else np.zeros(len(matrix), bool)
    figures = matrix[:, FRACTION:] - ZERO
    is_digit = (figures >= 0) & (figures <= 9)
    run = np.cumprod(is_digit, axis=1)
    count = run.sum(1)
    millis = (figures * run)[:, :3] @ np.array([100, 10, 1])[: figures.shape[1]]
    return np.where(has, millis, 0), np.where(has, FRACTION + count, FRACTION - 1), ~has | (count >= 1)


def zone_offset(matrix: Ints, at: Ints, length: Ints) -> tuple[Ints, Bools]:
    """The offset from UTC in minutes that begins in column `at` and ends the text, and whether it is one."""
    rows = np.arange(len(matrix))
    wide = np.pad(matrix, ((0, 0), (0, 8)))
    sign = wide[rows, at]
    colon = wide[rows, at + 3] == ord(":")
    part = np.stack([wide[rows, at + 1], wide[rows, at + 2], wide[rows, at + 3 + colon], wide[rows, at + 4 + colon]], axis=1)
    (hours, a), (minutes, b) = digits(part, 0, 2), digits(part, 2, 4)
    zulu = np.isin(sign, (ord("Z"), ord("z"))) & (length == at + 1)
    numeric = np.isin(sign, (ord("+"), ord("-"))) & a & b & (hours <= 23) & (minutes <= 59) & (length == at + 5 + colon)
    offset = np.where(sign == ord("-"), -1, 1) * (hours * 60 + minutes)
    return np.where(numeric, offset, 0), zulu | numeric


def epoch_days(values: Sequence[str | None]) -> Ints:
    """Days since 1970 of YYYY-MM-DD texts; None is NULL, others INVALID."""
    matrix, length = byte_matrix([value or "" for value in values], 10)
    day, sound = date_part(matrix)
    missing = np.fromiter((value is None for value in values), bool, len(values))
    return np.where(missing, NULL, np.where(sound & (length == 10), day, INVALID))


FIRST_DAY, LAST_DAY = epoch_days(["1900-01-01", "2200-12-31"]).tolist()
"""The bounds of dates in records."""

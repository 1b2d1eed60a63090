"""Times as files write them: formats, zones, epochs; a column at once where its texts are all of one width."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from schemas.columns import DAY_MS, Ints
from streams.intake.times import INVALID, byte_matrix, civil_days, digits, epoch_ms
from streams.sources.values import BAD, Memo, exact

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCHS = {"epoch s": 1000, "epoch ms": 1, "epoch us": -1000, "epoch ns": -1_000_000}
"""Numbers since 1970, and how many ms each is; below zero: how many make one."""
ISO = "iso"
WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "y": 2}
DIRECTIVE = re.compile(r"%(.)")
KNOWN = frozenset("aAbBdHIjmMpSfyYzZ%")
LIKE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ])[0-9]{2}:[0-9]{2}:[0-9]{2}(\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:?[0-9]{2})?")
FRACTION = len("2026-05-01T09:30:00.")
QUARTER_MS = 900_000
"""Offsets of zones change at quarters of an hour."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_fault(form: str, *, day_only: bool) -> str | None:
    """What is wrong with a time format, if anything: what was wanted."""
    if form == ISO or form in EPOCHS:
        return None
    found = set(DIRECTIVE.findall(form))
    if not found:
        return f'"iso", one of {", ".join(map(repr, EPOCHS))}, or a pattern such as "%d/%m/%Y %H:%M:%S"'
    if unknown := sorted(found - KNOWN):
        return f"directives of {' '.join(f'%{one}' for one in sorted(KNOWN))}; no %{unknown[0]}"
    if form.replace("%%", "").rstrip().endswith("%"):
        return "a letter behind the last %"
    if not (found & {"Y", "y"} and ("j" in found or (found & {"m", "b", "B"} and "d" in found))):
        return "a year, a month and a day (%Y or %y, %m or %b, %d)"
    if not day_only and "I" in found and "p" not in found:
        return "%p beside %I, or %H: which half of the day is it?"
    return None


def has_offset(form: str) -> bool:
    """Whether times of the format say their offset from UTC, or need none."""
    return form in EPOCHS or "%z" in form


class TimeReader:
    """A column of times to epoch ms, or to days YYYY-MM-DD where `day_only`. Times without offset are civil times of `zone`.

    A time that the clock skips is moved forward by the gap; one that it shows twice is the first of both.
    """

    def __init__(self, form: str, zone: str | None, *, day_only: bool) -> None:
        self.form, self.day_only = form, day_only
        self.zone = ZoneInfo(zone) if zone is not None else None
        self.places = places_of(form) if form not in EPOCHS and form != ISO else None
        self.memo = Memo(self._one)
        self.offsets: dict[int, int] = {}
        self.days: dict[int, str] = {}

    def column(self, values: Sequence[Any]) -> list[Any]:
        """The converted column; None stays None, what is no time of the format becomes BAD."""
        if self.form in EPOCHS:
            return self._dated(self.memo.column(values))
        rows = [row for row, value in enumerate(values) if isinstance(value, str)] if not set(map(type, values)) <= {str} else None
        given = values if rows is None else [values[row] for row in rows]
        read = self._texts(list(given)) if given else []
        if rows is None:
            return self._dated(read)
        result = [None if value is None else moment_of(value, self) for value in values]
        for row, value in zip(rows, read, strict=True):
            result[row] = value
        return self._dated(result)

    def _texts(self, given: list[str]) -> list[Any]:
        if self.form == ISO:
            return self._iso(given)
        if self.places is None:
            return self.memo.column(given)
        local = fixed_ms(given, self.places, self.form)
        sound = local != INVALID
        ms = self.utc(local, sound)
        if sound.all():
            return list(ms.tolist())
        return [value if good else self.memo[raw] for value, good, raw in zip(ms.tolist(), sound.tolist(), given, strict=True)]

    def _iso(self, given: list[str]) -> list[Any]:
        ms = self._like_first(given)
        if (rest := (ms == INVALID).nonzero()[0]).size:
            ms[rest] = epoch_ms([given[row] for row in rest.tolist()])
        if self.zone is not None and (ms == INVALID).any():
            rows = (ms == INVALID).nonzero()[0]
            local = epoch_ms([f"{padded(given[row])}Z" for row in rows.tolist()])
            ms[rows] = np.where(local == INVALID, INVALID, self.utc(local, local != INVALID))
        return [BAD if value == INVALID else value for value in ms.tolist()]

    def _like_first(self, given: list[str]) -> Ints:
        """Epoch ms of the texts that are built as the first one, INVALID for others."""
        found = LIKE.fullmatch(given[0])
        if found is None or (found[4] is None and self.zone is None):
            return np.full(len(given), INVALID)
        form = f"%Y-%m-%d{found[1]}%H:%M:%S{'.' if found[2] else ''}"
        places = places_of(form)
        assert places is not None  # all of fixed width
        if found[3]:
            places.append(("f", FRACTION, FRACTION + len(found[3])))
        local = fixed_ms(given, places, form + (found[3] or "") + (found[4] or ""))
        if found[4] is None:
            return np.where(local == INVALID, INVALID, self.utc(local, local != INVALID))
        offset = int(epoch_ms([f"1970-01-02T00:00:00{found[4]}"])[0]) - DAY_MS
        return np.where(local == INVALID, INVALID, local + offset)

    def utc(self, local: Ints, sound: Any) -> Ints:
        """Epoch ms of civil times of the zone, given as ms since 1970 of its clock."""
        if self.zone is None:
            return local
        quarters, inverse = np.unique(np.where(sound, local, 0) // QUARTER_MS, return_inverse=True)
        offsets = np.fromiter(map(self._offset, quarters.tolist()), np.int64, len(quarters))
        return np.asarray(local - offsets[inverse])

    def _offset(self, quarter: int) -> int:
        """The offset from UTC at a quarter of an hour of the zone's clock, ms."""
        found = self.offsets.get(quarter)
        if found is None:
            assert self.zone is not None  # the caller has looked
            naive = datetime(1970, 1, 1, tzinfo=self.zone) + timedelta(milliseconds=quarter * QUARTER_MS)
            found = self.offsets[quarter] = (naive.utcoffset() or timedelta()) // timedelta(milliseconds=1)
        return found

    def _one(self, value: Any) -> int:
        """One time. Raises ValueError."""
        if self.form in EPOCHS:
            factor = EPOCHS[self.form]
            number = exact(value, ".", "")
            return int(number * factor) if factor > 0 else int(number // -factor)
        return self.moment(datetime.strptime(value, self.form))  # noqa: DTZ007  # the zone is put to it

    def moment(self, read: datetime) -> int:
        """Epoch ms of a moment, or of a civil time of the zone. Raises ValueError."""
        if read.tzinfo is None and self.zone is not None:
            read = read.replace(tzinfo=self.zone)
        return ((read if read.tzinfo is not None else read.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)

    def _dated(self, values: list[Any]) -> list[Any]:
        return [value if value is None or value is BAD else self._day(value) for value in values] if self.day_only else values

    def _day(self, ms: int) -> Any:
        """The civil day of a moment in the zone, YYYY-MM-DD; BAD beyond all calendars."""
        if ms not in self.days:
            if len(self.days) > DAY_MS:
                self.days.clear()
            try:
                self.days[ms] = (EPOCH + timedelta(milliseconds=ms)).astimezone(self.zone or UTC).date().isoformat()
            except OverflowError:
                return BAD
        return self.days[ms]


def moment_of(value: Any, reader: TimeReader) -> Any:
    """A moment that a format with types of its own gives, as Avro does."""
    if isinstance(value, datetime):
        return reader.moment(value)
    if isinstance(value, date):
        return reader.moment(datetime(value.year, value.month, value.day))  # noqa: DTZ001  # the zone is put to it
    return BAD


def padded(given: str) -> str:
    """An ISO time with the parts that it may leave out: 2026-05-01, 2026-05-01 09:30."""
    return given + "0000-00-00T00:00:00"[len(given) :] if len(given) in (10, 16) else given


def places_of(form: str) -> list[tuple[str, int, int]] | None:
    """Where a pattern of figures of fixed width has which part; None for other patterns."""
    places, at = [], 0
    for literal, letter in re.findall(r"([^%]*)(?:%(.)|$)", form):
        at += len(literal)
        if letter:
            if letter not in WIDTHS or letter == "y":
                return None
            places.append((letter, at, at + WIDTHS[letter]))
            at += WIDTHS[letter]
    letters = [letter for letter, *_ in places]
    return places if len(set(letters)) == len(letters) and {"Y", "m", "d"} <= set(letters) else None


def fixed_ms(given: list[str], places: list[tuple[str, int, int]], form: str) -> Ints:
    """Civil times of a pattern of fixed width as ms since 1970 of their clock; INVALID for texts that do not fit. Part `f` is a fraction of a second."""
    sample = DIRECTIVE.sub(lambda found: "0" * WIDTHS[found[1]], form).encode()
    width = len(sample)
    joined = "".join(given)
    if joined.isascii() and len(joined) == width * len(given) and set(map(len, given)) == {width}:
        matrix = np.frombuffer(joined.encode(), np.uint8).reshape(len(given), width).astype(np.int64)
        sound = np.ones(len(given), bool)
    else:
        matrix, length = byte_matrix(given, width)
        sound = length == width
    parts: dict[str, Ints] = dict.fromkeys("HMSf", np.zeros(len(given), np.int64))
    free = np.ones(width, bool)
    for letter, begin, end in places:
        parts[letter], are = digits(matrix, begin, end)
        sound &= are
        free[begin:end] = False
        if letter == "f":
            parts["f"] = parts["f"] * 10**9 // 10 ** (end - begin) // 10**6
    sound &= (matrix[:, free] == np.frombuffer(sample, np.uint8)[free]).all(1)
    year, month, day = parts["Y"], parts["m"], parts["d"]
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    index = np.clip(month, 1, 12)
    last = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[index - 1] + (leap & (month == 2))
    sound &= (year >= 1) & (month == index) & (day >= 1) & (day <= last) & (parts["H"] <= 23) & (parts["M"] <= 59) & (parts["S"] <= 59)
    ms = civil_days(year, month, day) * DAY_MS + (parts["H"] * 3600 + parts["M"] * 60 + parts["S"]) * 1000 + parts["f"]
    return np.where(sound, ms, INVALID)

"""Tables in which a mapping looks up what a file does not say: whose number it is, at the time of the record."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from schemas.reference.reading import VALID_FROM
from schemas.reference.values import CellFault, moment
from streams.sources.clock import TimeReader, format_fault
from streams.sources.values import BAD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALID_UNTIL = "valid_until"
END_OF_TIME = 2**62


class LookupSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table in which keys are looked up, and how it is written."""

    file: str
    key: str
    delimiter: str = ","
    encoding: str = "utf-8"
    valid_from: str = VALID_FROM
    valid_until: str = VALID_UNTIL
    time: str | None = None
    """The format of these two, in the zone of the source; where it is left out RFC 3339, or a date, which begins at midnight UTC."""


class Span(NamedTuple):
    """A row that is valid from `begin` until `end` (not included), epoch ms."""

    begin: int
    end: int
    values: tuple[str | None, ...]


class Lookup:
    """Rows by key. With a column `valid_from` (and `valid_until`) a key has rows one after the other, and a time finds its own."""

    def __init__(self, columns: list[str], rows: dict[str, list[Span]], *, timed: bool) -> None:
        self.columns, self.rows, self.timed = columns, rows, timed

    @classmethod
    def read(cls, path: Path, spec: LookupSpec, zone: str | None, fault: Callable[[str, str, str], None]) -> Self:
        """A CSV table. `zone`: that of the source. `fault` gets what was wanted and got, and what to do."""
        key, since, until = spec.key, spec.valid_from, spec.valid_until
        if spec.time is not None and (wrong := format_fault(spec.time, day_only=False)):
            fault(wrong, repr(spec.time), "correct `time`")
            return cls([], {}, timed=False)
        clock = None if spec.time is None else TimeReader(spec.time, zone or "UTC", day_only=False)
        try:
            with path.open(encoding="utf-8-sig" if spec.encoding == "utf-8" else spec.encoding, newline="") as file:
                reader = csv.DictReader(file, delimiter=spec.delimiter)
                names = [name.strip() for name in reader.fieldnames or ()]
                reader.fieldnames = names
                read = list(enumerate(reader, 2))
        except UnicodeDecodeError:
            fault(f"text in {spec.encoding}", f"{path} in another encoding", 'name it: encoding = "cp1252", say')
            return cls([], {}, timed=False)
        except (OSError, LookupError, TypeError, csv.Error) as error:
            fault("a CSV table with a header", f"{path}: {getattr(error, 'strerror', None) or error}", "correct its name, delimiter or encoding, or write it")
            return cls([], {}, timed=False)
        if key not in names:
            parted = next((sign for sign in ";\t|," if sign != spec.delimiter and len(names) == 1 and sign in names[0]), None)
            fault(f"a column {key!r}", f"{path} with {', '.join(names)}", "name one of these as `key`" if parted is None else f'name its sign: delimiter = "{parted}"')
            return cls([], {}, timed=False)
        if missing := [name for name, usual in ((since, VALID_FROM), (until, VALID_UNTIL)) if name != usual and name not in names]:
            fault(f"a column {missing[0]!r}", f"{path} with {', '.join(names)}", "name one of these, or none")
            return cls([], {}, timed=False)
        timed = since in names or until in names
        rows: dict[str, list[Span]] = {}
        seen: dict[tuple[str, int], int] = {}
        for line, row in read:
            of = (row.get(key) or "").strip()
            try:
                begin = cell_moment(row.get(since), clock)
                end = cell_moment(row.get(until), clock) if (row.get(until) or "").strip() else END_OF_TIME
            except CellFault as error:
                fault(error.wanted.removeprefix("wanted "), f"{path}:{line}: {row.get(since)!r}, {row.get(until)!r}", "correct the cell, or name its format as `time`")
                continue
            if (of, begin) in seen:
                fault(
                    f"one row for each {key}" + (f" and {since}" if timed else ""),
                    f"{path}:{line}: that of line {seen[of, begin]} again",
                    "remove one" if timed else "remove one, or add valid_from",
                )
            elif of:
                seen[of, begin] = line
                rows.setdefault(of, []).append(Span(begin, end, tuple((row.get(name) or "").strip() or None for name in names)))
        for spans in rows.values():
            spans.sort()
        return cls(names, rows, timed=timed)

    def place(self, column: str) -> int:
        """Where a column stands in the rows."""
        return self.columns.index(column)

    def at(self, key: str, place: int, ms: int | None) -> Any:
        """The value of a key at a time. Raises LookupError where there is none."""
        spans = self.rows[key]
        if not self.timed:
            return spans[0].values[place]
        if ms is None:
            raise LookupError
        for span in reversed(spans):
            if span.begin <= ms:
                if ms < span.end:
                    return span.values[place]
                break
        raise LookupError


def cell_moment(cell: str | None, clock: TimeReader | None) -> int:
    """Epoch ms of a cell. Raises CellFault."""
    text = (cell or "").strip()
    if clock is None or not text:
        return moment(text)
    (found,) = clock.column([text])
    if found is BAD:
        raise CellFault(f"wanted a time as {clock.form}", "")
    return int(found)

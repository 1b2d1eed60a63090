"""Tables in which a mapping looks up what a file does not say: whose number it is, at the time of the record."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from schemas.reference.reading import VALID_FROM
from schemas.reference.values import CellFault, moment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VALID_UNTIL = "valid_until"
END_OF_TIME = 2**62


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
    def read(cls, path: Path, key: str, fault: Callable[[str, str, str], None]) -> Self:
        """A CSV table. `fault` gets what was wanted and got, and what to do."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                names = [name.strip() for name in reader.fieldnames or ()]
                reader.fieldnames = names
                read = list(enumerate(reader, 2))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            fault("a CSV table with a header", f"{path}: {getattr(error, 'strerror', None) or error}", "correct its name, or write it")
            return cls([], {}, timed=False)
        if key not in names:
            fault(f"a column {key!r}", f"{path} with {', '.join(names)}", "name one of these as `key`")
            return cls([], {}, timed=False)
        timed = VALID_FROM in names or VALID_UNTIL in names
        rows: dict[str, list[Span]] = {}
        seen: dict[tuple[str, int], int] = {}
        for line, row in read:
            of = (row.get(key) or "").strip()
            try:
                begin, end = moment(row.get(VALID_FROM)), moment(row.get(VALID_UNTIL)) if (row.get(VALID_UNTIL) or "").strip() else END_OF_TIME
            except CellFault as error:
                fault(error.wanted.removeprefix("wanted "), f"{path}:{line}: {row.get(VALID_FROM)!r}, {row.get(VALID_UNTIL)!r}", "correct the cell")
                continue
            if (of, begin) in seen:
                fault(
                    f"one row for each {key}" + (" and valid_from" if timed else ""),
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

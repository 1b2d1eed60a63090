"""What readers give and conversions take: rows of a file, column by column, and what cannot be used of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from schemas.fault import KairosFault

FILE, LINE = "@file", "@line"
"""Names under which a mapping reads the file's name and the row's number."""
ROWS = 20_000
"""Rows that are converted at once."""


class SourceFault(KairosFault):
    """A file cannot be read as its mapping says: it is refused as a whole."""


class BadRow(NamedTuple):
    """A row that a reader cannot split: its line, what was wanted and got, and its text."""

    line: int
    wanted: str
    got: str
    raw: str
    half: bool = False
    """Whether the file ends within it: the rest may come."""


class Rows(NamedTuple):
    """Rows of one file: the line each begins at, the columns that the mapping names (None: no value), and rows that cannot be split.

    Of formats without lines the number is that of the row. Texts have no blanks around them.
    """

    file: str
    lines: list[int]
    columns: Mapping[str, list[Any]]
    bad: list[BadRow]

    def column(self, name: str) -> list[Any]:
        """A column by its name in the mapping."""
        if name == FILE:
            return [self.file.rpartition("/")[2]] * len(self.lines)
        if name == LINE:
            return list(map(str, self.lines))
        return self.columns[name]

    def raw(self, row: int) -> str:
        """The values of a row that the mapping names, for people."""
        return ", ".join(f"{name}={values[row]}" for name, values in self.columns.items() if values[row] is not None)[:2000]


def cleaned(values: list[Any], empty: frozenset[str]) -> list[Any]:
    """Texts without blanks around them, None for those that stand for no value, truth values as the texts `true` and `false`."""
    if (types := set(map(type, values))) != {str}:
        return values if types <= PLAIN else [one(value, empty) for value in values]
    joined = f"\0{chr(0).join(values)}\0"
    if not any(f"\0{text}\0" in joined for text in empty) and not any(blank in joined and (f"\0{blank}" in joined or f"{blank}\0" in joined) for blank in BLANKS):
        return values
    return [None if (text := value.strip(BLANKS)) in empty else text for value in values]


BLANKS = " \t\r\n"
"""What is cut off texts."""
PLAIN = {type(None), int, float, bytes, Decimal, datetime, date, time}
"""Types of values that formats have besides texts and truth values."""


def one(value: Any, empty: frozenset[str]) -> Any:
    """One cleaned value."""
    if isinstance(value, str):
        return None if (text := value.strip(BLANKS)) in empty else text
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if type(value) in PLAIN else Nested(value)


class Nested:
    """An array, an object or a message where a value is wanted: no conversion takes it."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __str__(self) -> str:
        return str(self.value)

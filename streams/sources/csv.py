"""CSV: rows of texts under a header, or under names that the mapping gives."""

from __future__ import annotations

import csv
import io
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

from streams.sources.rows import ROWS, BadRow, Rows, SourceFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sources.files import Opened
    from streams.sources.mapping import Source

LONGEST_CELL = 131_072
"""Characters; a quote that is never closed makes a cell longer than this."""
WHOLE_LINE = "a whole row with its line end"
HALF = 'none: half a row? where the last row is whole, set last_line = "whole"'


def read(opened: Opened, source: Source) -> Iterator[Rows]:
    """The rows of a file. Raises SourceFault where it has not the columns, or a quote is never closed."""
    spec, path = source.spec, opened.path
    text = io.TextIOWrapper(opened.stream, spec.encoding if spec.encoding != "utf-8" else "utf-8-sig", errors="surrogateescape", newline="")
    dialect: dict[str, Any] = {"quotechar": spec.quote} if spec.quote else {"quoting": csv.QUOTE_NONE}
    reader = csv.reader(text, delimiter=spec.delimiter, **dialect)
    skipped = sum(1 for _ in islice(text, spec.skip_lines))
    header = [name.strip() for name in next(reader, [])] if spec.header else spec.columns
    places = columns_in(header, source, path, skipped + 1)
    held: Rows | None = None
    last: list[list[str]] = []
    last_at: list[int] = []
    while True:
        lines, rows = chunk(reader, skipped, path)
        if not rows:
            break
        lines, rows = [*last_at, *lines], [*last, *rows]
        last_at, last = [lines.pop()], [rows.pop()]  # whether a row is the last one is known when there is none behind it
        before, held = held, split(path, lines, rows, header, places, [], spec.delimiter, repeated=spec.header)
        del lines, rows  # many lists, which the search for cycles would walk
        if before is not None:
            yield before
    bad: list[BadRow] = []
    if last and not opened.tail.whole_lines and spec.last_line == "reject":
        bad.append(BadRow(last_at.pop(), WHOLE_LINE, HALF, spec.delimiter.join(last.pop()), half=True))
    end = split(path, last_at, last, header, places, bad, spec.delimiter, repeated=spec.header)
    yield end if held is None else Rows(path, held.lines + end.lines, {name: held.columns[name] + end.columns[name] for name in places}, held.bad + end.bad)


def columns_in(header: list[str], source: Source, path: str, line: int) -> dict[str, int]:
    """Where each column that the mapping reads stands. Raises SourceFault."""
    missing = [name for name in source.columns if name not in header]
    doubled = [name for name in source.columns if header.count(name) > 1]
    if missing or doubled:
        got = ", ".join(header)[:400] or "an empty file"
        what = f"without {', '.join(missing)}" if missing else f"with {', '.join(doubled)} twice"
        raise SourceFault(
            f"{path}:{line}: wanted the columns that {source.place.key} names, got a header {what}: {got}: has the format changed? change the mapping in {source.place.file}"
        )
    return {name: header.index(name) for name in source.columns}


def chunk(reader: Any, skipped: int, path: str) -> tuple[list[int], list[list[str]]]:
    """The next rows and the lines they begin at. Raises SourceFault."""
    rows: list[list[str]] = []
    before = reader.line_num + skipped + 1
    try:
        rows.extend(islice(reader, ROWS))
    except csv.Error as error:
        line = before + sum(map(lines_of, rows))
        raise SourceFault(
            f'{path}:{line}: wanted cells of at most {LONGEST_CELL:,} characters, got {error}: a quote that is not closed? where nothing is quoted, set quote = ""'
        ) from error
    if reader.line_num + skipped + 1 - before == len(rows):
        return list(range(before, before + len(rows))), rows
    return list(accumulate(map(lines_of, rows[:-1]), initial=before)), rows


def lines_of(row: list[str]) -> int:
    """How many lines of the file a row takes: its cells may have line ends."""
    return 1 + sum(cell.count("\n") for cell in row)


def split(path: str, lines: list[int], rows: list[list[str]], header: list[str], places: dict[str, int], bad: list[BadRow], delimiter: str, *, repeated: bool) -> Rows:
    """Rows as columns; empty ones and repeated headers are left out, those with another number of cells are bad."""
    width = len(header)
    if set(map(len, rows)) - {width} or (repeated and any(row[0].strip() == header[0] for row in rows)):
        kept = []
        for at, row in enumerate(rows):
            if len(row) == width and not (repeated and [cell.strip() for cell in row] == header):
                kept.append(at)
            elif len(row) != width and row:
                bad.append(BadRow(lines[at], f"{width} cells", str(len(row)), delimiter.join(row)[:2000]))
        lines, rows = [lines[at] for at in kept], [rows[at] for at in kept]
    columns = list(zip(*rows, strict=True)) or [()] * width
    return Rows(path, lines, {name: list(columns[at]) for name, at in places.items()}, bad)

"""Fixed width: each column is a range of characters of a line."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING

from streams.sources.csv import HALF, WHOLE_LINE
from streams.sources.rows import ROWS, BadRow, Rows, SourceFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.sources.files import Opened
    from streams.sources.mapping import Source


def read(opened: Opened, source: Source) -> Iterator[Rows]:
    """The lines of a file as columns. Raises SourceFault where the mapping reads a column without a range."""
    spec, path = source.spec, opened.path
    missing = [name for name in source.columns if name not in spec.columns]
    if missing:
        raise SourceFault(f"{source.place.file}: {source.place.key}.columns: wanted a range for {', '.join(missing)}, got none: add {missing[0]} = [FIRST, LAST]")
    ranges = {name: spec.columns[name] for name in source.columns}
    least = max((first for first, _ in ranges.values()), default=0)
    text = io.TextIOWrapper(opened.stream, spec.encoding if spec.encoding != "utf-8" else "utf-8-sig", errors="surrogateescape", newline="\n")
    number = sum(1 for _ in islice(text, spec.skip_lines))
    found = list(islice(text, ROWS))
    while found:
        following = list(islice(text, ROWS))  # whether a line is the last one is known when there is none behind it
        bad: list[BadRow] = []
        lines = list(range(number + 1, number + len(found) + 1))
        number += len(found)
        if not following and not found[-1].endswith("\n") and spec.last_line == "reject":
            bad.append(BadRow(lines.pop(), WHOLE_LINE, HALF, found.pop()[:2000], half=True))
        rows = [line.rstrip("\r\n") for line in found]
        bad += [BadRow(line, f"at least {least} characters", str(len(row)), row[:2000]) for line, row in zip(lines, rows, strict=True) if row.strip() and len(row) < least]
        kept = [at for at, row in enumerate(rows) if len(row) >= least and row.strip()]
        yield Rows(path, [lines[at] for at in kept], {name: [rows[at][first - 1 : last] for at in kept] for name, (first, last) in ranges.items()}, bad)
        found = following

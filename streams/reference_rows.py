"""Reference tables as rows by key, as a compacted topic holds them: from the files of a folder, and back to files, which are then read and checked as those of an operator.

A key is `lines/S1`, or `lines/S1@2026-06-01` where the row has a `valid_from`; a value is the row as a JSON object. docs/reference-data.md.
"""

from __future__ import annotations

import csv
import json
import re
from array import array
from typing import TYPE_CHECKING, Any

import orjson

from schemas.reference import TABLES
from schemas.reference.fault import ReferenceFault, summary
from schemas.reference.folder import is_meant
from schemas.reference.reading import VALID_FROM, read_rows
from streams.reference_kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.reference.fault import Fault

BY_FILE = {table.file: table for table in TABLES}
FORM = "TABLE/KEY or TABLE/KEY@VALID_FROM, such as lines/S1"
SHOWN = 120
"""Characters of a bad value that are shown."""


def rows_of(folder: Path) -> dict[str, dict[str, bytes]]:
    """By table, the rows of its file in a folder: key and value; with the columns that the tables do not read. Raises ReferenceFault."""
    found: dict[str, dict[str, bytes]] = {}
    faults: list[Fault] = []
    for name, table in BY_FILE.items():
        paths = [path for suffix in ("csv", "json") if (path := folder / f"{name}.{suffix}").is_file()]
        for path in paths:
            own = found.setdefault(name, {})
            for row, given in zip(read_rows(path, table, faults, []), given_rows(path), strict=False):
                key = ",".join(str(row.values.get(part) or "").strip() for part in table.unique or (table.key,))
                since = str(row.values.get(VALID_FROM) or "").strip()
                own[f"{name}/{key}@{since}" if since else f"{name}/{key}"] = orjson.dumps(given)
    if faults:
        raise ReferenceFault("\n".join(summary(faults)))
    return found


def given_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a good file with all their columns; empty cells are left out."""
    if path.suffix == ".json":
        yield from ({name: value for name, value in row.items() if value is not None} for row in json.loads(path.read_text("utf-8-sig")))
        return
    with path.open(newline="", encoding="utf-8-sig") as file:
        filled = (cells for cells in csv.reader(file) if any(cell.strip() for cell in cells))
        header = [name.strip() for name in next(filled)]
        yield from ({name: cell for name, cell in zip(header, cells, strict=False) if cell.strip()} for cells in filled)


class Mirror:
    """The rows of a topic, and a folder with a CSV file for each of their tables, beside links to the files of `base` for the others."""

    def __init__(self, topic: str, folder: Path, base: Path | None) -> None:
        self.topic, self.folder, self.base = topic, folder, base
        self.rows: dict[str, Kept] = {}
        """By table."""
        self.bad: dict[str, str] = {}
        """By key, why its newest value is no row."""
        self.changed: set[str] = set()
        """The tables whose rows are newer than their file."""
        self.lines: dict[str, tuple[list[str], array[int]]] = {}
        """By table, the keys of the file in their order, and the line at which each row begins."""

    def put(self, key: bytes | None, value: bytes | None) -> None:
        """Take one message; without a value the row is removed."""
        name = (key or b"").decode("utf-8", "replace")
        table, sign, _ = name.partition("/")
        self.bad.pop(name, None)
        if not sign or table not in BY_FILE:
            if value is not None:
                self.bad[name] = f"{self.topic}: key {name!r}: wanted {FORM}, with one of {', '.join(BY_FILE)}: remove it by a message without a value"
            return
        own = self.rows.setdefault(table, Kept())
        if value is None:
            if own.remove(name):
                self.changed.add(table)
            return
        try:
            row = orjson.loads(value)
        except orjson.JSONDecodeError:
            row = None
        if not isinstance(row, dict):
            self.bad[name] = f"{self.topic}: {name}: wanted the row as a JSON object, got {value[:SHOWN].decode('utf-8', 'replace')!r}"
            return
        if own.put(name, row):
            self.changed.add(table)

    def fault(self) -> str | None:
        """Why what the topic holds cannot be used as a whole; None where each of its messages is a row."""
        if not self.bad:
            return None
        more = f" ({len(self.bad):,} such keys)" if len(self.bad) > 1 else ""
        return next(iter(self.bad.values())) + more

    def write(self) -> None:
        """Write the files of the tables that have changed, each put into its place by a rename, and link those of `base` for the others."""
        for table in sorted(self.changed):
            own, path = self.rows[table], self.folder / f"{table}.csv"
            if not own:
                path.unlink(missing_ok=True)
                continue
            header, keys, begins, line = own.columns(), [], array("q"), 2
            written = self.folder / f"{table}.tmp"
            with written.open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                for key, row in own.sorted():
                    cells = {name: cell(value) for name, value in row.items()}
                    writer.writerow([cells.get(name, "") for name in header])
                    keys.append(key)
                    begins.append(line)
                    line += 1 + sum(one.count("\n") for one in cells.values())
            self.lines[table] = keys, begins
            written.replace(path)
        self.changed.clear()
        self.link()

    def link(self) -> None:
        """Link the files of `base` whose tables the topic does not have."""
        own = {path.name: path for path in self.base.iterdir() if is_meant(path.name) and path.is_file()} if self.base is not None else {}
        wanted = {name: path for name, path in own.items() if name.partition(".")[0] not in self.rows}
        for there in self.folder.iterdir():
            if there.is_symlink() and there.name not in wanted:
                there.unlink()
        for name, path in wanted.items():
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(path.resolve())

    def named(self, sentence: str) -> str:
        """A sentence about a file of the folder, with the topic and the keys of the rows for file and lines."""
        return "\n".join(map(self._named, sentence.splitlines()))

    def _named(self, line: str) -> str:
        found = re.search(rf"{re.escape(str(self.folder))}/([a-z]+)\.csv(?::(\d+))?", line)
        if found is None or found[1] not in self.lines:
            return line.replace(str(self.folder), self.topic)
        table = found[1]
        keys, begins = self.lines[table]
        at = dict(zip(map(str, begins), keys, strict=True))
        place = at.get(found[2] or "", table)
        line = line.replace(found[0], f"{self.topic}: {place}", 1)
        line = re.sub(r"(?<=also at )\d+(?:, \d+)*", lambda places: ", ".join(at.get(one, one) for one in places[0].split(", ")), line)
        return re.sub(r"that of (\d+) again", lambda again: f"that of {at.get(again[1], again[1])} again", line)


def cell(value: Any) -> str:
    """A value of a JSON row as a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


__all__ = ["Mirror", "rows_of"]

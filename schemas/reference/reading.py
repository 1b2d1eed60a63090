"""Reads reference files: CSV with a header, or a JSON list of objects. A row's place is its line as an editor shows it."""

from __future__ import annotations

import csv
import difflib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.reference.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from schemas.reference.table import ReferenceTable

VALID_FROM = "valid_from"


class Row(NamedTuple):
    """A row of a file by the names of its columns, and its place: file, and ":7" (line) or "[3]" (position in a JSON list)."""

    file: str
    values: Mapping[str, Any]
    place: str = ""


class Columns(NamedTuple):
    """The header of a file: the table's column at each position (None: not one of the table's), and a column to join of two others."""

    at: list[str | None]
    joined: tuple[str, str, str] | None

    def named(self, cells: Sequence[Any]) -> dict[str, Any]:
        """The cells of a row by the table's names of columns."""
        values = {name: cell for name, cell in zip(self.at, cells, strict=False) if name is not None}
        if self.joined:
            name, first, second = self.joined
            parts = [str(part).strip() for part in (values.pop(first), values.pop(second)) if part is not None]
            values[name] = "-".join(part for part in parts if part)
        return values


def read_rows(path: Path, table: type[ReferenceTable], faults: list[Fault], warnings: list[str]) -> Iterator[Row]:
    """The rows of a file, their values by the table's own names of columns. Adds a fault where the file cannot be used as a whole."""
    read = 0
    try:
        for row in _json_rows(path, table, faults, warnings) if path.suffix == ".json" else _csv_rows(path, table, faults, warnings):
            read += 1
            yield row
    except UnicodeDecodeError:
        faults.append(not_utf8(path))
    except OSError as error:
        faults.append(Fault(str(path), "", "", "wanted a readable file", error.strerror or type(error).__name__))
    if not read and not any(fault.file == str(path) for fault in faults):
        faults.append(Fault(str(path), "", "", "wanted a header and rows (without the file the table is the built-in one or empty)", "no row"))


def not_utf8(path: Path) -> Fault:
    """The fault of a file in another encoding, at the line of its first byte that is not UTF-8."""
    content = path.read_bytes()
    try:
        content.decode("utf-8")
        line = 1
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
    return Fault(str(path), f":{line}", "", "wanted UTF-8 (in a spreadsheet: save as CSV UTF-8)", "another encoding")


def _csv_rows(path: Path, table: type[ReferenceTable], faults: list[Fault], warnings: list[str]) -> Iterator[Row]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        columns: Columns | None = None
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                faults.append(Fault(str(path), f":{line}", "", "wanted CSV by RFC 4180 (a quote is doubled, and closed)", str(error)))
                return
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = header(path, f":{line}", cells, table, faults, warnings)
                if columns is None:
                    return
                continue
            if len(cells) < len(columns.at) or any(cell.strip() for cell in cells[len(columns.at) :]):
                faults.append(Fault(str(path), f":{line}", "", f"wanted {len(columns.at)} cells as the header has", str(len(cells))))
                continue
            yield Row(str(path), columns.named(cells), f":{line}")


def _json_rows(path: Path, table: type[ReferenceTable], faults: list[Fault], warnings: list[str]) -> Iterator[Row]:
    wanted = "wanted a JSON list of objects"
    try:
        listed = json.loads(path.read_text("utf-8-sig"))
    except RecursionError:
        faults.append(Fault(str(path), "", "", wanted, "one nested too deeply"))
        return
    except json.JSONDecodeError as error:
        faults.append(Fault(str(path), f":{error.lineno}", "", wanted, error.msg))
        return
    if not isinstance(listed, list):
        faults.append(Fault(str(path), "", "", wanted, type(listed).__name__))
        return
    headers: dict[tuple[str, ...], Columns | None] = {}
    ignored: list[str] = []
    for number, item in enumerate(listed):
        if not isinstance(item, dict):
            faults.append(Fault(str(path), f"[{number}]", "", wanted, type(item).__name__))
            continue
        names = tuple(item)
        if names not in headers:
            headers[names] = header(path, f"[{number}]", names, table, faults, ignored)
        columns = headers[names]
        if columns is not None:
            yield Row(str(path), columns.named(list(item.values())), f"[{number}]")
    warnings += ignored[:1]


def header(path: Path, place: str, names: Sequence[str], table: type[ReferenceTable], faults: list[Fault], warnings: list[str]) -> Columns | None:
    """The columns that a header names. Adds one fault and gives None where it is wrong: misspelt, doubled or missing columns."""
    known = known_names(table)
    given = [name.strip().lower() for name in names]
    at = [known.get(name) for name in given]
    present = {name for name in at if name}
    joined = table.joined if table.joined and present.issuperset(table.joined[1:]) and table.joined[0] not in present else None
    if joined:
        present.add(joined[0])
    elif table.joined:
        at = [None if name in table.joined[1:] else name for name in at]
        present.difference_update(table.joined[1:])
    if len(given) == 1 and len(parts := [part for sign in ";\t|" for part in given[0].split(sign)]) > 3:
        faults.append(Fault(str(path), place, "header", f"wanted columns separated by commas ({', '.join(table.columns)})", f"{names[0]!r}, {len(parts)} parts"))
        return None
    wrong = []
    ignored = []
    for name, column in zip(given, at, strict=True):
        if column is None and name:
            near = nearest(name, {other: own for other, own in known.items() if own not in present})
            if near:
                wrong.append(f"{name!r} is no column (did you mean {near}?)")
            else:
                ignored.append(name)
    wrong += [f"{name} is given twice" for name in sorted(present) if at.count(name) > 1]
    wrong += [f"{name} is missing" for name, column in table.columns.items() if column.needed and name not in present and not any(f"mean {name}?" in text for text in wrong)]
    if wrong:
        faults.append(Fault(str(path), place, "header", f"wanted columns of {', '.join([*table.columns, VALID_FROM])}", "; ".join(wrong)))
        return None
    if ignored:
        warnings.append(f"{path}{place}: columns that are not read: {', '.join(ignored)}")
    return Columns(at, joined)


def known_names(table: type[ReferenceTable]) -> dict[str, str]:
    """Each name that a header may have for a column, and the column."""
    return {alias: name for name, column in table.columns.items() for alias in (name, *column.aliases)} | {name: name for name in (VALID_FROM, *(table.joined or ())[1:])}


def nearest(name: str, known: Mapping[str, str]) -> str | None:
    """The column whose name or alias a misspelt name is nearest to."""
    plain = {other.replace("_", "").replace("-", ""): own for other, own in known.items()}
    found = difflib.get_close_matches("".join(ch for ch in name if ch.isalnum()), plain, 1, 0.82)
    return plain[found[0]] if found else None


def stray(folder: Path, tables: Iterable[type[ReferenceTable]], faults: list[Fault], warnings: list[str]) -> None:
    """Names the files of a folder that are no table's: a fault where one was meant, a warning for other CSV and JSON files."""
    files = {table.file: table for table in tables}
    names = {alias: table.file for table in files.values() for alias in (table.file, table.name)}
    read = ", ".join(f"{file}.csv" for file in files)
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        faults.append(Fault(str(folder), "", "", "wanted a readable folder", error.strerror or type(error).__name__))
        return
    for path in paths:
        if path.name.startswith((".", "~")) or path.suffix.lower() not in LIKELY:
            continue
        if path.stem in files and path.suffix in {".csv", ".json"}:
            if not path.is_file():
                faults.append(Fault(str(path), "", "", "wanted a readable file", "a link to nowhere or a folder"))
            continue
        near = difflib.get_close_matches(path.name.lower().partition(".")[0], names, 1, 0.75)
        if near:
            faults.append(Fault(str(path), "", "", f"wanted one of {read} (or .json)", f"{path.name}; did you mean {names[near[0]]}.csv?"))
        elif path.suffix in {".csv", ".json"}:
            warnings.append(f"{path}: not read; the tables are {read} (or .json)")


LIKELY = {".csv", ".json", ".txt", ".tsv", ".xls", ".xlsx", ".gz", ".jsonl", ".zip"}
"""Endings of files that may have been meant as a table."""

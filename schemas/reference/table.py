"""A reference table: rows by key, each valid from a moment on; a join takes the row valid at the record's event time."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.codes import NULL, keep
from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Ints = npt.NDArray[np.int64]
ColumnKind = Literal["text", "int", "float", "bool", "date", "list"]
ALWAYS = -(2**62)
TRUE, FALSE = {"true", "1", "yes", "y", "t"}, {"false", "0", "no", "n", "f", ""}
UNKNOWN: dict[ColumnKind, Any] = {"text": 0, "int": NULL, "float": float("nan"), "bool": False, "date": NULL, "list": ()}
DTYPES: dict[ColumnKind, Any] = {"text": np.int64, "int": np.int64, "float": np.float64, "bool": bool, "date": np.int64, "list": object}


class ReferenceFault(KairosFault):
    """Reference files cannot be used; the text lists every fault of every file: file:line: what, wanted, got."""


class Column(NamedTuple):
    """A column of a file: its kind, and other names it is known by."""

    kind: ColumnKind
    aliases: tuple[str, ...] = ()
    required: bool = False


class Row(NamedTuple):
    """A row of a file and where it stood."""

    where: str
    values: dict[str, Any]


class Table:
    """Rows sorted by key and moment. Behind the last row stands one of unknown values, which row -1 reads."""

    name: ClassVar[str]
    file: ClassVar[str]
    key: ClassVar[str]
    columns: ClassVar[dict[str, Column]]

    def __init__(self, rows: Iterable[Row], faults: list[str]) -> None:
        read = [(row.where, self._read(row, faults)) for row in rows]
        good = sorted((values for _, values in read if values is not None), key=lambda values: (values[self.key], values["valid_from"]))
        self.size = len(good)
        self.keys = np.array([values[self.key] for values in good], np.int64)
        self.valid_from = np.array([values["valid_from"] for values in good], np.int64)
        self.data: dict[str, npt.NDArray[Any]] = {}
        for name, column in self.columns.items():
            array = np.empty(self.size + 1, DTYPES[column.kind])
            array[: self.size] = [values[name] for values in good] if column.kind != "list" else None
            array[self.size] = None if column.kind == "list" else UNKNOWN[column.kind]
            if column.kind == "list":
                for at, values in enumerate(good):
                    array[at] = values[name]
                array[self.size] = ()
            self.data[name] = array
        self.versions = int(np.unique(self.keys, return_counts=True)[1].max(initial=0))

    def _read(self, row: Row, faults: list[str]) -> dict[str, Any] | None:
        values = {}
        given = {name.strip().lower(): value for name, value in row.values.items() if name is not None}
        before = len(faults)
        for name, column in {**self.columns, "valid_from": Column("int")}.items():
            raw = next((given[alias] for alias in (name, *column.aliases) if alias in given), None)
            try:
                values[name] = moment(raw) if name == "valid_from" else value_of(column.kind, raw)
            except ValueError as error:
                faults.append(f"{row.where}: {name}: {error}")
                continue
            if (column.required or name == self.key) and (raw is None or raw == ""):
                faults.append(f"{row.where}: {name}: wanted a value, got none; columns are {', '.join(self.columns)}")
        return values if len(faults) == before else None

    def find(self, codes: Ints, times: Ints) -> Ints:
        """The row of each key valid at its time; -1 where there is none."""
        if not self.size:
            return np.full(len(codes), -1)
        row = np.searchsorted(self.keys, codes, side="left")
        found = (row < self.size) & (self.keys[np.minimum(row, self.size - 1)] == codes)
        row = np.where(found, row, -1)
        found &= self.valid_from[row] <= times
        best = np.where(found, row, -1)
        for _ in range(self.versions - 1):
            following = np.minimum(row + 1, self.size - 1)
            newer = (row >= 0) & (following > row) & (self.keys[following] == codes) & (self.valid_from[following] <= times)
            row = np.where((row >= 0) & (following > row) & (self.keys[following] == codes), following, row)
            best = np.where(newer, following, best)
        return best

    def get(self, column: str, codes: Ints, times: Ints) -> npt.NDArray[Any]:
        """A column for keys at times; unknown keys give unknown values."""
        return self.data[column][self.find(codes, times)]


def value_of(kind: ColumnKind, raw: Any) -> Any:
    """A cell of a file as a value. Raises ValueError: wanted, got."""
    if raw is None or raw == "":
        return UNKNOWN[kind]
    text = str(raw).strip()
    match kind:
        case "text":
            return keep(text)
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "date":
            return (date.fromisoformat(text[:10]) - date(1970, 1, 1)).days
        case "list":
            items = raw if isinstance(raw, list) else json.loads(text) if text.startswith("[") else text.replace("|", ";").split(";")
            return tuple(keep(str(item).strip()) for item in items if str(item).strip())
        case "bool":
            if text.lower() in TRUE | FALSE:
                return text.lower() in TRUE
            raise ValueError(f"wanted true or false, got {text!r}")


def moment(raw: Any) -> int:
    """Epoch ms of an RFC 3339 time, a date (its midnight UTC) or epoch ms; no value is always."""
    if raw is None or raw == "":
        return ALWAYS
    text = str(raw).strip()
    if text.lstrip("-").isdigit():
        return int(text)
    parsed = datetime.fromisoformat(text)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def read_rows(path: Path, faults: list[str]) -> Iterator[Row]:
    """The rows of a CSV file with a header, or of a JSON list of objects."""
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".json":
            listed = json.loads(text)
            if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                raise ValueError("wanted a list of objects")  # one place says so
            yield from (Row(f"{path}[{number}]", item) for number, item in enumerate(listed))
        else:
            reader = csv.DictReader(text.splitlines())
            yield from (Row(f"{path}:{number}", {name: cell for name, cell in values.items() if name}) for number, values in enumerate(reader, 2))
    except (OSError, ValueError, csv.Error) as error:
        faults.append(f"{path}: {error}")

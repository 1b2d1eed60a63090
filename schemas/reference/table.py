"""A reference table: rows by key, each valid from a moment on; a join takes the row valid at the record's event time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.columns import Ints
from schemas.reference.fault import Fault
from schemas.reference.reading import VALID_FROM
from schemas.reference.values import UNKNOWN, CellFault, ColumnKind, Rule, moment, text_in, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.reference.reading import Row

Truths = npt.NDArray[np.int8]
"""1 true, 0 false, UNSURE."""
DTYPES: dict[ColumnKind, Any] = {"text": np.int64, "int": np.int64, "float": np.float64, "bool": np.int8, "date": np.int64, "list": object}


class Column(NamedTuple):
    """A column of a file: its kind, other names it is known by, what its values must be, and what it says.

    `required`: no cell may be empty. `needed`: a file without the column is refused.
    """

    kind: ColumnKind
    aliases: tuple[str, ...] = ()
    required: bool = False
    needed: bool = False
    rule: Rule | None = None
    about: str = ""


class Versions:
    """Which of several rows of a key is valid at a moment: the one that began last. Sorted by key and moment."""

    def __init__(self, keys: Ints, valid_from: Ints) -> None:
        self.keys, self.valid_from, self.size = keys, valid_from, len(keys)
        self.most = int(np.unique(keys, return_counts=True)[1].max(initial=0))

    def find(self, codes: Ints, times: Ints) -> Ints:
        """The row of each key valid at its time; -1 where there is none."""
        if not self.size:
            return np.full(len(codes), -1)
        first = low = np.searchsorted(self.keys, codes, side="left")
        high = np.searchsorted(self.keys, codes, side="right")
        for _ in range(self.most.bit_length()):
            left = low < high
            middle = (low + high) // 2
            begun = left & (self.valid_from[np.minimum(middle, self.size - 1)] <= times)
            low = np.where(begun, middle + 1, low)
            high = np.where(left & ~begun, middle, high)
        return np.where(low > first, low - 1, -1)

    def ends(self) -> Ints:
        """The moment at which each row's validity ends: the beginning of its key's next row, else the end of time."""
        ends = np.full(self.size, 2**62, np.int64)
        same = self.keys[1:] == self.keys[:-1]
        ends[:-1][same] = self.valid_from[1:][same]
        return ends


class ReferenceTable:
    """Rows sorted by key and moment. The last row holds unknown values, which row -1 reads."""

    name: ClassVar[str]
    file: ClassVar[str]
    key: ClassVar[str]
    columns: ClassVar[dict[str, Column]]
    joined: ClassVar[tuple[str, str, str] | None] = None
    """A column that two columns of the file may be given for: `A-B`, or A where B is empty."""
    unique: ClassVar[tuple[str, ...]] = ()
    """Columns by which rows of one key and moment differ; the key alone when empty."""

    def __init__(self, rows: Iterable[Row], faults: list[Fault]) -> None:
        places: dict[tuple[Any, ...], str] = {}
        read = []
        for row in rows:
            values = self._read(row, faults)
            if values is None:
                continue
            moment_of = tuple(values[name] for name in (*(self.unique or (self.key,)), VALID_FROM))
            if moment_of in places:
                wanted = f"wanted one row for each {' and '.join(self.unique or (self.key,))} and valid_from"
                faults.append(Fault(row.file, row.place, self.key, wanted, f"that of {places[moment_of].strip(':')} again"))
            places[moment_of] = row.place
            read.append(values)
        good = sorted(read, key=lambda values: (values[self.key], values[VALID_FROM]))
        self.size = len(good)
        self.versions = Versions(np.array([values[self.key] for values in good], np.int64), np.array([values[VALID_FROM] for values in good], np.int64))
        self.keys, self.valid_from = self.versions.keys, self.versions.valid_from
        self.data: dict[str, npt.NDArray[Any]] = {}
        for name, column in self.columns.items():
            values_of = [values[name] for values in good]
            self.data[name] = np.empty(self.size + 1, DTYPES[column.kind])
            for at, value in enumerate([*values_of, None]):
                self.data[name][at] = UNKNOWN[column.kind] if value is None else value

    def _read(self, row: Row, faults: list[Fault]) -> dict[str, Any] | None:
        """The values of a row, None where a cell is empty; None for a row with a fault."""
        values: dict[str, Any] = {}
        before = len(faults)
        for name, column in self.columns.items():
            raw = row.values.get(name)
            try:
                empty = raw is None if column.kind == "list" else not text_in(raw)
                values[name] = None if empty else value_of(column.kind, raw, column.rule)
            except CellFault as fault:
                faults.append(cell_fault(row, name, raw, fault))
                continue
            if empty and (column.required or name == self.key):
                faults.append(Fault(row.file, row.place, name, "wanted a value", "an empty cell"))
        try:
            values[VALID_FROM] = moment(row.values.get(VALID_FROM))
        except CellFault as fault:
            faults.append(cell_fault(row, VALID_FROM, row.values.get(VALID_FROM), fault))
        if len(faults) == before:
            self.check(row, values, faults)
        return values if len(faults) == before else None

    def check(self, row: Row, values: dict[str, Any], faults: list[Fault]) -> None:
        """Rules about several columns of a row, of the tables that have some."""

    def find(self, codes: Ints, times: Ints) -> Ints:
        """The row of each key valid at its time; -1 where there is none."""
        return self.versions.find(codes, times)

    def get(self, column: str, codes: Ints, times: Ints) -> npt.NDArray[Any]:
        """A column for keys at times; unknown keys give unknown values."""
        return self.data[column][self.find(codes, times)]


def cell_fault(row: Row, name: str, raw: Any, fault: CellFault) -> Fault:
    """The fault of one cell."""
    hint = f" ({fault.hint})" if fault.hint else ""
    return Fault(row.file, row.place, name, fault.wanted, f"{str(raw)[:80]!r}{hint}")

"""A reference table: rows by key, each valid from a moment on; a join takes the row valid at the record's event time."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.columns import Ints
from schemas.reference.fault import Fault
from schemas.reference.reading import VALID_FROM
from schemas.reference.texts import LONGEST, PackedTexts, Packing
from schemas.reference.values import ALWAYS, UNKNOWN, CellFault, ColumnKind, Rule, moment, text_in, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.reference.reading import Row

Truths = npt.NDArray[np.int8]
"""1 true, 0 false, UNSURE."""
DTYPES: dict[ColumnKind, Any] = {"text": np.int64, "int": np.int64, "float": np.float64, "bool": np.int8, "date": np.int64, "list": object}

FOREVER = 2**62
MOST_KNOWN = 10_000
"""So many texts of a column are not read twice."""


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
    ids: bool = False
    """Whether there may be as many texts as rows: they are packed (`texts.py`)."""


class CellReader:
    """The cells of one column, read one by one into an array."""

    def __init__(self, about: Column, packing: Packing) -> None:
        self.about, self.packing = about, packing
        self.known: dict[str, Any] = {}
        """Texts that came before, and what they mean."""
        self.kept: Kept = Kept(about.kind)

    def value(self, raw: Any) -> Any:
        """A cell as a value; None for an empty one. Raises CellFault."""
        if isinstance(raw, str) and raw in self.known:
            return self.known[raw]
        kind = self.about.kind
        if raw is None if kind == "list" else not (text := text_in(raw)):
            return None
        if self.about.ids:
            if len(text) > LONGEST // 4:
                raise CellFault(f"wanted a text of at most {LONGEST // 4:,} characters")
            if (rule := self.about.rule) is not None and not rule.fits(text):
                raise CellFault(f"wanted {rule.wanted}", rule.hint(text) if rule.hint else "")
            return self.packing.add(text)
        value = value_of(kind, raw, self.about.rule)
        if isinstance(raw, str) and len(self.known) < MOST_KNOWN:
            self.known[raw] = value
        return value

    def column(self) -> npt.NDArray[Any]:
        """All values, and behind them the unknown one."""
        return self.kept.column()


class Kept:
    """Values of one kind in an array, None as the unknown one; lists as objects."""

    def __init__(self, kind: ColumnKind) -> None:
        self.kind, self.unknown = kind, UNKNOWN[kind]
        self.values: Any = [] if kind == "list" else array(np.dtype(DTYPES[kind]).char.replace("l", "q"))

    def append(self, value: Any) -> None:
        """Take one value."""
        self.values.append(self.unknown if value is None else value)

    def column(self) -> npt.NDArray[Any]:
        """All values, and behind them the unknown one."""
        self.append(None)
        if self.kind != "list":
            return np.frombuffer(self.values, DTYPES[self.kind]).copy()
        column = np.empty(len(self.values), object)
        column[:] = self.values
        return column


class Versions:
    """Which of several rows of a key is valid at a moment: the one that began last. Sorted by key and moment."""

    def __init__(self, keys: Ints, valid_from: Ints) -> None:
        self.keys, self.valid_from, self.size = keys, valid_from, len(keys)
        self.behind = np.searchsorted(keys, keys, side="right")
        """Where the rows with the key of each row end."""
        self.most = int(np.unique(keys, return_counts=True)[1].max(initial=0))

    def find(self, codes: Ints, times: Ints) -> Ints:
        """The row of each key valid at its time; -1 where there is none."""
        if not self.size:
            return np.full(len(codes), -1)
        first = low = np.searchsorted(self.keys, codes, side="left")
        place = np.minimum(first, self.size - 1)
        high = np.where(self.keys[place] == codes, self.behind[place], first)
        for _ in range(self.most.bit_length()):
            left = low < high
            middle = (low + high) // 2
            begun = left & (self.valid_from[np.minimum(middle, self.size - 1)] <= times)
            low = np.where(begun, middle + 1, low)
            high = np.where(left & ~begun, middle, high)
        return np.where(low > first, low - 1, -1)

    def ends(self) -> Ints:
        """The moment at which each row's validity ends: the beginning of its key's next row, else the end of time."""
        ends = np.full(self.size, FOREVER, np.int64)
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
        packing = Packing()
        read = {name: CellReader(column, packing) for name, column in self.columns.items()}
        begins, places = array("q"), array("q")
        file, form = "", ":{}"
        for row in rows:
            values = self._read(row, read, faults)
            if values is None:
                continue
            for name, value in values.items():
                (begins if name == VALID_FROM else read[name].kept).append(value)
            places.append(int(row.place.strip(":[]") or 0))
            file, form = row.file, "[{}]" if row.place.startswith("[") else ":{}"
        self.size = len(places)
        found, moments = {name: cells.column() for name, cells in read.items()}, np.frombuffer(begins, np.int64)
        self._refuse_repeats(found, moments, np.frombuffer(places, np.int64), file, form, faults)
        order = np.lexsort((moments, found[self.key][:-1]))
        rows_of = np.append(order, self.size)
        self.data: dict[str, npt.NDArray[Any]] = {name: column[rows_of] for name, column in found.items()}
        self.versions = Versions(self.data[self.key][:-1], moments[order])
        self.keys, self.valid_from = self.versions.keys, self.versions.valid_from
        self.texts = PackedTexts(packing)

    def _refuse_repeats(self, found: dict[str, npt.NDArray[Any]], moments: Ints, places: Ints, file: str, form: str, faults: list[Fault]) -> None:
        """Add a fault for each row whose key and moment an earlier row has."""
        names = self.unique or (self.key,)
        columns = [*(found[name][:-1] for name in names), moments]
        order = np.lexsort(columns)
        same = np.ones(max(0, self.size - 1), bool)
        for column in columns:
            same &= column[order[1:]] == column[order[:-1]]
        again = order[1:][same]
        earlier = order[:-1][same]
        wanted = f"wanted one row for each {' and '.join(names)} and valid_from"
        for row, before in sorted(zip(again.tolist(), earlier.tolist(), strict=True)):
            faults.append(Fault(file, form.format(places[row]), self.key, wanted, f"that of {form.format(places[before]).strip(':')} again"))

    def _read(self, row: Row, read: dict[str, CellReader], faults: list[Fault]) -> dict[str, Any] | None:
        """The values of a row, None where a cell is empty; None for a row with a fault."""
        values: dict[str, Any] = {}
        before, given = len(faults), row.values.get
        for name, cells in read.items():
            raw = given(name)
            try:
                values[name] = cells.value(raw)
            except CellFault as fault:
                faults.append(cell_fault(row, name, raw, fault))
                continue
            if values[name] is None and (cells.about.required or name == self.key):
                faults.append(Fault(row.file, row.place, name, "wanted a value", "an empty cell"))
        try:
            values[VALID_FROM] = moment(raw) if (raw := given(VALID_FROM)) else ALWAYS
        except CellFault as fault:
            faults.append(cell_fault(row, VALID_FROM, row.values.get(VALID_FROM), fault))
        if len(faults) == before:
            self.check(row, values, faults)
        return values if len(faults) == before else None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read back: the keys stand in memory once."""
        self.__dict__.update(state)
        self.keys = self.versions.keys = self.data[self.key][:-1]

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

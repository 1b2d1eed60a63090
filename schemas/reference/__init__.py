"""Reference data: tables that the rules join to the raw records. Given files replace the built-in tables; columns: `docs/reference-data.md`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import text_of
from schemas.reference.cell import Cells
from schemas.reference.city import Cities
from schemas.reference.device import Devices
from schemas.reference.fault import Fault, ReferenceFault, summary
from schemas.reference.holiday import Holidays
from schemas.reference.line import Lines
from schemas.reference.offering import Offerings
from schemas.reference.plmn import Plmns
from schemas.reference.reading import Row, read_rows, stray
from schemas.reference.tier import Tiers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.reference.table import ReferenceTable

TABLES: tuple[type[ReferenceTable], ...] = (Cells, Cities, Plmns, Offerings, Devices, Holidays, Lines, Tiers)
SHOWN = 5
BUILT_IN = Path(__file__).parent / "data"


class Reference:
    """All reference tables of an installation, with the faults of their files and what is odd but usable."""

    def __init__(self, folder: Path | None, country: str) -> None:
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self.sources: dict[str, str] = {}
        """Of each table: the file it was read from, `built-in`, or `none`."""
        if folder is not None and not folder.is_dir():
            raise ReferenceFault(f"reference: wanted a folder, got {folder}")
        if folder is not None:
            stray(folder, TABLES, self.faults, self.warnings)
        self.cell = Cells(self._rows(Cells, folder), self.faults)
        self.city = Cities(self._rows(Cities, folder), self.faults)
        self.plmn = Plmns(self._rows(Plmns, folder), self.faults, country, default=self.sources["plmn"] == "built-in")
        self.offering = Offerings(self._rows(Offerings, folder), self.faults)
        self.device = Devices(self._rows(Devices, folder), self.faults)
        self.holiday = Holidays(self._rows(Holidays, folder), self.faults, country, default=self.sources["holiday"] == "none")
        self.line = Lines(self._rows(Lines, folder), self.faults)
        self.tier = Tiers(self._rows(Tiers, folder), self.faults)
        if self.sources["holiday"] == "none":
            self.sources["holiday"] = "built-in"
        self._compare_cities()

    @classmethod
    def load(cls, folder: Path | None = None, *, country: str = "CN") -> Reference:
        """The tables of `folder` (cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv, tiers.csv, or .json), each optional.

        Raises ReferenceFault with all kinds of faults of all files.
        """
        reference = cls(folder, country)
        if reference.faults:
            raise ReferenceFault("\n".join(summary(reference.faults)))
        return reference

    def is_empty(self, name: str) -> bool:
        """Whether a table has no rows; the packaged holidays are none."""
        table: ReferenceTable = getattr(self, name)
        return not table.size

    def missing(self) -> list[str]:
        """The names of the tables that are neither given nor built in: what is joined to them is unknown."""
        return [name for name, source in self.sources.items() if source == "none"]

    def _rows(self, table: type[ReferenceTable], folder: Path | None) -> Iterator[Row]:
        """The rows of a table: from the folder's file, else from the built-in one, else none."""
        paths = [path for suffix in ("csv", "json") if folder is not None and (path := folder / f"{table.file}.{suffix}").is_file()]
        if len(paths) > 1:
            self.faults.append(Fault(str(paths[0]), "", "", "wanted one file for each table", f"{paths[0].name} and {paths[1].name}"))
        if paths:
            self.sources[table.name] = str(paths[0])
            return read_rows(paths[0], table, self.faults, self.warnings)
        built_in = BUILT_IN / f"{table.file}.csv"
        self.sources[table.name] = "built-in" if built_in.is_file() else "none"
        if not built_in.is_file():
            return iter(())
        return read_rows(built_in, table, self.faults, self.warnings)

    def _compare_cities(self) -> None:
        """Names the cities of cells and lines that the table of cities does not have: a fault where it has none of the cells' at all."""
        for table, column in ((self.cell, "city_code"), (self.line, "home_city")):
            asked = np.setdiff1d(table.data[column], [0])
            unknown = asked[~np.isin(asked, self.city.keys)]
            if not len(unknown):
                continue
            names = ", ".join(sorted(text_of(city) for city in unknown.tolist())[:SHOWN]) + (", …" if len(unknown) > SHOWN else "")
            of = self.sources["city"] if self.sources["city"] != "built-in" else "the built-in table of cities"
            says = f"{len(unknown)} of {len(asked)} cities are not in {of}"
            file = self.sources[table.name]
            if len(unknown) == len(asked) and table is self.cell and self.sources["city"] != "built-in" and not self.faults:
                self.faults.append(Fault(file, "", column, f"wanted codes of {of}", f"none of them: {names}"))
            else:
                self.warnings.append(f"{file}: {column}: {says}; their name, distance and `tourist` are unknown: {names}")


__all__ = ["TABLES", "Reference", "ReferenceFault"]

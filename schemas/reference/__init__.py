"""Reference data: what the rules join to the raw records (`docs/records.md`). Files given replace the built-in tables."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from schemas.reference.cell import Cells
from schemas.reference.city import Cities
from schemas.reference.device import Devices
from schemas.reference.holiday import Holidays
from schemas.reference.line import Lines
from schemas.reference.offering import Offerings
from schemas.reference.plmn import Plmns
from schemas.reference.table import ReferenceFault, Row, Table, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Reference:
    """All reference tables of an installation."""

    def __init__(self, folder: Path | None, country: str) -> None:
        faults: list[str] = []
        if folder is not None and not folder.is_dir():
            raise ReferenceFault(f"reference: wanted a folder, got {folder}")
        self.cell = Cells(rows_of(Cells, folder, faults), faults)
        self.city = Cities(rows_of(Cities, folder, faults), faults)
        self.plmn = Plmns(rows_of(Plmns, folder, faults), faults, country, default=given(Plmns, folder) is None)
        self.offering = Offerings(rows_of(Offerings, folder, faults), faults)
        self.device = Devices(rows_of(Devices, folder, faults), faults)
        self.holiday = Holidays(rows_of(Holidays, folder, faults), faults, country, default=given(Holidays, folder) is None)
        self.line = Lines(rows_of(Lines, folder, faults), faults)
        if faults:
            raise ReferenceFault("\n".join(faults))

    @classmethod
    def load(cls, folder: Path | None = None, *, country: str = "CN") -> Reference:
        """The tables of `folder` (cells.csv, cities.csv, plmn.csv, offerings.csv, devices.csv, holidays.csv, lines.csv, or .json), each optional.

        Raises ReferenceFault with all faults of all files.
        """
        return cls(folder, country)

    def is_empty(self, name: str) -> bool:
        """Whether a table has no rows."""
        table: Table = getattr(self, name)
        return not table.size


def given(table: type[Table], folder: Path | None) -> Path | None:
    """The file of `folder` for a table, if there is one."""
    if folder is None:
        return None
    return next((path for suffix in ("csv", "json") if (path := folder / f"{table.file}.{suffix}").is_file()), None)


def rows_of(table: type[Table], folder: Path | None, faults: list[str]) -> Iterator[Row]:
    """The rows of a table: from the folder's file, else from the built-in one, else none."""
    path = given(table, folder)
    if path is not None:
        yield from read_rows(path, faults)
        return
    built_in = resources.files("schemas.reference") / "data" / f"{table.file}.csv"
    if built_in.is_file():
        with resources.as_file(built_in) as file:
            yield from read_rows(file, faults)


__all__ = ["Reference", "ReferenceFault"]

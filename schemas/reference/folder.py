"""The files of a reference folder as a look at them shows: which have changed, whether they may still be written, and what of the rows is new."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.reference import TABLES
from schemas.reference.reading import LIKELY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from schemas.columns import Ints
    from schemas.reference import Reference
    from schemas.reference.table import ReferenceTable

RESTED_NS = 2_000_000_000
"""A file that was put there whole has not been written for so long."""


class File(NamedTuple):
    """A file at a look: its number in the file system, when it was last written (ns since 1970), and its bytes."""

    inode: int
    written_ns: int
    size: int


Files = dict[str, File]


def files_of(folder: Path) -> Files:
    """The files of a folder that are tables or may have been meant as one. Of a folder that cannot be read: none."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if is_meant(entry.name) and entry.is_file()]
    except OSError:
        return {}
    return {name: File(stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in sorted(found)}


def is_meant(name: str) -> bool:
    """Whether a start reads a file of this name, or says something about it."""
    return not name.startswith((".", "~")) and PurePath(name).suffix.lower() in LIKELY


def missing(before: Files, now: Files) -> list[str]:
    """The tables' files that were there and have been deleted."""
    given = {table: {f"{table}.csv", f"{table}.json"} for table in (table.file for table in TABLES)}
    return sorted(name for names in given.values() for name in names & before.keys() if not names & now.keys())


class Looks:
    """Looks at a folder, one after the other. `used`: the files of the tables in use."""

    def __init__(self, used: Files) -> None:
        self.used, self.last = used, used
        self.refused: Files | None = None
        """The files that were refused."""

    def changed(self, now: Files, now_ns: int) -> bool:
        """Whether the folder has come to rest with other files than those that were used or refused last: they can be read now.

        A file that has appeared, has been written or is gone counts once two looks show the same; one that took the place of another (a
        rename) counts at once, when it has not been written for RESTED_NS.
        """
        last, self.last = self.last, now
        if now == self.used:
            self.refused = None
        if now in (self.used, self.refused):
            return False
        return all(name in now and (now[name] == last.get(name) or replaced(last.get(name), now[name], now_ns)) for name in {*now, *last})

    def hurry(self, now_ns: int) -> bool:
        """Whether a file has taken the place of another just now: the next look is due in RESTED_NS."""
        return any(name in self.used and file.inode != self.used[name].inode and abs(now_ns - file.written_ns) < RESTED_NS for name, file in self.last.items())


def replaced(before: File | None, now: File, now_ns: int) -> bool:
    """Whether a file took the place of another, and has not been written for a while."""
    return before is not None and before.inode != now.inode and now_ns - now.written_ns >= RESTED_NS


class Difference(NamedTuple):
    """The rows of a table that another version of it adds, changes and removes; a row is known by its key and its `valid_from`."""

    added: int
    changed: int
    removed: int


def differences(before: Reference, after: Reference) -> Iterator[tuple[str, Difference]]:
    """The files of the tables whose rows differ, and how."""
    for table in TABLES:
        found = difference(getattr(before, table.name), getattr(after, table.name))
        if any(found):
            yield table.file, found


def difference(before: ReferenceTable, after: ReferenceTable) -> Difference:
    """How the rows of a table differ from those of its version before."""
    old, new = pairs(before, after)
    differ = np.zeros(len(old), bool)
    for name, column in before.columns.items():
        one, other = before.data[name][old], after.data[name][new]
        same = one == other
        if column.kind == "float":
            same |= np.isnan(one) & np.isnan(other)
        differ |= ~np.asarray(same, bool)
    return Difference(after.size - len(new), int(np.count_nonzero(differ)), before.size - len(old))


def pairs(before: ReferenceTable, after: ReferenceTable) -> tuple[Ints, Ints]:
    """The rows that both versions have: their places in the one and in the other."""
    names = before.unique or (before.key,)
    columns: list[Any] = [np.concatenate([before.data[name][:-1], after.data[name][:-1]]) for name in names]
    columns.append(np.concatenate([before.valid_from, after.valid_from]))
    order = np.lexsort(columns)  # of equal rows the older version's comes first
    same = np.ones(max(0, len(order) - 1), bool)
    for column in columns:
        same &= column[order[1:]] == column[order[:-1]]
    return order[:-1][same], order[1:][same] - before.size


def rows(reference: Reference) -> Mapping[str, int]:
    """The rows of each table by the name of its file."""
    return {table.file: getattr(reference, table.name).size for table in TABLES}

"""Moving columns from the state of one engine into another's: by table key, part and name, through the rows' stored form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.engine.state.codec import Layout, StateRefused
from streams.engine.state.tables import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.engine.state.follower import Follower
    from streams.engine.state.store import State
    from streams.engine.state.tables import Rows, Table

MOST_ROWS = 50_000
"""Rows that are encoded at a time."""


class Choice(NamedTuple):
    """Which columns are moved. `takes(part, column)`: the name of the column there, None: it is left. `named(part)`: the name of a part there."""

    takes: Callable[[str, str], str | None]
    named: Callable[[str], str]


def graft(target: State, source: State, choice: Choice) -> int:
    """Replace the chosen columns of `target`, of all its rows, by those of `source`: empty where that has none. Returns the rows of parts that changed.

    What changed comes with the next `changes` of `target`. Raises StateRefused where a column is of another kind there.
    """
    count = 0
    customers = target.table("customer")
    for place, table in target.tables.items():
        other = source.tables.get(place)
        for part in table.parts.values():
            names = {name: found for name in (*part.columns, *part.texts) if (found := choice.takes(part.name, name)) is not None}
            if names:
                count += Move(table, part, names, customers).take(other, None if other is None else other.parts.get(part.name))
        for follower in table.followers:
            whole = {name: found for name in follower.column_names() if (found := choice.takes(follower.part_name, name)) is not None}
            if len(whole) == len(follower.column_names()) and whole:
                wanted = choice.named(follower.part_name)
                count += Move(table, follower, whole, customers).take(other, next((one for one in (other.followers if other else ()) if one.part_name == wanted), None))
    for table in target.tables.values():
        table.all_restored()
    return count


class Move:
    """One part, or one follower, into which `names` are moved: its own names, and what they are called in the source."""

    def __init__(self, table: Table, home: Part | Follower, names: dict[str, str], customers: Table) -> None:
        self.table, self.home, self.names, self.customers = table, home, names, customers
        self.own = {there: name for name, there in names.items()}

    def take(self, other: Table | None, source: Part | Follower | None) -> int:
        """Empty the columns, then load what `source` holds of them. Returns the number of rows that are not as before."""
        before = self._encoded()
        self._empty(np.array(list(before), np.int32))
        if other is not None and source is not None:
            rows = other.live().nonzero()[0].astype(np.int32)
            layout = self._renamed(source)
            for begin in range(0, len(rows), MOST_ROWS):
                self._load(other, rows[begin : begin + MOST_ROWS], source, layout)
        after = self._encoded()
        changed = [row for row in before.keys() | after.keys() if before.get(row) != after.get(row)]
        self.home.touch(np.array(changed, np.int32))
        return len(changed)

    def _load(self, other: Table, rows: Rows, source: Part | Follower, layout: Layout) -> None:
        """Load the rows of `source` in which something is kept."""
        strings, gone = source.encode(rows)
        kept = (~gone).nonzero()[0]
        if len(kept):
            self.home.load(self.table.restore_rows(other.key_strings(rows[kept]), self.customers), layout, strings.some(kept))

    def _encoded(self) -> dict[int, bytes]:
        """The rows in which something is kept, as they are stored."""
        rows = self.table.live().nonzero()[0].astype(np.int32)
        found: dict[int, bytes] = {}
        for begin in range(0, len(rows), MOST_ROWS):
            own = rows[begin : begin + MOST_ROWS]
            found |= {row: value for row, value in zip(own.tolist(), self.home.encode(own).listed(), strict=True) if value is not None}
        return found

    def _empty(self, rows: Rows) -> None:
        """Empty the columns in `rows`."""
        if not isinstance(self.home, Part):
            self.home.clear(rows)
            return
        for name in self.names.keys() & self.home.columns.keys():
            self.home.columns[name].values[rows] = 0
        for name in self.names.keys() & self.home.texts.keys():
            self.home.texts[name][rows] = b""

    def _renamed(self, source: Part | Follower) -> Layout:
        """The layout of `source` with the names of here, and without what is not taken. Raises StateRefused."""
        stored = source.layout if isinstance(source, Part) else source.layout()
        mine = self.home.layout if isinstance(self.home, Part) else self.home.layout()
        kinds = {name: (kind, length) for name, kind, length in mine.columns}
        for name, kind, length in stored.columns:
            wanted = kinds.get(self.own.get(name, ""))
            if wanted is not None and wanted != (kind, length):
                raise StateRefused(f"state {mine.part}: column {self.own[name]}: wanted {wanted[0]}[{wanted[1]}], got {kind}[{length}]: name all events that share it")
        return hidden(stored, self.own) if isinstance(source, Part) else stored


def hidden(layout: Layout, names: dict[str, str]) -> Layout:
    """`layout` with other names, under which what has none in `names` is passed over when it is read."""
    columns = tuple((names.get(name, f"\x00{name}"), kind, length) for name, kind, length in layout.columns)
    return Layout(layout.part, columns, tuple(names.get(name, f"\x00{name}") for name in layout.texts))

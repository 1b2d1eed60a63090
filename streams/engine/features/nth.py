"""P5 nth: the n-th record of a kind in the life of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.primitive import Home, Primitive, Runtime

if TYPE_CHECKING:
    from streams.engine.batch import Group, Matches, World
    from streams.engine.expression import Expr, Ints, Output


class Nth(Primitive):
    """The ordinal of a record is one of `ordinals`. A late record is counted, but is never the n-th itself."""

    code = "P5"

    def __init__(self, records: type, wanted: Expr, same: tuple[Expr, ...], ordinals: tuple[int, ...]) -> None:
        super().__init__()
        self.records, self.wanted, self.same, self.ordinals = records, wanted, same, ordinals

    @property
    def ordinal(self) -> Output:
        """Which one it is, from 1."""
        return self.output("ordinal", "int")

    def outputs(self) -> dict[str, Output]:
        return {"ordinal": self.ordinal}

    def condition(self) -> Expr:
        return self.wanted

    def warm_after_ms(self, world: World) -> int | None:
        return None

    def bind(self, home: Home) -> NthColumns:
        return NthColumns(self, home)


class NthColumns(Runtime):
    """State: how many there were. Counting stops behind the last ordinal asked for, so a busy key writes nothing more."""

    def __init__(self, declared: Nth, home: Home) -> None:
        super().__init__(declared, home)
        self.ordinals = declared.ordinals
        self.count = self.table.column(f"{declared.name}.count", "int")
        self.table.matters_for(None)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows = self.scope.rows(group, idx)
        running = self.count.values[rows] < max(self.ordinals)
        idx, rows = idx[running], rows[running]
        ordinal = self.count.values[rows] + 1
        self.count.values[rows] = ordinal
        self.count.part.touch(rows)
        hit = np.flatnonzero(np.isin(ordinal, self.ordinals) & ~group.late(idx))
        return {"reached": self.matches(group, idx[hit], rows[hit], {"ordinal": ordinal[hit]})}

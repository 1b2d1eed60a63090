"""P10 change: a value differs from the last one known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.primitive import Home, Primitive, Runtime, Signal

if TYPE_CHECKING:
    from streams.engine.batch import Group, Matches
    from streams.engine.expression import Expr, Ints, Output


class Change(Primitive):
    """`value` of a record differs from the value before; reported as `before`.

    The value before is the one the record itself names (`old`), else the last one seen (unless `remember` is off), else
    `initially`, which is assumed, so `before` is unknown then. Without any the first value is silent. Unknown values and late
    records change nothing.
    """

    code = "P10"

    def __init__(self, records: type, wanted: Expr, value: Expr, *, old: Expr | None, initially: Expr | None, remember: bool) -> None:
        super().__init__()
        self.records, self.wanted, self.value, self.old, self.initially, self.remember = records, wanted, value, old, initially, remember

    @property
    def before(self) -> Output:
        """The value before."""
        return self.output("before", self.value.kind, nullable=self.initially is not None, domain=self.value.domain)

    @property
    def moved(self) -> Signal:
        """The value changed."""
        return Signal(self, "changed")

    def outputs(self) -> dict[str, Output]:
        return {"before": self.before}

    def condition(self) -> Expr:
        return self.wanted & self.value.known()

    def bind(self, home: Home) -> ChangeColumns:
        return ChangeColumns(self, home)


class ChangeColumns(Runtime):
    """State: the last value (0 = none)."""

    def __init__(self, declared: Change, home: Home) -> None:
        super().__init__(declared, home)
        self.change = declared
        self.last = self.table.column(f"{declared.name}.last", "text") if declared.remember else None
        self.table.matters_for(None)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        idx = idx[~group.late(idx)]
        rows = self.scope.rows(group, idx)
        value = group.at(self.change.value, idx)
        before = np.zeros(len(idx), np.int64)
        if self.last is not None:
            last = self.last.values[rows]
            before = np.where(last != 0, last, before)
            moved = np.flatnonzero(last != value)
            self.last.values[rows[moved]] = value[moved]
            self.last.part.touch(rows[moved])
        if self.change.old is not None:
            old = group.at(self.change.old, idx)
            before = np.where(old != 0, old, before)
        assumed = before
        if self.change.initially is not None:
            assumed = np.where(before != 0, before, group.at(self.change.initially, idx))
        hit = np.flatnonzero((assumed != 0) & (assumed != value))
        return {"changed": self.matches(group, idx[hit], rows[hit], {"before": before[hit]})}

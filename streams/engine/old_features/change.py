"""P10 change: a value differs from the last one known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import known
from streams.engine.features.primitive import Home, Primitive, Runtime, Signal

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Group, Matches
    from streams.engine.expression import Expr, Output
    from streams.engine.state.tables import Rows


class Change(Primitive):
    """`value` of a record differs from the value before; reported as `before`.

    The value before is the one the record itself names (`old`), else the last one seen (unless `remember` is off), else
    `initially`, which is assumed, so `before` is unknown then. Without any of them the first value reports nothing. Unknown values and late
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

    def bind(self, home: Home) -> ChangeRuntime:
        return ChangeRuntime(self, home)


class ChangeRuntime(Runtime):
    """State: the last value. A text is 0 where there is none; of other kinds a flag says whether there is one."""

    def __init__(self, declared: Change, home: Home) -> None:
        super().__init__(declared, home)
        self.change = declared
        self.is_text = declared.value.kind == "text"
        name = f"{declared.name}.last"
        self.last = (self.table.column(name, "text") if self.is_text else self.table.column(f"{name}_value", "int")) if declared.remember else None
        self.seen = self.table.column(f"{name}_seen", "flag") if declared.remember and not self.is_text else None
        home.matters_for(self.table, None)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        idx = idx[~group.late(idx)]
        rows = self.scope.rows(group, idx)
        value = group.at(self.change.value, idx)
        before = np.full(len(idx), 0 if self.is_text else NULL, np.int64)
        if self.last is not None:
            last = self._last(rows)
            before = np.where(self._known(last), last, before)
            self._remember(rows, last, value)
        if self.change.old is not None:
            old = group.at(self.change.old, idx)
            before = np.where(known(self.change.old, old), old, before)
        assumed = before
        if self.change.initially is not None:
            assumed = np.where(self._known(before), before, group.at(self.change.initially, idx))
        hit = np.flatnonzero(self._known(assumed) & (assumed != value))
        return {"changed": self.matches(group, idx[hit], rows[hit], {"before": before[hit]})}

    def _known(self, values: Ints) -> Bools:
        return np.asarray(values != (0 if self.is_text else NULL))

    def _last(self, rows: Rows) -> Ints:
        assert self.last is not None  # the caller has checked
        last: Ints = self.last.values[rows]
        return last if self.seen is None else np.where(self.seen.values[rows] != 0, last, NULL)

    def _remember(self, rows: Rows, last: Ints, value: Ints) -> None:
        assert self.last is not None  # the caller has checked
        moved = np.flatnonzero(last != value)
        self.last.values[rows[moved]] = value[moved]
        if self.seen is not None:
            self.seen.values[rows[moved]] = 1
        self.last.part.touch(rows[moved])

"""P3 window over the civil day so far: a running sum, compared with steps when a record adds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import keep
from schemas.columns import DAY_MS
from streams.engine.batch import Matches
from streams.engine.expression import expr, known
from streams.engine.features.primitive import Home, Primitive, Runtime
from streams.engine.features.sums import plus

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, World
    from streams.engine.expression import Expr, Operand, Output
    from streams.engine.state.tables import Column


class DayTotal(Primitive):
    """The sum of the known values of `value` (>= 0) over the civil day so far.

    `passes(…)`: the highest step that the record itself passes is reported; a step is passed once a day, since the sum only
    grows. `reaches(mark)`: every record at which the sum is at the mark or above; the rule's re-arm word says how often.
    A late record adds to the sum of its day while that day is the current one, and is not evaluated itself. With `per` (an enum
    field) a sum for each of its values is kept as well, and `top` is the value with the largest; of equal ones the first in the alphabet.
    """

    code = "P3"

    def __init__(self, records: type, wanted: Expr, same: tuple[Expr, ...], value: Expr) -> None:
        super().__init__()
        self.records, self.wanted, self.same, self.value = records, wanted, same, value
        self.steps: tuple[Expr, ...] = ()
        self.passing = True
        self.per: Expr | None = None
        self.labels: tuple[str, ...] = ()

    def passes(self, *steps: Operand) -> DayTotal:
        """True on a record that passes one of the steps."""
        self.steps = tuple(expr(step) for step in steps)
        return self

    def reaches(self, mark: Operand) -> DayTotal:
        """True on a record at which the sum is at `mark` or above."""
        self.steps, self.passing = (expr(mark),), False
        return self

    @property
    def total(self) -> Output:
        """The sum of the day, this record included."""
        return self.output("total", "int", unit=self.value.unit)

    @property
    def step(self) -> Output:
        """The step passed."""
        return self.output("step", "int", unit=self.value.unit)

    def top(self, field: Expr, labels: tuple[str, ...]) -> Output:
        """The value of enum `field`, one of `labels`, with the largest sum of the day."""
        self.per, self.labels = field, tuple(sorted(labels))
        return self.output("top", "text", domain=self.labels)

    def outputs(self) -> dict[str, Output]:
        return {"total": self.total, "step": self.step}

    def condition(self) -> Expr:
        return self.wanted

    def warm_after_ms(self, world: World) -> int | None:
        return DAY_MS

    def bind(self, home: Home) -> DayTotalRuntime:
        return DayTotalRuntime(self, home)


class DayTotalRuntime(Runtime):
    """State: the day, its sum, and its sums by label."""

    def __init__(self, declared: DayTotal, home: Home) -> None:
        super().__init__(declared, home)
        self.total = declared
        self.day = self.table.column(f"{declared.name}.day", "int")
        self.sum = self.table.column(f"{declared.name}.sum", "int")
        self.parts: dict[str, Column] = {label: self.table.column(f"{declared.name}.sum.{label}", "int") for label in declared.labels}
        self.codes = np.array([keep(label) for label in declared.labels], np.int64)
        home.matters_for(self.table, DAY_MS)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows = self.scope.rows(group, idx)
        day = self.world.calendar.day(group.time[idx], group.zone(self.scope.by, idx))
        stored = self.day.values[rows]
        misdated = stored > day + self.home.jump_ms // DAY_MS
        current = (day >= stored) | misdated
        fresh = rows[(day > stored) | misdated]
        idx, rows, day = idx[current], rows[current], day[current]
        self.day.values[rows] = day
        for column in (self.sum, *self.parts.values()):
            column.values[fresh] = 0
        value = group.at(self.total.value, idx)
        value = np.where(known(self.total.value, value), value, 0)
        before = self.sum.values[rows]
        after = plus(before, value)
        self.sum.values[rows] = after
        self.sum.part.touch(rows)
        if self.total.per is not None:
            label = group.at(self.total.per, idx)
            for number, column in zip(self.codes, self.parts.values(), strict=True):
                of = label == number
                column.values[rows[of]] = plus(column.values[rows[of]], value[of])
        step = self._passed(before, after)
        hit = np.flatnonzero((step != 0) & ~group.late(idx))
        return {"passed": self.matches(group, idx[hit], rows[hit], {"total": after[hit], "step": step[hit], **self._top(rows[hit])})}

    def _passed(self, before: Ints, after: Ints) -> Ints:
        """The highest step in (before, after], or just up to `after`; 0 for none."""
        step = np.zeros(len(before), np.int64)
        passing = np.bool_(self.total.passing)
        for node in self.total.steps:
            mark = int(node.evaluate(Matches.nothing(self.world)))
            step = np.where((mark <= after) & ((before < mark) | ~passing), np.maximum(step, mark), step)
        return step

    def _top(self, rows: Any) -> dict[str, Ints]:
        if not self.parts:
            return {}
        sums = np.stack([column.values[rows] for column in self.parts.values()], axis=1)
        return {"top": self.codes[np.argmax(sums, axis=1)]}

"""P5 nth: the n-th record of a kind in the life of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.primitive import Home, Primitive, Runtime
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches, World
    from streams.engine.expression import Expr, Output


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

    def bind(self, home: Home) -> NthRuntime:
        return NthRuntime(self, home)


class NthRuntime(Runtime):
    """State: how many there were. Counting stops after the last ordinal asked for, so a busy key writes nothing more."""

    def __init__(self, declared: Nth, home: Home) -> None:
        super().__init__(declared, home)
        self.ordinals = declared.ordinals
        self.count = self.table.column(f"{declared.name}.count", "int")
        self.count.lifelong = True
        self.memory = self.count.place, Memory(count_to=max(self.ordinals))
        self.state = home.state
        self.state.remembers(*self.memory)
        home.matters_for(self.table, None)

    def restored(self) -> None:
        """A key at the end of the old count may have had more records: it is past every ordinal asked for now."""
        place, mine = self.memory
        before = self.state.memory_before.get(place, mine).count_to
        if before is not None and before < max(self.ordinals):
            rows = np.flatnonzero(self.count.values >= before).astype(np.int32)
            self.count.values[rows] = max(self.ordinals)
            self.count.part.touch(rows)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows = self.scope.rows(group, idx)
        running = self.count.values[rows] < max(self.ordinals)
        idx, rows = idx[running], rows[running]
        ordinal = self.count.values[rows] + 1
        self.count.values[rows] = ordinal
        self.count.part.touch(rows)
        hit = np.flatnonzero(np.isin(ordinal, self.ordinals) & ~group.late(idx))
        return {"reached": self.matches(group, idx[hit], rows[hit], {"ordinal": ordinal[hit]})}

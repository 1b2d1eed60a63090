"""P2 cross: a level enters a region; armed again only when it has left far enough (hysteresis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.primitive import Home, Primitive, Runtime

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches
    from streams.engine.expression import Expr, Output


class Cross(Primitive):
    """`enter` holds on a record while armed: `entered`, and un-armed until `release` holds on a later record: `released`.

    Late records change nothing: they carry no newer level.
    """

    code = "P2"

    def __init__(self, records: type, wanted: Expr, enter: Expr, release: Expr) -> None:
        super().__init__()
        self.records, self.wanted, self.enter, self.release = records, wanted, enter, release

    @property
    def since(self) -> Output:
        """When the level entered the region, epoch ms; reported with `released`."""
        return self.output("since", "time")

    def condition(self) -> Expr:
        return self.wanted & (self.enter | self.release)

    def bind(self, home: Home) -> CrossRuntime:
        return CrossRuntime(self, home)


class CrossRuntime(Runtime):
    """State: since when un-armed, epoch ms; 0 while armed."""

    def __init__(self, declared: Cross, home: Home) -> None:
        super().__init__(declared, home)
        self.enter, self.release = declared.enter, declared.release
        self.since = self.table.column(f"{declared.name}.unarmed_since", "time")
        home.matters_for(self.table, None)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        idx = idx[~group.late(idx)]
        rows = self.scope.rows(group, idx)
        since = self.since.values[rows]
        armed = since == 0
        entered = np.flatnonzero(armed & group.at(self.enter, idx))
        released = np.flatnonzero(~armed & group.at(self.release, idx))
        self.since.values[rows[entered]] = group.time[idx[entered]]
        self.since.values[rows[released]] = 0
        self.since.part.touch(rows[entered])
        self.since.part.touch(rows[released])
        return {
            "entered": self.matches(group, idx[entered], rows[entered], {}),
            "released": self.matches(group, idx[released], rows[released], {"since": since[released]}),
        }

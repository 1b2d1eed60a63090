"""P1 match: a record satisfies a condition on its own fields and reference data. No state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.features.primitive import Home, Primitive, Runtime

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches
    from streams.engine.expression import Expr


class Match(Primitive):
    """Every record of a type for which `wanted` holds; late records are evaluated like others."""

    code = "P1"

    def __init__(self, records: type, wanted: Expr) -> None:
        super().__init__()
        self.records, self.wanted = records, wanted

    def condition(self) -> Expr:
        return self.wanted

    def bind(self, home: Home) -> MatchRuntime:
        return MatchRuntime(self, home)


class MatchRuntime(Runtime):
    """All records that pass the condition are matches."""

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        return {"matched": self.matches(group, idx, self.scope.rows(group, idx), {})}

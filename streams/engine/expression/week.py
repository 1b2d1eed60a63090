"""ISO weeks in rules: the Monday that a civil day's week begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import NULL
from streams.engine.expression.evaluate import Column
from streams.engine.expression.nodes import Expr
from streams.engine.expression.types import KIND_WORDS, DefinitionFault

if TYPE_CHECKING:
    from streams.engine.expression.evaluate import Array, Env
    from streams.engine.expression.types import ValueKind

MONDAY_OFFSET = 3
"""1970-01-01 was a Thursday."""


class Week(Expr):
    """The Monday of the ISO week of a civil day.

    >>> from streams.engine.expression.leaves import EventDay
    >>> Week(EventDay())
    <Week week of day>
    """

    kind: ValueKind = "date"

    def __init__(self, of: Expr) -> None:
        if of.kind != "date":
            raise DefinitionFault(f"week of {of}: wanted a civil day, got {KIND_WORDS[of.kind]}; of a moment take the .date first")
        self.of, self.nullable = of, of.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.of,)

    def column(self, env: Env) -> Column:
        days, known = self.of.column(env)
        return Column(monday(days)) if known is None else Column(np.where(known, monday(np.where(known, days, 0)), NULL), known)

    def __str__(self) -> str:
        return f"week of {self.of}"


def monday(days: Array) -> Array:
    """The Mondays of the ISO weeks of civil days.

    >>> monday(np.array([0, 3, 4, 10])).tolist()  # Thursday 1970-01-01, Sunday, Monday, Sunday
    [-3, -3, 4, 4]
    """
    found: Array = days - (days + MONDAY_OFFSET) % 7
    return found


__all__ = ["Week", "monday"]

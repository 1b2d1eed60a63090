"""How many lines a customer or an account has at a moment: the active ones, or all that were not terminated (`docs/semantics.md` §1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.expression import Reading
from streams.engine.stage import Stage

if TYPE_CHECKING:
    from streams.engine.active_lines import ActiveLines
    from streams.engine.batch import Batch
    from streams.engine.expression import ValueKind
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Rows


class LineCount(Reading):
    """How many lines the customer or account of a rule has, the record that reads it taken in.

    >>> str(LineCount(active=True)), str(LineCount(active=False))
    ('active_lines', 'own_lines')
    """

    kind: ValueKind = "int"
    unit = "lines"

    def __init__(self, *, active: bool) -> None:
        self.active = active

    def key(self) -> object:
        return ("LineCount", self.active)

    def canonical(self, value_of: ValueOf) -> str:
        del value_of
        return str(self)

    def __str__(self) -> str:
        return "active_lines" if self.active else "own_lines"


active_lines = LineCount(active=True)
"""Active: their last status says so; without any they have sent a record, or the reference table has them with an activation date that has come."""
own_lines = LineCount(active=False)
"""The same, and suspended ones: all that were not terminated."""


class LineCountStage(Stage):
    """Counts lines at the happenings of one stage."""

    def __init__(self, lines: ActiveLines, reader: FlowStage, by: str) -> None:
        super().__init__(lines, reader)
        self.lines, self.reader, self.by = lines, reader, by
        lines.accounts |= by == "account"
        self.read: dict[object, LineCount] = {}

    def run(self, batch: Batch) -> None:
        del batch
        flow = self.reader.flow
        customers, times = flow.rows("customer").tolist(), flow.time.tolist()
        accounts = self._accounts(flow.rows("account")) if self.by == "account" else None
        for key, node in self.read.items():
            found = np.zeros(flow.n, np.int64)
            for place, at in enumerate(flow.at.tolist()):
                lines = self.lines.of(customers[place], at, times[place], suspended=not node.active)
                found[place] = len(lines) if accounts is None else sum(one.account == accounts[place] for one in lines)
            flow.put(key, found)

    def _accounts(self, rows: Rows) -> list[int]:
        """The codes of the accounts of rows."""
        codes: list[int] = self.lines.home.state.table("account").map.keys[rows, 1].tolist()
        return codes


__all__ = ["LineCount", "LineCountStage", "active_lines", "own_lines"]

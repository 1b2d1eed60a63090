"""What every line and customer has, with any rules installed: the end of a line, and marketing consent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import code
from streams.engine.features.primitive import Days, Home, Primitive, Span, TimedRuntime

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches
    from streams.engine.state.tables import Rows

STATE_KEPT = Days(7)
STATUS, OWNER, CONSENT = code("line.status"), code("line.owner"), code("customer.marketing_consent")
TERMINATED, ACTIVE = code("terminated"), code("active")


class Lifecycle(TimedRuntime):
    """A terminated line loses its timers at once and its state after 7 days; line rules ignore its further records.

    The mark of a terminated line stays, so that a record that comes months later still finds it, until the line is active again:
    within the 7 days it keeps its state, later only what happens once in a life. A line that changes its owner loses its state
    at once: the record of the change has the old owner's key, the records after it have the new one's.
    """

    part = "life"

    def __init__(self, home: Home) -> None:
        declared = Primitive()
        declared.adopt("line.end", "line")
        super().__init__(declared, home)
        self.home = home
        self.ended = self.table.column("line.terminated", "flag", part=self.part)
        self.consent = home.state.table("customer").column("marketing_consent", "text", part="consent")
        self.timers: list[TimedRuntime] = []

    def note_consent(self, group: Group, idx: Ints) -> None:
        """Update marketing consent, before any rule sees the record."""
        idx = idx[(group.field("attribute")[idx] == CONSENT) & ~group.late(idx)]
        rows = group.rows("customer")[idx]
        self.consent.values[rows] = group.field("new_value")[idx]
        self.consent.part.touch(rows)

    def note_restored(self, group: Group, idx: Ints) -> None:
        """Remove the mark of terminated lines that are active again, before any rule sees the record."""
        rows = group.rows("line")[idx]
        back = (rows >= 0) & ~group.late(idx) & (group.field("attribute")[idx] == STATUS) & (group.field("new_value")[idx] == ACTIVE)
        rows = rows[back]
        rows = rows[self.ended.values[rows] != 0]
        self.ended.values[rows] = 0
        self.disarm(rows)

    def note_ends(self, group: Group, idx: Ints) -> None:
        """Apply the end of lines and changes of owner, after the rules of the record."""
        attribute = group.field("attribute")[idx]
        rows = group.rows("line")[idx]
        on_line = (rows >= 0) & ~group.late(idx)
        ends = np.flatnonzero(on_line & (attribute == STATUS) & (group.field("new_value")[idx] == TERMINATED))
        ended = rows[ends]
        fresh = ends[self.ended.values[ended] == 0]
        ended = rows[fresh]
        for timer in self.timers:
            if timer.table is self.table:
                timer.disarm(ended)
        self.ended.values[ended] = 1
        self.ended.part.touch(ended)
        self.arm(ended, Span(STATE_KEPT).after(self.world, group.time[idx[fresh]], group.zone("line", idx[fresh])))
        self._forget(rows[np.flatnonzero(on_line & (attribute == OWNER))], lifelong=True)

    def _forget(self, rows: Rows, *, lifelong: bool) -> None:
        """Drop the state of lines, finer rows too; what says that a line is terminated stays, and without `lifelong` what happens once."""
        if not len(rows):
            return
        self.table.forget(rows, lifelong=lifelong, kept=self.ended.part)
        for table in self.home.state.tables.values():
            if table.kin is not None and table.kin.base is self.table:
                finer = table.kin.rows_of(rows)
                if table.has_lifelong and not lifelong:
                    table.forget(finer, lifelong=False)
                else:
                    table.release(finer)

    def fire(self, rows: Rows, due: Ints, zone: Ints | int) -> dict[str, Matches]:
        self.disarm(rows)
        self._forget(rows, lifelong=False)
        return {}

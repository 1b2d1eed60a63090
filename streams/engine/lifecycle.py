"""What every line and customer has, with any rules installed: the end of a line, and marketing consent.

A terminated line loses its timers at once and its state after 7 days; line rules ignore its further records. The mark stays, so that
a record that comes months later still finds it, until the line is active again: within the 7 days it keeps its state, later only
what happens once in a life. A line that changes its owner loses its state at once: the record of the change has the old owner's
key, the records after it have the new one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import code, texts_behind
from streams.engine.batch import PROCESSED, TERMINATED, Reset, Return, Status
from streams.engine.stage import STATE_CHANGE, STATUS, TERMINATED_LINE
from streams.engine.state.codec import SEPARATOR

if TYPE_CHECKING:
    from collections import Counter

    from schemas.columns import Ints
    from streams.engine.batch import Batch, Group
    from streams.engine.home import Home
    from streams.engine.state.tables import Rows

KEPT_DAYS = 7
CONSENTS = "consent"
OWNER, CONSENT, ACTIVE = code("line.owner"), code("customer.marketing_consent"), code("active")


class Change(NamedTuple):
    """A record about a line: its position, the line's row, its time, and whether the line ends, goes on, or changes hands."""

    position: int
    row: int
    time: int
    what: int


class Lifecycle:
    """State: the mark of a terminated line, when its state is dropped, the newest status; the consent of a customer and its time."""

    part = "life"

    def __init__(self, home: Home, counters: Counter[str]) -> None:
        self.home, self.world, self.counters = home, home.world, counters
        self.lines, self.customers = home.state.touched("line", self.part), home.state.touched("customer", CONSENTS)
        lines, customers = self.lines, self.customers
        self.ended = lines.column("line.terminated", "flag", part=self.part)
        self.due = lines.column("line.end.due", "time", part=self.part)
        self.newest = lines.column("line.status.newest", "time", part=self.part)
        self.consent = customers.column("marketing_consent", "text", part=CONSENTS)
        self.consent_at = customers.column("marketing_consent.newest", "time", part=CONSENTS)
        self.ending: dict[int, int] = {}
        """Terminated lines whose state is still there, and when it is dropped."""
        self.any_ended = False
        self.given: dict[int, list[tuple[int, int]]] = {}
        """Consents of this batch by customer row: position and code, in order, after the one before the batch at position -1."""

    def restored(self) -> None:
        """The state has been read back."""
        rows = self.due.values.nonzero()[0]
        self.ending = dict(zip(self.lines.base_row[rows].tolist(), self.due.values[rows].tolist(), strict=True))
        self.any_ended = bool(self.ended.values.any())

    def earliest(self) -> int | None:
        """When the next state of a line is dropped, epoch ms."""
        return min(self.ending.values(), default=None)

    def follow(self, batch: Batch) -> None:
        """Set `ended`, `resets` and `statuses` of the batch, and the fate of records of ended lines."""
        group = batch.groups.get(STATE_CHANGE)
        self.given.clear()
        if group is not None:
            self._take_consents(batch, group)
        changes = self._changes(batch, group) if group is not None else []
        limit = int(batch.timer_clock[-1])
        if not changes and not self.any_ended and not self.ending:
            return
        lines = self._lines(batch)
        if self.any_ended:
            own = self.lines.there(lines)
            batch.ended = (own >= 0) & (self.ended.values[own] != 0)
        for row in [row for row, due in self.ending.items() if due <= limit or row in lines]:
            self._drop_in_time(batch, lines, row)
        for change in changes:
            self._apply(batch, lines, change)
        batch.resets.sort(key=lambda reset: (reset.position, reset.row))
        batch.fate[(batch.fate == PROCESSED) & batch.ended & (batch.kind != STATE_CHANGE)] = TERMINATED
        self.counters["terminated"] += int((batch.fate == TERMINATED).sum())

    def _lines(self, batch: Batch) -> Ints:
        lines = np.full(batch.n, -1, np.int64)
        for group in batch.groups.values():
            if group.has("subscription_id"):
                lines[group.position] = group.rows("line")
        return lines

    def _changes(self, batch: Batch, group: Group) -> list[Change]:
        attribute, value, rows = group.field("attribute"), group.field("new_value"), group.rows("line")
        wanted = (rows >= 0) & (batch.fate[group.position] == PROCESSED) & ((attribute == STATUS) | (attribute == OWNER))
        found = []
        for at in wanted.nonzero()[0].tolist():
            position, row, time = int(group.position[at]), int(rows[at]), int(group.time[at])
            if attribute[at] == OWNER:
                found.append(Change(position, row, time, OWNER))
                continue
            own = self.lines.row_of(row)
            if time < self.newest.values[own] <= time + self.home.jump_ms:
                continue
            if batch.believed[position]:
                self.newest.values[own] = time
                self.newest.part.dirty[own] = True
            batch.statuses.append(Status(position, row, int(value[at])))
            if value[at] in (TERMINATED_LINE, ACTIVE):
                found.append(Change(position, row, time, int(value[at])))
        return found

    def _apply(self, batch: Batch, lines: Ints, change: Change) -> None:
        position, row, time, what = change
        own = self.lines.row_of(row)
        behind = (lines == row).nonzero()[0]
        if what == OWNER:
            self.due.values[own] = 0
            self.ending.pop(row, None)
            batch.resets.append(Reset(position, row, timers_only=False, lifelong=True))
        elif what == ACTIVE and self.ended.values[own]:
            batch.ended[behind[behind >= position]] = False
            batch.returns.append(Return(position, row, time))
            batch.resets[:] = [reset for reset in batch.resets if reset.row != row or reset.timers_only or reset.lifelong or reset.position < position]
            self.ended.values[own] = self.due.values[own] = 0
            self.ending.pop(row, None)
        elif what == TERMINATED_LINE and not self.ended.values[own]:
            batch.ended[behind[behind > position]] = True
            self.ended.values[own] = 1
            zone = self.world.zones("line", np.array([code(self._line_id(row))]), np.array([time]))
            due = int(self.world.calendar.add_days(np.array([time]), KEPT_DAYS, zone)[0])
            self.due.values[own] = self.ending[row] = due
            self.any_ended = True
            batch.resets.append(Reset(position, row, timers_only=True, lifelong=False))
            self._drop_in_time(batch, lines, row, position + 1)
        self.ended.part.dirty[own] = True

    def _line_id(self, row: int) -> str:
        return self.world.tables["line"].key_text(row).rsplit(SEPARATOR, 1)[-1]

    def _drop_in_time(self, batch: Batch, lines: Ints, row: int, begin: int = 0) -> None:
        """Drop the state of a terminated line when its time has come within the batch: before its next later record, or by the clock."""
        due = self.ending[row]
        place = max(begin, int(batch.timer_clock.searchsorted(due)))
        later = ((lines == row) & (batch.time > due)).nonzero()[0]
        later = later[later >= begin]
        place = min(place, int(later[0])) if len(later) else place
        if place <= batch.n:
            batch.resets.append(Reset(place - 1, row, timers_only=False, lifelong=False))
            own = self.lines.row_of(row)
            self.due.values[own] = 0
            self.due.part.dirty[own] = True
            self.ending.pop(row)

    def _take_consents(self, batch: Batch, group: Group) -> None:
        wanted = (group.field("attribute") == CONSENT) & (batch.fate[group.position] == PROCESSED)
        rows, values = group.rows("customer"), group.field("new_value")
        for at in wanted.nonzero()[0].tolist():
            row, time, position = int(rows[at]), int(group.time[at]), int(group.position[at])
            own = self.customers.row_of(row)
            if time < self.consent_at.values[own] <= time + self.home.jump_ms:
                continue
            given = self.given.setdefault(row, [(-1, int(self.consent.values[own]))])
            given.append((position, int(values[at])))
            self.consent.values[own] = values[at]
            if batch.believed[position]:
                self.consent_at.values[own] = time
            self.consent.part.dirty[own] = True

    def has_ended(self, row: int) -> bool:
        """Whether the line with row `row` was terminated and is not active again."""
        own = int(self.lines.there(np.array([row], np.int32))[0])
        return own >= 0 and bool(self.ended.values[own])

    def consents(self, customers: Rows, at: Ints) -> list[str]:
        """The marketing consent of each customer as of place `at` (`flow.py`)."""
        own = self.customers.there(customers)
        now = np.where(own >= 0, self.consent.values[own], 0)
        for place, row in enumerate(customers.tolist() if self.given else ()):
            for position, value in self.given.get(row, ()):
                if 2 * position + 1 <= at[place]:
                    now[place] = value
        return texts_behind(now, "unknown")

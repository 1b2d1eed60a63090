"""Sessions: the one at hand of each key, as a dict of what it took in; other rules and frames ask for its id."""

from __future__ import annotations

from tests.reference.happening import DELAY_MS, Happening, Newest
from tests.reference.sources import Scalar
from tests.reference.values import value

KEPT_MS = 7 * 86_400_000


class Open:
    """The row of a session."""

    def __init__(self) -> None:
        self.newest = Newest()
        self.id: str | None = None
        self.starts: list[int] = []
        self.last = 0
        """The end of the last member on time."""
        self.members: dict[int, str | None] = {}
        """By mark, the session that each member was found to be of; None: of none."""


class Sessions(Scalar):
    def happen(self, cause: Happening) -> list[Happening]:
        source = self.source
        for on in self.rule.of(source.stream):
            self.take(on, self.row(self.place(on, source.stream.by_value), Open))
        for on in self.rule.happen(source.stream.source):
            on.sessions[self.id, self.rule.event.by] = (on.mark, self.of(on))
        return []

    def gap(self) -> int:
        length = self.source.gap.length
        return length if isinstance(length, int) else self.rule.reading.parameter(length)

    def take(self, on: Happening, row: Open) -> None:
        """One more member: of the session at hand, of a new one, or (late, and too far away) of none."""
        start = on.time if self.source.start is None else min(on.time, value(self.source.start, self.rule.view(on)))
        joins = row.id is not None and not self.is_over(row, start, on.time)
        late = row.newest.take(on.time, self.rule.reading.clock)
        if joins:
            row.starts.append(start)
        elif late:
            row.members[on.mark] = None
            return
        else:
            row.id, row.starts = f"{start:016x}", [start]
        row.members[on.mark] = row.id
        if not late:
            row.last = on.time

    def is_over(self, row: Open, start: int, end: int) -> bool:
        """Whether a member from `start` to `end` is too far from the session at hand, or that was closed by the clock."""
        until = row.last + self.gap()
        if end < min(row.starts) - self.gap() or start > until:
            return True
        if self.source.start is None:
            return bool(self.rule.reading.clock - DELAY_MS >= until)
        return end > until + KEPT_MS

    def of(self, on: Happening) -> str | None:
        """The session that a happening is of: as a member, else the one that is open at its time."""
        row = self.rule.table(self.id, self.rule.key(on)).get(self.place(on, self.source.stream.by_value))
        if row is None or row.id is None:
            return None
        own = [row.members[mark] for mark in on.own if mark in row.members]
        if own:
            return own[0]
        return row.id if min(row.starts) <= on.time <= row.last + self.gap() else None

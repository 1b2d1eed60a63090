"""P7 absence: something did not happen in time. A timer, set by the event before, cancelled by the awaited record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import TRUE
from streams.engine.features.primitive import Home, Primitive, Span, TimedRuntime
from streams.engine.state.members import Members
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches, World
    from streams.engine.expression import Expr, Output
    from streams.engine.state.tables import Rows


class Absence(Primitive):
    """After event `after`, no record with `unless` within `span` (inclusive): `due`, at the end of the span.

    A late record with `unless` counts when its own time is within the span; a late `after` sets no timer where a later one is known, or a
    record with `unless` in its span.
    """

    code = "P7"

    def __init__(self, after: type, records: type, unless: Expr, span: Span) -> None:
        super().__init__()
        self.after: type[Any] = after
        self.records, self.unless, self.span = records, unless, span

    @property
    def since(self) -> Output:
        """When `after` happened, epoch ms."""
        return self.output("since", "time")

    def outputs(self) -> dict[str, Output]:
        return {"since": self.since}

    def condition(self) -> Expr:
        return self.unless

    def warm_after_ms(self, world: World) -> int | None:
        return self.span.longest_ms(world)

    def bind(self, home: Home) -> AbsenceRuntime:
        return AbsenceRuntime(self, home)


class AbsenceRuntime(TimedRuntime):
    """State: when the event before happened, when its span ends, the record that set the timer; and when the awaited records of the last days came."""

    def __init__(self, declared: Absence, home: Home) -> None:
        super().__init__(declared, home)
        self.span = declared.span
        self.since = self.table.column(f"{declared.name}.since", "time", part=self.part)
        self.awaited = Members(self.table, f"{declared.name}.awaited", [])
        home.state.remembers(self.due.place, Memory(delay_ms=declared.span.longest_ms(home.world)))
        home.matters_for(self.table, None)

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows = self.scope.rows(group, idx)
        self.awaited.add(rows, group.time[idx], [], np.minimum(group.time[idx], group.clock(idx)) - self.home.late_limit_ms)
        due = self.due.values[rows]
        self.disarm(rows[(due != 0) & (group.time[idx] >= self.since.values[rows]) & (group.time[idx] <= due)])
        return {}

    def begin(self, matches: Matches, anchors: list[bytes]) -> None:
        """The event before happened: a new one replaces the one waited on, unless it is older."""
        since, texts = self.since.values[matches.rows], self.anchors.texts[self.anchor_name]
        newer = np.flatnonzero((matches.times >= since) | (since > matches.times + self.home.jump_ms))
        rows, times = matches.rows[newer], matches.times[newer]
        due = self.span.after(self.world, times, matches.zones if isinstance(matches.zones, int) else matches.zones[newer])
        self.disarm(rows)
        self.since.values[rows] = times
        waiting = np.flatnonzero(~self.awaited.any_between(rows, times, due))
        for row, at in zip(rows[waiting].tolist(), newer[waiting].tolist(), strict=True):
            texts[row] = anchors[at]
        self.arm(rows[waiting], due[waiting])

    def fire(self, rows: Rows, due: Ints, zone: Ints | int) -> dict[str, Matches]:
        since = self.since.values[rows]
        self.disarm(rows)
        return {"due": self.timer_matches(rows, due, zone, {"since": since})}


class Silence(Primitive):
    """After a record with `wanted`, no further one within `span`; only if there were some on `least` of the last `of_days` civil days.

    Each record sets the timer again, by the days up to itself. A late record that is later than the last one does the same.
    """

    code = "P7"

    def __init__(self, records: type, wanted: Expr, span: Span, least: int, of_days: int) -> None:
        super().__init__()
        if not 1 <= of_days <= DAYS_KEPT:
            raise ValueError(f"of: wanted 1 to {DAYS_KEPT} days, got {of_days}")
        self.records, self.wanted, self.span, self.least, self.of_days = records, wanted, span, least, of_days

    @property
    def since(self) -> Output:
        """When the last record was, epoch ms."""
        return self.output("since", "time")

    @property
    def active_days(self) -> Output:
        """On how many civil days there was one, of those looked at."""
        return self.output("active_days", "int")

    def outputs(self) -> dict[str, Output]:
        return {"since": self.since, "active_days": self.active_days}

    def condition(self) -> Expr:
        return self.wanted

    def warm_after_ms(self, world: World) -> int | None:
        return self.span.longest_ms(world) + self.of_days * DAY_MS

    def bind(self, home: Home) -> SilenceRuntime:
        return SilenceRuntime(self, home)


DAYS_KEPT = 62


class SilenceRuntime(TimedRuntime):
    """State: the last record's time, and a bit for each of the days up to it (bit 0 its own)."""

    def __init__(self, declared: Silence, home: Home) -> None:
        super().__init__(declared, home)
        self.silence = declared
        self.since = self.table.column(f"{declared.name}.since", "time", part=self.part)
        self.days = self.table.column(f"{declared.name}.days", "int", part=self.part)
        home.state.remembers(self.due.place, Memory(delay_ms=declared.span.longest_ms(home.world)))
        home.matters_for(self.table, None)
        self.window = (1 << declared.of_days) - 1

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        rows, times, zone = self.scope.rows(group, idx), group.time[idx], group.zone(self.scope.by, idx)
        calendar, since = self.world.calendar, self.since.values[rows]
        ahead = calendar.day(times, zone) - calendar.day(since, zone)
        days = self.days.values[rows]
        misdated = since > times + self.home.jump_ms
        newer = (times >= since) | misdated
        shifted = np.where(ahead <= DAYS_KEPT, days << np.clip(ahead, 0, DAYS_KEPT), 0) & KEPT | 1
        filled = days | np.where(-ahead <= DAYS_KEPT - 1, np.int64(1) << np.clip(-ahead, 0, DAYS_KEPT - 1), 0)
        days = np.where(misdated, 1, np.where(newer, shifted, filled))
        self.days.values[rows] = days
        self.since.part.touch(rows)
        newest = rows[newer]
        self.since.values[newest] = times[newer]
        enough = np.bitwise_count(days[newer] & self.window) >= self.silence.least
        due = self.silence.span.after(self.world, times[newer], zone if isinstance(zone, int) else zone[newer])
        self.arm(newest, np.where(enough, due, 0))
        self._anchor(group, idx[newer][enough], newest[enough])
        return {}

    def _anchor(self, group: Group, idx: Ints, rows: Rows) -> None:
        from streams.engine.identity import pack

        texts, records = self.anchors.texts[self.anchor_name], group.records
        for row, i in zip(rows.tolist(), idx.tolist(), strict=True):
            texts[row] = pack(records[i])

    def arm(self, rows: Rows, due: Ints) -> None:
        self.due.values[rows] = due
        self.due.part.touch(rows)
        real = due != 0
        self.table.arm(rows[real], due[real])

    def fire(self, rows: Rows, due: Ints, zone: Ints | int) -> dict[str, Matches]:
        self.disarm(rows)
        active = np.bitwise_count(self.days.values[rows] & self.window).astype(np.int64)
        return {"due": self.timer_matches(rows, due, zone, {"since": self.since.values[rows], "active_days": active})}


KEPT = (1 << (DAYS_KEPT + 1)) - 1
__all__ = ["TRUE", "Absence", "AbsenceRuntime", "Silence", "SilenceRuntime"]

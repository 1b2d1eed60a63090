"""Anniversaries. Before one record a row fires once at most; the next time is set behind it."""

from __future__ import annotations

from datetime import date, time
from functools import lru_cache
from typing import Any

from tests.reference.civil import at, civil_day, day_of_month
from tests.reference.happening import Happening, Newest
from tests.reference.timers import Timed
from tests.reference.values import value


@lru_cache(maxsize=10_000)
def anniversary(day: date, years: int, clock: int, zone: str) -> int:
    return at(day_of_month(day.year + years, day.month, day.day), time(clock // 3_600_000, clock // 60_000 % 60), zone)


class Year:
    """The row of a yearly date."""

    def __init__(self) -> None:
        self.newest = Newest()
        self.due: int | None = None
        self.anchor: Any = None
        self.day: Any = None
        self.next: int | None = None
        """The next time, while the record passes before which it fired."""
        self.parked: int | None = None
        """The next time, of an ended line."""


class Yearly(Timed):
    def see(self) -> None:
        for on in self.rule.of(self.source.first):
            place, view = self.place(on, self.source.first.by_value), self.rule.view(on)
            year = self.taken_in(place, Year)
            told = value(self.source.day, view)
            if told is None or year.newest.take(on.time, self.rule.reading.clock):
                continue
            near = civil_day(on.time, view.zone).year - told.year
            due = next(moment for years in range(max(1, near), 10_000) if (moment := self.moment(told, years, view)) >= on.time)
            if told == year.day and due in (year.due, year.next):
                continue
            year.anchor, year.day, year.next, year.parked = on, told, None, None
            self.arm(place, year, due)

    def moment(self, day: date, years: int, view: Any) -> int:
        """The anniversary in the zone of the key."""
        return anniversary(day, years, value(self.source.clock, view), view.zone)

    def years(self, day: date, moment: int, view: Any) -> int:
        """The anniversary that is nearest."""
        near = civil_day(moment, view.zone).year - day.year
        return min(range(near - 1, near + 2), key=lambda years: abs(self.moment(day, years, view) - moment))

    def fire(self, place: Any) -> Happening:
        year = self.rule.table(self.id, place[0])[place]
        due, anchor, day = year.due, year.anchor, year.day
        found = anchor.due(self.id, due)
        view = self.rule.view(found)
        years = self.years(day, due, view)
        self.arm(place, year, None)
        year.next = self.moment(day, years + 1, view)
        if self.rule.reading.within_record:
            self.rule.held.append((self.id, place))
        else:
            self.set_again(place)
        return found.said(self.id, years=years)

    def set_again(self, place: Any) -> None:
        year = self.rule.table(self.id, place[0]).get(place)
        if year is not None and year.next is not None:
            following, year.next = year.next, None
            self.arm(place, year, following)

    def cancel(self, place: Any) -> None:
        year = self.rule.table(self.id, place[0])[place]
        year.parked, year.next = year.due or year.next, None
        super().cancel(place)

    def begin_again(self, place: Any, year: Year, time: int) -> None:
        """The line is active again: the next anniversary counts."""
        while year.parked is not None and year.parked < time:
            view = self.rule.view(year.anchor.due(self.id, year.parked))
            year.parked = self.moment(year.day, self.years(year.day, year.parked, view) + 1, view)
        if year.parked is not None:
            self.arm(place, year, year.parked)
        year.parked = None

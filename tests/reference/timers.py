"""Absence and silence. A row says when it is due; the reading fires it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from streams.engine.features.place import PlaceSource
from streams.engine.sources import EventSource
from streams.engine.spans import Span
from tests.reference.civil import civil_day, midnight
from tests.reference.happening import Happening, Newest, before, misdated
from tests.reference.sources import Scalar
from tests.reference.values import fires, value


class Timed(Scalar):
    """A source whose happenings are timers."""

    timed = True

    def happen(self, cause: Happening) -> list[Happening]:
        self.see()
        return []

    def see(self) -> None:
        raise NotImplementedError

    def passed_by(self, on: Happening) -> bool:
        """Whether a record goes into the rows of these timers without being looked at here."""
        del on
        return False

    def taken_in(self, place: Any, new: Any) -> Any:
        """The row of a happening that goes into it."""
        self.rule.fed.add((self.id, place))
        return self.row(place, new)

    def arm(self, place: Any, row: Any, due: int | None) -> None:
        row.due = due
        self.rule.arm((self.id, place), due)

    def fire(self, place: Any) -> Happening:
        """The happening of a timer that is due."""
        row = self.rule.table(self.id, place[0])[place]
        due, anchor = row.due, row.anchor
        self.arm(place, row, None)
        return anchor.due(self.id, due)

    def cancel(self, place: Any) -> None:
        self.arm(place, self.rule.table(self.id, place[0])[place], None)


class Wait:
    """The row of an absence: the newest A, the one that is waited on, every awaited one."""

    def __init__(self) -> None:
        self.newest = Newest()
        self.due: int | None = None
        self.anchor: Any = None
        self.awaited: list[Happening] = []
        self.parked: int | None = None
        """The date of an ended line."""


class Absence(Timed):
    def passed_by(self, on: Happening) -> bool:
        """Of timers that a move of a place has set: a record of the place."""
        source = self.source.first.source
        while isinstance(source, EventSource):
            source = source.event.when.source
        if not isinstance(source, PlaceSource) or on.timed or on.event is not None or self.rule.key(on)[1] is None:
            return False
        reading, line = self.rule.reading, (on.customer, on.line)
        return bool(reading.places[id(source.place)].concerns(on)) and not (self.rule.event.by == "line" and line in reading.terminated)

    def call_off(self, source: Any) -> None:
        """Take in what was awaited, first: a record does not call off what it begins."""
        for on in self.rule.of(source.awaited):
            place = self.place(on, source.keys_of(source.awaited))
            wait = self.taken_in(place, Wait)
            wait.awaited.append(on)
            if wait.due is not None and before(wait.anchor, on) and on.time <= wait.due:
                self.arm(place, wait, None)

    def see(self) -> None:
        source = self.source
        self.call_off(source)
        for on in self.rule.of(source.first):
            place = self.place(on, source.keys_of(source.first))
            wait = self.taken_in(place, Wait)
            late = wait.newest.take(on.time, self.rule.reading.clock)
            waits = wait.due is not None and not source.latest and not misdated(wait.anchor.time, on.time)
            if late or waits:
                continue
            due = self.rule.view(on).end_of(source.span)
            if not any(before(on, one) and one.time <= due for one in wait.awaited):
                wait.anchor = on
                self.arm(place, wait, due)
            elif source.latest:
                self.arm(place, wait, None)


class Deadline(Absence):
    """The date of the newest A that names one."""

    def see(self) -> None:
        source = self.source
        if source.awaited is not None:
            self.call_off(source)
        for on in self.rule.of(source.first):
            place, view = self.place(on, source.keys_of(source.first)), self.rule.view(on)
            wait = self.taken_in(place, Wait)
            due = view.end_of(source.moment) if isinstance(source.moment, Span) else value(source.moment, view)
            if due is None or wait.newest.take(on.time, self.rule.reading.clock):
                continue
            until = None if source.until is None else value(source.until, view)
            if until is not None and due < on.time < until:
                due = on.time
            called_off = any(before(on, one) and one.time <= due for one in wait.awaited)
            wait.anchor = on
            self.arm(place, wait, None if due < on.time or called_off else due)

    def cancel(self, place: Any) -> None:
        wait = self.rule.table(self.id, place[0])[place]
        wait.parked = wait.due
        super().cancel(place)

    def begin_again(self, place: Any, wait: Any, time: int) -> None:
        """The line is active again."""
        if wait.parked is not None and wait.parked >= time:
            self.arm(place, wait, wait.parked)
        wait.parked = None


class Quiet:
    """The row of a silence."""

    def __init__(self) -> None:
        self.newest = Newest()
        self.due: int | None = None
        self.anchor: Any = None


class Silence(Timed):
    def see(self) -> None:
        source = self.source
        for on in self.rule.of(source.stream):
            place = self.place(on, source.stream.by_value)
            quiet = self.taken_in(place, Quiet)
            if quiet.newest.take(on.time, self.rule.reading.clock):
                continue
            quiet.anchor = on
            view = self.rule.view(on)
            self.arm(place, quiet, view.end_of(source.span) if source.given is None or fires(source.given, view) else None)


class Closing:
    """The row of weeks that close."""

    def __init__(self) -> None:
        self.newest = Newest()
        self.due: int | None = None
        self.anchor: Any = None
        self.closed: int | None = None
        self.parked = False
        """Whether it waits for its line to come back."""


class WeekCloses(Timed):
    def see(self) -> None:
        stream = self.source.stream
        for on in self.rule.of(stream):
            place = self.place(on, stream.by_value)
            row = self.taken_in(place, Closing)
            if row.newest.take(on.time, self.rule.reading.clock):
                continue
            astray = row.anchor is not None and misdated(row.anchor.time, on.time)
            row.anchor = on
            if row.closed is not None and misdated(row.closed, on.time):
                row.closed = None
            if row.due is None or astray:
                row.parked = False
                self.arm(place, row, self.next_close(row))

    def next_close(self, row: Closing) -> int | None:
        """The first Monday after the last close that the anchor names."""
        view = self.rule.view(row.anchor)
        day = civil_day(row.anchor.time, view.zone)
        for _ in range(value(self.source.number, view)):
            day += timedelta(days=7 - day.weekday())
            moment = midnight(day, view.zone)
            if row.closed is None or moment > row.closed:
                return moment
        return None

    def cancel(self, place: Any) -> None:
        self.rule.table(self.id, place[0])[place].parked = True
        super().cancel(place)

    def begin_again(self, place: Any, row: Closing, time: int) -> None:
        """The line is active again: the weeks that end from then on close."""
        if row.parked:
            row.parked, row.closed = False, max(row.closed or 0, time - 1)
            self.arm(place, row, self.next_close(row))

    def fire(self, place: Any) -> Happening:
        row = self.rule.table(self.id, place[0])[place]
        on = super().fire(place)
        row.closed = on.time
        self.arm(place, row, self.next_close(row))
        return on

"""One definition at work, on one cause at a time: which of its happenings there are, what its frames hold, whether it is an event."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from streams.engine.expression import EventDay, Period
from streams.engine.features.absence import AbsenceSource
from streams.engine.features.active import Active
from streams.engine.features.deadline import DeadlineSource
from streams.engine.features.each_line import EachLineSource
from streams.engine.features.frame import Ever, Feature
from streams.engine.features.level import CrossingSource
from streams.engine.features.line_count import LineCount
from streams.engine.features.moves import MoveSource
from streams.engine.features.pair import Earlier, PairSource
from streams.engine.features.past import Past
from streams.engine.features.place import PlaceReading, PlaceSource
from streams.engine.features.previous import Previous
from streams.engine.features.reach import ReachSource
from streams.engine.features.seen import FirstSeen
from streams.engine.features.session import Closed, SessionId, SessionSource
from streams.engine.features.silence import SilenceSource
from streams.engine.features.stretch import Consecutive
from streams.engine.features.week_closes import WeekCloseSource
from streams.engine.features.yearly import YearlySource
from streams.engine.rearm import Cool, OncePer, Reset
from streams.engine.sources import EventSource, Of, RecordSource, UnionSource
from streams.engine.streams import Stream
from tests.reference.civil import shown
from tests.reference.frames import ABOUT, Row
from tests.reference.happening import Happening, Seen
from tests.reference.previous import make_room
from tests.reference.rearm import Marks
from tests.reference.sessions import Sessions
from tests.reference.sources import Crossing, EachLine, Moves, Pair, Reach
from tests.reference.timers import Absence, Deadline, Silence, Timed, WeekCloses
from tests.reference.values import all_known, all_true, fires, value
from tests.reference.view import View, argument_of, features_of, place_of
from tests.reference.yearly import Yearly

SCALAR = {
    EachLineSource: EachLine,
    CrossingSource: Crossing,
    ReachSource: Reach,
    MoveSource: Moves,
    PairSource: Pair,
    AbsenceSource: Absence,
    DeadlineSource: Deadline,
    SilenceSource: Silence,
    WeekCloseSource: WeekCloses,
    SessionSource: Sessions,
    Closed: Silence,
    YearlySource: Yearly,
}


STATEFUL = Feature | Earlier | Of | PlaceReading | SessionId | FirstSeen | LineCount
"""What reads more than the record at hand."""
ENDS = {("line.status", "terminated"), ("line.port", "out_done")}
"""What a line rule still sees of a terminated line."""


def beginning(source: Any) -> Any:
    """The type of records, or the event, that a source has; None for what comes from other streams."""
    match source:
        case RecordSource():
            return source.record
        case EventSource():
            return source.event
    return None


def begins_with(stream: Stream) -> set[int]:
    """The streams of records and events that a stream comes from."""
    if beginning(stream.source) is not None:
        return {id(stream)}
    return {number for one in stream.source.inputs() for number in begins_with(one)}


def about_of(extent: Any) -> list[Any]:
    """What a frame reads of its members beside the arguments of its features."""
    return extent.expressions() if isinstance(extent, Active) else [extent.holds] if isinstance(extent, Consecutive) else []


def looks_back(condition: Any) -> bool:
    """Whether a condition is on more than the record at hand: on frames, lines, or when a key was first seen."""
    return any(isinstance(node, Feature | LineCount | FirstSeen) for node in condition.walk())


class Rule:
    def __init__(self, event: Any, reading: Any) -> None:
        self.event, self.reading, self.when = event, reading, event.when
        self.rows: dict[Any, dict[Any, dict[Any, Any]]] = {}
        """By the rule's key, then by source or frame, then by the key and the values that split it."""
        self.timers: dict[Any, dict[Any, int]] = {}
        """By the rule's key: when rows are due, by source and row."""
        self.fed: set[Any] = set()
        """The rows of timers that the last cause went into."""
        self.frames: dict[Any, Any] = {}
        self.features: dict[Any, dict[Any, Feature]] = {}
        self.scalars: dict[int, Any] = {}
        self.kinds: set[type] = set()
        """The types of records that it looks at."""
        self.listens: set[Any] = set()
        """The events that it looks at."""
        self.held: list[Any] = []
        """The rows of timers that fired before a record and are set again behind it."""
        self.memo: dict[Any, Any] = {}
        self.last_view: View | None = None
        self.spreads = self.spreading = False
        """Whether it looks at what happens to customers or accounts, once for each line; whether it does so just now."""
        self.plain = [condition for condition in self.when.conditions if not looks_back(condition)]
        self.with_frames = [condition for condition in self.when.conditions if looks_back(condition)]
        self.shown = [field.value for field in event.payload.values()]
        self.marks = Marks(event.words)
        self.composite = is_composite(self.when.source)
        self.streams: dict[int, Stream] = {}
        self.wanted: dict[Any, dict[int, Any]] = {}
        """By type of record or event, for each stream of these, whether the conditions are met that read nothing but the record."""
        self.reached: dict[Any, tuple[list[Any], list[Any], bool]] = {}
        """By the streams that have a cause, the frames and sources into which it can go, and whether it can be an event."""
        self._find_stream(self.when)
        for word in event.words:
            for one in [*word.per, *(word.otherwise.per if isinstance(word, OncePer) and isinstance(word.otherwise, Cool) else ())]:
                self._find(one)
        for one in self.shown:
            self._find(one)
        self.timed = any(scalar.timed for scalar in self.scalars.values())

    # What it is made of

    def _find_stream(self, stream: Stream) -> None:
        self.streams[id(stream)] = stream
        for one in (*stream.conditions, *stream.by_value):
            self._find(one)
        self._find_source(stream.source)

    def _find_source(self, source: Any) -> None:
        if id(source) in self.scalars:
            return
        for stream in source.inputs():
            self._find_stream(stream)
        match source:
            case RecordSource():
                self.kinds.add(source.record)
            case EventSource():
                self.listens.add(source.event)
            case PlaceSource():
                self.reading.add_place(source.place)
            case CrossingSource():
                for one in (source.enter, source.release, *source.steps, *(source.per or ())):
                    self._find(one)
            case EachLineSource():
                self.spreads = True
            case MoveSource():
                for one in (source.value, source.old, source.initially):
                    self._find(one)
            case SilenceSource():
                self._find(source.given)
            case DeadlineSource():
                for one in source.read():
                    self._find(one)
            case PairSource() | SessionSource():
                self._find(source.start)
            case YearlySource():
                self._find(source.day)
            case ReachSource():
                for one in (source.feature, *source.steps):
                    self._find(one)
        if type(source) in SCALAR:
            self.scalars[id(source)] = SCALAR[type(source)](source, self)

    def _find(self, expression: Any) -> None:
        for node in expression.walk() if expression is not None else ():
            if isinstance(node, PlaceReading):
                self.reading.add_place(node.place)
            if isinstance(node, SessionId):
                self._find_source(node.source)
            if isinstance(node, Feature):
                self.frames[place_of(node.frame)] = node.frame
                self.features.setdefault(place_of(node.frame), {})[argument_of(node)] = node
                for argument in (*node.arguments, *about_of(node.frame.extent)):
                    self._find(argument)
                self._find_stream(node.frame.stream)

    def table(self, number: Any, key: Any) -> dict[Any, Any]:
        """The rows of a source or a frame that one key has."""
        return self.rows.setdefault(key, {}).setdefault(number, {})

    # Whose happening

    def key(self, on: Happening) -> Any:
        by = self.event.by
        return (on.customer, on.line if by == "line" else on.account if by == "account" else on.customer)

    def keys(self, on: Happening) -> list[Any]:
        """The keys whose rows it may go into."""
        own = self.key(self.own(on))
        if not self.spreads:
            return [own]
        return list(dict.fromkeys([own, *((on.customer, line) for line in self.reading.owned.active(on.customer, on.time))]))

    def own(self, on: Happening) -> Happening:
        """As the rule sees it: a line's rule as one of the customer's only active line, if it names none."""
        if self.event.by != "line" or on.line is not None:
            return on
        line = on.only or (self.reading.only_line(on) if on.event is not None else None)
        return on if line is None else on.of_line(line, on.account)

    def concerns(self, on: Happening) -> bool:
        """Whether the rule looks at it, and it has the rule's key; of a terminated line only what changes its state."""
        looked_at = on.event in self.listens if on.event is not None else on.kind in self.kinds
        return looked_at and (self.spreads or self._is_own(on))

    def _is_own(self, on: Happening) -> bool:
        """Whether it has the rule's key; what is spread over lines need not."""
        if self.spreading:
            return True
        if self.key(on)[1] is None:
            return False
        if self.event.by != "line" or (on.customer, on.line) not in self.reading.terminated:
            return True
        return on.kind.code == "L" and (on.fields["attribute"], on.fields["new_value"]) in ENDS

    def view(self, on: Happening) -> View:
        if self.last_view is None or self.last_view.on is not on:
            self.last_view = View(self, on, self.reading)
        return self.last_view

    # Causes

    def react(self, cause: Happening) -> list[Happening]:
        """The events that a record or an event causes."""
        cause = self.own(cause)
        self.memo, self.cause = {}, cause
        return self._events() if self.concerns(cause) else []

    def fire(self, number: int, place: Any) -> list[Happening]:
        """The events that a timer causes."""
        on = self.scalars[number].fire(place)
        self.memo, self.cause = {("source", number): [on]}, on
        return self._events()

    def feeds(self, cause: Happening) -> set[Any]:
        """The rows of timers that a cause would go into, without its going there."""
        keys = self.keys(cause)
        kept = {key: (deepcopy(self.rows.get(key, {})), dict(self.timers.get(key, {}))) for key in keys}
        cause = self.own(cause)
        self.fed = set()
        self.memo, self.cause = {}, cause
        if self.concerns(cause):
            self._see()
        self.fed |= {place for _, timers in kept.values() for place in timers if self.scalars[place[0]].passed_by(cause)}
        for key, (rows, timers) in kept.items():
            self.rows[key], self.timers[key] = rows, timers
        return self.fed

    def _see(self) -> bool:
        """Take the cause in; whether it can be an event."""
        frames, sources, triggers = self._reached()
        for frame in frames:
            self.update(frame)
        for source in sources:
            self.happen(source)
        return triggers

    def _reached(self) -> tuple[list[Any], list[Any], bool]:
        """The frames and sources into which the cause can go, and whether it can be an event: as far as the record alone says. A timer can go into any."""
        cause = self.cause
        if cause.timed:
            return list(self.frames.values()), [scalar.source for scalar in self.scalars.values()], True
        what = cause.kind if cause.event is None else cause.event
        if what not in self.wanted:
            own = {number: stream for number, stream in self.streams.items() if beginning(stream.source) is what}
            alone = {number: [one for one in stream.conditions if not any(isinstance(node, STATEFUL) for node in one.walk())] for number, stream in own.items()}
            self.wanted[what] = {number: all_true(tuple(conditions)) for number, conditions in alone.items()}
        view = self.view(cause)
        having = frozenset([number for number, met in self.wanted[what].items() if met(view)])
        if having not in self.reached:
            frames = [frame for frame in self.frames.values() if having & begins_with(frame.stream)]
            sources = [scalar.source for scalar in self.scalars.values() if any(having & begins_with(stream) for stream in scalar.source.inputs())]
            self.reached[having] = frames, sources, bool(having & begins_with(self.when))
        return self.reached[having]

    def _events(self) -> list[Happening]:
        if not self._see():
            return []
        live = [on for on in self.happen(self.when.source) if on.outputs.get((id(self.when.source), "live"), True)]
        return [event for on in live if (event := self._judge(on)) is not None]

    def happen(self, source: Any) -> list[Happening]:
        """The happenings of a source that the cause makes."""
        place = ("source", id(source))
        if place not in self.memo:
            self.memo[place] = self._happen(source)
        return self.memo[place]

    def _happen(self, source: Any) -> list[Happening]:
        if id(source) in self.scalars:
            return self.scalars[id(source)].happen(self.cause)
        cause = self.cause
        match source:
            case RecordSource():
                return [cause] if self._is_own(cause) and not cause.timed and cause.event is None and cause.kind is source.record else []
            case EventSource():
                return [cause] if self._is_own(cause) and cause.event is source.event else []
            case UnionSource():
                return [on.part(id(source), name) for name, stream in source.parts.items() for on in self.of(stream)]
            case PlaceSource():
                said = cause.moved.get(id(source.place))
                return [cause.said(id(source))] if said is not None and not cause.timed and cause.event is None else []
        raise TypeError(source)

    def of(self, stream: Stream) -> list[Happening]:
        """The happenings of a stream: conditions true, values that split it known."""
        place = ("stream", id(stream))
        if place not in self.memo:
            self.memo[place] = [on for on in self.happen(stream.source) if self._belongs(stream, self.view(on))]
        return self.memo[place]

    def _belongs(self, stream: Stream, view: View) -> bool:
        return all_known(stream.by_value)(view) and all_true(stream.conditions)(view) and not view.late_in(stream.conditions)

    def update(self, frame: Any) -> None:
        """Take the members in that the cause makes."""
        if ("frame", place_of(frame)) in self.memo:
            return
        self.memo["frame", place_of(frame)] = True
        for on in self.of(frame.stream):
            view, key = self.view(on), self.key(on)
            holds = value(frame.extent.holds, view) if isinstance(frame.extent, Consecutive) else True
            if holds is None:  # neither in a stretch nor at its end
                continue
            row = self.table(place_of(frame), key).setdefault((key, *(value(one, view) for one in frame.stream.by_value)), Row())
            values = {argument: tuple(value(one, view) for one in node.arguments) or (None,) for argument, node in self.features[place_of(frame)].items()}
            if isinstance(frame.extent, Active):
                extent = frame.extent
                about = [None if one is None else value(one, view) for one in (extent.together, *extent.said())]
                values[ABOUT] = (about[0], tuple(value(one, view) for one in extent.item), *about[1:])
            if isinstance(frame.extent, Previous):
                make_room(frame.extent, row, on.time)
            row.take(on, values, self.reading.clock, holds=holds)

    # Events

    def _judge(self, on: Happening) -> Happening | None:
        view = self.view(on)
        row = (self.key(on), *(value(one, view) for one in self.when.by_value))
        if None in row[1:] or not all_true(tuple(self.plain))(view) or view.late_in((*self.with_frames, *self.shown)):
            return None
        holds = all(fires(condition, view) for condition in self.with_frames)
        if not self.marks.allowed(row, view, holds):
            return None
        event = self._event(view)
        if any(isinstance(word, Reset) for word in self.event.words):
            for one in (*self.with_frames, *self.shown):
                for node in (part for part in features_of(one) if not isinstance(part.frame.extent, Past)):
                    view.row(node.frame).empty(on.time, self.reading.clock)
        return event

    def _event(self, view: View) -> Happening:
        detail = {name: plain(field.value.kind, value(field.value, view)) for name, field in self.event.payload.items()}
        if self.event.has_money() and "currency" not in detail:
            detail["currency"] = view.fields.get("currency")
        consent = self.reading.consent.get(view.customer, "unknown")
        return view.on.emitted(self.event, Seen(self.event.id, self.key(view.on)[1], view.time, view.record_id, detail, consent))

    # Timers, and the end of a line

    def arm(self, place: Any, due: int | None) -> None:
        own = self.timers.setdefault(place[1][0], {})
        own.pop(place, None)
        if due is not None:
            own[place] = due
            self.reading.expect(due, self, place)

    def due_for(self, on: Happening) -> dict[Any, int]:
        """The timers of the key that are due before a happening."""
        return {place: due for key in self.keys(on) for place, due in self.timers.get(key, {}).items() if due < on.time}

    def due_of(self, place: Any) -> int | None:
        """When a timer is due; None where it was called off."""
        return self.timers.get(place[1][0], {}).get(place)

    def set_again(self) -> None:
        """What fired before a record that has passed."""
        for number, place in self.held:
            self.scalars[number].set_again(place)
        self.held = []

    def cancel(self, line: Any) -> None:
        """The timers of a terminated line die."""
        held = [place for place in self.held if place[1][0] == line]
        for number, place in [*self.timers.get(line, ()), *held] if self.event.by == "line" else ():
            self.scalars[number].cancel(place)

    def begin_again(self, line: Any, time: int) -> None:
        """A line is active again: its dates count again."""
        for number, rows in self.rows.get(line, {}).items() if self.event.by == "line" else ():
            scalar = self.scalars.get(number)
            for place, row in list(rows.items()) if isinstance(scalar, Deadline | WeekCloses | Yearly) else ():
                scalar.begin_again(place, row, time)

    def forget(self, line: Any, *, everything: bool) -> None:
        """The state of a line is dropped; unless `everything`, what happens once in its life stays."""
        if self.event.by != "line":
            return
        self.cancel(line)
        self.marks.forget(line, everything=everything)
        kept = {} if everything else {number: rows for number, rows in self.rows.get(line, {}).items() if number in self.frames and lifelong(self.frames[number])}
        self.rows[line] = kept
        for rows in kept.values():
            for row in rows.values():
                row.fade()


def lifelong(frame: Any) -> bool:
    """Whether it is of a whole life; what is counted by civil days, months or cycles is not."""
    return type(frame.extent) is Ever and not any(isinstance(one, EventDay | Period) for one in frame.stream.by_value)


def is_composite(source: Any) -> bool:
    """Whether the trigger is an event; timers are base rules, and pairs whose second half is a record."""
    if isinstance(source, EventSource):
        return True
    return not isinstance(source, AbsenceSource | DeadlineSource | SilenceSource | WeekCloseSource | YearlySource) and any(is_composite(one) for one in source.behind())


def plain(kind: str, found: Any) -> Any:
    """A value as JSON has it."""
    if kind == "time" and found is not None:
        return shown(found)
    if kind == "ratio" and found is not None:
        return str(Decimal(floor(found * 100 + Fraction(1, 2))).scaleb(-2))
    return found.isoformat() if isinstance(found, date) else found


__all__ = ["Rule", "Timed"]

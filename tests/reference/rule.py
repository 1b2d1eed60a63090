"""One definition at work, on one cause at a time: which of its happenings there are, what its frames hold, whether it is an event."""

from __future__ import annotations

from collections.abc import Iterator
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
from streams.engine.features.pair import PairSource
from streams.engine.features.past import Past
from streams.engine.features.place import AS_OF, PlaceReading, PlaceSource
from streams.engine.features.previous import Previous
from streams.engine.features.reach import ReachSource
from streams.engine.features.seen import FirstSeen
from streams.engine.features.session import Closed, SessionId, SessionSource
from streams.engine.features.silence import SilenceSource
from streams.engine.features.stretch import Consecutive
from streams.engine.features.week_closes import WeekCloseSource
from streams.engine.features.yearly import YearlySource
from streams.engine.rearm import Cool, OncePer, Reset
from streams.engine.sources import EventSource, RecordSource, UnionSource
from streams.engine.streams import Stream
from tests.reference.civil import later, shown
from tests.reference.frames import TOLD, Row, added_up, covered, within
from tests.reference.happening import Happening, Seen
from tests.reference.past import added_up_before
from tests.reference.previous import make_room
from tests.reference.rearm import Marks
from tests.reference.sessions import Sessions
from tests.reference.sources import Crossing, EachLine, Moves, Pair, Reach
from tests.reference.timers import Absence, Deadline, Silence, Timed, WeekCloses
from tests.reference.values import fires, value
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


ENDS = {("line.status", "terminated"), ("line.port", "out_done")}
"""What a line rule still sees of a terminated line."""


class View:
    """A happening as a rule sees it: what expressions read."""

    def __init__(self, rule: Any, on: Happening, reading: Any, zone: str, *, without_own: bool = False) -> None:
        self.rule, self.on, self.reading, self.zone, self.without_own = rule, on, reading, zone, without_own
        self.reference = reading.reference

    def __getattr__(self, name: str) -> Any:
        return getattr(self.on, name)

    def without(self) -> View:
        """The same without the happening itself in the frames."""
        return View(self.rule, self.on, self.reading, self.zone, without_own=True)

    def parameter(self, node: Any) -> int:
        return self.reading.parameter(node)

    def value(self, node: Any) -> Any:
        return value(node, self)

    def length(self, span: Any) -> int:
        """ms, or civil days."""
        return span.length if isinstance(span.length, int) else self.parameter(span.length)

    def end_of(self, span: Any) -> int:
        """The moment this long after the happening."""
        length = self.length(span)
        return later(self.on.time, length, self.zone) if span.civil else self.on.time + length

    def row(self, frame: Any, at: Any = ()) -> Row:
        """The row of a frame that the happening reads, by its own values or those of `at`; empty where one is unknown."""
        values = [value(one, self) for one in at or frame.stream.by_value]
        self.rule.update(frame)
        key = self.rule.key(self.on)
        return self.rule.table(place_of(frame), key).get((key, *values)) or Row()

    def feature(self, node: Feature) -> Any:
        frame = node.frame
        if isinstance(frame.extent, Past):
            return added_up_before(node, self.row(frame), self, self.first_seen())
        without = frame.without_own or self.without_own
        if isinstance(frame.extent, Active):
            members = within(frame.extent, self.row(frame), self, without_own=frame.without_own)
            return covered(members, value(node.at[0], self)) if node.function == "cover" else added_up(node.function, argument_of(node), members, frame.extent)
        members = within(frame.extent, self.row(frame, node.at), self, without_own=without and not node.at)
        return added_up(node.function, argument_of(node), members, frame.extent)

    def lines(self, node: LineCount) -> int:
        """How many lines the key has."""
        lines = self.reading.owned.active(self.on.customer, self.on.time, ended=None if node.active else False)
        return len(lines) if self.rule.event.by == "customer" else sum(account == self.on.account for account in lines.values())

    def first_seen(self) -> int | None:
        """When the key was first seen."""
        return self.reading.first_seen.get((self.rule.event.by, self.rule.key(self.on)))

    def place(self, node: PlaceReading) -> Any:
        """At a move as of that move, elsewhere as it stands; at a timer what any record may read as it stands then."""
        machine = self.reading.places[id(node.place)]
        said = self.on.moved.get(id(node.place))
        if said is None or (self.on.timed and node.name in AS_OF):
            return machine.as_of(node.name, self.on)
        return said[node.name]

    def session(self, source: Any) -> Any:
        """The id of the session that the happening is of; a timer that one of the same source set has that of its anchor."""
        sessions = self.rule.scalars[id(source)]
        self.rule.happen(source)
        said = self.on.sessions.get((id(source), self.rule.event.by))
        if said is not None and said[0] in (self.on.mark, self.on.anchor):
            return said[1]
        return sessions.of(self.on)

    def reads_own(self, condition: Any) -> bool:
        """Whether a condition reads a frame of which the happening is a member."""
        return any(self.row(node.frame).own(self.on) for node in features_of(condition) if not isinstance(node.frame.extent, Active | Past))

    def late_in(self, expressions: Any) -> bool:
        """Whether the happening came late into a frame that these read, and that evaluates late ones never."""
        nodes = [node for one in expressions for node in features_of(one) if node.frame.extent.ordered]
        return any(self.row(node.frame).late(self.on) for node in nodes)


def place_of(frame: Any) -> Any:
    return (id(frame.stream), id(frame.extent))


def argument_of(node: Feature) -> Any:
    return tuple(one.key() for one in node.arguments)


def told_of(extent: Any) -> list[Any]:
    """What a frame reads of its members beside the arguments of its features."""
    return extent.expressions() if isinstance(extent, Active) else [extent.holds] if isinstance(extent, Consecutive) else []


def features_of(expression: Any) -> list[Feature]:
    return [node for node in expression.walk() if isinstance(node, Feature)]


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
        self.spreads = self.spreading = False
        """Whether it looks at what happens to customers or accounts, once for each line; whether it does so just now."""
        self.plain = [condition for condition in self.when.conditions if not looks_back(condition)]
        self.with_frames = [condition for condition in self.when.conditions if looks_back(condition)]
        self.shown = [field.value for field in event.payload.values()]
        self.marks = Marks(event.words)
        self.composite = is_composite(self.when.source)
        self._find_stream(self.when)
        for word in event.words:
            for one in [*word.per, *(word.otherwise.per if isinstance(word, OncePer) and isinstance(word.otherwise, Cool) else ())]:
                self._find(one)
        for one in self.shown:
            self._find(one)

    # What it is made of

    def _find_stream(self, stream: Stream) -> None:
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
                for argument in (*node.arguments, *told_of(node.frame.extent)):
                    self._find(argument)
                self._find_stream(node.frame.stream)

    def table(self, number: Any, key: Any) -> dict[Any, Any]:
        """The rows of a source or a frame that one key has."""
        return self.rows.setdefault(key, {}).setdefault(number, {})

    # Whose happening

    def key(self, on: Happening) -> Any:
        return (on.customer, {"line": on.line, "account": on.account, "customer": on.customer}[self.event.by])

    def keys(self, on: Happening) -> list[Any]:
        """The keys whose rows it may go into."""
        lines = self.reading.owned.active(on.customer, on.time) if self.spreads else ()
        return list(dict.fromkeys([self.key(self.own(on)), *((on.customer, line) for line in lines)]))

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
        return View(self, on, self.reading, self.reading.zone_of(self.event.by, on))

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

    def _see(self) -> None:
        for frame in self.frames.values():
            self.update(frame)
        for scalar in self.scalars.values():
            self.happen(scalar.source)

    def _events(self) -> list[Happening]:
        self._see()
        live = [on for on in self.happen(self.when.source) if on.outputs.get((id(self.when.source), "live"), True)]
        return [event for on in live if (event := self._judge(on)) is not None]

    def happen(self, source: Any) -> list[Happening]:
        """The happenings of a source that the cause makes."""
        place = ("source", id(source))
        if place not in self.memo:
            self.memo[place] = self._happen(source)
        return self.memo[place]

    def _happen(self, source: Any) -> list[Happening]:
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
        return self.scalars[id(source)].happen(cause)

    def of(self, stream: Stream) -> list[Happening]:
        """The happenings of a stream: conditions true, values that split it known."""
        place = ("stream", id(stream))
        if place not in self.memo:
            self.memo[place] = [on for on in self.happen(stream.source) if self._belongs(stream, self.view(on))]
        return self.memo[place]

    def _belongs(self, stream: Stream, view: View) -> bool:
        if any(value(one, view) is None for one in stream.by_value):
            return False
        return all(fires(condition, view) for condition in stream.conditions) and not view.late_in(stream.conditions)

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
                told = [None if one is None else value(one, view) for one in (extent.together, *extent.said())]
                values[TOLD] = (told[0], tuple(value(one, view) for one in extent.item), *told[1:])
            if isinstance(frame.extent, Previous):
                make_room(frame.extent, row, on.time)
            row.take(on, values, self.reading.clock, holds=holds)

    # Events

    def _judge(self, on: Happening) -> Happening | None:
        view = self.view(on)
        row = (self.key(on), *(value(one, view) for one in self.when.by_value))
        if None in row[1:] or not all(fires(condition, view) for condition in self.plain) or view.late_in((*self.with_frames, *self.shown)):
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
            self.reading.soonest = min(self.reading.soonest, due)

    def due_for(self, on: Happening) -> dict[Any, int]:
        """The timers of the key that are due before a happening."""
        return {place: due for key in self.keys(on) for place, due in self.timers.get(key, {}).items() if due < on.time}

    def all_timers(self) -> Iterator[tuple[Any, int]]:
        for own in self.timers.values():
            yield from own.items()

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


__all__ = ["Rule", "Timed", "View"]

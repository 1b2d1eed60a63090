"""The words event definitions are written in.

A definition is one file with one `Event` class: parameters, `when` it happens, how it is re-armed, what it carries, and its
cases. `ARCHITECTURE.md` has the way of a record; `events/words.py` the records and common streams of records.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, Union, cast

from schemas.raw import fields_of
from streams.engine.expression import DefinitionFault, EventDay, EventTime, Expr, Join, Operand, Output, Param, RecordField, Unknown, ValueKind, both, condition, expr, maximum
from streams.engine.features.absence import Absence, Silence
from streams.engine.features.change import Change
from streams.engine.features.cross import Cross
from streams.engine.features.day_total import DayTotal
from streams.engine.features.match import Match
from streams.engine.features.nth import Nth
from streams.engine.features.place import Place
from streams.engine.features.primitive import Days, Primitive, Signal, Span
from streams.engine.features.window import Window
from streams.engine.rearm import Cool, Per, PerDay, PerLatest, Rearm, WindowWord

T = TypeVar("T")


class Amount(int):
    """Payload type: money in minor units; the payload then has `currency` too."""


class Time(int):
    """Payload type: a moment, shown as RFC 3339 UTC with milliseconds."""


class Date(int):
    """Payload type: a civil date, shown as YYYY-MM-DD."""


class Payload(NamedTuple):
    """One field of an event's `detail`: its type, whether it may be null, and where its value comes from."""

    type: type
    nullable: bool
    value: Expr


PAYLOAD_TYPES: dict[type, str] = {
    int: "a whole number",
    str: "a text",
    bool: "true or false",
    Amount: "money in minor units, with `currency` beside it",
    Time: "RFC 3339 UTC, ms",
    Date: "YYYY-MM-DD",
    list: "a list of texts",
}

if TYPE_CHECKING:
    Field = Union[Expr, T]  # noqa: UP007  # a generic alias that a type checker reads as: an expression giving T
else:

    class Field:
        """`balance_after: Field[Amount] = B.balance_after`: a field of the event's `detail` with its type."""

        def __init__(self, of: Any) -> None:
            arms = typing.get_args(of) if isinstance(of, types.UnionType) else (of,)
            self.nullable = type(None) in arms
            self.type = next(arm for arm in arms if arm is not type(None))
            self.type = typing.get_origin(self.type) or self.type

        def __class_getitem__(cls, of: Any) -> Field:
            return cls(of)


# Lengths of time


def seconds(n: int) -> int:
    """`n` s in ms."""
    return n * 1000


def minutes(n: int) -> int:
    """`n` min in ms."""
    return n * 60_000


def hours(n: int) -> int:
    """`n` h in ms: elapsed time, 24 of them are not always a day."""
    return n * 3_600_000


def days(n: int | Param) -> Span:
    """`n` civil days in the zone of the key: as a window, today and the n - 1 days before; as a delay, the same civil time n days later."""
    return Span(Days(n) if isinstance(n, int) else n, civil=True)


# Records and streams of them


class Records:
    """A raw record type; its fields are attributes: `B.balance_after`."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self._fields = fields_of(record)

    def __getattr__(self, name: str) -> RecordField:
        info = self._fields.get(name)
        if info is None or info.kind == "object":
            raise AttributeError(f"{self._record.__name__} has no column {name!r}; it has {', '.join(sorted(self._fields))}")
        return RecordField(self._record, name, info.kind, nullable=info.nullable, unit=info.unit, domain=info.domain)

    @property
    def all(self) -> Stream:
        """Every record of the type."""
        return Stream(self._record)

    def where(self, *conditions: Expr) -> Stream:
        """The records for which all of `conditions` hold."""
        return self.all.where(*conditions)


class Stream:
    """Records of one type for which some conditions hold; `same` splits them by the values of expressions."""

    def __init__(self, record: Any, conditions: tuple[Expr, ...] = (), same: tuple[Expr, ...] = ()) -> None:
        self.record, self.conditions, self.by_value = record, conditions, same

    def where(self, *conditions: Expr) -> Stream:
        """Only those for which all of `conditions` hold too."""
        return Stream(self.record, (*self.conditions, *map(condition, conditions)), self.by_value)

    def same(self, *values: Expr) -> Stream:
        """Split: windows and counts are kept for each combination of `values`."""
        return Stream(self.record, self.conditions, (*self.by_value, *values))

    @property
    def wanted(self) -> Expr:
        """All conditions as one."""
        return both(self.conditions)

    def level(self, *, before: Expr, after: Expr) -> Level:
        """A level that each record moves (P2)."""
        return Level(self, before, after)

    def within(self, span: int | Param | Span) -> Window:
        """The records of the last `span` (P3): elapsed ms, or `days(n)`."""
        return Window(self.record, self.wanted, self.by_value, Span(span))

    def day_total(self, value: Expr) -> DayTotal:
        """The sum of `value` over the civil day so far (P3)."""
        return DayTotal(self.record, self.wanted, self.by_value, value)

    def nth(self, *ordinals: int) -> Nth:
        """The n-th such record in the life of the key (P5)."""
        return Nth(self.record, self.wanted, self.by_value, ordinals)

    def silent(self, span: Span | int | Param, *, given: tuple[int, int]) -> Silence:
        """No further such record within `span` (P7), `given=active_days(least, of=...)`."""
        least, of_days = given
        return Silence(self.record, self.wanted, Span(span), least, of_days)

    def changes(self, value: Expr, *, old: Expr | None = None, initially: Expr | None = None, remember: bool = True) -> Change:
        """`value` differs from the value before (P10)."""
        return Change(self.record, self.wanted, value, old=old, initially=initially, remember=remember)


def active_days(least: int, *, of: int) -> tuple[int, int]:
    """At least `least` of the last `of` civil days had such a record, today included."""
    return least, of


class Level:
    """A level that each record moves from `before` to `after`."""

    def __init__(self, stream: Stream, before: Expr, after: Expr) -> None:
        self.stream, self.before, self.after = stream, before, after

    def falls_below(self, mark: Operand, *, rearm: Operand) -> Cross:
        """From `mark` or more to less; armed again at `rearm` or more."""
        return self.crosses((self.before >= mark) & (self.after < mark), release=self.after >= rearm)

    def falls_to(self, mark: Operand) -> Cross:
        """From more than `mark` to `mark` or less; armed again above it."""
        return self.crosses((self.before > mark) & (self.after <= mark), release=self.after > mark)

    def crosses(self, enter: Expr, *, release: Expr) -> Cross:
        """`enter` holds; armed again when `release` holds on a later record."""
        return Cross(self.stream.record, self.stream.wanted, enter, release)


# Re-arm words


def cool(span: int | Param | Span, *, per: Expr | None = None) -> Rearm:
    """After an emission none for `span`; `per`: counted for each value of it."""
    return Cool(Span(span), () if per is None else (per,))


def once() -> Rearm:
    """At most one in the life of the key."""
    return Per()


def per(*values: Expr) -> Rearm:
    """At most one for each combination of `values`."""
    return Per(values)


def per_trip(trip: Expr, *, and_: Expr, unknown: Rearm) -> Rearm:
    """At most one for each trip and value of `and_`; without a trip, `unknown` decides, for each value."""
    if not isinstance(unknown, Cool):
        raise TypeError("unknown: wanted cool(...)")
    return PerLatest(trip, unknown, (and_,))


def per_day() -> Rearm:
    """At most one a civil day."""
    return PerDay()


EDGE = WindowWord("edge")
"""Windows: fires when the condition becomes true; armed again once it was false without the new member."""
RESET = WindowWord("reset")
"""Windows: an emission empties the window."""


# Cases


class Case(NamedTuple):
    """One story of a definition: raw records in order, and the whole `detail` of every event they must make."""

    tells: str
    records: Sequence[Mapping[str, Any]]
    details: Sequence[Mapping[str, Any]]
    until: str | None = None
    """RFC 3339: the shard's clock is moved on to this moment after the last record."""


# Events


class Event:
    """Base of all definitions: `class Low(Event, by="line", number=3): ...` in `events/balance/low.py` is `balance.low`.

    `by`: line, account or customer. `number`: the place in the catalogue; one record's events come in this order. `version`
    goes into the event ids: a new meaning is a new version.
    """

    id: ClassVar[str] = ""
    by: ClassVar[str] = ""
    number: ClassVar[int] = 0
    version: ClassVar[int] = 1
    valid_for_ms: ClassVar[int] = hours(24)
    when: ClassVar[Any]
    rearm: ClassVar[Rearm | tuple[Rearm, ...]] = ()

    signal: ClassVar[Signal]
    words: ClassVar[tuple[Rearm, ...]]
    parameters: ClassVar[dict[str, Param]]
    payload: ClassVar[dict[str, Payload]]
    cases: ClassVar[Sequence[Case]] = ()

    def __init_subclass__(cls, *, by: str, number: int = 10_000, version: int = 1, valid_for: int = hours(24)) -> None:
        cls.by, cls.number, cls.version, cls.valid_for_ms = by, number, version, valid_for
        cls.id = event_id(cls.__module__)
        cls.parameters = {value.name: value for value in vars(cls).values() if isinstance(value, Param)}
        cls.words = cls.rearm if isinstance(cls.rearm, tuple) else (cls.rearm,)
        cls.signal = signal_of(cls.__dict__.get("when"))
        cls.payload = payload_of(cls)
        primitive = cls.signal.primitive
        primitive.adopt(cls.id, by)
        if isinstance(primitive, Window):
            primitive.edge, primitive.reset = EDGE in cls.words, RESET in cls.words

    @classmethod
    def without(cls, stream: Stream, *, within: int | Param | Span) -> Absence:
        """No record of `stream` within `within` of this event (P7)."""
        return Absence(cls, stream.record, stream.wanted, Span(within))

    @classmethod
    def doc(cls) -> str:
        """What a marketer would read: the module's docstring."""
        import sys

        return (sys.modules[cls.__module__].__doc__ or "").strip()


def event_id(module: str) -> str:
    """The id a definition has by its place: the last two names of its module, `events.balance.low` -> `balance.low`."""
    return ".".join(module.split(".")[-2:])


def signal_of(when: object) -> Signal:
    """What `when` listens to. Raises DefinitionFault."""
    match when:
        case Signal():
            return when
        case Stream():
            return Signal(Match(when.record, when.wanted), "matched")
        case Primitive():
            return Signal(when, MAIN_CHANNEL[type(when)])
        case Expr():
            sources = {id(node.source): node.source for node in when.walk() if isinstance(node, Output)}
            (source,) = sources.values() if len(sources) == 1 else (None,)
            if isinstance(source, Window):
                if source.predicate is not None:
                    raise DefinitionFault(f"when: wanted a window of its own, got one that {source.name} judges already: make another with within(...)")
                source.predicate = when
                return Signal(source, "matched")
    raise DefinitionFault(f"when: wanted a stream, a primitive, or a condition on one window, got {when!r}")


MAIN_CHANNEL: dict[type[Primitive], str] = {
    Cross: "entered",
    Nth: "reached",
    DayTotal: "passed",
    Silence: "due",
    Absence: "due",
    Change: "changed",
    Place: "moved",
}


def payload_of(cls: type[Event]) -> dict[str, Payload]:
    """The payload fields that a definition declares, in order. Raises DefinitionFault."""
    payload = {}
    for name, annotation in inspect.get_annotations(cls).items():
        if isinstance(annotation, Field):  # type: ignore[arg-type]  # a class at run time
            if annotation.type not in PAYLOAD_TYPES:
                raise DefinitionFault(f"{name}: wanted one of {', '.join(t.__name__ for t in PAYLOAD_TYPES)}, got {annotation.type!r}")
            payload[name] = Payload(annotation.type, annotation.nullable, expr(vars(cls)[name]))
    return payload


def released(event: type[Event]) -> Signal:
    """The record that arms `event` again after it fired (P2)."""
    return Signal(cross_of(event), "released")


def lasted_s(event: type[Event]) -> Expr:
    """For `released(event)`: how long the level had been there, whole seconds."""
    return (event_time - cross_of(event).since) // 1000


def cross_of(event: type[Event]) -> Cross:
    """The crossing that `event` is. Raises DefinitionFault."""
    primitive = event.signal.primitive
    if not isinstance(primitive, Cross):
        raise DefinitionFault(f"released: wanted an event whose `when` is a crossing, got {event.id}")
    return primitive


event_time = EventTime()
unknown = Unknown()
"""A payload value that this kind of record never carries."""
today = EventDay()


class Reference:
    """A reference table in rules: `device.brand(X.new_tac)` is the column of the row valid at the event time, or unknown.

    Columns are declared by the kinds of their keys and their own: `distance_km="text text -> int"`; a `!` behind: never unknown.
    """

    def __init__(self, table: str, **columns: str) -> None:
        self._table, self._columns = table, columns

    def __getattr__(self, column: str) -> Callable[..., Join]:
        declared = self._columns.get(column)
        if declared is None:
            raise AttributeError(f"ref.{self._table} has no column {column!r}; it has {', '.join(self._columns)}")
        wanted, _, kind = declared.partition("-> ")

        def join(*keys: Expr) -> Join:
            got = " ".join(getattr(key, "kind", type(key).__name__) for key in keys)
            if got != wanted.strip():
                raise DefinitionFault(f"{self._table}.{column}({', '.join(map(str, keys))}): wanted keys of the kinds ({wanted.strip()}), got ({got})")
            return Join(self._table, column, cast("ValueKind", kind.rstrip("!")), *keys, nullable=not kind.endswith("!"))

        return join


device = Reference("device", brand="text -> text", model="text -> text", is_5g="text -> bool")
city = Reference("city", names="text -> text", country="text -> text", tourist="text -> bool", distance_km="text text -> int", has_tourist_city="text -> bool")
plmn = Reference("plmn", country="text -> text", home="text -> bool", home_country="-> text!")
holiday = Reference("holiday", holiday="text date -> text", is_holiday="text date -> bool")
line = Reference("line", zone="text -> text", home_city="text -> text", activation_date="text -> date", payment_type="text -> text", bill_cycle_day="text -> int")

__all__ = [
    "EDGE",
    "RESET",
    "Amount",
    "Case",
    "Date",
    "DefinitionFault",
    "Event",
    "Field",
    "Level",
    "Param",
    "Place",
    "Records",
    "Stream",
    "Time",
    "active_days",
    "city",
    "cool",
    "days",
    "device",
    "event_time",
    "holiday",
    "hours",
    "lasted_s",
    "line",
    "maximum",
    "minutes",
    "once",
    "per",
    "per_day",
    "per_trip",
    "plmn",
    "released",
    "seconds",
    "today",
    "unknown",
]

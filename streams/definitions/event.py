"""The base class of definitions: when an event happens, how it is re-armed, its parameters, its payload, and its cases."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, Union

from streams.definitions.units import Millis, span_of
from streams.definitions.words import DefinitionFault, Length, Stream, event_time, hours
from streams.engine.expression import Expr, Output, Param, expr
from streams.engine.features.absence import Absence, Silence
from streams.engine.features.change import Change
from streams.engine.features.cross import Cross
from streams.engine.features.day_total import DayTotal
from streams.engine.features.match import Match
from streams.engine.features.nth import Nth
from streams.engine.features.place import Place
from streams.engine.features.primitive import Primitive, Signal
from streams.engine.features.window import Window
from streams.engine.rearm import Rearm, WindowWord

T = TypeVar("T")


class Amount(int):
    """Payload type: money in minor units; the payload then has `currency` too."""


class Time(int):
    """Payload type: a moment, shown as RFC 3339 UTC with milliseconds."""


class Date(int):
    """Payload type: a civil date, shown as YYYY-MM-DD."""


class Shape(NamedTuple):
    """How a payload type is shown: the kind of its values (`detection.plain`), its JSON Schema, and its name in messages."""

    kind: str
    schema: dict[str, Any]
    says: str


PAYLOAD_TYPES: dict[type, Shape] = {
    int: Shape("int", {"type": "integer"}, "a whole number"),
    str: Shape("text", {"type": "string"}, "a text"),
    bool: Shape("bool", {"type": "boolean"}, "true or false"),
    Amount: Shape("int", {"type": "integer", "description": "minor units of `currency`"}, "money in minor units, with `currency` beside it"),
    Time: Shape("time", {"type": "string", "format": "date-time"}, "RFC 3339 UTC, ms"),
    Date: Shape("date", {"type": "string", "format": "date"}, "YYYY-MM-DD"),
    list: Shape("list", {"type": "array", "items": {"type": "string"}}, "a list of texts"),
}


class Payload(NamedTuple):
    """One field of an event's `detail`: its type, whether it may be null, and where its value comes from."""

    type: type
    nullable: bool
    value: Expr

    @property
    def shape(self) -> Shape:
        """How it is shown."""
        return PAYLOAD_TYPES[self.type]


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


class Case(NamedTuple):
    """One case of a definition: raw records in order, and the whole `detail` of every event they must cause."""

    title: str
    records: Sequence[Mapping[str, Any]]
    details: Sequence[Mapping[str, Any]]
    until: str | None = None
    """RFC 3339: the shard's clock is moved on to this moment after the last record."""


class Flaw(NamedTuple):
    """A fault of a definition: the name in its class (or `CASES`, or nothing) that it is about, and what was wanted and got."""

    at: str
    says: str

    def __str__(self) -> str:
        return f"{self.at}: {self.says}" if self.at else self.says


A_DAY = hours(24)
NOTHING = Signal(Primitive(), "")
"""The signal of a class whose `when` is wrong."""


class Event:
    """Base of all definitions: `class Low(Event, by="line"): ...` in `events/balance/low.py` is `balance.low`.

    `by`: line, account or customer. `version` goes into the event ids: a new meaning is a new version. The faults of a
    class are kept in `flaws`, so that all of them are reported at once.
    """

    id: ClassVar[str] = ""
    by: ClassVar[str] = ""
    version: ClassVar[int] = 1
    valid_for_ms: ClassVar[int] = A_DAY
    when: ClassVar[Any]
    rearm: ClassVar[Rearm | tuple[Rearm, ...]] = ()

    signal: ClassVar[Signal]
    words: ClassVar[tuple[Rearm, ...]]
    parameters: ClassVar[dict[str, Param]]
    payload: ClassVar[dict[str, Payload]]
    cases: ClassVar[Sequence[Case]] = ()
    flaws: ClassVar[list[Flaw]] = []

    def __init_subclass__(cls, *, by: str = "", version: int = 1, valid_for: Millis = A_DAY, **others: object) -> None:
        declared = dict(vars(cls))
        cls.flaws = [*reserved(declared), *unknown_words(others)]
        if not isinstance(valid_for, Millis):
            cls.flaws.append(Flaw("", f"valid_for: wanted a length of time such as hours(24), got {valid_for!r}"))
        cls.by, cls.version, cls.valid_for_ms = by, version, valid_for
        cls.id = event_id(cls.__module__)
        cls.parameters = {value.name: value for value in declared.values() if isinstance(value, Param)}
        rearm = declared.get("rearm", ())
        cls.words = rearm if isinstance(rearm, tuple) else (rearm,)
        cls.payload = payload_of(cls, declared, cls.flaws)
        cls.signal = NOTHING
        try:
            cls.signal = signal_of(declared.get("when"))
        except DefinitionFault as fault:
            cls.flaws.append(Flaw("when", str(fault)))
            return
        primitive = cls.signal.primitive
        primitive.adopt(cls.id, by)
        if isinstance(primitive, Window):
            kinds = {word.word for word in cls.words if isinstance(word, WindowWord)}
            primitive.edge, primitive.reset = "edge" in kinds, "reset" in kinds

    @classmethod
    def without(cls, stream: Stream, *, within: Length) -> Absence:
        """No record of `stream` within `within` of this event (P7)."""
        stream._refuse_same("without")
        return Absence(cls, stream.record, stream.wanted, span_of("within", within))

    @classmethod
    def doc(cls) -> str:
        """What a marketer would read: the module's docstring."""
        import sys

        return (sys.modules[cls.__module__].__doc__ or "").strip()

    @classmethod
    def has_money(cls) -> bool:
        """Whether the payload shows an amount, so that it needs a currency."""
        return any(field.type is Amount for field in cls.payload.values())


OWN_NAMES = frozenset({*vars(Event), *inspect.get_annotations(Event)}) - {"when", "rearm", "__doc__", "__module__", "__annotations__"}


def event_id(module: str) -> str:
    """The id a definition has by its place: the last two names of its module, `events.balance.low` -> `balance.low`."""
    return ".".join(module.split(".")[-2:])


def reserved(declared: Mapping[str, object]) -> list[Flaw]:
    """Names of the class that have another meaning already."""
    annotated = declared.get("__annotations__", {})
    names = [*declared, *(annotated if isinstance(annotated, dict) else ())]
    return [
        Flaw(name, "wanted another name, this one is the class's own; a parameter may be shown as it with name=…")
        for name in dict.fromkeys(names)
        if name in OWN_NAMES and not name.startswith("__")
    ]


def unknown_words(others: Mapping[str, object]) -> list[Flaw]:
    """Arguments in the class's brackets that mean nothing."""
    return [Flaw("", f"{name}: wanted by, version or valid_for in the class's brackets, got {name!r}") for name in others]


def signal_of(when: object) -> Signal:
    """What `when` listens to. Raises DefinitionFault."""
    match when:
        case Signal():
            return when
        case Stream():
            if when.by_value:
                raise DefinitionFault("wanted a stream without same(…): each record is an event already")
            return Signal(Match(when.record, when.wanted), "matched")
        case Window():
            raise DefinitionFault("wanted a condition on the window, such as recent.count() >= 3, got the window itself")
        case Primitive():
            return Signal(when, MAIN_CHANNEL[type(when)])
        case Expr():
            return signal_of_window(when)
        case None:
            raise DefinitionFault("wanted a stream, a primitive, or a condition on one window, got no `when`")
    raise DefinitionFault(f"wanted a stream, a primitive, or a condition on one window, got a {type(when).__name__}")


def signal_of_window(when: Expr) -> Signal:
    """The one window that a condition is about. Raises DefinitionFault."""
    sources = {id(node.source): node.source for node in when.walk() if isinstance(node, Output)}
    if not sources:
        raise DefinitionFault(f"wanted a stream with this condition, .where(…), got the condition alone: {when}")
    if len(sources) > 1:
        raise DefinitionFault(f"wanted a condition on one window, got one on {len(sources)}: {when}; two windows in one condition cannot be said yet")
    (source,) = sources.values()
    if not isinstance(source, Window):
        raise DefinitionFault(f"wanted a condition on a window, got one on a {type(source).__name__.lower()}: write its signal .where({when})")
    if source.predicate is not None:
        raise DefinitionFault(f"wanted a window of its own, got that of {source.name}: make another with within(…)")
    source.predicate = when
    return Signal(source, "matched")


MAIN_CHANNEL: dict[type[Primitive], str] = {
    Cross: "entered",
    Nth: "reached",
    DayTotal: "passed",
    Silence: "due",
    Absence: "due",
    Change: "changed",
    Place: "moved",
}


def payload_of(cls: type[Event], declared: Mapping[str, object], flaws: list[Flaw]) -> dict[str, Payload]:
    """The payload fields that a definition declares, in order; their faults go to `flaws`."""
    try:
        annotations = inspect.get_annotations(cls, eval_str=True)
    except Exception as error:  # noqa: BLE001  # an annotation may raise anything
        flaws.append(Flaw("", f"wanted types of payload fields that can be read, got {type(error).__name__}: {error}"))
        return {}
    payload = {}
    for name, annotation in annotations.items():
        if not isinstance(annotation, Field):  # type: ignore[arg-type]  # a class at run time
            flaws.append(Flaw(name, f"wanted Field[…] as its type, got {annotation!r}"))
        elif annotation.type not in PAYLOAD_TYPES:
            flaws.append(Flaw(name, f"wanted one of {', '.join(t.__name__ for t in PAYLOAD_TYPES)}, got {annotation.type!r}"))
        elif name not in declared:
            flaws.append(Flaw(name, "wanted a value, got none"))
        else:
            try:
                payload[name] = Payload(annotation.type, annotation.nullable, expr(declared[name]))
            except (TypeError, DefinitionFault) as error:
                flaws.append(Flaw(name, str(error)))
    return payload


def released(event: type[Event]) -> Signal:
    """The record that arms `event` again after it fired (P2)."""
    return Signal(cross_of(event), "released")


def lasted_s(event: type[Event]) -> Expr:
    """For `released(event)`: how long the level had been in the region, whole seconds."""
    return (event_time - cross_of(event).since) // 1000


def cross_of(event: type[Event]) -> Cross:
    """The crossing that `event` is. Raises DefinitionFault."""
    primitive = event.signal.primitive
    if not isinstance(primitive, Cross):
        raise DefinitionFault(f"released: wanted an event whose `when` is a crossing, got {event.id}")
    return primitive


__all__ = ["Amount", "Case", "Date", "Event", "Field", "Time", "lasted_s", "released"]

"""The base class of definitions: when an event happens, how it is re-armed, its parameters, its detail, and its cases."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from schemas.columns import day_of
from streams.definitions.money import is_money
from streams.definitions.rates import Rate, rate_of
from streams.definitions.tree import conditions_of, known_behind
from streams.engine.expression import DefinitionFault, Expr, Known, OrElse, Param, RecordField, Rounded, expr, may_be_unknown
from streams.engine.expression.quantities import quantity
from streams.engine.features.frame import Frame
from streams.engine.features.level import Level
from streams.engine.features.pair import Pair
from streams.engine.rearm import Rearm
from streams.engine.sources import Source
from streams.engine.streams import Absences, Deadlines, Stream, stream_of


class Shape(NamedTuple):
    """How a payload field is shown: the kind of its values (`detail.plain`), its JSON Schema, and its name in messages."""

    name: str
    kind: str
    schema: dict[str, Any]
    says: str


AMOUNT = Shape("amount", "int", {"type": "integer", "description": "minor units of `currency`"}, "money in minor units, with `currency` beside it")
SHAPES: dict[str, Shape] = {
    "int": Shape("int", "int", {"type": "integer"}, "a whole number"),
    "ratio": Shape("dec", "ratio", {"type": "string", "pattern": r"^-?\d+\.\d\d$"}, "a decimal with two places, as a text"),
    "text": Shape("str", "text", {"type": "string"}, "a text"),
    "token": Shape("str", "token", {"type": "string"}, "a text"),
    "bool": Shape("bool", "bool", {"type": "boolean"}, "true or false"),
    "time": Shape("time", "time", {"type": "string", "format": "date-time"}, "RFC 3339 UTC, ms"),
    "date": Shape("date", "date", {"type": "string", "format": "date"}, "YYYY-MM-DD"),
    "list": Shape("list", "list", {"type": "array", "items": {"type": "string"}}, "a list of texts"),
    "map": Shape("map", "map", {"type": "object", "additionalProperties": {"type": "integer"}}, "an object of whole numbers"),
}


class Field(NamedTuple):
    """One field of an event's `detail`: where its value comes from, how it is shown, and whether it may be null."""

    value: Expr
    shape: Shape
    nullable: bool


class Detail:
    """The payload of an event: `Detail(spent=recent.sum(charged), from_=place.was)`; a trailing `_` is dropped. Types are inferred."""

    def __init__(self, **values: Any) -> None:
        self.values: dict[str, Expr] = {}
        self.flaws: list[Flaw] = []
        for name, value in values.items():
            try:
                self.values[name.rstrip("_")] = expr(value)
            except DefinitionFault as fault:
                self.flaws.append(Flaw("detail", f"{name}: {fault}"))

    def __getattr__(self, name: str) -> Expr:
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(f"detail has no field {name!r}: there are {', '.join(values) or 'none'}")
        found: Expr = values[name]
        return found


class Case(NamedTuple):
    """One case of a definition: raw records in order, and the whole `detail` of every event they must cause."""

    title: str
    records: Sequence[Mapping[str, Any]]
    details: Sequence[Mapping[str, Any]]
    until: str | None = None
    """RFC 3339: the shard's clock is moved on to this moment after the last record."""
    history_from: str | None = None
    """YYYY-MM-DD: the setting of that name, the first day of which all records are there. None: what is seen first is the first."""

    @property
    def history_day(self) -> int | None:
        """`history_from` as days since 1970. Raises ValueError where it is no date."""
        return None if self.history_from is None else day_of(self.history_from)


class Flaw(NamedTuple):
    """A fault of a definition: the name in its class (or `CASES`, or nothing) that it is about, and what was wanted and got."""

    at: str
    says: str

    def __str__(self) -> str:
        return f"{self.at}: {self.says}" if self.at else self.says


NOTHING = Stream(Source())
"""The stream of a class whose `when` is wrong."""


class Event:
    """Base of all definitions: `class Low(Event, by="line"): ...` in `events/balance/low.py` is `balance.low`.

    `by`: line, account or customer. `version` goes into the event ids: a new meaning is a new version. `valid_for`: how old an
    event may be and still be published. `expect`: how often it usually happens. The faults of a class are kept in `flaws`, so that all of them are reported at once.
    """

    id: ClassVar[str] = ""
    by: ClassVar[str] = ""
    version: ClassVar[int] = 1
    valid_for_ms: ClassVar[int] = 24 * 3_600_000
    expected: ClassVar[Rate | None] = None
    when: ClassVar[Any] = NOTHING
    rearm: ClassVar[Rearm | tuple[Rearm, ...]] = ()
    detail: ClassVar[Any] = Detail()

    words: ClassVar[tuple[Rearm, ...]] = ()
    parameters: ClassVar[dict[str, Param]] = {}
    payload: ClassVar[dict[str, Field]] = {}
    cases: ClassVar[Sequence[Case]] = ()
    flaws: ClassVar[list[Flaw]] = []

    def __init_subclass__(cls, *, by: str = "", version: int = 1, valid_for: str = "24h", expect: str | None = None, **others: object) -> None:
        declared = dict(vars(cls))
        cls.flaws = [*reserved(declared), *unknown_words(others)]
        cls.by, cls.version = by, version
        try:
            cls.valid_for_ms = elapsed_ms(valid_for)
        except DefinitionFault as fault:
            cls.flaws.append(Flaw("", f"valid_for: {fault}"))
        try:
            cls.expected = rate_of(expect) if expect is not None else None
        except DefinitionFault as fault:
            cls.flaws.append(Flaw("", f"expect: {fault}"))
        cls.id = event_id(cls.__module__)
        cls.parameters = {value.name: value for value in declared.values() if isinstance(value, Param)}
        rearm = declared.get("rearm", ())
        cls.words = rearm if isinstance(rearm, tuple) else (rearm,)
        try:
            cls.when = when_of(declared.get("when"))
        except DefinitionFault as fault:
            cls.flaws.append(Flaw("when", str(fault)))
            cls.when = NOTHING
        detail = declared.get("detail", Detail())
        if not isinstance(detail, Detail):
            cls.flaws.append(Flaw("detail", f"wanted Detail(name=value, …), got {detail!r}"))
            cls.detail = detail = Detail()
        cls.flaws += detail.flaws
        cls.payload = dict(payload_of(cls.when, detail)) if cls.when is not NOTHING else {}

    @classmethod
    def same(cls, *values: Expr) -> Stream:
        """The events as a stream, split by `values`."""
        return stream_of(cls.__name__, cls).same(*values)

    @classmethod
    def where(cls, *conditions: Expr) -> Stream:
        """The events for which all of `conditions` are true, as a stream."""
        return stream_of(cls.__name__, cls).where(*conditions)

    @classmethod
    def within(cls, span: Any) -> Any:
        """The events of the last `span`."""
        return stream_of(cls.__name__, cls).within(span)

    @classmethod
    def then(cls, other: Any, *, within: Any = None, start: Expr | None = None) -> Pair:
        """One of `other` after an event."""
        return stream_of(cls.__name__, cls).then(other, within=within, start=start)

    @classmethod
    def without(cls, other: Any, *, within: Any) -> Absences:
        """None of `other` within `within` after an event."""
        return stream_of(cls.__name__, cls).without(other, within=within)

    @classmethod
    def after(cls, span: Any) -> Deadlines:
        """So long after the latest event."""
        return stream_of(cls.__name__, cls).after(span)

    @classmethod
    def each_line(cls) -> Stream:
        """The events of a customer or an account, once for each of its lines that is active then."""
        return stream_of(cls.__name__, cls).each_line()

    @classmethod
    def doc(cls) -> str:
        """What a marketer would read: the module's docstring."""
        import sys

        return (sys.modules[cls.__module__].__doc__ or "").strip()

    @classmethod
    def has_money(cls) -> bool:
        """Whether the payload shows an amount, so that it needs a currency."""
        return any(field.shape is AMOUNT for field in cls.payload.values())


WORDS = ("when", "rearm", "detail")
OWN_NAMES = frozenset({*vars(Event), *inspect.get_annotations(Event)}) - {*WORDS, "__doc__", "__module__", "__annotations__"}


def event_id(module: str) -> str:
    """The id a definition has by its place: the last two names of its module, `events.balance.low` -> `balance.low`."""
    return ".".join(module.split(".")[-2:])


def elapsed_ms(text: object) -> int:
    """A length of time in ms from its text. Raises DefinitionFault."""
    number, unit = quantity(text) if isinstance(text, str) else (0, "")
    if unit == "civil days":
        number, unit = number * 24 * 3_600_000, "ms"
    if unit != "ms" or number < 1:
        raise DefinitionFault(f"wanted a length of time such as '24h', got {text!r}")
    return number


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
    return [Flaw("", f"{name}: wanted by, version, valid_for or expect in the class's brackets, got {name!r}") for name in others]


def when_of(when: object) -> Stream:
    """The stream that `when` names. Raises DefinitionFault."""
    if when is None:
        raise DefinitionFault("wanted a stream, such as charges.where(…), got no `when`")
    if isinstance(when, Expr):
        raise DefinitionFault(f"wanted a stream with this condition, .where(…), got the condition alone: {when}")
    if isinstance(when, Frame):
        raise DefinitionFault(f"wanted a condition on the frame, such as charges.where(recent.count() >= 3), got the frame alone: {when}")
    if isinstance(when, Level):
        raise DefinitionFault("wanted what the level does, such as .falls_below(…), got the level alone")
    return stream_of("when", when)


def payload_of(when: Stream, detail: Detail) -> Iterator[tuple[str, Field]]:
    """The fields of a detail with their types: what may be unknown where `when` happens may be null."""
    conditions = conditions_of(when)
    sure = known_behind(when)
    several = len(when.source.records()) > 1
    for name, value in detail.values.items():
        of_money = value.kind in ("int", "ratio") and is_money(value, conditions)
        shape = AMOUNT if of_money else SHAPES[value.kind]
        yield name, Field(Rounded(value) if of_money and value.kind == "ratio" else value, shape, may_be_unknown(value, sure) or (several and may_be_foreign(value, sure)))


def may_be_foreign(value: Expr, sure: frozenset[object]) -> bool:
    """Whether `value` is unknown where the record behind is of another type than its columns."""
    if value.key() in sure or isinstance(value, Known):
        return False
    if isinstance(value, OrElse):
        return all(may_be_foreign(child, sure) for child in value.children())
    return isinstance(value, RecordField) or any(may_be_foreign(child, sure) for child in value.children())


__all__ = ["Case", "Detail", "Event", "Field", "Flaw"]

"""Expressions on one happening; None is unknown.

A comparison, sum or membership with an unknown operand is None. And, or, not by Kleene's tables, written out.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from functools import cache, lru_cache
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, code, text_of
from streams.engine.expression import (
    Arithmetic,
    CivilDay,
    Compare,
    Const,
    CutOff,
    CycleStart,
    EventDay,
    EventTime,
    Guarded,
    In,
    Join,
    Known,
    LargestEntry,
    LineId,
    Logic,
    MonthsLater,
    MonthStart,
    Not,
    OnDay,
    OrElse,
    Param,
    Reading,
    RecordField,
    Rounded,
    TruthKey,
    Unknown,
    WholeLife,
    WrittenDate,
    YearStart,
)
from streams.engine.expression.week import Week
from streams.engine.features.frame import Feature
from streams.engine.features.line_count import LineCount
from streams.engine.features.pair import Earlier
from streams.engine.features.place import PlaceReading
from streams.engine.features.seen import FirstSeen
from streams.engine.features.session import SessionId
from streams.engine.sources import EventSource, Of, RecordSource
from tests.reference.civil import at, civil_day, day_of_month, months_later

if TYPE_CHECKING:
    from collections.abc import Callable

AND = {
    (True, True): True,
    (True, False): False,
    (True, None): None,
    (False, True): False,
    (False, False): False,
    (False, None): False,
    (None, True): None,
    (None, False): False,
    (None, None): None,
}
OR = {
    (True, True): True,
    (True, False): True,
    (True, None): True,
    (False, True): True,
    (False, False): False,
    (False, None): None,
    (None, True): True,
    (None, False): None,
    (None, None): None,
}
NOT = {True: False, False: True, None: None}
EPOCH_DAY = date(1970, 1, 1)


def fires(node: Any, on: Any) -> bool:
    """Only what is true fires."""
    return value(node, on) is True


def value(node: Any, on: Any) -> Any:
    """`on`: a happening as a rule sees it (`rule.View`)."""
    found = READERS.get(node)
    if found is None:
        found = READERS[node] = reader(node)
    return found(on)


@cache
def all_true(conditions: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Whether each of these fires."""
    readers = [*map(reader, conditions)]

    def met(on: Any) -> bool:
        for read in readers:  # noqa: SIM110  # a quarter faster
            if read(on) is not True:
                return False
        return True

    return met


@cache
def all_known(values: tuple[Any, ...]) -> Callable[[Any], bool]:
    """Whether each of these is known."""
    readers = [*map(reader, values)]
    return lambda on: all(read(on) is not None for read in readers)


READERS: dict[Any, Callable[[Any], Any]] = {}
"""By node, what reads it: made once."""


def reader(node: Any) -> Callable[[Any], Any]:  # one case a node
    """What reads a node of a happening. Nodes below it are read by their own, made here once."""
    match node:
        case Const():
            return lambda on: node.value
        case Param():
            return (lambda on: Fraction(on.parameter(node), 10_000)) if node.kind == "ratio" else (lambda on: on.parameter(node))
        case CutOff():
            return where_known(floor, node.inner)
        case Rounded():
            return where_known(lambda inner: floor(inner + Fraction(1, 2)), node.inner)
        case LargestEntry():
            return lambda on: largest_entry(on.fields.get(node.name) if getattr(on, "kind", None) is node.record else None)
        case RecordField():
            return lambda on: on.fields.get(node.name) if issubclass(getattr(on, "kind", object), node.record) else None
        case Feature():
            return lambda on: on.feature(node)
        case Earlier():
            place = same_source(node.source), "first"
            return lambda on: None if (first := on.outputs.get(place)) is None else value(node.node, on.rule.view(first))
        case Of():
            said = same_source(node.source), node.name
            return lambda on: on.outputs.get(said)
        case PlaceReading():
            return lambda on: on.place(node)
        case SessionId():
            return lambda on: on.session(node.source)
        case FirstSeen():
            return lambda on: on.first_seen()
        case LineCount():
            return lambda on: on.lines(node)
        case Reading():
            raise TypeError(node)
        case EventTime():
            return lambda on: on.time
        case CivilDay():
            moment = reader(node.moment)
            return lambda on: None if (found := moment(on)) is None else civil_day(found, on.zone)
        case OnDay():
            return lambda on: on_day(value(node.day, on), value(node.clock, on), on)
        case EventDay():
            return lambda on: civil_day(on.time, on.zone)
        case WholeLife():
            return lambda on: on.whole_life()
        case LineId():
            return lambda on: on.line
        case MonthStart():
            return where_known(lambda day: day.replace(day=1), node.day)
        case YearStart():
            return where_known(lambda day: day.replace(day=1, month=1), node.day)
        case CycleStart():
            return where_known(cycle_start, node.day, node.day_of_month)
        case MonthsLater():
            return where_known(months_later, node.day, node.months)
        case WrittenDate():
            return where_known(written_date, node.text)
        case Week():
            return where_known(lambda of: of - timedelta(days=of.weekday()), node.day)
        case Unknown():
            return lambda on: None
        case Join():
            keys = [*map(reader, node.keys)]
            return lambda on: join(node.table, node.name, node.kind, tuple(key(on) for key in keys), on.reference, on.time)
        case Arithmetic():
            return where_known(lambda left, right: arithmetic(node.sign, left, right), node.left, node.right)
        case Compare():
            return where_known(COMPARED[node.sign], node.left, node.right)
        case Logic():
            table, left, right = AND if node.sign == "&" else OR, reader(node.left), reader(node.right)
            return lambda on: table[left(on), right(on)]
        case Not():
            inner = reader(node.inner)
            return lambda on: NOT[inner(on)]
        case In():
            return where_known(lambda member: any(member == one for one in node.values), node.inner)
        case OrElse():
            first, second = reader(node.left), reader(node.right)
            return lambda on: second(on) if (found := first(on)) is None else found
        case Known():
            inner = reader(node.inner)
            return lambda on: inner(on) is not None
        case Guarded():
            condition, inner = reader(node.condition), reader(node.inner)
            return lambda on: inner(on) if condition(on) is True else None
        case TruthKey():
            return reader(node.inner)
    raise TypeError(node)


def where_known(say: Callable[..., Any], *nodes: Any) -> Callable[[Any], Any]:
    """What `say` makes of the values of one or two nodes; None where one of them is unknown."""
    if len(nodes) == 1:
        (inner,) = map(reader, nodes)
        return lambda on: None if (found := inner(on)) is None else say(found)
    left, right = map(reader, nodes)

    def both(on: Any) -> Any:
        one, other = left(on), right(on)
        return None if one is None or other is None else say(one, other)

    return both


COMPARED = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}


def largest_entry(lines: dict[str, int] | None) -> str | None:
    return min(lines, key=lambda name: (-lines[name], name)) if lines else None


def on_day(day: date | None, clock: int | None, on: Any) -> int | None:
    return None if day is None or clock is None else at(day, time(clock // 3_600_000, clock // 60_000 % 60), on.zone)


def written_date(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date() if len(text) == 10 else None
    except ValueError:
        return None


def cycle_start(day: date, begins: int) -> date:
    """Going back day by day to the first one that begins a cycle."""
    while day != day_of_month(day.year, day.month, begins):
        day -= timedelta(days=1)
    return day


def same_source(source: Any) -> Any:
    """Equal for sources that mean the same: those of records and events are declared again wherever they are written."""
    match source:
        case RecordSource():
            return ("records", source.record)
        case EventSource():
            return ("events", source.event)
    return id(source)


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign in ("/", "//") and right == 0:
        return None
    if sign == "-" and isinstance(left, date) and isinstance(right, date):
        return (left - right).days
    if sign in ("+", "-") and isinstance(left, date):
        return left + timedelta(days=right if sign == "+" else -right)
    if sign == "+" and isinstance(right, date):
        return right + timedelta(days=left)
    return {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right,
        "/": lambda: Fraction(left) / right,
        "//": lambda: left // right,
        "max": lambda: max(left, right),
    }[sign]()


@lru_cache(maxsize=10_000)
def join(table: str, column: str, kind: str, keys: tuple[Any, ...], reference: Any, time: int) -> Any:
    """Reference data is asked for one key."""
    if any(key is None for key in keys):
        return None
    columns = [np.array([(key - EPOCH_DAY).days if isinstance(key, date) else code(key)]) for key in keys]
    (found,) = getattr(getattr(reference, table), column)(*columns, np.array([time])).tolist()
    match kind:
        case "text":
            return text_of(found) if found else None
        case "bool":
            return {1: True, 0: False, -1: None}[int(found)]
        case "date":
            return None if found == NULL else EPOCH_DAY + timedelta(days=found)
    return None if found == NULL else found

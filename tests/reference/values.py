"""Expressions on one happening; None is unknown.

A comparison, sum or membership with an unknown operand is None. And, or, not by Kleene's tables, written out.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from math import floor
from typing import Any

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


def value(node: Any, on: Any) -> Any:  # noqa: PLR0915  # one case a node
    """`on`: a happening as a rule sees it (`rule.View`)."""
    match node:
        case Const():
            return node.value
        case Param():
            return Fraction(on.parameter(node), 10_000) if node.kind == "ratio" else on.parameter(node)
        case CutOff():
            inner = value(node.inner, on)
            return None if inner is None else floor(inner)
        case Rounded():
            inner = value(node.inner, on)
            return None if inner is None else floor(inner + Fraction(1, 2))
        case LargestEntry():
            lines = on.fields.get(node.name) if getattr(on, "kind", None) is node.record else None
            return min(lines, key=lambda name: (-lines[name], name)) if lines else None
        case RecordField():
            return on.fields.get(node.name) if issubclass(getattr(on, "kind", object), node.record) else None
        case Feature():
            return on.feature(node)
        case Earlier():
            first = on.outputs.get((same_source(node.source), "first"))
            return None if first is None else value(node.node, on.rule.view(first))
        case Of():
            return on.outputs.get((same_source(node.source), node.name))
        case PlaceReading():
            return on.place(node)
        case SessionId():
            return on.session(node.source)
        case FirstSeen():
            return on.first_seen()
        case LineCount():
            return on.lines(node)
        case Reading():
            raise TypeError(node)
        case EventTime():
            return on.time
        case CivilDay():
            moment = value(node.moment, on)
            return None if moment is None else civil_day(moment, on.zone)
        case OnDay():
            on_day, clock = value(node.day, on), value(node.clock, on)
            return None if on_day is None else at(on_day, time(clock // 3_600_000, clock // 60_000 % 60), on.zone)
        case EventDay():
            return civil_day(on.time, on.zone)
        case LineId():
            return on.line
        case MonthStart() | YearStart():
            day = value(node.day, on)
            return None if day is None else day.replace(day=1, month=day.month if isinstance(node, MonthStart) else 1)
        case CycleStart():
            day, begins = value(node.day, on), value(node.day_of_month, on)
            return None if day is None or begins is None else cycle_start(day, begins)
        case MonthsLater():
            day, months = value(node.day, on), value(node.months, on)
            return None if day is None or months is None else months_later(day, months)
        case WrittenDate():
            text = value(node.text, on)
            try:
                return datetime.strptime(text, "%Y-%m-%d").date() if text is not None and len(text) == 10 else None
            except ValueError:
                return None
        case Week():
            of = value(node.day, on)
            return None if of is None else of - timedelta(days=of.weekday())
        case Unknown():
            return None
        case Join():
            return join(node.table, node.name, node.kind, [value(key, on) for key in node.keys], on.reference, on.time)
        case Arithmetic():
            return arithmetic(node.sign, value(node.left, on), value(node.right, on))
        case Compare():
            return compare(node.sign, value(node.left, on), value(node.right, on))
        case Logic():
            table = AND if node.sign == "&" else OR
            return table[value(node.left, on), value(node.right, on)]
        case Not():
            return NOT[value(node.inner, on)]
        case In():
            member = value(node.inner, on)
            return None if member is None else any(member == one for one in node.values)
        case OrElse():
            first = value(node.left, on)
            return value(node.right, on) if first is None else first
        case Known():
            return value(node.inner, on) is not None
        case Guarded():
            return value(node.inner, on) if value(node.condition, on) is True else None
        case TruthKey():
            return value(node.inner, on)
    raise TypeError(node)


def cycle_start(day: date, begins: int) -> date:
    """Going back day by day to the first one that begins a cycle."""
    while day != day_of_month(day.year, day.month, begins):
        day -= timedelta(days=1)
    return day


def same_source(source: Any) -> Any:
    """Equal for sources that mean the same: those of records and events are declared anew wherever they are written."""
    match source:
        case RecordSource():
            return ("records", source.record)
        case EventSource():
            return ("events", source.event)
    return id(source)


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    if left is None or right is None or (sign in ("/", "//") and right == 0):
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


def compare(sign: str, left: Any, right: Any) -> bool | None:
    if left is None or right is None:
        return None
    return {
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "==": lambda: left == right,
        "!=": lambda: left != right,
    }[sign]()


def join(table: str, column: str, kind: str, keys: list[Any], reference: Any, time: int) -> Any:
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

"""Expressions on one happening; None is unknown.

A comparison, sum or membership with an unknown operand is None. And, or, not by Kleene's tables, written out.
"""

from __future__ import annotations

from datetime import date, time, timedelta
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
    EventDay,
    EventTime,
    In,
    Join,
    Known,
    Logic,
    Not,
    OnDay,
    OrElse,
    Param,
    Reading,
    RecordField,
    Rounded,
    TruthKey,
    Unknown,
)
from streams.engine.features.frame import Feature
from streams.engine.features.place import PlaceReading
from streams.engine.streams import EventSource, Of, RecordSource
from tests.reference.civil import at, civil_day

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
        case RecordField():
            return on.fields.get(node.name) if issubclass(getattr(on, "kind", object), node.record) else None
        case Feature():
            return on.feature(node)
        case Of():
            return on.outputs.get((same_source(node.source), node.name))
        case PlaceReading():
            return on.place(node)
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
        case TruthKey():
            return value(node.inner, on)
    raise TypeError(node)


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

"""Expressions on one record; None is unknown."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, code, text_of
from streams.engine.expression import Arithmetic, Compare, Const, EventDay, EventTime, In, Join, Known, Logic, Not, Output, Param, RecordField, Unknown
from tests.reference.civil import civil_day

if TYPE_CHECKING:
    from tests.reference.reading import Happening


def value(node: Any, on: Happening) -> Any:
    match node:
        case Const():
            return node.value
        case Param():
            return on.reading.parameter(node)
        case RecordField():
            return on.fields[node.name]
        case Output():
            return on.outputs[node.name]
        case EventTime():
            return on.time
        case EventDay():
            return civil_day(on.time, on.zone)
        case Unknown():
            return None
        case Join():
            return join(node, [value(key, on) for key in node.keys], on)
        case Arithmetic():
            return arithmetic(node.sign, value(node.left, on), value(node.right, on))
        case Compare():
            return compare(node.sign, value(node.left, on), value(node.right, on))
        case Logic():
            left, right = value(node.left, on), value(node.right, on)
            return (left and right) if node.sign == "&" else (left or right)
        case Not():
            return not value(node.inner, on)
        case In():
            return value(node.inner, on) in node.values
        case Known():
            return value(node.inner, on) is not None
    raise TypeError(node)


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, date):
        return (left - right).days if isinstance(right, date) else left + timedelta(days=right)
    return {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right, "//": lambda: left // right, "max": lambda: max(left, right)}[sign]()


def compare(sign: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    return {
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "==": lambda: left == right,
        "!=": lambda: left != right,
    }[sign]()


def join(node: Any, keys: list[Any], on: Happening) -> Any:
    """Reference data is asked for one key."""
    columns = [np.array([(key - date(1970, 1, 1)).days if isinstance(key, date) else code(key)]) for key in keys]
    (found,) = getattr(getattr(on.reading.reference, node.table), node.column)(*columns, np.array([on.time])).tolist()
    match node.kind:
        case "text":
            return text_of(found) if found else None
        case "bool":
            return bool(found)
        case "date":
            return None if found == NULL else date(1970, 1, 1) + timedelta(days=found)
    return None if found == NULL else found

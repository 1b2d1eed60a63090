"""Expressions on one record; None is unknown.

A comparison, sum or membership with an unknown operand is None. And, or, not by Kleene's tables, written out.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, code, text_of
from streams.engine.expression import Arithmetic, Compare, Const, EventDay, EventTime, In, Join, Known, Logic, Not, OrElse, Output, Param, RecordField, Unknown
from tests.reference.civil import civil_day

if TYPE_CHECKING:
    from tests.reference.reading import Happening


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


def fires(node: Any, on: Happening) -> bool:
    """Only what is true fires."""
    return value(node, on) is True


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
    raise TypeError(node)


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    if left is None or right is None or (sign == "//" and right == 0):
        return None
    if isinstance(left, date):
        return (left - right).days if isinstance(right, date) else left + timedelta(days=right)
    return {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right, "//": lambda: left // right, "max": lambda: max(left, right)}[sign]()


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


def join(node: Any, keys: list[Any], on: Happening) -> Any:
    """Reference data is asked for one key."""
    if any(key is None for key in keys):
        return None
    columns = [np.array([(key - date(1970, 1, 1)).days if isinstance(key, date) else code(key)]) for key in keys]
    (found,) = getattr(getattr(on.reading.reference, node.table), node.name)(*columns, np.array([on.time])).tolist()
    match node.kind:
        case "text":
            return text_of(found) if found else None
        case "bool":
            return {1: True, 0: False, -1: None}[int(found)]
        case "date":
            return None if found == NULL else date(1970, 1, 1) + timedelta(days=found)
    return None if found == NULL else found

"""How large the numbers of a rule can become: a rule that may overflow 64 bits, or can never be true, is refused before it runs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import msgspec

from streams.engine.expression import Arithmetic, Compare, Const, EventDay, EventTime, Expr, Fractional, Guarded, Logic, Not, OrElse, Param, RecordField
from streams.engine.features.frame import Feature, Within
from streams.engine.features.previous import Previous

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MEMBERS = 4_096
"""The most members of a frame of elapsed time; the oldest one makes room for a new one, and that is counted."""
LIMIT = 2**62
"""Sums beyond it stay there."""
LARGEST = 2**63 - 1
NUMBER = 2**53 - 1
"""The largest number that a record carries, where its field sets no bound."""
TIMES = (0, 253_402_300_799_999)
"""1970 to 9999, epoch ms."""
DAYS = (0, 2_932_896)
OTHERWISE = {"bool": (0, 1), "time": TIMES, "date": DAYS}


class Bounds(NamedTuple):
    """The least and the greatest value that a node can have where it is known."""

    least: int
    most: int

    def within(self, limit: int) -> Bounds:
        """These bounds, cut at -limit and limit."""
        return Bounds(max(self.least, -limit), min(self.most, limit))


class Overflow(Exception):
    """A number may not fit into 64 bits."""


def bounds(node: Expr, value_of: Callable[[Param], int]) -> Bounds:
    """The bounds of a numeric node; `value_of` gives a parameter's value. Raises Overflow."""
    match node:
        case Const():
            return Bounds(int(node.value), int(node.value)) if isinstance(node.value, int) else Bounds(0, 0)
        case Param():
            return Bounds(value_of(node), value_of(node))
        case RecordField():
            return field_bounds(node)
        case EventTime():
            return Bounds(*TIMES)
        case EventDay():
            return Bounds(*DAYS)
        case Feature():
            return feature_bounds(node, value_of)
        case OrElse():
            both = [bounds(child, value_of) for child in node.children()]
            return Bounds(min(one.least for one in both), max(one.most for one in both))
        case Guarded():
            return bounds(node.inner, value_of)
        case Fractional():
            for child in node.children():
                bounds(child, value_of)
            return Bounds(-LARGEST, LARGEST)
        case Arithmetic():
            return arithmetic_bounds(node, value_of)
    return Bounds(*OTHERWISE.get(node.kind, (-NUMBER, NUMBER)))


@cache
def hints_of(record: type) -> dict[str, Any]:
    """The types of a record's fields."""
    return get_type_hints(record, include_extras=True)


def field_bounds(node: RecordField) -> Bounds:
    """The bounds that the type of a record's field allows."""
    if node.kind != "int":
        return Bounds(*OTHERWISE.get(node.kind, (0, 0)))
    info: Any = msgspec.inspect.type_info(hints_of(node.record)[node.name])
    least, most = -NUMBER, NUMBER
    for arm in info.types if isinstance(info, msgspec.inspect.UnionType) else (info,):
        number = arm.type if isinstance(arm, msgspec.inspect.Metadata) else arm
        if isinstance(number, msgspec.inspect.IntType):
            least, most = least if number.ge is None else number.ge, most if number.le is None else number.le
    return Bounds(least, most)


def feature_bounds(node: Feature, value_of: Callable[[Param], int]) -> Bounds:
    """A frame of elapsed time has at most MEMBERS members, the last ones are as many as they say, others have no such bound; sums stay within LIMIT. Raises Overflow."""
    extent = node.frame.extent
    members = extent.number(value_of) if isinstance(extent, Previous) else MEMBERS if is_short(node) else NUMBER
    match node.function:
        case "count" | "distinct" | "streak" | "periods" | "falls":
            return Bounds(0, members)
        case "sum":
            one = bounds(node.arguments[0], value_of)
            return Bounds(min(0, one.least * members), max(0, one.most * members)).within(LIMIT)
        case "any" | "cover":
            return Bounds(0, 1)
        case "top" | "list":
            return Bounds(0, 0)
    return bounds(node.arguments[0], value_of)


def is_short(node: Feature) -> bool:
    """Whether a feature's frame holds its members one by one, so that their number has a bound."""
    extent = node.frame.extent
    return isinstance(extent, Within) and not extent.span.civil


def arithmetic_bounds(node: Arithmetic, value_of: Callable[[Param], int]) -> Bounds:
    """The bounds of a sum, difference, product, quotient or maximum. Raises Overflow."""
    left, right = bounds(node.left, value_of), bounds(node.right, value_of)
    match node.sign:
        case "+":
            found = Bounds(left.least + right.least, left.most + right.most)
        case "-":
            found = Bounds(left.least - right.most, left.most - right.least)
        case "*":
            corners = [a * b for a in left for b in right]
            found = Bounds(min(corners), max(corners))
        case "max":
            found = Bounds(max(left.least, right.least), max(left.most, right.most))
        case _:  # a quotient is no larger than what is divided
            size = max(abs(left.least), abs(left.most))
            found = Bounds(-size, size)
    if found.least < -LARGEST or found.most > LARGEST:
        raise Overflow(f"{node}: wanted a number within 64 bits, got one of up to {max(-found.least, found.most)}: divide before multiplying, or compare smaller units")
    return found


def can_hold(node: Expr, value_of: Callable[[Param], int]) -> bool:
    """Whether a condition can be true for some values. Raises Overflow."""
    match node:
        case Logic():
            left, right = can_hold(node.left, value_of), can_hold(node.right, value_of)
            return (left and right) if node.sign == "&" else (left or right)
        case Not(inner=Compare() as inner):
            return not compare(inner, value_of)[1]  # unknown is not true
        case Compare():
            return compare(node, value_of)[0]
    return True


def compare(node: Compare, value_of: Callable[[Param], int]) -> tuple[bool, bool]:
    """Whether a comparison is true for some values, and whether for all. Raises Overflow."""
    if node.left.kind in ("text", "token") or node.right.kind in ("text", "token"):
        return True, False
    left, right = bounds(node.left, value_of), bounds(node.right, value_of)
    equal = left.least == left.most == right.least == right.most
    apart = left.most < right.least or right.most < left.least
    match node.sign:
        case "<":
            return left.least < right.most, left.most < right.least
        case "<=":
            return left.least <= right.most, left.most <= right.least
        case ">":
            return left.most > right.least, left.least > right.most
        case ">=":
            return left.most >= right.least, left.least >= right.most
        case "==":
            return not apart, equal
    return not equal, apart


def number_faults(nodes: Iterable[Expr], conditions: Iterable[Expr], value_of: Callable[[Param], int]) -> Iterator[tuple[Expr, str]]:
    """The nodes that may not fit into 64 bits, and the conditions that no values make true, each with what is wrong."""
    wrong = False
    for node in nodes:
        try:
            bounds(node, value_of)
        except Overflow as fault:
            if not wrong:
                yield node, str(fault)
            wrong = True
    for condition in conditions if not wrong else ():
        if not can_hold(condition, value_of):
            of_frame = any(isinstance(part, Feature) and is_short(part) for part in condition.walk())
            why = f": a frame of elapsed time holds {MEMBERS} members at most" if of_frame else ""
            yield condition, f"{condition}: wanted a condition that can be true, got one that never is{why}"

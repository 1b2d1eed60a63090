"""What follows from a condition: which values are known wherever it is true."""

from __future__ import annotations

from streams.engine.expression.fractions import CutOff
from streams.engine.expression.leaves import CivilDay, Join, Reading
from streams.engine.expression.nodes import Arithmetic, Compare, Expr, In, Known, Logic, Not, OrElse

Keys = frozenset[object]


def certain(condition: Expr) -> Keys:
    """The keys of the nodes that are known wherever `condition` is true."""
    match condition:
        case Logic(sign="&"):
            return certain(condition.left) | certain(condition.right)
        case Logic():
            return certain(condition.left) & certain(condition.right)
        case Known(inner=Reading(kind="token") as inner):
            return needed(inner).union(node.key() for node in inner.implies)
        case Known():
            return needed(condition.inner)
        case Not(inner=Not() as twice):
            return certain(twice.inner)
        case Not(inner=Logic() as inner):
            sides = (certain(Not(inner.left)), certain(Not(inner.right)))
            return sides[0] & sides[1] if inner.sign == "&" else sides[0] | sides[1]
        case Not(inner=Known()):
            return frozenset()
        case Reading():
            return needed(condition).union(node.key() for node in condition.implies)
    return needed(condition)


def needed(node: Expr) -> Keys:
    """The keys of the nodes that are known wherever `node` is known."""
    below = node.children() if isinstance(node, Arithmetic | CivilDay | Compare | In | Join | Not) else ()
    return frozenset({node.key()}).union(*(needed(child) for child in below))


def may_be_unknown(node: Expr, sure: Keys) -> bool:
    """Whether `node` may be unknown where the nodes with the keys `sure` are known."""
    if not node.nullable or node.key() in sure:
        return False
    match node:
        case Arithmetic(by_zero=False):
            return any(may_be_unknown(child, sure) for child in node.children())
        case CivilDay() | Compare() | CutOff() | In() | Not() | Logic():
            return any(may_be_unknown(child, sure) for child in node.children())
        case OrElse():
            return all(may_be_unknown(child, sure) for child in node.children())
    return True

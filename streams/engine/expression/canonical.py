"""The canonical text of an expression: equal for expressions that mean the same, in every process and release.

It names state (`docs/semantics.md` §1.8, a changed rule): parameters count with their values, names of attributes do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression.leaves import Join, LargestEntry, Param, Reading, RecordField
from streams.engine.expression.nodes import Binary, Const, Expr, In

if TYPE_CHECKING:
    from collections.abc import Callable


def by_name(parameter: Param) -> object:
    """What stands for a parameter where its value may change and state is carried: its event and name. One of no event has its value."""
    owner = getattr(parameter.owner, "id", "")
    return f"{owner}.{parameter.name}" if owner else parameter.value


def canonical(node: Expr, value_of: Callable[[Param], object]) -> str:
    """What `node` means, as text.

    >>> from streams.engine.expression import Const
    >>> canonical(Const(1) + 2 > 2, lambda parameter: parameter.value)
    '((1 + 2) > 2)'
    """

    def inner(*nodes: Expr) -> str:
        return ", ".join(canonical(one, value_of) for one in nodes)

    match node:
        case Param():
            return str(value_of(node))
        case Const():
            return repr(node.value)
        case LargestEntry():
            return f"largest entry of {node.record.__name__}.{node.name}"
        case RecordField():
            return f"{node.record.__name__}.{node.name}"
        case Reading():
            return node.canonical(value_of)
        case Join():
            return f"ref.{node.table}.{node.name}({inner(*node.keys)})"
        case In():
            return f"({inner(node.inner)} in {sorted(map(repr, node.values))})"
        case Binary():
            return f"({inner(node.left)} {node.sign} {inner(node.right)})"
    return f"{type(node).__name__}({inner(*node.children())})"

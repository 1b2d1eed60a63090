"""Values too small to say anything: unknown below a floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.expression.evaluate import Column
from streams.engine.expression.nodes import Binary, Expr
from streams.engine.expression.types import DefinitionFault, check_units, shown

if TYPE_CHECKING:
    from streams.engine.expression.evaluate import Env


class UnknownBelow(Binary):
    """The left value where it is at least the right one; else, and where one of them is unknown, unknown.

    >>> from streams.engine.expression.nodes import Const
    >>> Const(599).unknown_below(600).column(None), Const(600).unknown_below(600).column(None)
    (Column(values=array(599), known=array(False)), Column(values=array(600), known=array(True)))
    """

    nullable = True

    def __init__(self, left: Expr, right: Expr) -> None:
        what = f"{left}.unknown_below({right})"
        if left.kind != "int" or right.kind != "int":
            raise DefinitionFault(f"{what}: wanted whole numbers, got {shown(left)} and {shown(right)}")
        check_units(what, left, right)
        super().__init__("unknown below", left, right)
        self.unit = left.unit

    def column(self, env: Env) -> Column:
        (values, known), (least, set_) = self.left.column(env), self.right.column(env)
        enough = np.asarray(values >= least)
        for mask in (known, set_):
            enough = enough if mask is None else enough & mask
        return Column(values, enough)


__all__ = ["UnknownBelow"]

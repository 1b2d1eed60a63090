"""Fractions: quotients, and what is calculated from them. Compared exactly; shown as decimals with two places.

A column of fractions holds doubles, good for nearly all comparisons. Where two sides are as close as doubles err, and where a value is
shown, the same expression is calculated once more in whole numbers (`fractions.Fraction`), for those happenings alone.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.engine.expression.evaluate import COMPARE, Array, Column, Env, known_in_both
from streams.engine.expression.leaves import Param
from streams.engine.expression.nodes import Arithmetic, Compare, Expr, OrElse, expr
from streams.engine.expression.types import KIND_WORDS, DefinitionFault, check_units, measure

if TYPE_CHECKING:
    from schemas.columns import Bools
    from streams.engine.expression.nodes import Operand

CLOSE = 2.0**-40
"""Of the size of what is calculated: doubles err by far less."""


class Near(NamedTuple):
    """Doubles, how large the numbers were from which they were calculated, and where they are known."""

    values: Array
    size: Array
    known: Bools | None


class Fractional(Arithmetic):
    """A sum, difference, product, quotient or maximum of which a side is a fraction, or which is a quotient; unknown for a divisor of 0."""

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        for side in (left, right):
            if side.kind not in ("int", "ratio"):
                raise DefinitionFault(f"{left} {sign} {right}: wanted numbers, got {KIND_WORDS[side.kind]}")
        if sign == "//":
            raise DefinitionFault(f"{left} // {right}: wanted whole numbers, got a fraction; use /")
        if sign in ("+", "-", "max"):
            check_units(f"{left} {sign} {right}", left, right)
        self.sign, self.left, self.right = sign, left, right
        self.kind = "ratio"
        one, other = measure(left.unit), measure(right.unit)
        self.unit = (one or other) if sign != "/" else one if one != other and not other else None
        self.by_zero = sign == "/" and not right.never_zero
        self.nullable = left.nullable or right.nullable or self.by_zero

    def column(self, env: Env) -> Column:
        near = nearly(self, env)
        return Column(near.values, near.known)


class CompareFractions(Compare):
    """A comparison of which a side is a fraction."""

    def column(self, env: Env) -> Column:
        left, right = nearly(self.left, env), nearly(self.right, env)
        known = known_in_both(left.known, right.known)
        values, size = np.array(COMPARE[self.sign](left.values, right.values)), left.size + right.size
        close = (np.abs(left.values - right.values) <= CLOSE * size) & (size > 0)  # nothing but zeros is exact
        for place in (close if known is None else close & known).nonzero()[0].tolist():
            one, other = exactly(self.left, env, place), exactly(self.right, env, place)
            values.reshape(-1)[place] = COMPARE[self.sign](one, other)
        return Column(values) if known is None else Column(values & known, known)


class Rounded(Expr):
    """A fraction as a whole number, half up: 2.5 is 3, -2.5 is -2. Used for money, which is shown in minor units."""

    def __init__(self, inner: Expr) -> None:
        self.inner, self.nullable, self.unit = inner, inner.nullable, inner.unit

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def column(self, env: Env) -> Column:
        values, known = env.column(self.inner)
        found = [exactly(self.inner, env, place) for place in range(np.size(values))]
        rounded = [half_up(one, 1) if one is not None else 0 for one in found]
        return Column(np.array(rounded, np.int64).reshape(np.shape(values)), known)

    def __str__(self) -> str:
        return f"{self.inner} rounded"


class CutOff(Expr):
    """A fraction as a whole number, cut off: the largest one that is not above it. Used beside moments, which have whole milliseconds."""

    def __init__(self, inner: Expr) -> None:
        self.inner, self.nullable, self.unit = inner, inner.nullable, inner.unit

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def column(self, env: Env) -> Column:
        values, known = env.column(self.inner)
        found = [exactly(self.inner, env, place) for place in range(np.size(values))]
        return Column(np.array([0 if one is None else floor(one) for one in found], np.int64).reshape(np.shape(values)), known)

    def __str__(self) -> str:
        return f"{self.inner} cut off"


def nearly(node: Expr, env: Env) -> Near:
    """The values of a number or fraction as doubles."""
    if isinstance(node, Param) and node.kind == "ratio":
        value = np.asarray(env.parameter(node) / Param.PARTS)
        return Near(value, np.abs(value), None)
    if isinstance(node, OrElse) and node.kind == "ratio":
        first, second = nearly(node.left, env), nearly(node.right, env)
        if first.known is None:
            return first
        known = None if second.known is None else first.known | second.known
        return Near(np.where(first.known, first.values, second.values), np.where(first.known, first.size, second.size), known)
    if not isinstance(node, Fractional):
        values, known = env.column(node)
        values = values.astype(np.float64)
        values = values if known is None else np.where(known, values, 0.0)
        return Near(values, np.abs(values), known)
    left, right = nearly(node.left, env), nearly(node.right, env)
    known = known_in_both(left.known, right.known)
    match node.sign:
        case "+":
            return Near(left.values + right.values, left.size + right.size, known)
        case "-":
            return Near(left.values - right.values, left.size + right.size, known)
        case "*":
            return Near(left.values * right.values, left.size * right.size, known)
        case "max":
            return Near(np.maximum(left.values, right.values), np.maximum(left.size, right.size), known)
    zero = right.values == 0
    divisor = np.where(zero, 1.0, right.values)
    if node.by_zero:
        known = ~zero if known is None else known & ~zero
    values = left.values / divisor
    return Near(values, np.abs(left.size / divisor) * np.maximum(1.0, right.size / np.abs(divisor)), known)


def exactly(node: Expr, env: Env, place: int) -> Fraction | None:
    """The value at one happening; None: unknown."""
    if isinstance(node, Param) and node.kind == "ratio":
        return Fraction(env.parameter(node), Param.PARTS)
    if isinstance(node, OrElse) and node.kind == "ratio":
        first = exactly(node.left, env, place)
        return exactly(node.right, env, place) if first is None else first
    if not isinstance(node, Fractional):
        values, known = env.column(node)
        at = place if np.size(values) > 1 else 0
        return None if known is not None and not np.reshape(known, -1)[at if np.size(known) > 1 else 0] else Fraction(int(np.reshape(values, -1)[at]))
    left, right = exactly(node.left, env, place), exactly(node.right, env, place)
    if left is None or right is None or (node.sign == "/" and right == 0):
        return None
    match node.sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "max":
            return max(left, right)
    return left / right


def half_up(value: Fraction, parts: int) -> int:
    """`value` in whole parts of one, half up.

    >>> half_up(Fraction(5, 2), 1), half_up(Fraction(-5, 2), 1), half_up(Fraction(1, 3), 100)
    (3, -2, 33)
    """
    return (2 * value.numerator * parts + value.denominator) // (2 * value.denominator)


def decimal(value: Fraction) -> str:
    """A fraction as a text with two decimal places, half up.

    >>> decimal(Fraction(1, 3)), decimal(Fraction(25, 1000)), decimal(Fraction(-1, 3))
    ('0.33', '0.03', '-0.33')
    """
    hundredths = half_up(value, 100)
    return f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def quotient(left: Operand, right: Operand) -> Expr:
    """`left / right`. Raises DefinitionFault."""
    return Fractional("/", expr(left), expr(right))


__all__ = ["CompareFractions", "CutOff", "Fractional", "Rounded", "decimal", "exactly", "quotient"]

"""Three-valued columns: the values of an expression, and beside them which are known (`semantics.md` §1.1).

Numbers, times, dates, codes of texts are int64, truth values bool. Where a value is unknown its column holds NULL, for texts 0,
for truth values False: so "is it true" is the column itself, and nothing is masked where everything is known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from schemas.codes import NULL, UNSURE
from schemas.columns import Bools, Ints
from streams.engine.expression.types import CODED

if TYPE_CHECKING:
    from streams.engine.expression.leaves import Join, Param, Reading, RecordField
    from streams.engine.expression.nodes import Expr
    from streams.engine.expression.types import ValueKind

Array = npt.NDArray[Any]


class Env(Protocol):
    """Where an expression finds its values: one array of equal length for each leaf."""

    def field(self, field: RecordField) -> Column:
        """A field of the records behind."""
        ...

    def reading(self, reading: Reading) -> Column:
        """A value that was kept or found for these happenings."""
        ...

    def column(self, node: Expr) -> Column:
        """The values of a node, computed once."""
        ...

    def parameter(self, parameter: Param) -> int:
        """The value a parameter has in this installation."""
        ...

    def join(self, join: Join, *keys: Array) -> Array:
        """The reference column `join` for the given keys at the records' times."""
        ...

    def event_times(self) -> Ints:
        """The event times, epoch ms."""
        ...

    def event_days(self) -> Ints:
        """The civil days of the event times in the zone of the key, days since 1970-01-01."""
        ...

    def whole_lives(self, count: Expr) -> Bools:
        """Of which keys all is there that `count` counts in their lives (setting `history_from`; a count begins again where its rule is changed)."""
        ...

    def civil_days(self, times: Ints) -> Ints:
        """The civil days of moments (epoch ms), one for each of the happenings, in the zone of the key."""
        ...

    def lines(self) -> Ints:
        """The codes of the ids of the lines that the happenings are of, 0 where there is none."""
        ...

    def moments_on(self, days: Ints, clock: Ints) -> Ints:
        """The moments, epoch ms, at which the clock shows `clock` (ms since 00:00) on civil days, in the zone of the key."""
        ...


class Column(NamedTuple):
    """Values, and where they are known; `known` None: everywhere. Unknown ones hold NULL, 0 (texts) or False."""

    values: Array
    known: Bools | None = None


def read(kind: ValueKind, values: Array, *, nullable: bool) -> Column:
    """A column as records, reference tables and primitives give it, with its unknown values."""
    if not nullable:
        return Column(values)
    if kind == "bool":
        return Column(values) if values.dtype == bool else Column(values == 1, np.asarray(values != UNSURE))
    return Column(values, np.asarray(values != (0 if kind in CODED else NULL)))


def known(node: Expr, values: Array) -> Bools:
    """Where `values` (numbers, times, dates, texts) of `node` are known."""
    return np.asarray(values != (0 if node.kind in CODED else NULL))


def known_in_both(left: Bools | None, right: Bools | None) -> Bools | None:
    """Where both sides are known."""
    if left is None or right is None:
        return right if left is None else left
    return left & right


def conjunction(left: Column, right: Column) -> Column:
    """And: false where one side is false, for any value of the other."""
    values = np.asarray(left.values & right.values)
    if left.known is None and right.known is None:
        return Column(values)
    return Column(values, values | is_false(left) | is_false(right))


def disjunction(left: Column, right: Column) -> Column:
    """Or: true where one side is true, for any value of the other."""
    values = np.asarray(left.values | right.values)
    known = known_in_both(left.known, right.known)
    return Column(values, None if known is None else values | known)


def negation(inner: Column) -> Column:
    """Not: unknown stays unknown."""
    false = is_false(inner)
    return Column(false, inner.known)


def is_false(column: Column) -> Bools:
    """Where a truth value is known to be false."""
    return np.asarray(~column.values if column.known is None else ~column.values & column.known)


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def comparison(sign: str, left: Column, right: Column) -> Column:
    """A comparison; unknown where a side is."""
    values = np.asarray(COMPARE[sign](left.values, right.values))
    known = known_in_both(left.known, right.known)
    return Column(values) if known is None else Column(values & known, known)


def floor_quotient(left: Any, right: Any) -> Any:
    """`left // right`; any number where `right` is 0."""
    return np.floor_divide(left, np.where(right == 0, 1, right))


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": floor_quotient, "max": np.maximum}


def calculation(sign: str, left: Column, right: Column, *, by_zero: bool) -> Column:
    """Arithmetic; unknown where a side is, and (`by_zero`: it can happen) where the divisor is 0."""
    values = np.asarray(ARITHMETIC[sign](left.values, right.values))
    known = known_in_both(left.known, right.known)
    if by_zero:
        divisible = np.asarray(right.values != 0)
        known = divisible if known is None else known & divisible
    return Column(values) if known is None else Column(np.where(known, values, NULL), known)


def membership(inner: Column, values: Sequence[int]) -> Column:
    """Whether a value is one of `values`; unknown where it is unknown."""
    result = np.asarray(inner.values == values[0])
    for value in values[1:]:
        result = result | (inner.values == value)
    return Column(result) if inner.known is None else Column(result & inner.known, inner.known)


def alternative(first: Column, second: Column) -> Column:
    """`first`, and where that is unknown `second`."""
    if first.known is None:
        return first
    known = None if second.known is None else first.known | second.known
    return Column(np.where(first.known, first.values, second.values), known)

"""The tree of a rule: every node knows its kind, unit, enum values, and whether it may be unknown.

Comparison, sum and membership are unknown where an operand is; `&`, `|`, `~` are Kleene's; only *true* fires. `.known()`,
`.is_unknown()` and `.or_(value)` ask explicitly. Nodes that do not fit together raise DefinitionFault while the definition loads.
"""

from __future__ import annotations

from functools import cached_property
from typing import NoReturn

import numpy as np

from schemas.codes import NULL, keep
from streams.engine.expression.evaluate import Array, Column, Env, alternative, calculation, comparison, conjunction, disjunction, membership, negation
from streams.engine.expression.quantities import quantity
from streams.engine.expression.types import CODED, DefinitionFault, ValueKind, check_comparison, check_condition, check_domains, check_value, kind_of_result, shown, unit_of_result


class Expr:
    """A node of a rule. Python's operators build larger nodes; `&`, `|`, `~` are and, or, not."""

    kind: ValueKind = "int"
    unit: str | None = None
    domain: tuple[str, ...] | None = None
    """The values of its enum, where it has one."""
    nullable: bool = False
    literal: int | str | bool | None = None
    """The value, where it is written in the rule."""
    never_zero: bool = False
    """A divisor that cannot be 0."""
    __hash__ = object.__hash__

    def children(self) -> tuple[Expr, ...]:
        """The nodes below this one."""
        return ()

    def key(self) -> object:
        """Equal for nodes that mean the same: the engine evaluates such nodes once."""
        return (type(self).__name__, *(child.same_as for child in self.children()))

    @cached_property
    def same_as(self) -> object:
        """`key`, found once."""
        return self.key()

    @cached_property
    def _nodes(self) -> tuple[Expr, ...]:
        return (self, *(node for child in self.children() for node in child.walk()))

    def walk(self) -> tuple[Expr, ...]:
        """This node and all below it, top first."""
        return self._nodes

    def column(self, env: Env) -> Column:
        """This node's values in `env`, and which are known. A node that only has `evaluate` is known everywhere."""
        return Column(self.evaluate(env))

    def evaluate(self, env: Env) -> Array:
        """The values alone: NULL, 0 (texts) or False where unknown. Of a condition: where it is true."""
        if type(self).column is Expr.column:
            raise NotImplementedError(f"{type(self).__name__}: wanted a method `column`, got none")
        return self.column(env).values

    def __repr__(self) -> str:
        return object.__repr__(self) if type(self).__str__ is object.__str__ else f"<{type(self).__name__} {self}>"

    def __bool__(self) -> bool:
        raise DefinitionFault(f"{self}: a rule has no truth value while it is declared; use & | ~ instead of and or not, and .isin() instead of in")

    def __contains__(self, value: object) -> bool:
        raise DefinitionFault(f"{value!r} in {self}: wanted a condition; compare with ==, or use .isin(...)")

    def __iter__(self) -> NoReturn:
        raise DefinitionFault(f"{self}: wanted one value, got a loop over it")

    def __add__(self, other: Operand) -> Expr:
        return calculated("+", self, length_beside(self, other))

    def __radd__(self, other: Operand) -> Expr:
        return calculated("+", expr(other), self)

    def __sub__(self, other: Operand) -> Expr:
        return calculated("-", self, length_beside(self, other))

    def __rsub__(self, other: Operand) -> Expr:
        return calculated("-", expr(other), self)

    def __mul__(self, other: Operand) -> Expr:
        return calculated("*", self, expr(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Operand) -> Expr:
        return calculated("//", self, expr(other))

    def __rfloordiv__(self, other: Operand) -> Expr:
        return calculated("//", expr(other), self)

    def __truediv__(self, other: Operand) -> Expr:
        return calculated("/", self, expr(other))

    def __rtruediv__(self, other: Operand) -> Expr:
        return calculated("/", expr(other), self)

    def __neg__(self) -> Expr:
        return calculated("-", Const(0), self)

    def __lt__(self, other: Operand) -> Expr:
        return compared("<", self, expr(other))

    def __le__(self, other: Operand) -> Expr:
        return compared("<=", self, expr(other))

    def __gt__(self, other: Operand) -> Expr:
        return compared(">", self, expr(other))

    def __ge__(self, other: Operand) -> Expr:
        return compared(">=", self, expr(other))

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]  # an expression, as in every column library
        return compared("==", self, expr(other))

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]  # see __eq__
        return compared("!=", self, expr(other))

    def __and__(self, other: Expr) -> Expr:
        return Logic("&", self, other)

    def __or__(self, other: Expr) -> Expr:
        return Logic("|", self, other)

    def __rand__(self, other: object) -> Expr:
        return Logic("&", other, self)  # type: ignore[arg-type]  # refused, in words

    def __ror__(self, other: object) -> Expr:
        return Logic("|", other, self)  # type: ignore[arg-type]  # refused, in words

    def __invert__(self) -> Expr:
        return Not(self)

    def isin(self, *values: str | int) -> Expr:
        """True where the value is one of `values`."""
        return In(self, tuple(values))

    def known(self) -> Expr:
        """True where the value is known, else false."""
        return Known(self)

    def is_unknown(self) -> Expr:
        """True where the value is unknown, else false."""
        return Not(Known(self))

    def or_(self, value: Operand) -> Expr:
        """The value, and where it is unknown `value`."""
        return OrElse(self, expr(value))

    def where(self, condition: Expr) -> Expr:
        """The value where `condition` is true, else unknown."""
        return Guarded(self, condition)

    @property
    def seconds(self) -> Expr:
        """A length of time (ms) in whole seconds, cut off."""
        return self._whole("seconds", 1_000)

    @property
    def minutes(self) -> Expr:
        """A length of time (ms) in whole minutes, cut off."""
        return self._whole("minutes", 60_000)

    @property
    def hours(self) -> Expr:
        """A length of time (ms) in whole hours, cut off."""
        return self._whole("hours", 3_600_000)

    @property
    def days(self) -> Expr:
        """A number of civil days; of a length of time (ms) whole days of 24 h, cut off."""
        return self if self.unit == "civil days" else self._whole("days", 86_400_000)

    @property
    def date(self) -> Expr:
        """The civil day of a moment, in the zone of the key."""
        from streams.engine.expression.leaves import CivilDay

        return CivilDay(self)

    def as_date(self) -> Expr:
        """The civil date that a text says, as YYYY-MM-DD; unknown where it says none."""
        from streams.engine.expression.periods import WrittenDate

        return WrittenDate(self)

    def _whole(self, word: str, ms: int) -> Expr:
        if self.kind != "int" or self.unit != "ms":
            raise DefinitionFault(f"{self}.{word}: wanted a length of time in ms, got {shown(self)}")
        return Arithmetic("//", self, Const(ms))


Operand = Expr | int | str | bool


class Const(Expr):
    """A number, a truth value or a text, written in a rule."""

    def __init__(self, value: int | str | bool) -> None:
        self.value = self.literal = value
        self.never_zero = value != 0
        self.kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "int"

    def key(self) -> object:
        return ("Const", self.kind, self.value)

    @cached_property
    def _column(self) -> Column:
        return Column(np.asarray(keep(self.value) if isinstance(self.value, str) else self.value))

    def column(self, env: Env) -> Column:
        del env
        return self._column

    def __str__(self) -> str:
        return repr(self.value) if isinstance(self.value, str) else str(self.value)


class Binary(Expr):
    """Two nodes and the sign between them."""

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        self.sign, self.left, self.right = sign, left, right

    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)

    def key(self) -> object:
        return (self.sign, self.left.same_as, self.right.same_as)

    def __str__(self) -> str:
        return f"({self.left} {self.sign} {self.right})"


class Arithmetic(Binary):
    """Sum, difference, product, floor quotient or maximum; unknown where a side is unknown or the divisor is 0."""

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        super().__init__(sign, left, right)
        self.kind, self.unit = kind_of_result(sign, left, right), unit_of_result(sign, left, right)
        self.by_zero = sign == "//" and not right.never_zero
        self.nullable = left.nullable or right.nullable or self.by_zero

    def column(self, env: Env) -> Column:
        return calculation(self.sign, self.left.column(env), self.right.column(env), by_zero=self.by_zero)

    def __str__(self) -> str:
        if self.sign == "-" and isinstance(self.left, Const) and self.left.value == 0:
            return f"-{self.right}"
        return super().__str__()


class Compare(Binary):
    """A comparison; unknown where a side is unknown."""

    kind: ValueKind = "bool"

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        check_comparison(sign, left, right)
        super().__init__(sign, left, right)
        self.nullable = left.nullable or right.nullable

    def column(self, env: Env) -> Column:
        return comparison(self.sign, self.left.column(env), self.right.column(env))


class Logic(Binary):
    """And, or, by Kleene: false & unknown is false, true | unknown is true, else unknown stays."""

    kind: ValueKind = "bool"

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        for side in (left, right):
            if not isinstance(side, Expr) or side.kind != "bool":
                check_condition(f"{left} {sign} {right}", side)
        super().__init__(sign, left, right)
        self.nullable = left.nullable or right.nullable

    def column(self, env: Env) -> Column:
        combine = conjunction if self.sign == "&" else disjunction
        return combine(self.left.column(env), self.right.column(env))


class Not(Expr):
    """True where the inner condition is false."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr) -> None:
        check_condition(f"~{inner}", inner)
        self.inner, self.nullable = inner, inner.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def column(self, env: Env) -> Column:
        return negation(self.inner.column(env))

    def __str__(self) -> str:
        return f"{self.inner.inner} unknown" if isinstance(self.inner, Known) else f"~{self.inner}"


class In(Expr):
    """Membership in a small set; unknown where the value is."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr, values: tuple[str | int, ...]) -> None:
        self.inner, self.values, self.nullable = inner, values, inner.nullable
        if not values:
            raise DefinitionFault(f"{inner}.isin(): wanted at least one value, got none")
        for value in values:
            check_value(str(self), inner, value)

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def key(self) -> object:
        return ("In", self.inner.key(), self.values)

    @cached_property
    def _numbers(self) -> list[int]:
        return [keep(value) if isinstance(value, str) else value for value in self.values]

    def column(self, env: Env) -> Column:
        return membership(self.inner.column(env), self._numbers)

    def __str__(self) -> str:
        return f"{self.inner} in ({', '.join(map(str, self.values))})"


class Known(Expr):
    """True where the inner value is known, else false."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr) -> None:
        self.inner = inner

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def column(self, env: Env) -> Column:
        values, known = self.inner.column(env)
        return Column(np.ones(np.shape(values), bool) if known is None else known)

    def __str__(self) -> str:
        return f"{self.inner} known"


class OrElse(Binary):
    """The left value, and where it is unknown the right one."""

    def __init__(self, left: Expr, right: Expr) -> None:
        what = f"{left}.or_({right})"
        if left.kind != right.kind:
            raise DefinitionFault(f"{what}: wanted two values of one kind, got {shown(left)} and {shown(right)}")
        check_domains(what, left, right)
        super().__init__("or else", left, right)
        self.kind, self.unit, self.nullable = left.kind, left.unit, right.nullable
        self.domain = left.domain if right.literal is not None else None

    def column(self, env: Env) -> Column:
        return alternative(self.left.column(env), self.right.column(env))


class Guarded(Expr):
    """A value where a condition is true, else unknown."""

    def __init__(self, inner: Expr, condition: Expr) -> None:
        check_condition(f"{inner}.where({condition})", condition)
        self.inner, self.condition = inner, condition
        self.kind, self.unit, self.domain, self.nullable = inner.kind, inner.unit, inner.domain, True

    def children(self) -> tuple[Expr, ...]:
        return (self.inner, self.condition)

    def column(self, env: Env) -> Column:
        values, known = self.inner.column(env)
        true = self.condition.column(env).values
        shown = np.array(true) if known is None else true & known
        return Column(np.where(shown, values, False if self.kind == "bool" else 0 if self.kind in CODED else NULL), shown)

    def __str__(self) -> str:
        return f"({self.inner} where {self.condition})"


class Nth(Guarded):
    """Which one it is in the life of the key: how many there have been, unknown where the beginning of that life may be missing."""

    def __str__(self) -> str:
        return "nth"


def expr(value: object) -> Expr:
    """`value` as a node: a node stays, a number, text or truth value becomes a constant."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool | int | str):
        return Const(value)
    if value is None:
        raise DefinitionFault("wanted an expression, a whole number, a text or a truth value, got None; ask with .known() or .is_unknown()")
    raise DefinitionFault(f"wanted an expression, a whole number, a text or a truth value, got {value!r}; money is counted in minor units, time in ms")


def calculated(sign: str, left: Expr, right: Expr) -> Expr:
    """A calculation: in whole numbers, or (`fractions.py`) in fractions; beside a moment a fraction is cut off. Raises DefinitionFault."""
    from streams.engine.expression.fractions import CutOff, Fractional

    if sign in ("+", "-") and "date" in (left.kind, right.kind) and "months" in (left.unit, right.unit):
        from streams.engine.expression.periods import MonthsLater

        return MonthsLater.of(sign, left, right)
    if left.kind == "time" and right.kind == "ratio" and sign in ("+", "-"):
        return Arithmetic(sign, left, CutOff(right))
    return Fractional(sign, left, right) if sign == "/" or "ratio" in (left.kind, right.kind) else Arithmetic(sign, left, right)


def compared(sign: str, left: Expr, right: Expr) -> Expr:
    """A comparison. Raises DefinitionFault."""
    from streams.engine.expression.fractions import CompareFractions

    return CompareFractions(sign, left, right) if "ratio" in (left.kind, right.kind) else Compare(sign, left, right)


def length_beside(node: Expr, other: Operand) -> Expr:
    """What is added to `node` or taken from it: beside a moment or date a text is a length of time. Raises DefinitionFault."""
    if not isinstance(other, str) or node.kind not in ("time", "date"):
        return expr(other)
    number, unit = quantity(other)
    length = Const(number)
    length.unit = unit
    return length


def condition(value: Expr) -> Expr:
    """`value`, which is a condition. Raises DefinitionFault."""
    check_condition("where", value)
    return value


def maximum(left: Operand, right: Operand) -> Expr:
    """The larger of two values."""
    return calculated("max", expr(left), expr(right))


TRUE = Const(value=True)


def both(conditions: tuple[Expr, ...]) -> Expr:
    """All of `conditions`; TRUE when there are none. Raises DefinitionFault."""
    result: Expr | None = None
    for part in map(condition, conditions):
        result = part if result is None else result & part
    return TRUE if result is None else result

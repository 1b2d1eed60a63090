"""Expressions: what a rule says, as a tree that can be read, shared, explained and run over columns.

Every value is an int64 (numbers, money in minor units, epoch ms, civil day numbers, codes of texts) or a bool.
`NULL` stands for an unknown number or time, 0 for an unknown text. A comparison with an unknown value is false, `!=` too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from schemas.codes import NULL, code

if TYPE_CHECKING:
    from collections.abc import Iterator

ValueKind = Literal["int", "bool", "text", "time", "date"]
Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Env(Protocol):
    """Where an expression finds its values: one array of equal length for each leaf."""

    def field(self, name: str) -> Array:
        """The record field `name` as a column."""
        ...

    def output(self, source: object, name: str) -> Array:
        """What a primitive reported under `name` for these records."""
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


class Expr:
    """A node of a rule. Python's operators build larger nodes; `&`, `|`, `~` are and, or, not."""

    kind: ValueKind = "int"
    nullable: bool = False
    __hash__ = object.__hash__

    def children(self) -> tuple[Expr, ...]:
        """The nodes this one is made of."""
        return ()

    def key(self) -> object:
        """Equal for nodes that mean the same: the engine evaluates such nodes once."""
        return (type(self).__name__, *(child.key() for child in self.children()))

    def walk(self) -> Iterator[Expr]:
        """This node and all below it, top first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def evaluate(self, env: Env) -> Array:
        """The column of this node's values in `env`."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        raise TypeError(f"{self}: a rule has no truth value while it is declared; use & | ~ instead of and or not, and .isin() instead of in")

    def __add__(self, other: Operand) -> Expr:
        return Arithmetic("+", self, expr(other))

    def __radd__(self, other: Operand) -> Expr:
        return Arithmetic("+", expr(other), self)

    def __sub__(self, other: Operand) -> Expr:
        return Arithmetic("-", self, expr(other))

    def __rsub__(self, other: Operand) -> Expr:
        return Arithmetic("-", expr(other), self)

    def __mul__(self, other: Operand) -> Expr:
        return Arithmetic("*", self, expr(other))

    __rmul__ = __mul__

    def __floordiv__(self, other: Operand) -> Expr:
        return Arithmetic("//", self, expr(other))

    def __neg__(self) -> Expr:
        return Arithmetic("-", Const(0), self)

    def __lt__(self, other: Operand) -> Expr:
        return Compare("<", self, expr(other))

    def __le__(self, other: Operand) -> Expr:
        return Compare("<=", self, expr(other))

    def __gt__(self, other: Operand) -> Expr:
        return Compare(">", self, expr(other))

    def __ge__(self, other: Operand) -> Expr:
        return Compare(">=", self, expr(other))

    def __eq__(self, other: object) -> Expr:  # type: ignore[override]  # an expression, as in every column library
        return Compare("==", self, expr(other))

    def __ne__(self, other: object) -> Expr:  # type: ignore[override]  # see __eq__
        return Compare("!=", self, expr(other))

    def __and__(self, other: Expr) -> Expr:
        return Logic("&", self, other)

    def __or__(self, other: Expr) -> Expr:
        return Logic("|", self, other)

    def __rand__(self, other: object) -> Expr:
        raise TypeError(f"{other!r} & {self}: wanted parentheses around each comparison: (a == b) & (c == d)")

    __ror__ = __rand__

    def __invert__(self) -> Expr:
        return Not(self)

    def isin(self, *values: str | int) -> Expr:
        """True where the value is one of `values`."""
        return In(self, tuple(values))

    def known(self) -> Expr:
        """True where the value is known."""
        return Known(self)


Operand = Expr | int | str | bool


class Const(Expr):
    """A number, a truth value or a text, written in a rule."""

    def __init__(self, value: int | str | bool) -> None:
        self.value = value
        self.kind = "bool" if isinstance(value, bool) else "text" if isinstance(value, str) else "int"

    def key(self) -> object:
        return ("Const", self.value)

    def evaluate(self, env: Env) -> Array:
        del env
        return np.asarray(code(self.value) if isinstance(self.value, str) else self.value)

    def __str__(self) -> str:
        return repr(self.value) if isinstance(self.value, str) else str(self.value)


class Param(Expr):
    """A number of a rule that an installation may set: `low = Param(1000, unit="minor", ge=0, doc="...")`."""

    def __init__(self, value: int, *, unit: str, doc: str, name: str = "", ge: int | Param | None = None, le: int | Param | None = None) -> None:
        self.value, self.unit, self.doc, self.ge, self.le = value, unit, doc, ge, le
        self.name = name
        """As settings know it: the attribute's name, unless that would clash with a payload field's."""

        self.owner: type | None = None
        """The class whose attribute it is."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.owner = self.name or name, owner

    def fault(self, value: object, value_of: Callable[[Param], int] = lambda bound: bound.value) -> str | None:
        """Why `value` cannot be this parameter's, or None: what was wanted and what came. `value_of`: the value of a parameter that is a bound."""
        if not isinstance(value, int) or isinstance(value, bool):
            return f"wanted an integer ({self.unit}), got {value!r}"
        for sign, bound in ((">=", self.ge), ("<=", self.le)):
            limit = value_of(bound) if isinstance(bound, Param) else bound
            if limit is not None and (value < limit if sign == ">=" else value > limit):
                return f"wanted {sign} {limit} {self.unit}{f', the value of {bound.name}' if isinstance(bound, Param) else ''}, got {value}"
        return None

    def key(self) -> object:
        return ("Param", id(self))

    def evaluate(self, env: Env) -> Array:
        return np.asarray(env.parameter(self))

    def __str__(self) -> str:
        return f"{{{self.name}={self.value}}}"


class RecordField(Expr):
    """A field of a raw record."""

    def __init__(self, record: type, name: str, kind: ValueKind, *, nullable: bool) -> None:
        self.record, self.name, self.kind, self.nullable = record, name, kind, nullable

    def key(self) -> object:
        return ("RecordField", self.name)

    def evaluate(self, env: Env) -> Array:
        return env.field(self.name)

    def __str__(self) -> str:
        return self.name


class Output(Expr):
    """What a primitive reports of a match: the count of a window, the place arrived at, the due time."""

    nullable = True

    def __init__(self, source: object, name: str, kind: ValueKind) -> None:
        self.source, self.name, self.kind = source, name, kind

    def key(self) -> object:
        return ("Output", id(self.source), self.name)

    def evaluate(self, env: Env) -> Array:
        return env.output(self.source, self.name)

    def __str__(self) -> str:
        return self.name


class Join(Expr):
    """A column of a reference table, for the row valid at the record's event time: `device.brand(X.new_tac)`."""

    nullable = True

    def __init__(self, table: str, column: str, kind: ValueKind, *keys: Expr) -> None:
        self.table, self.column, self.kind, self.keys = table, column, kind, keys

    def children(self) -> tuple[Expr, ...]:
        return self.keys

    def key(self) -> object:
        return ("Join", self.table, self.column, *(k.key() for k in self.keys))

    def evaluate(self, env: Env) -> Array:
        return env.join(self, *(k.evaluate(env) for k in self.keys))

    def __str__(self) -> str:
        return f"ref.{self.table}.{self.column}({', '.join(map(str, self.keys))})"


class Unknown(Expr):
    """A text that the record does not carry."""

    kind: ValueKind = "text"
    nullable = True

    def evaluate(self, env: Env) -> Array:
        del env
        return np.asarray(0)

    def __str__(self) -> str:
        return "unknown"


class EventTime(Expr):
    """The event time of the record, or the due time of a timer."""

    kind: ValueKind = "time"

    def key(self) -> object:
        return ("EventTime",)

    def evaluate(self, env: Env) -> Array:
        return env.event_times()

    def __str__(self) -> str:
        return "event_time"


class EventDay(Expr):
    """The civil day of the event time in the zone of the key."""

    kind: ValueKind = "date"

    def key(self) -> object:
        return ("EventDay",)

    def evaluate(self, env: Env) -> Array:
        return env.event_days()

    def __str__(self) -> str:
        return "day"


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "max": np.maximum}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Binary(Expr):
    """Two nodes and the sign between them."""

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        self.sign, self.left, self.right = sign, left, right

    def children(self) -> tuple[Expr, ...]:
        return (self.left, self.right)

    def key(self) -> object:
        return (self.sign, self.left.key(), self.right.key())

    def __str__(self) -> str:
        return f"({self.left} {self.sign} {self.right})"


class Arithmetic(Binary):
    """Sum, difference, product, floor quotient or maximum; unknown where either side is unknown."""

    def __init__(self, sign: str, left: Expr, right: Expr) -> None:
        super().__init__(sign, left, right)
        self.nullable = left.nullable or right.nullable
        self.kind = left.kind if left.kind in ("time", "date") and sign in "+-" and right.kind == "int" else "int"

    def evaluate(self, env: Env) -> Array:
        left, right = self.left.evaluate(env), self.right.evaluate(env)
        result = ARITHMETIC[self.sign](left, right)
        if self.nullable:
            return np.where((left == NULL) | (right == NULL), NULL, result)
        return np.asarray(result)

    def __str__(self) -> str:
        if self.sign == "-" and isinstance(self.left, Const) and self.left.value == 0:
            return f"-{self.right}"
        return super().__str__()


class Compare(Binary):
    """A comparison; false where a side is unknown."""

    kind: ValueKind = "bool"

    def evaluate(self, env: Env) -> Array:
        left, right = self.left.evaluate(env), self.right.evaluate(env)
        result = COMPARE[self.sign](left, right)
        for side, values in ((self.left, left), (self.right, right)):
            if side.nullable and (side.kind != "text" or self.sign == "!="):
                result = result & known(side, values)
            elif side.nullable:
                result = result & (values != 0)
        return np.asarray(result)


class Logic(Binary):
    """And, or."""

    kind: ValueKind = "bool"

    def evaluate(self, env: Env) -> Array:
        left, right = self.left.evaluate(env), self.right.evaluate(env)
        return np.asarray(left & right if self.sign == "&" else left | right)


class Not(Expr):
    """True where the inner condition is not."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr) -> None:
        self.inner = inner

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def evaluate(self, env: Env) -> Array:
        return ~self.inner.evaluate(env)

    def __str__(self) -> str:
        return f"~{self.inner}"


class In(Expr):
    """Membership in a small set."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr, values: tuple[str | int, ...]) -> None:
        self.inner, self.values = inner, values

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def key(self) -> object:
        return ("In", self.inner.key(), self.values)

    def evaluate(self, env: Env) -> Array:
        inner = self.inner.evaluate(env)
        result = np.zeros(inner.shape, bool)
        for value in self.values:
            result |= inner == (code(value) if isinstance(value, str) else value)
        return result

    def __str__(self) -> str:
        return f"{self.inner} in ({', '.join(map(str, self.values))})"


class Known(Expr):
    """True where the inner value is known."""

    kind: ValueKind = "bool"

    def __init__(self, inner: Expr) -> None:
        self.inner = inner

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def evaluate(self, env: Env) -> Array:
        return known(self.inner, self.inner.evaluate(env))

    def __str__(self) -> str:
        return f"{self.inner} known"


def known(node: Expr, values: Array) -> Bools:
    """Where `values` of `node` are known."""
    return np.asarray(values != (0 if node.kind == "text" else NULL))


def expr(value: object) -> Expr:
    """`value` as a node: a node stays, a number, text or truth value becomes a constant."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool | int | str):
        return Const(value)
    raise TypeError(f"wanted an expression, a whole number, a text or a truth value, got {value!r}: money is counted in minor units, time in ms")


def maximum(left: Operand, right: Operand) -> Expr:
    """The larger of two values."""
    return Arithmetic("max", expr(left), expr(right))


TRUE = Const(value=True)


def both(conditions: tuple[Expr, ...]) -> Expr:
    """All of `conditions`; TRUE when there are none."""
    result: Expr | None = None
    for condition in conditions:
        result = condition if result is None else result & condition
    return TRUE if result is None else result

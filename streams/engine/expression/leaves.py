"""The leaves of the tree: parameters, record fields, what primitives report, reference columns, times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from schemas.codes import NULL
from streams.engine.expression.evaluate import Column, Env, read
from streams.engine.expression.nodes import Expr
from streams.engine.expression.quantities import EXAMPLES, PARTS, Quantity, quantity, shown
from streams.engine.expression.types import KIND_WORDS, DefinitionFault, ValueKind


class Param(Expr):
    """A number of a rule that an installation may set: `low = Param(1000, unit="minor", ge=0, doc="...")`.

    What has a unit is written as a text with it: `Param("60min", ge="1s", doc="...")`, `Param("5 GiB", doc="...")`. Raises DefinitionFault.
    """

    unit: str
    PARTS = PARTS
    """A factor's value is counted in parts of one."""

    def __init__(self, value: int | str, *, doc: str, unit: str = "", name: str = "", ge: int | str | Param | None = None, le: int | str | Param | None = None) -> None:
        self.doc, self.name = doc, name
        self.value, self.unit = self._read(value, unit)
        self.kind = "ratio" if self.unit == "factor" else "int"
        self.ge, self.le = self._bound("ge", ge), self._bound("le", le)
        self.never_zero = isinstance(self.ge, int) and self.ge > 0
        self.owner: type | None = None
        """The class whose attribute it was first; `name`: as settings know it, the attribute's name unless another is given."""

    @staticmethod
    def _read(value: int | str, unit: str) -> Quantity:
        if isinstance(value, str) and unit:
            raise DefinitionFault(f"Param({value!r}, unit={unit!r}): wanted a whole number beside a unit, or the unit in the text alone")
        if unit in EXAMPLES:
            raise DefinitionFault(f"Param({value!r}, unit={unit!r}): wanted the unit in the text, such as {EXAMPLES[unit]}, got a bare number")
        return quantity(value) if isinstance(value, str) else Quantity(value, unit)

    def _bound(self, word: str, bound: int | str | Param | None) -> int | Param | None:
        got = quantity(bound) if isinstance(bound, str) else Quantity(bound.value, bound.unit) if isinstance(bound, Param) else None
        if got is not None and got.unit != self.unit:
            raise DefinitionFault(f"Param: {word}: wanted a bound in {self.unit or 'a number'}, as the value is, got {bound!r}")
        if isinstance(bound, int) and bound != 0 and self.unit in EXAMPLES:
            raise DefinitionFault(f"Param: {word}: wanted a bound with a unit, such as {EXAMPLES[self.unit]}, got {bound}")
        return got.number if got is not None and not isinstance(bound, Param) else bound  # type: ignore[return-value]  # a text was read

    def __set_name__(self, owner: type, name: str) -> None:
        if self.owner is None:
            self.name, self.owner = self.name or name, owner

    def fault(self, value: object, value_of: Callable[[Param], int] = lambda bound: bound.value) -> str | None:
        """Why `value` cannot be this parameter's, or None: what was wanted and what came. `value_of`: the value of a parameter that is a bound."""
        if not isinstance(value, int) or isinstance(value, bool):
            return f"wanted an integer ({self.unit}), got {value!r}"
        for sign, bound in ((">=", self.ge), ("<=", self.le)):
            limit = value_of(bound) if isinstance(bound, Param) else bound
            if limit is not None and (value < limit if sign == ">=" else value > limit):
                of = f", the value of {bound.name}" if isinstance(bound, Param) else ""
                return f"wanted {sign} {shown(limit, self.unit)}{of}, got {shown(value, self.unit)}"
        return None

    def key(self) -> object:
        return ("Param", id(self))

    def column(self, env: Env) -> Column:
        value = env.parameter(self)
        return Column(np.asarray(value / PARTS if self.kind == "ratio" else value))

    def __str__(self) -> str:
        return f"{{{self.name}={self.value}}}"


class RecordField(Expr):
    """A field of a raw record: unknown where the record behind is of another type."""

    def __init__(self, record: type, name: str, kind: ValueKind, *, nullable: bool, unit: str | None = None, domain: tuple[str, ...] | None = None) -> None:
        self.record, self.name, self.kind, self.nullable, self.unit, self.domain = record, name, kind, nullable, unit, domain

    def key(self) -> object:
        return ("RecordField", self.record, self.name)

    def column(self, env: Env) -> Column:
        return env.field(self)

    def __str__(self) -> str:
        return self.name


class LargestEntry(RecordField):
    """The key with the greatest number in a field that maps texts to numbers, of equal ones the first in the alphabet; unknown where there is none."""

    def __init__(self, record: type, name: str) -> None:
        super().__init__(record, name, "text", nullable=True)

    def key(self) -> object:
        return ("LargestEntry", self.record, self.name)

    def of(self, entries: dict[str, int] | None) -> str | None:
        """What it is of one record's field.

        >>> LargestEntry(object, "lines").of({"voice": 900, "data": 900, "tax": 100})
        'data'
        """
        return min(entries, key=lambda name: (-entries[name], name)) if entries else None

    def __str__(self) -> str:
        return f"largest_entry({self.name})"


class Reading(Expr):
    """A value that the engine keeps or finds, read at a record: what a window adds up, the place of a line, the gap of a pair.

    `implies`: other readings that are known wherever this one is true.
    """

    implies: tuple[Reading, ...] = ()
    finds_by: tuple[Expr, ...] = ()
    """The reader's values by which a row is found, where they are not those that split the stream."""

    def canonical(self, value_of: Callable[[Param], object]) -> str:
        """What it is, the same in every process: equal for readings that mean the same."""
        raise NotImplementedError

    def column(self, env: Env) -> Column:
        return env.reading(self)


class Join(Expr):
    """A column of a reference table, for the row valid at the record's event time: `device.brand(X.new_tac)`.

    Unknown where a key is, and where the table has no row or no value.
    """

    def __init__(self, table: str, column: str, kind: ValueKind, *keys: Expr, nullable: bool = True, unit: str | None = None) -> None:
        self.table, self.name, self.kind, self.keys, self.nullable, self.unit = table, column, kind, keys, nullable, unit

    def children(self) -> tuple[Expr, ...]:
        return self.keys

    def key(self) -> object:
        return ("Join", self.table, self.name, *(k.key() for k in self.keys))

    def column(self, env: Env) -> Column:
        return read(self.kind, env.join(self, *(k.evaluate(env) for k in self.keys)), nullable=self.nullable)

    def __str__(self) -> str:
        return f"ref.{self.table}.{self.name}({', '.join(map(str, self.keys))})"


class Unknown(Expr):
    """A text that the record does not carry."""

    kind: ValueKind = "text"
    nullable = True

    def column(self, env: Env) -> Column:
        del env
        return Column(np.asarray(0), np.asarray(False))

    def __str__(self) -> str:
        return "unknown"


class EventTime(Expr):
    """The event time of the record, or the due time of a timer."""

    kind: ValueKind = "time"

    def key(self) -> object:
        return ("EventTime",)

    def column(self, env: Env) -> Column:
        return Column(env.event_times())

    def __str__(self) -> str:
        return "event_time"


class EventDay(Expr):
    """The civil day of the event time in the zone of the key."""

    kind: ValueKind = "date"

    def key(self) -> object:
        return ("EventDay",)

    def column(self, env: Env) -> Column:
        return Column(env.event_days())

    def __str__(self) -> str:
        return "day"


class WholeLife(Expr):
    """Whether all is there that `count` counts in the life of the key: it began at `history_from` or later, and after the count. False too where its beginning is not known."""

    kind: ValueKind = "bool"

    def __init__(self, count: Expr) -> None:
        self.count = count

    def key(self) -> object:
        return ("WholeLife", self.count.key())

    def column(self, env: Env) -> Column:
        return Column(env.whole_lives(self.count))

    def __str__(self) -> str:
        return "whole_life"


class CivilDay(Expr):
    """The civil day of a moment, in the zone of the key."""

    kind: ValueKind = "date"

    def __init__(self, moment: Expr) -> None:
        if moment.kind != "time":
            raise DefinitionFault(f"{moment}.date: wanted a moment, got {KIND_WORDS[moment.kind]}")
        self.moment, self.nullable = moment, moment.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.moment,)

    def column(self, env: Env) -> Column:
        times, known = self.moment.column(env)
        return Column(env.civil_days(times)) if known is None else Column(np.where(known, env.civil_days(np.where(known, times, 0)), NULL), known)

    def __str__(self) -> str:
        return f"{self.moment}.date"


class OnDay(Expr):
    """The moment at which the clock shows `clock` (ms since 00:00) on a civil day, in the zone of the key."""

    kind: ValueKind = "time"

    def __init__(self, day: Expr, clock: Expr) -> None:
        self.day, self.clock, self.nullable = day, clock, day.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.day, self.clock)

    def column(self, env: Env) -> Column:
        days, known = self.day.column(env)
        clock = self.clock.column(env).values
        return Column(env.moments_on(days, clock)) if known is None else Column(np.where(known, env.moments_on(np.where(known, days, 0), clock), NULL), known)

    def __str__(self) -> str:
        return f"{self.day} at {self.clock}"


class TruthKey(Expr):
    """A truth value as part of a key: 1, 0, and NULL for unknown, which is a value of its own there."""

    def __init__(self, inner: Expr) -> None:
        self.inner = inner

    def children(self) -> tuple[Expr, ...]:
        return (self.inner,)

    def column(self, env: Env) -> Column:
        values, known = self.inner.column(env)
        return Column(values.astype(np.int64) if known is None else np.where(known, values, NULL))

    def __str__(self) -> str:
        return str(self.inner)

"""Civil dates that are made of others: months later, the beginnings of months, years and bill cycles, and dates that stand in texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import NULL, text_of
from schemas.columns import DAY_MS, day_of
from streams.engine.expression.evaluate import Array, Column, Env, known_in_both
from streams.engine.expression.leaves import EventDay, Join
from streams.engine.expression.nodes import Const, Expr, calculated
from streams.engine.expression.types import DefinitionFault, ValueKind, shown
from streams.engine.months import cycle_start, month_start, months_later, year_start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class LineId(Expr):
    """The id of the line that a happening is of; unknown where the record behind it has none."""

    kind: ValueKind = "text"
    nullable = True

    def column(self, env: Env) -> Column:
        lines = env.lines()
        return Column(lines, np.asarray(lines != 0))

    def __str__(self) -> str:
        return "subscription_id"


class MonthsLater(Expr):
    """The same day of the month some months later (before: less than none), in shorter months the last day. Raises DefinitionFault."""

    kind: ValueKind = "date"

    def __init__(self, day: Expr, months: Expr) -> None:
        if day.kind != "date" or months.kind != "int":
            raise DefinitionFault(f"{day} + {months}: wanted a civil date and a number of months, got {shown(day)} and {shown(months)}; of a moment take the .date first")
        self.day, self.months, self.nullable = day, months, day.nullable or months.nullable

    @classmethod
    def of(cls, sign: str, left: Expr, right: Expr) -> MonthsLater:
        """`left + right` or `left - right`, of which one is a length in months. Raises DefinitionFault."""
        if sign == "+":
            return cls(left, right) if right.unit == "months" else cls(right, left)
        if right.unit != "months":
            raise DefinitionFault(f"{left} - {right}: wanted a length to take from a date, got {shown(right)}")
        return cls(left, calculated("-", Const(0), right))

    def children(self) -> tuple[Expr, ...]:
        return (self.day, self.months)

    def column(self, env: Env) -> Column:
        day, months = self.day.column(env), self.months.column(env)
        known = known_in_both(day.known, months.known)
        if known is None:
            return Column(months_later(day.values, months.values))
        return Column(np.where(known, months_later(np.where(known, day.values, 0), np.where(known, months.values, 0)), NULL), known)

    def __str__(self) -> str:
        return f"({self.day} + {self.months} months)"


class Period(Expr):
    """The first day of the stretch of time in which `day` lies. `longest_days`: no such stretch is longer."""

    kind: ValueKind = "date"
    word = "period"
    longest_days = 1
    begins: Callable[[Array], Array]
    """The first days for civil days."""

    def __init__(self, day: Expr) -> None:
        self.day, self.nullable = day, day.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.day,)

    def column(self, env: Env) -> Column:
        days, known = self.day.column(env)
        return Column(self.begins(days)) if known is None else Column(np.where(known, self.begins(np.where(known, days, 0)), NULL), known)

    def __str__(self) -> str:
        return self.word if isinstance(self.day, EventDay) else f"{self.word} of {self.day}"


class MonthStart(Period):
    """The first day of the month."""

    word, longest_days, begins = "month", 31, staticmethod(month_start)


class YearStart(Period):
    """The first day of the year."""

    word, longest_days, begins = "year", 366, staticmethod(year_start)


class CycleStart(Period):
    """The first day of the bill cycle: the last day that is `day_of_month` (1 to 31), in shorter months the last day of those."""

    word, longest_days = "cycle", 31

    def __init__(self, day: Expr, day_of_month: Expr) -> None:
        super().__init__(day)
        self.day_of_month, self.nullable = day_of_month, day.nullable or day_of_month.nullable

    def children(self) -> tuple[Expr, ...]:
        return (self.day, self.day_of_month)

    def column(self, env: Env) -> Column:
        day, begins = self.day.column(env), self.day_of_month.column(env)
        known = known_in_both(day.known, begins.known)
        if known is None:
            return Column(cycle_start(day.values, begins.values))
        return Column(np.where(known, cycle_start(np.where(known, day.values, 0), np.where(known, begins.values, 1)), NULL), known)


class WrittenDate(Expr):
    """The civil date that a text says, as YYYY-MM-DD; unknown where it says none. Raises DefinitionFault."""

    kind: ValueKind = "date"
    nullable = True

    def __init__(self, text: Expr) -> None:
        if text.kind != "text":
            raise DefinitionFault(f"{text}.as_date(): wanted a text such as L.new_value, got {shown(text)}")
        self.text = text

    def children(self) -> tuple[Expr, ...]:
        return (self.text,)

    def column(self, env: Env) -> Column:
        codes, known = self.text.column(env)
        distinct, where = np.unique(codes if known is None else np.where(known, codes, 0), return_inverse=True)
        days = np.array([written_date(text_of(one)) if one else NULL for one in distinct.tolist()], np.int64)[where].reshape(np.shape(codes))
        return Column(days, np.asarray(days != NULL))

    def __str__(self) -> str:
        return f"date in {self.text}"


def written_date(text: str) -> int:
    """Days since 1970 of a date as YYYY-MM-DD; NULL for any other text.

    >>> written_date("1970-01-02"), written_date("1970-02-30") == written_date("2 Jan") == NULL
    (1, True)
    """
    try:
        return day_of(text) if DATE.fullmatch(text) else NULL
    except ValueError:
        return NULL


def longest_ms(values: Sequence[Expr]) -> int | None:
    """How long rows that are split by `values` can have members: as long as a period of the event's own day is; None: for ever.

    >>> longest_ms([MonthStart(EventDay())]) == 31 * DAY_MS, longest_ms([EventDay()]) == DAY_MS, longest_ms([])
    (True, True, None)
    """
    days = [1 if isinstance(one, EventDay) else one.longest_days for one in values if isinstance(one, EventDay) or (isinstance(one, Period) and isinstance(one.day, EventDay))]
    return min(days) * DAY_MS if days else None


day = EventDay()
"""The civil day of the event, in the zone of the key."""
month, year = MonthStart(day), YearStart(day)
"""The first civil days of its month and year."""
cycle = CycleStart(day, Join("line", "bill_cycle_day", "int", LineId()))
"""The first civil day of the line's bill cycle in which it lies; unknown where the line's day is."""

__all__ = ["CycleStart", "LineId", "MonthStart", "MonthsLater", "Period", "WrittenDate", "YearStart", "cycle", "day", "longest_ms", "month", "year"]

"""Lengths of time in rules: elapsed milliseconds, or civil days in the zone of the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.columns import DAY_MS
from streams.engine.expression import DefinitionFault, Param
from streams.engine.expression.quantities import quantity, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.columns import Ints
    from streams.engine.calendar import Calendar

    ValueOf = Callable[[Param], int]
    """The value of a parameter in an installation."""


class Span:
    """A length of time; the number may be a parameter. `civil`: it counts civil days, else ms."""

    def __init__(self, length: int | Param, *, civil: bool) -> None:
        self.length, self.civil = length, civil

    def number(self, value_of: ValueOf) -> int:
        """The length in an installation: ms, or days."""
        return value_of(self.length) if isinstance(self.length, Param) else self.length

    def after(self, value_of: ValueOf, calendar: Calendar, times: Ints, zones: Ints | int) -> Ints:
        """The moments this span after `times` (epoch ms); of civil days the same civil time."""
        number = self.number(value_of)
        return calendar.add_days(times, number, zones) if self.civil else times + number

    def longest_ms(self, value_of: ValueOf) -> int:
        """An upper bound in ms."""
        return (self.number(value_of) + 1) * DAY_MS if self.civil else self.number(value_of)

    def shortest_ms(self, value_of: ValueOf) -> int:
        """A lower bound in ms: civil days may be some hours shorter than 24 h."""
        return max(1, self.number(value_of) * DAY_MS - DAY_MS // 6) if self.civil else self.number(value_of)

    def canonical(self, value_of: Callable[[Param], object]) -> str:
        """What it is, the same in every process."""
        return f"{value_of(self.length) if isinstance(self.length, Param) else self.length} {'civil days' if self.civil else 'ms'}"

    def key(self) -> object:
        """Equal for spans that mean the same."""
        return (self.length.key() if isinstance(self.length, Param) else self.length, self.civil)

    def __str__(self) -> str:
        return str(self.length) if isinstance(self.length, Param) else shown(self.length, "civil days" if self.civil else "ms")


def span_of(word: str, length: object) -> Span:
    """A length of time as a rule writes it: a text such as `2h` or `7d`, or a parameter with such a text. Raises DefinitionFault."""
    if isinstance(length, Span):
        return length
    if isinstance(length, Param):
        if length.unit not in ("ms", "civil days"):
            raise DefinitionFault(f"{word}: wanted a parameter with a length of time, such as Param('2h'), got {length.name or 'one'} in {length.unit}")
        return Span(length, civil=length.unit == "civil days")
    if isinstance(length, str):
        number, unit = quantity(length)
        if unit in ("ms", "civil days") and number >= 1:
            return Span(number, civil=unit == "civil days")
    raise DefinitionFault(f"{word}: wanted a length of time such as '30s', '2h' or '7d', got {length!r}{': a bare number has no unit' if isinstance(length, int) else ''}")

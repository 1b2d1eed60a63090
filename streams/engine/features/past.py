"""P4 baseline: the complete civil days or ISO weeks before the one at hand, as far as they are after the day on which the key was first seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from streams.engine.expression import Arithmetic, Const, DefinitionFault, Expr, Param, canonical, expr
from streams.engine.features.frame import Extent, Feature, Frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.engine.expression import Operand
    from streams.engine.features.frame import Function
    from streams.engine.sources import ValueOf
    from streams.engine.streams import Stream

Period = Literal["day", "week"]
DAYS: dict[Period, int] = {"day": 1, "week": 7}
"""The civil days of a period."""
MOST_DAYS = 400
"""A frame reaches back so far at most."""


class Parameters:
    """An environment in which nothing is known but parameters."""

    def __init__(self, value_of: Callable[[Param], int]) -> None:
        self.parameter = value_of


class Past(Extent):
    """The last `number` complete periods before the one at hand, without the `ago` newest of them; unknown with fewer than `least` after the first day.

    A period counts if it begins after the civil day on which anything of the key was first seen. All of its members count, whenever they came.
    """

    ordered = False
    functions: tuple[Function, ...] = ("count", "sum", "periods", "falls")
    may_be_unknown = True

    def __init__(self, period: Period, number: Operand, least: Operand, ago: Operand) -> None:
        word = "daily" if period == "day" else "weekly"
        self.period: Period = period
        self.number, self.least, self.ago = (whole(f"{word}: {name}", one) for name, one in (("n", number), ("least", least), ("ago", ago)))
        n, least_n, ago_n = (number_of(one, lambda parameter: parameter.value) for one in (self.number, self.least, self.ago))
        if not (1 <= least_n <= n and ago_n >= 0 and DAYS[period] * (n + ago_n) <= MOST_DAYS):
            raise DefinitionFault(f"{word}: wanted 1 <= least <= n, ago >= 0 and at most {MOST_DAYS} days, got n={n}, least={least_n}, ago={ago_n}")

    def shape(self, value_of: ValueOf) -> tuple[int, int, int, int]:
        """Days of a period, how many periods, how many must be known, how many are left out, in an installation."""
        number, least, ago = (number_of(one, value_of) for one in (self.number, self.least, self.ago))  # type: ignore[arg-type]  # values of parameters are numbers
        return DAYS[self.period], number, min(least, number), ago

    def reaches_back(self, value_of: ValueOf) -> int:
        """How many civil days before the one at hand are read at most."""
        length, number, _, ago = self.shape(value_of)
        return length * (number + ago) + length - 1

    def key(self) -> object:
        return ("past", self.period, self.number.key(), self.least.key(), self.ago.key())

    def canonical(self, value_of: ValueOf) -> str:
        number, least, ago = (canonical(one, value_of) for one in (self.number, self.least, self.ago))
        return f"{number} {self.period}s before, least {least}, ago {ago}"

    def __str__(self) -> str:
        ago = "" if isinstance(self.ago, Const) and self.ago.value == 0 else f", without the last {self.ago}"
        return f"the {self.number} {self.period}s before{ago}, at least {self.least} known"


class PastFrame(Frame):
    """The happenings of `stream` in complete periods: the trigger is never among them.

    >>> from schemas.raw.usage import VoiceUsage
    >>> from streams.engine.streams import RecordSource, Stream
    >>> calls = Stream(RecordSource(VoiceUsage))
    >>> PastFrame(calls, Past("day", 28, 14, 0))
    <Frame VoiceUsage the 28 days before, at least 14 known>
    """

    extent: Past

    def __init__(self, stream: Stream, extent: Past) -> None:
        super().__init__(stream, extent)

    def before(self) -> Frame:
        """Refused: the trigger is not in it. Raises DefinitionFault."""
        raise DefinitionFault(f"{self}.before(): wanted the frame itself, which never contains the trigger")

    def mean(self, value: Expr) -> Expr:
        """The mean of the sums of its periods; a period without any is 0."""
        return self.sum(value) / Feature(self, "periods")

    def mean_count(self) -> Expr:
        """The mean number of its periods."""
        return self.count() / Feature(self, "periods")

    def falls(self, value: Expr) -> Feature:
        """How often in a row, up to the newest period, the sum of a period was below that of the period before it."""
        return Feature(self, "falls", value)


def whole(what: str, value: Operand) -> Expr:
    """A whole number, a parameter with one, or what is calculated from these. Raises DefinitionFault."""
    node = expr(value)
    if node.kind != "int" or not all(isinstance(part, Const | Param | Arithmetic) for part in node.walk()):
        raise DefinitionFault(f"{what}: wanted a whole number or a parameter such as Param(3, unit='weeks'), got {value!r}")
    return node


def number_of(node: Expr, value_of: Callable[[Param], int]) -> int:
    """The number in an installation."""
    return int(np.asarray(node.column(Parameters(value_of)).values))  # type: ignore[arg-type]  # numbers and parameters read nothing else


__all__ = ["DAYS", "Past", "PastFrame"]

"""ISO weeks in rules: the Monday that a civil day's week begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression.periods import Period

if TYPE_CHECKING:
    from streams.engine.expression.evaluate import Array

MONDAY_OFFSET = 3
"""1970-01-01 was a Thursday."""


def monday(days: Array) -> Array:
    """The Mondays of the ISO weeks of civil days.

    >>> import numpy as np
    >>> monday(np.array([0, 3, 4, 10])).tolist()  # Thursday 1970-01-01, Sunday, Monday, Sunday
    [-3, -3, 4, 4]
    """
    found: Array = days - (days + MONDAY_OFFSET) % 7
    return found


class Week(Period):
    """The Monday of the ISO week of a civil day.

    >>> from streams.engine.expression.leaves import EventDay
    >>> Week(EventDay())
    <Week week>
    """

    word, longest_days, begins = "week", 7, staticmethod(monday)


__all__ = ["Week", "monday"]

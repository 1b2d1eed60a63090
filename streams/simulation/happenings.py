"""What happens in customers' lives by chance, and how often: the tables of all themes.

Rates are higher than in life, so that some hundred customers show everything within some weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from streams.simulation import bills, care, coverage, leaving, orders, people, profile, purses, visits

if TYPE_CHECKING:
    from streams.simulation.customer import Customer
    from streams.simulation.records import Record

Happening: TypeAlias = "Callable[[Customer, int], Iterable[Record]]"
"""Gives records from a day, by its midnight, on: those of later days too."""
Happenings: TypeAlias = "tuple[tuple[float, Happening], ...]"
"""Each with its chance, by customer and day."""
THEMES = (bills, purses, orders, care, leaving, profile, coverage, people, visits)
HAPPENINGS: Happenings = tuple(row for theme in THEMES for row in theme.HAPPENINGS)

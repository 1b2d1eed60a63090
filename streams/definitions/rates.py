"""How often an event happens, as people write it: `2-5 per 1,000 customers a day`."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from streams.engine.expression import DefinitionFault

NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,15})(?:\.[0-9]{1,9})?"
CUSTOMERS = {"customer": 1, "1,000 customers": 1_000, "1000 customers": 1_000, "million customers": 1_000_000}
SPANS = {"a month": Fraction(30), "a week": Fraction(7), "a day": Fraction(1), "an hour": Fraction(1, 24)}
"""Days of each; a month is taken as 30 days."""
RATE = re.compile(rf"(?P<low>{NUMBER})(?:-(?P<high>{NUMBER}))? per (?P<customers>{'|'.join(CUSTOMERS)}) (?P<span>{'|'.join(SPANS)})")
MOST = 86_400
"""Events a customer and day: one a second."""
WANTED = (
    "LOW-HIGH or N, 'per 1,000 customers' (or 'per customer', 'per million customers') and 'a day' (or 'an hour', 'a week', 'a month'), such as '2-5 per 1,000 customers a day'"
)


class Rate(NamedTuple):
    """Events a customer and civil day, at least and at most."""

    low: Fraction
    high: Fraction
    text: str
    """As it was written."""


def rate_of(text: object) -> Rate:
    """The rate that a text says. Raises DefinitionFault.

    >>> low, high, _ = rate_of("7-14 per 1,000 customers a week")
    >>> str(low), str(high)
    ('1/1000', '1/500')
    """
    found = RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or not isinstance(text, str):
        raise DefinitionFault(f"wanted {WANTED}, got {text!r}")
    unit = CUSTOMERS[found["customers"]] * SPANS[found["span"]]
    low, high = (Fraction(number.replace(",", "")) / unit for number in (found["low"], found["high"] or found["low"]))
    if not high:
        raise DefinitionFault(f"wanted more than 0 events, got {text!r}: leave out what promises nothing")
    if low > high:
        raise DefinitionFault(f"wanted the lower number first, got {text!r}")
    if high > MOST:
        raise DefinitionFault(f"wanted at most {MOST:,} per customer a day (one a second), got {text!r}")
    return Rate(low, high, text)

"""Units of parameters, and how an installation writes their values: `2h`, `90min`, `7d`, `100 MB`."""

from __future__ import annotations

import re

from streams.engine.expression import DefinitionFault
from streams.engine.expression.quantities import PARTS, quantity, shown

COUNTS = (
    *("bills", "calls", "cells", "charges", "cities", "complaints", "contacts", "countries", "days", "devices", "drops", "events", "failures", "lines", "members", "messages"),
    *("minutes", "months", "nights", "numbers", "offers", "orders", "packs", "pages", "parties", "payments", "people", "percent", "plans", "points", "purchases", "records"),
    *("rises", "sessions", "signals", "signs", "stars", "steps", "tickets", "times", "top-ups", "trips", "views", "visits", "weeks"),
)
UNITS = ("ms", "s", "civil days", "byte", "minor", "factor", "time of day", "1", "m", "km", "km/h", "kbit/s", *COUNTS)
"""What a parameter may be counted in; `minor`: minor units of a currency."""


def number_of(value: object, unit: str) -> object:
    """A parameter's value that may be written with its unit, as a number of `unit`; a text that cannot be read is returned unchanged.

    >>> number_of("2h", "ms"), number_of("2min", "s"), number_of("7d", "civil days"), number_of("12", "calls"), number_of("2h", "byte"), number_of(1.5, "factor")
    (7200000, 120, 7, 12, '2h', 15000)
    """
    if isinstance(value, float) and unit == "factor":
        value = f"{value:.4f}"
    if not isinstance(value, str):
        return value * PARTS if unit == "factor" and isinstance(value, int) else value
    if re.fullmatch(r"-?[0-9]+", value):
        return int(value) * (PARTS if unit == "factor" else 1)
    try:
        number, of = quantity(value)
    except DefinitionFault:
        return value
    if of == "ms" and unit == "s" and number % 1000 == 0:
        return number // 1000
    return number if of == unit else value


def wanted(unit: str) -> str:
    """What a parameter of `unit` may be set to, as a phrase."""
    return {
        "ms": "a length of time such as 90min or 2h (or a number of ms)",
        "civil days": "a number of days such as 7d",
        "months": "a number of months such as 24 months",
        "byte": "a size such as 100 MB (or a number of bytes)",
        "time of day": "a time of day such as 10:00",
        "factor": "a factor such as 1.5",
    }.get(unit, f"an integer ({unit})")


__all__ = ["COUNTS", "UNITS", "number_of", "shown", "wanted"]

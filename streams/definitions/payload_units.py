"""The unit of a number in an event: names carry it (`gap_s`, `left_bytes`, `days_left`), else its definition does."""

from __future__ import annotations

WORDS = {
    **dict.fromkeys(("s", "seconds"), "s"),
    **dict.fromkeys(("h", "hours"), "h"),
    "ms": "ms",
    "bytes": "byte",
    "days": "days",
    "weeks": "weeks",
    "months": "months",
    "years": "years",
    "km": "km",
    "pct": "percent",
}
"""The first or the last word of a name, and the unit that it says."""
LONG = {"s": "seconds", "h": "hours", "ms": "milliseconds", "byte": "bytes", "civil days": "days"}
"""Units in full, where they differ."""
OF_DEFINITIONS = {"ms", "s", "byte", "km", "days", "months", "percent"}


def unit_of(name: str, declared: str | None = None) -> str | None:
    """The unit of a field, None for a plain number.

    >>> unit_of("gap_s"), unit_of("days_left"), unit_of("usual_mean", "byte"), unit_of("calls")
    ('s', 'days', 'byte', None)
    """
    words = name.split("_")
    found = WORDS.get(words[-1]) or (WORDS.get(words[0]) if len(words[0]) > 2 else None)
    declared = "days" if declared == "civil days" else declared
    return found or (declared if declared in OF_DEFINITIONS else None)


def in_full(unit: str) -> str:
    """A unit as a word."""
    return LONG.get(unit, unit)

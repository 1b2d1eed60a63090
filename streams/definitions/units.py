"""Units of parameters, and lengths of time and sizes as people write them: `2h`, `90min`, `7d`, `100 MB`."""

from __future__ import annotations

import re

from streams.engine.expression import DefinitionFault, Expr, Param
from streams.engine.features.primitive import Days, Span

DURATIONS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
COUNTS = (
    *("bills", "calls", "cells", "charges", "cities", "contacts", "countries", "days", "devices", "drops", "events", "members", "messages", "minutes", "nights", "numbers"),
    *("orders", "pages", "parties", "payments", "percent", "points", "records", "sessions", "steps", "tickets", "times", "top-ups", "trips", "visits", "weeks"),
)
UNITS = ("ms", "s", "civil days", "byte", "minor", "1", "m", "km", "kbit/s", *COUNTS)
"""What a parameter may be counted in; `minor`: minor units of a currency."""
WRITTEN = re.compile(r"\s*([0-9_]+)\s*([A-Za-z]+)\s*")


class Millis(int):
    """Elapsed time in ms, as `seconds(…)`, `minutes(…)` and `hours(…)` make it; a bare number is no length of time."""

    __slots__ = ()

    def __add__(self, other: int) -> Millis:
        return Millis(int(self) + other)

    def __mul__(self, other: int) -> Millis:
        return Millis(int(self) * other)

    __radd__, __rmul__ = __add__, __mul__


def elapsed(word: str, n: object, ms: int) -> Millis:
    """`n` times `ms`. Raises DefinitionFault when `n` is no whole number."""
    if not isinstance(n, int) or isinstance(n, bool):
        raise DefinitionFault(f"{word}: wanted a whole number, got {n!r}: say it in a smaller unit, such as minutes(90)")
    return Millis(n * ms)


def span_of(word: str, length: object) -> Span:
    """A length of time as a rule says it. Raises DefinitionFault: what was wanted and what came."""
    number = length.length if isinstance(length, Span) else length
    if isinstance(number, Days | Millis) and number < 1:
        raise DefinitionFault(f"{word}: wanted a length of time, got {int(number)}")
    match length:
        case Span():
            return length
        case Days() | Millis():
            return Span(length)
        case str():
            return span_of(word, written(length))
        case Param(unit="ms"):
            return Span(length)
        case Param(unit="civil days"):
            return Span(length, civil=True)
        case Param():
            raise DefinitionFault(f"{word}: wanted a parameter in ms or civil days, got {length.name or 'one'} in {length.unit}")
        case Expr():
            return Span(length)
    raise DefinitionFault(f"{word}: wanted a length of time such as seconds(30), hours(2), days(7) or '2h', got {length!r}: a bare number has no unit")


def written(text: str) -> Millis | Span:
    """A length of time that is written as a text; `d` are civil days. Raises DefinitionFault."""
    found = WRITTEN.fullmatch(text)
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit == "d":
        return Span(Days(number), civil=True)
    if unit not in DURATIONS:
        raise DefinitionFault(f"wanted a length of time such as 30s, 90min, 2h or 7d, got {text!r}")
    return Millis(number * DURATIONS[unit])


def number_of(value: object, unit: str) -> object:
    """A parameter's value that may be written with its unit, as a number of `unit`; a text that cannot be read is returned unchanged."""
    found = WRITTEN.fullmatch(value) if isinstance(value, str) else None
    known = {"ms": DURATIONS, "s": {"s": 1, "min": 60, "h": 3_600}, "civil days": {"d": 1}, "byte": SIZES}.get(unit, {})
    if found is None:
        return int(value) if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value) else value
    return int(found[1]) * known[found[2]] if found[2] in known else value


def wanted(unit: str) -> str:
    """What a parameter of `unit` may be set to, as a phrase."""
    return {
        "ms": "a length of time such as 90min or 2h (or a number of ms)",
        "civil days": "a number of days such as 7d",
        "byte": "a size such as 100 MB (or a number of bytes)",
    }.get(unit, f"an integer ({unit})")


def shown(value: int, unit: str) -> str:
    """A number with its unit as people write it: `2h`, `5 GiB`, `1000 minor`."""
    if unit == "civil days":
        return f"{value}d"
    if unit in ("ms", "byte") and value > 0:
        sizes = DURATIONS if unit == "ms" else SIZES
        name, size = max(((name, size) for name, size in sizes.items() if value % size == 0), key=lambda pair: pair[1])
        return f"{value // size}{name}" if unit == "ms" else f"{value // size} {name}"
    return f"{value} {unit}"

"""Lengths of time, times of day and sizes as people write them: `90min`, `2h`, `7d`, `10:00`, `100 MB`."""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.engine.expression.types import DefinitionFault

DURATIONS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000}
SIZES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
MONTHS = {"month": 1, "months": 1, "year": 12, "years": 12}
EXAMPLES = {"ms": "'90min' or '2h'", "civil days": "'7d'", "byte": "'100 MB'", "factor": "'1.5'", "time of day": "'10:00'"}
"""Units that are part of a text, as a definition writes them."""
WRITTEN = re.compile(r"\s*([0-9_]+)\s*([A-Za-z]+)\s*")
FACTOR = re.compile(r"\s*([0-9]+)\.([0-9]{1,4})\s*")
PARTS = 10_000
"""A factor is counted in ten-thousandths."""
CLOCK = re.compile(r"\s*([01]?[0-9]|2[0-3]):([0-5][0-9])\s*")


class Quantity(NamedTuple):
    """A number and what it counts: `ms`, `civil days`, `months`, `byte`, `time of day` (ms since 00:00), or `factor` (ten-thousandths)."""

    number: int
    unit: str


def quantity(text: str) -> Quantity:
    """A length of time, a time of day or a size from its text; `24h` is elapsed time, `1d` a civil day. Raises DefinitionFault.

    >>> quantity("90min"), quantity("7d"), quantity("5 GiB")
    (Quantity(number=5400000, unit='ms'), Quantity(number=7, unit='civil days'), Quantity(number=5368709120, unit='byte'))
    >>> quantity("10:00"), quantity("1.5"), quantity("2 years")
    (Quantity(number=36000000, unit='time of day'), Quantity(number=15000, unit='factor'), Quantity(number=24, unit='months'))
    """
    found = WRITTEN.fullmatch(text)
    number, unit = (int(found[1]), found[2]) if found else (0, "")
    if unit in DURATIONS:
        return Quantity(number * DURATIONS[unit], "ms")
    if unit == "d":
        return Quantity(number, "civil days")
    if unit in MONTHS:
        return Quantity(number * MONTHS[unit], "months")
    if unit in SIZES:
        return Quantity(number * SIZES[unit], "byte")
    if clock := CLOCK.fullmatch(text):
        return Quantity((60 * int(clock[1]) + int(clock[2])) * 60_000, "time of day")
    if factor := FACTOR.fullmatch(text):
        return Quantity(int(factor[1]) * PARTS + int(factor[2].ljust(4, "0")), "factor")
    raise DefinitionFault(f"wanted a whole number with a unit, such as 30s, 90min, 2h, 7d, 24 months or 100 MB, a time of day such as 10:00, or a factor such as 1.5, got {text!r}")


def shown(number: int, unit: str) -> str:
    """A number with its unit as people write it: `2h`, `5 GiB`, `1000 minor`."""
    if unit == "civil days":
        return f"{number}d"
    if unit == "months" and number == 1:
        return "1 month"
    if unit == "factor":
        return f"{number // PARTS}.{number % PARTS:04d}".rstrip("0").removesuffix(".")
    if unit == "time of day":
        return f"{number // 3_600_000:02d}:{number // 60_000 % 60:02d}"
    if unit in ("ms", "byte") and number > 0:
        sizes = DURATIONS if unit == "ms" else SIZES
        name, size = max(((name, size) for name, size in sizes.items() if number % size == 0), key=lambda pair: pair[1])
        return f"{number // size}{name}" if unit == "ms" else f"{number // size} {name}"
    return f"{number} {unit}" if unit not in ("", "1") else str(number)

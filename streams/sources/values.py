"""Conversions of columns: exact amounts, words, numbers of telephones, lookups. What cannot be converted becomes BAD."""

from __future__ import annotations

import hashlib
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from schemas.raw.envelope import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BAD: Any = type("Bad", (), {"__repr__": lambda _: "BAD"})()
"""Stands for a value that cannot be converted."""
MOST_KEPT = 200_000
"""Different values whose conversion is remembered; beyond them all are forgotten."""
FACTORS: dict[str, dict[str, Decimal]] = {
    "minor": {"minor": Decimal(1)},
    "byte": {
        "byte": Decimal(1),
        "bit": Decimal("0.125"),
        "kB": Decimal(10**3),
        "MB": Decimal(10**6),
        "GB": Decimal(10**9),
        "TB": Decimal(10**12),
        "KiB": Decimal(2**10),
        "MiB": Decimal(2**20),
        "GiB": Decimal(2**30),
        "TiB": Decimal(2**40),
    },
    "s": {"s": Decimal(1), "ms": Decimal("0.001"), "us": Decimal("0.000001"), "min": Decimal(60), "h": Decimal(3600), "d": Decimal(86_400)},
    "ms": {"ms": Decimal(1), "us": Decimal("0.001"), "s": Decimal(1000), "min": Decimal(60_000)},
    "kbit/s": {"kbit/s": Decimal(1), "bit/s": Decimal("0.001"), "Mbit/s": Decimal(1000), "Gbit/s": Decimal(10**6)},
}
"""By the unit of our field, the units that a file may have and how many of ours each is. Money has `major`, too, by its currency."""
CLOCK = "h:m:s"
"""A length of time as hours, minutes and seconds: 01:02:03, or 62:03 as minutes and seconds."""
NO_DECIMALS = frozenset(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"])
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
TRUTHS = {**dict.fromkeys(("true", "t", "yes", "y", "1", "on"), True), **dict.fromkeys(("false", "f", "no", "n", "0", "off"), False)}


def decimals_of(currency: str) -> int:
    """How many decimals a currency has (ISO 4217)."""
    return 0 if currency in NO_DECIMALS else 3 if currency in THREE_DECIMALS else 4 if currency in ("CLF", "UYW") else 2


class Memo(dict[Any, Any]):
    """Converted values by raw value: each different one is converted once. None stays None; an error makes BAD."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        super().__init__()
        self.convert = convert

    def __missing__(self, raw: Any) -> Any:
        if len(self) >= MOST_KEPT:
            self.clear()
        try:
            value = None if raw is None else self.convert(raw)
        except (ValueError, TypeError, ArithmeticError, LookupError):
            value = BAD
        self[raw] = value
        return value

    def column(self, values: Sequence[Any]) -> list[Any]:
        """A converted column."""
        return list(map(self.__getitem__, values))


def text(value: Any) -> str:
    """A value as a text; numbers as they were written, as far as this is known."""
    if isinstance(value, (str, int, Decimal)):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value.hex()
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise ValueError


def texts(values: Sequence[Any], most: int, least: int) -> list[Any]:
    """A column as texts of `least` to `most` characters, none of them a control character or a broken one."""
    if not set(map(type, values)) <= {str, type(None)}:
        values = Memo(text).column(values)
    found = [value for value in values if value is not None and value is not BAD]
    if not found or (max(map(len, found)) <= most and min(map(len, found)) >= least and not UNFIT.search("".join(found))):
        return list(values)
    return [value if value is None or (value is not BAD and least <= len(value) <= most and not UNFIT.search(value)) else BAD for value in values]


UNFIT = re.compile(CONTROL.pattern[:-1] + "\ud800-\udfff]")
"""Matches what no text of a record may hold, and bytes that were no text of the file's encoding."""


def exact(value: Any, comma: str, thousands: str) -> Decimal:
    """A number as it was written. Raises ValueError, InvalidOperation."""
    if isinstance(value, str):
        if thousands:
            value = value.replace(thousands, "")
        if comma != ".":
            value = value.replace(comma, ".")
        if not NUMBER.fullmatch(value):
            raise ValueError
        return Decimal(value)
    if isinstance(value, float):
        value = repr(value)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError
    return number


NUMBER = re.compile(r"[+-]?(?:[0-9]{1,24}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")


def whole(value: Any, factor: Decimal, comma: str, thousands: str, *, rounded: bool) -> int:
    """A number times `factor` as a whole number; what is finer is rounded half up where `rounded` says so, else refused. Raises ValueError."""
    if type(value) is int and factor == 1:
        return value
    number = exact(value, comma, thousands) * factor
    result = number.to_integral_value(ROUND_HALF_UP)
    if result != number and not rounded:
        raise ValueError
    return int(result)


def seconds_of(value: Any, per_second: int) -> int:
    """A length of time as h:m:s or m:s, in parts of a second. Raises ValueError."""
    found = SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError
    return (int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])) * per_second


SPAN = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-5][0-9])(?:\.[0-9]+)?")


def number_memo(unit: str, own: str, comma: str, thousands: str, span: tuple[int, int], *, rounded: bool) -> Memo:
    """Conversion of numbers of `unit` to our unit `own`, within `span`."""
    if unit == CLOCK:
        return Memo(lambda value: within(seconds_of(value, 1 if own == "s" else 1000), span))
    factor = FACTORS[own][unit] if own in FACTORS else Decimal(1)
    return Memo(lambda value: within(whole(value, factor, comma, thousands, rounded=rounded), span))


def within(number: int, span: tuple[int, int]) -> int:
    """The number, where it is within a span. Raises ValueError."""
    if not span[0] <= number <= span[1]:
        raise ValueError
    return number


def money_memo(decimals: int | None, comma: str, thousands: str, span: tuple[int, int], *, rounded: bool) -> Memo:
    """Conversion of pairs of an amount in major units and its currency to minor units; `decimals` where the currency does not say how many."""

    def convert(pair: tuple[Any, str | None]) -> int | None:
        amount, currency = pair
        if amount is None:
            return None
        if decimals is None and currency is None:
            raise ValueError
        return within(whole(amount, Decimal(10) ** (decimals if decimals is not None else decimals_of(str(currency))), comma, thousands, rounded=rounded), span)

    return Memo(convert)


def word_memo(words: dict[str, Any], other: Any) -> Memo:
    """Conversion by a table of words; `other` for words that it does not have."""
    return Memo(lambda value: words.get(text(value), other))


def truth(value: Any) -> bool:
    """A truth value. Raises LookupError."""
    return TRUTHS[text(value).lower()]


def e164(value: Any, country_code: str) -> str:
    """A telephone number as E.164 has it: `+`, country code, number. National numbers get `country_code`; short codes stay as they are."""
    figures = value if isinstance(value, str) and value.isdecimal() and value.isascii() else bare(text(value))
    if figures[0] == "+":
        return figures
    if figures[:2] == "00":
        return f"+{figures[2:]}"
    if len(figures) <= SHORT_CODE:
        return figures
    if figures.startswith(country_code) and len(figures) > len(country_code) + 7:
        return f"+{figures}"
    return f"+{country_code}{figures.removeprefix('0')}"


def e164_column(memo: Memo, country_code: str, values: list[Any], _: object) -> list[Any]:
    """A column of numbers as `e164` has them; where all are figures at once, others by `memo`."""
    if set(map(type, values)) != {str} or "" in values or not (together := "".join(values)).isascii() or not together.isdecimal():
        return memo.column(values)
    long = len(country_code) + 7
    return [
        f"+{one[2:]}"
        if one[:2] == "00"
        else one
        if len(one) <= SHORT_CODE
        else f"+{one}"
        if len(one) > long and one.startswith(country_code)
        else f"+{country_code}{one.removeprefix('0')}"
        for one in values
    ]


def bare(given: str) -> str:
    """The figures of a number that is written for people, or as an address. Raises ValueError."""
    figures = DRESS.sub("", given.removeprefix("tel:").removeprefix("sip:").partition("@")[0])
    if not FIGURES.fullmatch(figures):
        raise ValueError
    return figures


DRESS = re.compile(r"[\s()./-]")
FIGURES = re.compile(r"\+?[0-9]+")
SHORT_CODE = 6
"""Numbers of so many figures are hotlines and short codes."""


def hashed(value: Any, key: bytes) -> str:
    """A keyed hash of a number: 32 hexadecimal figures."""
    return hashlib.blake2b(text(value).encode("utf-8", "surrogateescape"), digest_size=16, key=key).hexdigest()


def part_of(value: Any, pattern: re.Pattern[str]) -> str | None:
    """The first group of a pattern in a text, or the whole match; None where it does not match."""
    found = pattern.search(text(value))
    return None if found is None else (found[1] if pattern.groups else found[0])


def joined(columns: list[list[Any]]) -> list[Any]:
    """Columns as one, their texts with a blank between; None where one is None."""
    if len(columns) == 1:
        return columns[0]
    return [None if None in parts else " ".join(map(text, parts)) for parts in zip(*columns, strict=True)]


__all__ = ["BAD", "CLOCK", "FACTORS", "InvalidOperation", "Memo"]

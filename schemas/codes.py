"""Texts as numbers: every text and enum value in a column is its 64-bit hash, the same in every process and for ever."""

from __future__ import annotations

import xxhash

NULL = -(2**63)
"""No value, in a column of numbers, times or dates. An unknown text is 0."""
UNSURE = -1
"""An unknown truth value, in a column of int8 where 1 is true and 0 is false."""
MOST_CACHED = 1_000_000


class _Codes(dict[str | None, int]):
    """Text to code; codes of the current generation remember their texts."""

    def __missing__(self, text: str | None) -> int:
        if text is None:
            self[None] = 0
            return 0
        number = xxhash.xxh3_64_intdigest(text.encode()) - 2**63 or 1
        self[text] = number
        _texts[number] = text
        return number


_texts: dict[int, str] = {}
_older: dict[int, str] = {}
_kept: dict[int, str] = {}
_codes = _Codes()
code_of = _codes.__getitem__


def code(text: str | None) -> int:
    """The code of `text`; 0 for None."""
    return _codes[text]


def text_of(number: int) -> str:
    """The text behind a code met lately or kept. Raises KeyError."""
    for texts in (_kept, _texts, _older):
        text = texts.get(number)
        if text is not None:
            return text
    raise KeyError(number)


def keep(text: str) -> int:
    """The code of `text`, which is remembered for good."""
    number = _codes[text]
    _kept[number] = text
    return number


def rotate() -> None:
    """Forget texts not met for a while, so that the cache stays bounded. Only between batches."""
    global _texts, _older  # one cache a process
    if len(_texts) > MOST_CACHED:
        _older, _texts = _texts, {}
        _codes.clear()

"""Texts as numbers: every text and enum value in a column is its 64-bit hash, the same in every process and forever.

The text behind a code is known while it is in the cache (two generations of `MOST_CACHED` texts) or held by state. A column of
codes built two or more generations ago must be read from its records again before its texts are asked for (`stale`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from schemas.columns import Ints

NULL = -(2**63)
"""No value, in a column of numbers, times or dates. An unknown text is 0."""
UNSURE = -1
"""An unknown truth value, in a column of int8 where 1 is true and 0 is false."""
MOST_CACHED = 1_000_000


class Store(Protocol):
    """Keeps texts of codes that were made elsewhere, in two generations like the cache."""

    def __len__(self) -> int:
        """How many texts of the current generation there are."""
        ...

    def find(self, number: int, /) -> str | None:
        """The text of a code, where it is known."""
        ...

    def joined(self, numbers: Ints, separator: int, /) -> tuple[npt.NDArray[np.uint8], Ints, npt.NDArray[np.bool_]]:
        """The texts of each row of codes [rows, codes] with a separator between them: all bytes, where each row ends, and which rows are known here."""
        ...

    def rotate(self) -> None:
        """Forget the older generation."""
        ...

    def carry(self, numbers: Ints, /) -> list[int]:
        """Take texts of the older generation over into the current one. Returns the codes that are in neither."""
        ...


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
_kept: dict[int, tuple[str, int]] = {}
"""Text, and how many hold it; 0 holders: reference data, never forgotten."""
_generation = 0
_stores: list[Store] = []
_codes = _Codes()
code_of = _codes.__getitem__


def code(text: str | None) -> int:
    """The code of `text`; 0 for None."""
    return _codes[text]


def codes_of(texts: Iterable[bytes]) -> list[int]:
    """The codes of encoded texts; none of them is remembered."""
    return [xxhash.xxh3_64_intdigest(text) - 2**63 or 1 for text in texts]


def code_of_bytes(text: bytes) -> int:
    """The code of one encoded text, which is not remembered."""
    return xxhash.xxh3_64_intdigest(text) - 2**63 or 1


def text_of(number: int) -> str:
    """The text behind a code that was used lately or is kept. Raises KeyError."""
    kept = _kept.get(number)
    if kept is not None:
        return kept[0]
    text = _cached(number)
    for store in _stores if text is None else ():
        text = store.find(number)
        if text is not None:
            break
    if text is None:
        raise KeyError(number)
    return text


def texts_behind(numbers: Ints, unknown: Any) -> list[Any]:
    """The text behind each code, looked up once for equal ones; `unknown` for 0. Raises KeyError.

    >>> texts_behind(np.array([code("gold"), 0, code("gold")]), None)
    ['gold', None, 'gold']
    """
    listed = numbers.tolist()
    texts = {number: text_of(number) if number else unknown for number in set(listed)}
    return [texts[number] for number in listed]


def texts_of(numbers: Ints, separator: str) -> tuple[npt.NDArray[np.uint8], Ints]:
    """The texts of each row of codes [rows, codes], encoded, with a separator of one byte between them: all bytes, and where each row ends. Raises KeyError."""
    data, ends, known = _stores[0].joined(numbers, ord(separator)) if _stores else (np.zeros(0, np.uint8), np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool))
    if known.all():
        return data, ends
    begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    rows = [
        data[begin:end].tobytes() if there else separator.join(map(text_of, row)).encode()
        for begin, end, there, row in zip(begins.tolist(), ends.tolist(), known.tolist(), numbers.tolist(), strict=True)
    ]
    return np.frombuffer(b"".join(rows), np.uint8), np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))


def _cached(number: int) -> str | None:
    text = _texts.get(number)
    return _older.get(number) if text is None else text


def attach(store: Store, *, first: bool = False) -> None:
    """Look for texts there as well, and rotate it with the cache. `first`: it is asked before the others."""
    _stores.insert(0 if first else len(_stores), store)


def keep(text: str) -> int:
    """The code of `text`, which is remembered for the life of the process."""
    number = _codes[text]
    _kept[number] = (text, 0)
    return number


def kept_for_life() -> list[str]:
    """The texts that `keep` was called with."""
    return [text for text, holders in _kept.values() if not holders]


def hold(text: str) -> int:
    """The code of `text`, which is remembered until `release` is called as often as `hold`."""
    number = _codes[text]
    kept = _kept.get(number)
    if kept is None:
        _kept[number] = (text, 1)
    elif kept[1]:
        _kept[number] = (text, kept[1] + 1)
    return number


def release(numbers: Iterable[int]) -> None:
    """One holder less of each of these texts."""
    for number in numbers:
        text, holders = _kept.get(number, ("", 0))
        if holders == 1:
            del _kept[number]
            _older.setdefault(number, text)
        elif holders:
            _kept[number] = (text, holders - 1)


def rotate() -> None:
    """Forget texts that were not used for a while, so that the cache stays bounded. Call it only between batches."""
    global _texts, _older, _generation  # noqa: PLW0603  # one cache a process
    if len(_texts) + sum(map(len, _stores)) > MOST_CACHED:
        _older, _texts = _texts, {}
        _codes.clear()
        for store in _stores:
            store.rotate()
        _generation += 1


def carry(numbers: Ints) -> bool:
    """Make sure that the texts of these codes outlive the next rotation. Returns whether all are known."""
    for store in _stores:
        numbers = np.array(store.carry(numbers), np.int64)
    for number in numbers.tolist():
        text = _cached(number)
        if text is not None:
            _texts[number] = text
        elif number and number not in _kept:
            return False
    return True


def generation() -> int:
    """How often the cache was rotated."""
    return _generation


def stale(built_at: int) -> bool:
    """Whether texts of a column built in generation `built_at` may be forgotten at the next rotation, or are."""
    return built_at < _generation

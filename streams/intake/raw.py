"""Raw keys and values: many byte strings in one buffer, without a Python object each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from schemas.columns import Ints

PADDING = b"\0" * 64
"""Kernels read words of eight bytes, up to a name behind the end of a value."""


class Pieces(Sequence[bytes | None]):
    r"""Byte strings that are pieces of `data`, which has `PADDING` behind the last; a null one ends before it begins.

    >>> pieces = Pieces(np.frombuffer(b"abcd" + PADDING, np.uint8), np.array([0, 1, 2]), np.array([1, -1, 4]))
    >>> list(pieces), pieces[2], pieces.at(np.array([2, 0]))[0]
    ([b'a', None, b'cd'], b'cd', b'cd')
    """

    __slots__ = ("begins", "data", "ends")

    def __init__(self, data: npt.NDArray[np.uint8], begins: Ints, ends: Ints) -> None:
        self.data, self.begins, self.ends = data, begins, ends

    def __len__(self) -> int:
        return len(self.begins)

    @overload
    def __getitem__(self, at: int) -> bytes | None: ...
    @overload
    def __getitem__(self, at: slice) -> Pieces: ...
    def __getitem__(self, at: int | slice) -> bytes | Pieces | None:
        if isinstance(at, slice):
            return Pieces(self.data, self.begins[at], self.ends[at])
        begin, end = self.begins[at], self.ends[at]
        return self.data[begin:end].tobytes() if end >= begin else None

    def __iter__(self) -> Iterator[bytes | None]:
        data = self.data.data
        for begin, end in zip(self.begins.tolist(), self.ends.tolist(), strict=True):
            yield bytes(data[begin:end]) if end >= begin else None

    def at(self, places: Ints) -> Pieces:
        """Those at `places`."""
        return Pieces(self.data, self.begins[places], self.ends[places])

    @property
    def sizes(self) -> Ints:
        """The bytes of each; 0 of a null one."""
        return np.maximum(self.ends - self.begins, 0)


def chained(several: Sequence[tuple[Pieces, Pieces]]) -> tuple[Pieces, Pieces]:
    r"""Keys and values of several runs, one after the other, as pieces of one buffer; those of a run share one already.

    >>> run = pieces_of([b"k"], [None])
    >>> [list(column) for column in chained([run, pieces_of([None], [b"v"])])]
    [[b'k', None], [None, b'v']]
    """
    data = np.concatenate([keys.data for keys, _ in several])
    shifts = np.cumsum([0, *(len(keys.data) for keys, _ in several[:-1])]).tolist()

    def column(which: int) -> Pieces:
        begins = np.concatenate([run[which].begins + shift for run, shift in zip(several, shifts, strict=True)])
        return Pieces(data, begins, np.concatenate([run[which].ends + shift for run, shift in zip(several, shifts, strict=True)]))

    return column(0), column(1)


def picked(texts: Sequence[bytes | None], places: Ints) -> Sequence[bytes | None]:
    """Those at `places`."""
    return texts.at(places) if isinstance(texts, Pieces) else [texts[at] for at in places.tolist()]


def sizes_of(texts: Sequence[bytes | None]) -> Ints:
    """The bytes of each; 0 of a null one."""
    return texts.sizes if isinstance(texts, Pieces) else np.fromiter((len(text or b"") for text in texts), np.int64, len(texts))


def pieces_of(*several: Sequence[bytes | None]) -> tuple[Pieces, ...]:
    """The same as pieces of one buffer; what is in one already is not copied."""
    first = several[0]
    if isinstance(first, Pieces) and all(isinstance(texts, Pieces) and texts.data is first.data for texts in several):
        return several  # type: ignore[return-value]  # just checked
    texts = [text for some in several for text in some]
    try:
        joined, null = bytearray().join([*texts, PADDING]), False  # type: ignore[list-item]  # null raises, as wanted
    except TypeError:
        joined, null = bytearray().join([*(text or b"" for text in texts), PADDING]), True
    data = np.frombuffer(joined, np.uint8)
    sizes = np.fromiter(map(len, texts), np.int64, len(texts)) if not null else sizes_of(texts)  # type: ignore[arg-type]  # none is null
    ends = sizes.cumsum()
    begins = ends - sizes
    if null:
        ends[[text is None for text in texts]] = -1
    found, at = [], 0
    for some in several:
        found.append(Pieces(data, begins[at : at + len(some)], ends[at : at + len(some)]))
        at += len(some)
    return tuple(found)


__all__ = ["PADDING", "Pieces", "chained", "picked", "pieces_of", "sizes_of"]

"""Many byte strings in one buffer: how changed rows leave and stored rows come back without a Python object a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints

Item = TypeVar("Item", bound=np.generic)
Buffer = npt.NDArray[np.uint8]
SLACK = 8
"""What holds state grows by one part in so many at the least: half of that is unused on average."""
LARGE = 1 << 17
"""From so many entries on what is copied where it grows grows by one part in `SLACK` too; below by a quarter: copies cost more than they save there."""


@kernel("void(uint8[::1], int64[::1], int64[:], uint8[::1])")
def put_each(data: Any, ends: Any, at: Any, out: Any) -> None:
    """Copy string i to `out[at[i]:]`, and move `at[i]` behind it."""
    begin = 0
    for i in range(len(ends)):
        length = ends[i] - begin
        given, taken = data[begin : begin + length], out[at[i] : at[i] + length]  # of views from 0 on, so that the copy is vectorized
        for k in range(length):
            taken[k] = given[k]
        at[i] += length
        begin += length


@kernel("void(uint8[::1], int64[:], uint8[::1])")
def put_same(data: Any, at: Any, out: Any) -> None:
    """Copy one string to every place `at`, and move the places behind it."""
    for i in range(len(at)):
        taken = out[at[i] : at[i] + len(data)]
        for k in range(len(data)):
            taken[k] = data[k]
        at[i] += len(data)


@kernel("void(uint8[::1], uint8[:, ::1], int32[::1], uint8[:, ::1], boolean[::1])")
def put_rows(begin: Any, data: Any, rows: Any, out: Any, empty: Any) -> None:
    """Copy each of `rows` of `data` behind `begin`; `empty`: all its bytes are 0."""
    first = len(begin)
    for i in range(len(rows)):
        given, taken = data[rows[i]], out[i]
        for k in range(first):
            taken[k] = begin[k]
        found = np.uint8(0)
        for k in range(len(given)):
            taken[first + k] = given[k]
            found |= given[k]
        empty[i] = found == 0


@kernel("void(uint8[::1], int64[::1], int64[::1], uint8[::1])")
def copy_some(data: Any, begins: Any, ends: Any, out: Any) -> None:
    """Copy the bytes between `begins` and `ends`, one string behind the other."""
    n = 0
    for i in range(len(begins)):
        length = ends[i] - begins[i]
        given, taken = data[begins[i] : ends[i]], out[n : n + length]
        for k in range(length):
            taken[k] = given[k]
        n += length


def buffer_of(data: bytes | memoryview) -> Buffer:
    """The bytes as a writable array, as compiled code takes it."""
    return np.frombuffer(bytearray(data), np.uint8)


def copied(data: Buffer, begins: Ints, ends: Ints) -> Buffer:
    """The bytes between `begins` and `ends`, one string behind the other."""
    out: Buffer = np.empty(int((ends - begins).sum()), np.uint8)
    copy_some(data, np.ascontiguousarray(begins), np.ascontiguousarray(ends), out)
    return out


def grown(array: npt.NDArray[Item], need: int) -> npt.NDArray[Item]:
    """The array with at least `need` items, a quarter more where it must grow. In place: no view of it may be in use."""
    if need > len(array):
        array.resize((max(need, len(array) * 5 // 4 + 64), *array.shape[1:]), refcheck=False)
    return array


def with_slack(size: int) -> int:
    """To how many entries at the least something grows that is copied then."""
    return size + size // (SLACK if size >= LARGE else 4)


def lengthen(holder: object, name: str, size: int, fill: int = 0) -> None:
    """Give the array `name` of `holder` `size` rows, new ones full of `fill`.

    In place, as large ones move without being copied; where anything else holds it, or a view of it, that keeps it as it is, and `holder` has a copy.
    """
    array = vars(holder).pop(name)  # so that numpy counts who else holds it
    old, shape = len(array), (size, *array.shape[1:])
    try:
        array.resize(shape)
    except ValueError:
        before, array = array, np.zeros(shape, array.dtype)
        array[:old] = before
    finally:
        vars(holder)[name] = array
    if fill:
        array[old:] = fill


class ByteStrings(NamedTuple):
    """Byte strings one after the other in `data`; string i ends before `ends[i]`, where the next begins."""

    data: Buffer
    ends: Ints

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> ByteStrings:
        """The same of separate byte strings."""
        return cls(buffer_of(b"".join(strings)), np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings))))

    @classmethod
    def equal(cls, array: npt.NDArray[Any]) -> ByteStrings:
        """The bytes of the items of a one-dimensional array, or of the rows of another."""
        array = np.ascontiguousarray(array)
        each = array.nbytes // max(len(array), 1)
        return cls(array.reshape(-1).view(np.uint8), np.arange(1, len(array) + 1, dtype=np.int64) * each)

    @classmethod
    def cut(cls, array: npt.NDArray[Any], ends: Ints) -> ByteStrings:
        """The bytes of an array's rows, where the rows before `ends[i]` belong to string i."""
        array = np.ascontiguousarray(array)
        return cls(array.reshape(-1).view(np.uint8), ends * (array.nbytes // max(len(array), 1)))

    @property
    def begins(self) -> Ints:
        """Where each begins."""
        begins = np.empty_like(self.ends)
        begins[:1], begins[1:] = 0, self.ends[:-1]
        return begins

    @property
    def lengths(self) -> Ints:
        """How long each is."""
        lengths = self.ends.copy()
        lengths[1:] -= self.ends[:-1]
        return lengths

    def some(self, places: Ints | slice) -> ByteStrings:
        """Those at `places`."""
        begins, ends = self.begins[places], self.ends[places]
        return ByteStrings(copied(self.data, begins, ends), np.cumsum(ends - begins))

    def within(self, begin: int | Ints, end: int | Ints | None = None) -> ByteStrings:
        """Of each the bytes from `begin` to `end`, counted from its own begin; None: to its own end."""
        begins = self.begins + begin
        ends = self.ends if end is None else self.begins + end
        return ByteStrings(copied(self.data, begins, ends), np.cumsum(ends - begins))

    def listed(self) -> list[bytes]:
        """Each of them.

        >>> from streams.engine.state.packing import ByteStrings
        >>> ByteStrings.of([b"a", b"", b"bc"]).listed()
        [b'a', b'', b'bc']
        """
        data, ends = self.data.tobytes(), self.ends.tolist()
        return [data[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]

    def texts(self) -> list[str]:
        """Each of them as text."""
        data, ends = self.data.tobytes(), self.ends.tolist()
        if data.isascii():
            text = data.decode()
            return [text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
        return [data[begin:end].decode() for begin, end in zip([0, *ends], ends, strict=False)]


def chained(strings: Sequence[ByteStrings]) -> ByteStrings:
    """All strings of several, in their order."""
    offsets = np.cumsum([0, *[len(one.data) for one in strings]])
    return ByteStrings(
        np.concatenate([np.zeros(0, np.uint8), *[one.data for one in strings]]),
        np.concatenate([np.zeros(0, np.int64), *[one.ends + offset for one, offset in zip(strings, offsets.tolist(), strict=False)]]),
    )


def joined(count: int, *pieces: bytes | ByteStrings) -> ByteStrings:
    """`count` strings, each of the same pieces: one for all, or one each.

    >>> from streams.engine.state.packing import ByteStrings, joined
    >>> joined(2, b"<", ByteStrings.of([b"a", b"bc"]), b">").listed()
    [b'<a>', b'<bc>']
    """
    lengths = np.zeros(count, np.int64)
    for piece in pieces:
        lengths += len(piece) if isinstance(piece, bytes) else piece.lengths
    ends = lengths.cumsum()
    at, data = ends - lengths, np.empty(int(ends[-1]) if count else 0, np.uint8)
    for piece in pieces:
        if isinstance(piece, bytes):
            put_same(buffer_of(piece), at, data)
        else:
            put_each(piece.data, piece.ends, at, data)
    return ByteStrings(data, ends)


def lengths_of(strings: ByteStrings) -> ByteStrings:
    """The length of each, in two bytes. Raises OverflowError where one has 64 KiB or more."""
    if len(strings.ends) and strings.lengths.max() > 0xFFFF:
        raise OverflowError(f"a stored text: wanted at most 65,535 bytes, got {strings.lengths.max()}")
    return ByteStrings.equal(strings.lengths.astype("<u2"))


class Values(NamedTuple):
    """Values of changelog records; those that are `gone` are tombstones, whatever their string holds."""

    strings: ByteStrings
    gone: Bools

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> Values:
        """The same of separate values."""
        return cls(ByteStrings.of([value or b"" for value in values]), np.fromiter((value is None for value in values), bool, len(values)))

    @classmethod
    def kept(cls, strings: ByteStrings) -> Values:
        """Values without a tombstone."""
        return cls(strings, np.zeros(len(strings.ends), bool))

    def listed(self) -> list[bytes | None]:
        """Each value; None is a tombstone."""
        return [None if gone else value for value, gone in zip(self.strings.listed(), self.gone.tolist(), strict=True)]

"""Many byte strings in one buffer: how changed rows leave and stored rows come back without a Python object a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints

Buffer = npt.NDArray[np.uint8]


def buffer_of(data: bytes) -> Buffer:
    """The bytes as a writable array, as compiled code takes it."""
    return np.frombuffer(bytearray(data), np.uint8)


class ByteStrings(NamedTuple):
    """Byte strings one after the other in `data`; string i ends before `ends[i]`, where the next begins."""

    data: Buffer
    ends: Ints

    @classmethod
    def of(cls, strings: Sequence[bytes]) -> ByteStrings:
        """The same of separate byte strings."""
        return cls(buffer_of(b"".join(strings)), np.cumsum(np.fromiter(map(len, strings), np.int64, len(strings))))

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

"""The texts of the ids in reference tables, packed: one arena of bytes, found by code. A table of millions of lines has no Python object an id.

They are found by `codes.text_of` for as long as their table lives.
"""

from __future__ import annotations

import weakref
from array import array
from typing import TYPE_CHECKING

import numpy as np

from schemas import codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from schemas.columns import Ints

LENGTH_BITS = 16
"""A text's place: where its bytes begin, and in the lowest bits how many they are."""
LONGEST = 2**LENGTH_BITS - 1


class Packing:
    """Takes texts one by one."""

    def __init__(self) -> None:
        self.arena, self.codes, self.places = bytearray(), array("q"), array("q")

    def add(self, text: str) -> int:
        """The code of a text of at most LONGEST bytes, which is kept."""
        encoded = text.encode()
        number = codes.code_of_bytes(encoded)
        self.codes.append(number)
        self.places.append(len(self.arena) << LENGTH_BITS | len(encoded))
        self.arena += encoded
        return number


class PackedTexts:
    """Texts by their codes, which are sorted."""

    def __init__(self, packing: Packing) -> None:
        self.codes, first = np.unique(np.frombuffer(packing.codes, np.int64), return_index=True)
        self.places = np.frombuffer(packing.places, np.int64)[first]
        self.arena = bytes(packing.arena)
        living.add(self)

    def find(self, number: int) -> str | None:
        """The text of a code, where it is one of these."""
        at = int(np.searchsorted(self.codes, number))
        if at == len(self.codes) or self.codes[at] != number:
            return None
        begin, length = divmod(int(self.places[at]), 1 << LENGTH_BITS)
        return self.arena[begin : begin + length].decode()

    def knows(self, numbers: Ints) -> Ints:
        """Which codes are among these."""
        at = np.minimum(np.searchsorted(self.codes, numbers), len(self.codes) - 1)
        return self.codes[at] == numbers if len(self.codes) else np.zeros(len(numbers), bool)

    def __setstate__(self, state: dict[str, object]) -> None:
        """Read back: found from then on."""
        self.__dict__.update(state)
        living.add(self)


class Living:
    """The packed texts of all tables that are in use, as a store of `codes`: none of them is forgotten before its table is."""

    def __init__(self) -> None:
        self.refs: tuple[weakref.ref[PackedTexts], ...] = ()

    def add(self, texts: PackedTexts) -> None:
        """Look there as well, for as long as it lives. From any thread."""
        self.refs = (*(ref for ref in self.refs if ref() is not None), weakref.ref(texts))

    def all(self) -> list[PackedTexts]:
        """Those that live."""
        return [texts for ref in self.refs if (texts := ref()) is not None]

    def __len__(self) -> int:
        """They are no part of the cache."""
        return 0

    def find(self, number: int) -> str | None:
        """The text of a code, where some table has it."""
        return next((text for texts in self.all() if (text := texts.find(number)) is not None), None)

    def joined(self, numbers: Ints, separator: int) -> tuple[npt.NDArray[np.uint8], Ints, npt.NDArray[np.bool_]]:
        """None: rows are asked for one by one."""
        del separator
        return np.zeros(0, np.uint8), np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)

    def rotate(self) -> None:
        """Forget nothing."""

    def carry(self, numbers: Ints) -> list[int]:
        """The codes that no table has: the texts of the others outlive any rotation."""
        for texts in self.all():
            numbers = numbers[~texts.knows(numbers).astype(bool)]
        found: list[int] = numbers.tolist()
        return found


living = Living()
codes.attach(living)

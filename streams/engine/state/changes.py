"""Changelog records as columns: what changed in a step, and what is read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from streams.engine.state.packing import ByteStrings, Values, chained

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from schemas.columns import Ints
    from streams.engine.state.codec import Change


class Records(NamedTuple):
    """Keys and values of changelog records, one entry each."""

    keys: ByteStrings
    values: Values

    @classmethod
    def of(cls, pairs: Iterable[Change]) -> Records:
        """The same of pairs."""
        pairs = list(pairs)
        return cls(ByteStrings.of([key for key, _ in pairs]), Values.of([value for _, value in pairs]))

    @classmethod
    def tombstones(cls, keys: ByteStrings) -> Records:
        """Records that delete `keys`."""
        return cls(keys, Values(ByteStrings(np.zeros(0, np.uint8), np.zeros(len(keys.ends), np.int64)), np.ones(len(keys.ends), bool)))

    @classmethod
    def chained(cls, several: Sequence[Records]) -> Records:
        """All records of several, in their order."""
        gone = np.concatenate([np.zeros(0, bool), *[one.values.gone for one in several]])
        return cls(chained([one.keys for one in several]), Values(chained([one.values.strings for one in several]), gone))

    def pairs(self) -> Iterator[Change]:
        """Each key and value, where speed does not matter."""
        return zip(self.keys.listed(), self.values.listed(), strict=True)

    def some(self, places: Ints | slice) -> Records:
        """Those at `places`."""
        return Records(self.keys.some(places), Values(self.values.strings.some(places), self.values.gone[places]))


class Changes:
    """Changelog records in the order in which they are written. Iterating over them gives pairs of key and value, where speed does not matter."""

    def __init__(self, records: Sequence[Records] = (), head: Change | None = None) -> None:
        self.records = [one for one in records if len(one.keys.ends)]
        self.head = head
        """The record of the head row, the last one; None where it did not change."""

    def __len__(self) -> int:
        return sum(len(one.keys.ends) for one in self.records) + (self.head is not None)

    def __iter__(self) -> Iterator[Change]:
        for one in self.records:
            yield from one.pairs()
        if self.head is not None:
            yield self.head

    def columns(self) -> Records:
        """All records."""
        return Records.chained([*self.records, Records.of([self.head] if self.head is not None else [])])

    def pieces(self, most: int) -> Iterator[Changes]:
        """The same in pieces of at most `most` records; the head row is with the last one."""
        whole = Records.chained(self.records)
        count = len(whole.keys.ends)
        for begin in range(0, count, most):
            yield Changes([whole.some(slice(begin, begin + most))], self.head if begin + most >= count else None)
        if not count and self.head is not None:
            yield self

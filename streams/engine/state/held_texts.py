"""The texts that are held for a state and stored with it, by their codes: eight bytes each and their slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.state.rowmap import RowMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.columns import Ints


class HeldTexts:
    """A set of codes. 0, which is no text, is never among them."""

    def __init__(self) -> None:
        self.codes = RowMap(1)

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.codes.keys[self.codes.live, 0].tolist())

    def add(self, codes: Ints) -> Ints:
        """Take `codes`. Returns those that are new, ascending.

        >>> held = HeldTexts()
        >>> held.add(np.array([7, 0, -3, 7])).tolist(), held.add(np.array([7, 9])).tolist(), sorted(held)
        ([-3, 7], [9], [-3, 7, 9])
        """
        codes = codes[codes != 0]
        fresh = np.unique(codes[self.codes.look_up(codes[:, None]) < 0])
        if len(fresh):
            self.codes.find(fresh[:, None])
        return fresh

    def keep(self, needed: Iterable[Ints]) -> Ints:
        """Let go of all that are not `needed`. Returns these, ascending.

        >>> held = HeldTexts()
        >>> held.add(np.array([7, -3, 9])).tolist(), held.keep([np.array([7, 5]), np.array([0])]).tolist(), list(held)
        ([-3, 7, 9], [-3, 9], [7])
        """
        gone = self.codes.live[: self.codes.used].copy()
        for codes in needed:
            rows = self.codes.look_up(codes[:, None])
            gone[rows[rows >= 0]] = False
        rows = gone.nonzero()[0].astype(np.int32)
        codes = np.sort(self.codes.keys[rows, 0])
        self.codes.release(rows)
        return codes


__all__ = ["HeldTexts"]

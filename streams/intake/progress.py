"""How far a topic partition is done, where records are released in another order than that of their offsets.

What is stored of it (`Passed.done`): the borders of the ranges that are done, ascending, the first from 0, each further one from the border before;
eight bytes a number, the lowest bytes of all of them first, deflated. Records that alternate cost at most two bits each, long ranges a few bytes.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec
import numpy as np

from schemas.columns import Bools, Ints
from streams.engine.state.store import Passed

NONE: Ints = np.zeros(0, np.int64)
WIDTH = 8


class Progress(NamedTuple):
    """What was read of a partition, and what of it is done: released, dropped or dead-lettered."""

    position: int = 0
    """Everything before it was read."""
    undone: Ints = NONE
    """The offsets of records that were read and are not done, ascending."""
    reach: int = 0
    """The offset behind the last record that is done."""
    before: Ints = NONE
    """Borders of ranges that were done before a restart, and are not read again yet."""

    @classmethod
    def resumed(cls, offset: int, done: bytes) -> Progress:
        """As it was stored: the next offset, and what is done above it."""
        return cls(offset, NONE, offset, clipped(unpacked(done), offset))

    def fresh(self, offsets: Ints) -> Bools:
        """Which of these offsets, read now, were not done before a restart."""
        return self.before.searchsorted(offsets, side="right") % 2 == 0

    def read(self, offsets: Ints, position: int) -> Progress:
        """After records at `offsets` were read, and everything before `position`."""
        known = int(self.before.searchsorted(position, side="right"))
        reach = position if known % 2 else int(self.before[known - 1]) if known else self.reach
        return Progress(max(self.position, position), np.concatenate([self.undone, np.sort(offsets)]), max(self.reach, reach), clipped(self.before, position))

    def without(self, offsets: Ints) -> Progress:
        """After the records at `offsets` were done."""
        if not len(offsets):
            return self
        return self._replace(undone=np.delete(self.undone, self.undone.searchsorted(offsets)), reach=max(self.reach, int(offsets.max()) + 1))

    @property
    def next(self) -> int:
        """The lowest offset that is not done."""
        return int(self.undone[0]) if len(self.undone) else self.position

    def borders(self) -> Ints:
        """The ranges above the next offset that are done: first and next offset, by turns."""
        undone = self.undone[: self.undone.searchsorted(self.reach)]
        if not len(undone):
            return self.before
        starts, ends = undone + 1, np.append(undone[1:], min(self.reach, self.position))
        wide = starts < ends
        return joined(np.stack([starts[wide], ends[wide]], axis=1).ravel(), self.before)

    def packed(self) -> bytes:
        """The same as it is stored; nothing where there is none."""
        borders = self.borders()
        return packed(borders) if len(borders) else b""


def clipped(borders: Ints, position: int) -> Ints:
    """The parts of ranges from `position` on."""
    at = int(borders.searchsorted(position, side="right"))
    return np.concatenate([[position], borders[at:]]) if at % 2 else borders[at:]


def joined(first: Ints, second: Ints) -> Ints:
    """The borders of both, of which the second lie behind; ranges that touch become one."""
    if len(first) and len(second) and first[-1] == second[0]:
        return np.concatenate([first[:-1], second[1:]])
    return np.concatenate([first, second])


def upto(passed: Passed, end: int) -> Passed:
    """What of it counts where the topic ends at `end`."""
    borders = unpacked(passed.done)
    kept = borders[: borders.searchsorted(end)]
    kept = np.append(kept, end) if len(kept) % 2 else kept
    return msgspec.structs.replace(passed, read=min(passed.read, end), done=packed(kept) if len(kept) else b"")


def packed(borders: Ints) -> bytes:
    """Borders as they are stored."""
    steps = np.diff(borders, prepend=0).astype("<i8")
    return zlib.compress(steps.view(np.uint8).reshape(-1, WIDTH).T.tobytes(), 1)


def unpacked(data: bytes) -> Ints:
    """Borders from what was stored."""
    if not data:
        return NONE
    raw = np.frombuffer(zlib.decompress(data), np.uint8).reshape(WIDTH, -1)
    return np.cumsum(np.ascontiguousarray(raw.T).view("<i8").ravel())

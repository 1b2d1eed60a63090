"""Keys to row numbers: open addressing over fixed numbers of 64-bit key parts, compared part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streams.engine.kernels import kernel
from streams.engine.state.packing import SLACK, lengthen

if TYPE_CHECKING:
    from schemas.columns import Ints

Rows = npt.NDArray[np.int32]
EMPTY = -1
FIRST_SLOTS = 2048


@kernel("int64(int64[:])")
def slot_hash(key: Any) -> int:
    """A hash of a key's parts: shifts and xor only, so that the interpreted form cannot overflow."""
    h = 88172645463325252
    for part in key:
        h ^= part
        h ^= (h << 13) & 0x7FFFFFFFFFFFFFFF
        h ^= (h >> 7) & 0x01FFFFFFFFFFFFFF
        h ^= (h << 17) & 0x7FFFFFFFFFFFFFFF
    return h


@kernel("int64(int32[:], int64[:,:], int64[:,:], int64[:], int64, int64, int32[:], int64[:])")
def find_or_add(slots: Any, keys: Any, wanted: Any, free: Any, n_free: int, used: int, rows: Any, added: Any) -> int:
    """Set `rows` for each key of `wanted`; new keys take rows from `free`, then from `used` on. Returns how many are new; `added`: where they are."""
    mask, n = len(slots) - 1, 0
    for i in range(len(wanted)):
        at = slot_hash(wanted[i]) & mask
        while True:
            row = slots[at]
            if row < 0:
                if n_free > 0:
                    n_free -= 1
                    row = free[n_free]
                else:
                    row = used
                    used += 1
                keys[row] = wanted[i]
                slots[at] = row
                added[n] = i
                n += 1
                break
            same = True
            for part in range(keys.shape[1]):
                if keys[row, part] != wanted[i, part]:
                    same = False
                    break
            if same:
                break
            at = (at + 1) & mask
        rows[i] = row
    return n


@kernel("void(int32[:], int64[:,:], int64[:,:], int32[:])")
def look_up(slots: Any, keys: Any, wanted: Any, rows: Any) -> None:
    """The row of each key of `wanted`, -1 where there is none (`find_or_add` makes one)."""
    mask = len(slots) - 1
    for i in range(len(wanted)):
        at = slot_hash(wanted[i]) & mask
        rows[i] = slots[at]
        while rows[i] >= 0:
            same = True
            for part in range(keys.shape[1]):
                same = same and keys[rows[i], part] == wanted[i, part]
            if same:
                break
            at = (at + 1) & mask
            rows[i] = slots[at]


@kernel("void(int32[:], int64[:,:], boolean[:])")
def fill(slots: Any, keys: Any, live: Any) -> None:
    """Put all live rows into empty `slots`."""
    mask = len(slots) - 1
    for row in range(len(live)):
        if live[row]:
            at = slot_hash(keys[row]) & mask
            while slots[at] >= 0:
                at = (at + 1) & mask
            slots[at] = row


class RowMap:
    """Rows of keys with `width` parts. `find` gives new keys the freed rows first."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.slots = np.full(FIRST_SLOTS, EMPTY, np.int32)
        self.keys = np.zeros((0, width), np.int64)
        self.live = np.zeros(0, bool)
        self.free: Ints = np.zeros(0, np.int64)
        self.used = 0
        """Rows ever used: the next new row, when none is free."""

    def __len__(self) -> int:
        return self.used - len(self.free)

    def find(self, wanted: Ints) -> tuple[Rows, Ints]:
        """Rows of `wanted` [n, width], and which of them are new (in order of first appearance)."""
        n = len(wanted)
        self._make_room(n)
        rows, added = np.empty(n, np.int32), np.empty(n, np.int64)
        free = len(self.free)
        new = find_or_add(self.slots, self.keys, wanted, self.free, free, self.used, rows, added)
        reused = min(new, free)
        self.free = self.free[: free - reused]
        self.used += new - reused
        fresh = added[:new]
        self.live[rows[fresh]] = True
        return rows, fresh

    def look_up(self, wanted: Ints) -> Rows:
        """Rows of `wanted` [n, width], -1 where there is none."""
        rows = np.empty(len(wanted), np.int32)
        look_up(self.slots, self.keys, wanted, rows)
        return rows

    def release(self, rows: Rows) -> None:
        """Forget the keys of `rows`, whose numbers pass to other keys."""
        if len(rows):
            self.live[rows] = False
            self.free = np.concatenate([self.free, rows.astype(np.int64)])
            self._rebuild(len(self.slots))

    def _make_room(self, more: int) -> None:
        need = self.used + more
        if need > len(self.keys):
            size = max(need, len(self.keys) + len(self.keys) // SLACK, FIRST_SLOTS // 2)
            lengthen(self, "keys", size)
            lengthen(self, "live", size)
        size = len(self.slots)
        while 3 * (len(self) + more) > 2 * size:
            size *= 2
        if size != len(self.slots):
            self._rebuild(size)

    def _rebuild(self, size: int) -> None:
        self.slots = np.full(size, EMPTY, np.int32)
        fill(self.slots, self.keys, self.live[: len(self.keys)])

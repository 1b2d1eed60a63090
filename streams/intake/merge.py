"""The merge: four topics of one partition number, in the order of event time as far as there is backlog (`docs/semantics.md` §1.2)."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import Ints
from schemas.raw import TOPICS
from streams.engine.clock import JUMP_MS
from streams.engine.state.tables import NEVER

if TYPE_CHECKING:
    import numpy.typing as npt

    from streams.intake.columns import Columns
    from streams.intake.decode import DecodedRun, Reject


NOTHING = np.zeros(0, np.int64)
LOOK = 8
"""How many of the records behind it a record is compared with."""
ALWAYS, UNREAD = math.inf, -math.inf
"""Special values for how new a look at a topic's end is: the input has ended; there is unread backlog, or no look yet."""


class Queue:
    """Unreleased records of one topic, in offset order."""

    def __init__(self) -> None:
        self.chunks: deque[tuple[DecodedRun, int]] = deque()
        """Each with the number of its records that are released already."""
        self.size = 0
        self.reached = 0
        """Latest place in the merge of what was released, epoch ms."""

    def add(self, chunk: DecodedRun) -> None:
        self.chunks.append((chunk, 0))
        self.size += len(chunk)

    @property
    def newest_read(self) -> float:
        """When the newest queued record was read, seconds."""
        return self.chunks[-1][0].read_at if self.chunks else UNREAD

    def read_at(self, count: int) -> npt.NDArray[np.float64]:
        """When each of the first `count` queued records was read, seconds; never descending."""
        times: list[npt.NDArray[np.float64]] = []
        for chunk, done in self.chunks:
            if count <= 0:
                break
            times.append(np.full(min(count, len(chunk) - done), chunk.read_at))
            count -= len(times[-1])
        return np.concatenate(times) if times else np.zeros(0)

    def keys(self, most: int, look: int, jump_ms: int, *, complete: bool) -> Ints:
        """The places in the merge of the first `most` or more queued records: the running maximum of event time since the head.

        A misdated record (`misdated`) is ordered directly after its predecessor, or it would hold its whole topic back. A suspicious
        record is held until `look` more records have arrived, or until the topic is known to be exhausted (`complete`).
        """
        times: list[Ints] = []
        most += look
        for chunk, done in self.chunks:
            times.append(chunk.event_time[done:])
            most -= len(chunk) - done
            if most <= 0:
                break
        if not times:
            return NOTHING
        found = np.concatenate(times)
        if not len(found) or int(found.max()) - min(int(found.min()), self.reached or NEVER) <= jump_ms:
            return np.maximum.accumulate(found)
        keys = np.maximum.accumulate(np.where(misdated(found, self.reached, look, jump_ms), 0, found))
        if complete and len(found) == self.size:
            return keys
        unsure = max(0, len(found) - look)
        before = np.maximum(np.concatenate([[0], keys[:-1]]), self.reached)
        leaps = np.flatnonzero((before[unsure:] > 0) & (found[unsure:] - before[unsure:] > jump_ms))
        return keys[: unsure + int(leaps[0])] if len(leaps) else keys

    def pop(self, count: int) -> tuple[list[tuple[DecodedRun, int, int]], list[Reject], int | None]:
        """The first `count` records as (chunk, from, to), the rejects they pass, and the next unreleased offset if it moved."""
        taken: list[tuple[DecodedRun, int, int]] = []
        rejects: list[Reject] = []
        following = None
        while self.chunks and (count > 0 or len(self.chunks[0][0]) == self.chunks[0][1]):
            chunk, done = self.chunks.popleft()
            upto = min(done + count, len(chunk))
            if upto > done:
                taken.append((chunk, done, upto))
            count -= upto - done
            self.size -= upto - done
            following = chunk.next_offset if upto == len(chunk) else int(chunk.offset[upto])
            passed = [reject for reject in chunk.rejects if reject.offset < following]
            chunk.rejects = chunk.rejects[len(passed) :]
            rejects += passed
            if upto < len(chunk):
                self.chunks.appendleft((chunk, upto))
                break
        return taken, rejects, following


def misdated(times: Ints, reached: int, look: int, jump_ms: int) -> npt.NDArray[np.bool_]:
    """Which records of a topic are misdated: more than `jump_ms` ahead of the records before, and of most of the `look` behind them.

    A single record behind it proves nothing: that one may be late itself. `reached`: latest time before, 0 if there was none.
    """
    number = len(times)
    behind = np.zeros(number, np.int64)
    for step in range(1, min(look, number - 1) + 1):
        behind[:-step] += times[:-step] - times[step:] > jump_ms
    followers = np.minimum(look, number - 1 - np.arange(number))
    wrong = (followers > 1) & (2 * behind > followers)
    latest = np.maximum.accumulate(np.where(wrong, reached, np.maximum(times, reached)))
    cleared = 0
    for at in np.flatnonzero(wrong).tolist():
        before = max(int(latest[at]), cleared)
        if before and int(times[at]) - before <= jump_ms:
            wrong[at], cleared = False, max(cleared, int(times[at]))
    return wrong


class Released:
    """Released records in merged order, as columns; with the rejects they passed and the offsets to commit."""

    def __init__(self) -> None:
        self.n = 0
        self.time = self.id_hash = self.content_hash = NOTHING
        self.rank = self.kind = np.zeros(0, np.int8)
        self.pieces: dict[int, list[tuple[Columns, npt.NDArray[np.int32], Ints]]] = {}
        self.rejects: list[Reject] = []
        self.next_offsets: dict[str, int] = {}
        self.sources: list[tuple[DecodedRun, int, int, Ints]] = []
        """Decoded run, from, to, and the merged positions of those records."""

    def raw(self, position: int) -> tuple[str, int, int, bytes | None, bytes | None]:
        """Topic, partition, offset, key and value of the record at a merged position."""
        for chunk, begin, _, positions in self.sources:
            found = np.flatnonzero(positions == position)
            if len(found):
                at = begin + int(found[0])
                return chunk.topic, chunk.partition, int(chunk.offset[at]), chunk.keys[at], chunk.values[at]
        raise IndexError(position)

    def coordinates(self, positions: list[int]) -> list[tuple[str, int]]:
        """Topic and offset of the records at merged positions."""
        offsets = np.zeros(self.n, np.int64)
        for chunk, begin, end, places in self.sources:
            offsets[places] = chunk.offset[begin:end]
        return [(TOPICS[rank], offset) for rank, offset in zip(self.rank[positions].tolist(), offsets[positions].tolist(), strict=True)]

    def split(self, count: int) -> tuple[Released, Released]:
        """The first `count` records and the others, each part with the offsets and rejects that it passes."""
        first, second = self._part(0, count), self._part(count, self.n)
        second.next_offsets = dict(self.next_offsets)
        for chunk, begin, _, positions in reversed(self.sources):
            left = np.flatnonzero(positions >= count)
            if len(left):
                first.next_offsets[chunk.topic] = int(chunk.offset[begin + int(left[0])])
        for chunk, *_ in self.sources:
            first.next_offsets.setdefault(chunk.topic, self.next_offsets[chunk.topic])
        first.rejects = [reject for reject in self.rejects if reject.offset < first.next_offsets.get(reject.topic, 0)]
        second.rejects = [reject for reject in self.rejects if reject.offset >= first.next_offsets.get(reject.topic, 0)]
        return first, second

    def _part(self, begin: int, end: int) -> Released:
        part = Released()
        part.n = end - begin
        part.time, part.id_hash, part.content_hash = self.time[begin:end], self.id_hash[begin:end], self.content_hash[begin:end]
        part.rank, part.kind = self.rank[begin:end], self.kind[begin:end]
        for kind, pieces in self.pieces.items():
            for columns, slots, positions in pieces:
                here = np.flatnonzero((positions >= begin) & (positions < end))
                if len(here):
                    part.pieces.setdefault(kind, []).append((columns, slots[here], positions[here] - begin))
        for chunk, low, _, positions in self.sources:
            mine = np.flatnonzero((positions >= begin) & (positions < end))
            if len(mine):
                part.sources.append((chunk, low + int(mine[0]), low + int(mine[-1]) + 1, positions[mine] - begin))
        return part


class Merger:
    """The queues of a shard's four topics; decides which records may leave them."""

    def __init__(self, limit_per_topic: int, jump_ms: int = JUMP_MS) -> None:
        self.limit, self.jump_ms = limit_per_topic, jump_ms
        self.look = min(LOOK, limit_per_topic // 2)
        self.queues = [Queue() for _ in TOPICS]
        self.looked = [UNREAD for _ in TOPICS]
        """Set by the feeder, by topic: the moment up to which there is known to be no unread backlog behind the added records, seconds.

        A topic whose queue has run out holds back what was read later than that: an older record of its own may be on its way.
        """
        self.blocking: set[int] = set()
        """Ranks of the topics whose looks were too old for some queued record at the last release."""

    def add(self, chunk: DecodedRun) -> None:
        """Queue a decoded chunk of its topic."""
        self.queues[chunk.rank].add(chunk)

    def full(self, rank: int) -> bool:
        """Whether the topic's queue has reached its limit."""
        return self.queues[rank].size >= self.limit

    def release(self, max_records: int) -> Released | None:
        """The next records that nothing unread can come before; at most `max_records`. None when there is nothing to commit."""
        order, ranks, keys = self._order(max_records)
        counts = np.bincount(ranks[order[: min(len(order), max_records)]], minlength=len(TOPICS))
        if not counts.sum() and not any(queue.chunks and not len(queue.chunks[0][0]) - queue.chunks[0][1] for queue in self.queues):
            return None
        for rank, count in enumerate(counts.tolist()):
            if count:
                self.queues[rank].reached = max(self.queues[rank].reached, int(keys[rank][count - 1]))
        return self._take(counts.tolist(), order[: counts.sum()])

    def _order(self, most: int) -> tuple[Ints, Ints, list[Ints]]:
        """Indexes of the foremost queued records (topic after topic) in merged order, cut where unread records may come before; their ranks; and the keys."""
        complete = [self.looked[rank] >= queue.newest_read for rank, queue in enumerate(self.queues)]
        keys = [queue.keys(most, self.look, self.jump_ms, complete=complete[rank]) for rank, queue in enumerate(self.queues)]
        ranks = np.concatenate([np.full(len(own), rank) for rank, own in enumerate(keys)])
        order = np.lexsort((ranks, np.concatenate(keys)))
        self.blocking.clear()
        newest = max(queue.newest_read for queue in self.queues)
        cut = len(order)
        for rank, own in enumerate(keys):
            if len(own) == self.queues[rank].size and self.looked[rank] >= newest:
                continue
            if len(own) < most:
                self.blocking.add(rank)
            cut = min(cut, self._reach(rank, order, ranks, keys))
        return order[:cut], ranks, keys

    def _reach(self, rank: int, order: Ints, ranks: Ints, keys: list[Ints]) -> int:
        """How many of the ordered records an unread one of this topic cannot come before."""
        own = np.flatnonzero(ranks[order] == rank)
        upto = int(own[-1]) + 1 if len(own) else 0
        if len(own) < self.queues[rank].size or self.looked[rank] == UNREAD:
            return upto
        read_at = np.concatenate([queue.read_at(len(keys[number])) for number, queue in enumerate(self.queues)])
        later = np.flatnonzero(read_at[order[upto:]] > self.looked[rank])
        return upto + int(later[0]) if len(later) else len(order)

    def _take(self, counts: list[int], order: Ints) -> Released:
        released = Released()
        released.n = len(order)
        taken: list[tuple[DecodedRun, int, int]] = []
        for rank, count in enumerate(counts):
            parts, rejects, following = self.queues[rank].pop(count)
            taken += parts
            released.rejects += rejects
            if following is not None:
                released.next_offsets[TOPICS[rank]] = following
        self._lay_out(released, taken, order)
        return released

    def _lay_out(self, released: Released, taken: list[tuple[DecodedRun, int, int]], order: Ints) -> None:
        """Columns in merged order: `order` ranks the taken records, which stand topic after topic."""
        if not taken:
            return
        merged_position = np.argsort(order, kind="stable")  # the places of the taken records, topic after topic, in the merge

        def gather(name: str) -> Any:
            return np.concatenate([getattr(chunk, name)[begin:end] for chunk, begin, end in taken])

        inverse = np.empty(len(order), np.int64)
        inverse[merged_position] = np.arange(len(order))
        released.time, released.kind = gather("event_time")[inverse], gather("kind")[inverse]
        released.id_hash, released.content_hash = gather("id_hash")[inverse], gather("content_hash")[inverse]
        released.rank = np.concatenate([np.full(end - begin, chunk.rank, np.int8) for chunk, begin, end in taken])[inverse]
        pieces: dict[int, list[Any]] = defaultdict(list)
        at = 0
        for chunk, begin, end in taken:
            positions = merged_position[at : at + end - begin]
            at += end - begin
            released.sources.append((chunk, begin, end, positions))
            for kind in np.unique(chunk.kind[begin:end]).tolist():
                mine = chunk.kind[begin:end] == kind
                pieces[kind].append((chunk.groups[kind], chunk.slot[begin:end][mine], positions[mine]))
        released.pieces = dict(pieces)

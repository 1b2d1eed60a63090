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
from streams.intake.raw import picked
from streams.intake.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from streams.engine.state.store import Passed
    from streams.intake.columns import Columns
    from streams.intake.decode import DecodedRun, Reject
    from streams.intake.waiting import Standing

    Raw = Sequence[bytes | None]

NOTHING = np.zeros(0, np.int64)
FOREVER = 2**63 - 1
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
            times.append((chunk.event_time if chunk.places is None else chunk.places)[done:])
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
        leaps = ((before[unsure:] > 0) & (found[unsure:] - before[unsure:] > jump_ms)).nonzero()[0]
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
            passed = [reject for reject in chunk.rejects if reject.offset < following] if chunk.marks is None else chunk.rejects
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
    for at in wrong.nonzero()[0].tolist():
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
        """By topic that moved on, the lowest offset that is not done."""
        self.standing: dict[str, Standing] = {}
        """By topic that waits for stragglers and moved on, how far it was done before."""
        self.passed: dict[str, Passed | None] = {}
        """By such a topic, what is done beyond its next offset."""
        self.sources: list[tuple[DecodedRun, int, int, Ints]] = []
        """Decoded run, from, to, and the merged positions of those records."""

    def raw(self, position: int) -> tuple[str, int, int, bytes | None, bytes | None]:
        """Topic, partition, offset, key and value of the record at a merged position."""
        for chunk, begin, _, positions in self.sources:
            found = (positions == position).nonzero()[0]
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
            left = (positions >= count).nonzero()[0]
            if len(left):
                first.next_offsets[chunk.topic] = int(chunk.offset[begin + int(left[0])])
        for chunk, *_ in self.sources:
            first.next_offsets.setdefault(chunk.topic, self.next_offsets[chunk.topic])
        upto = {**first.next_offsets, **dict.fromkeys(self.standing, FOREVER)}
        first.rejects = [reject for reject in self.rejects if reject.offset < upto.get(reject.topic, 0)]
        second.rejects = [reject for reject in self.rejects if reject.offset >= upto.get(reject.topic, 0)]
        for topic, standing in self.standing.items():
            second.standing[topic] = first.settle(topic, standing)
            second.settle(topic, second.standing[topic])
        return first, second

    def settle(self, topic: str, standing: Standing) -> Standing:
        """Note how far a topic that waits for stragglers is done by this; `standing`: before. Returns how far it is then."""
        own = [(chunk, begin, end) for chunk, begin, end, _ in self.sources if chunk.topic == topic]
        refused = [reject.offset for reject in self.rejects if reject.topic == topic]
        done = np.concatenate([np.array(refused, np.int64), *(chunk.offset[begin:end] for chunk, begin, end in own)])
        last, _, end = own[-1] if own else (None, 0, 0)
        after = standing.after(done, last.marks[:, end - 1] if last is not None and last.marks is not None else None)
        self.standing[topic], self.passed[topic], self.next_offsets[topic] = standing, after.passed, after.progress.next
        return after

    def _part(self, begin: int, end: int) -> Released:
        part = Released()
        part.n = end - begin
        part.time, part.id_hash, part.content_hash = self.time[begin:end], self.id_hash[begin:end], self.content_hash[begin:end]
        part.rank, part.kind = self.rank[begin:end], self.kind[begin:end]
        for kind, pieces in self.pieces.items():
            for columns, slots, positions in pieces:
                here = ((positions >= begin) & (positions < end)).nonzero()[0]
                if len(here):
                    part.pieces.setdefault(kind, []).append((columns, slots[here], positions[here] - begin))
        for chunk, low, _, positions in self.sources:
            mine = ((positions >= begin) & (positions < end)).nonzero()[0]
            if len(mine):
                part.sources.append((chunk, low + int(mine[0]), low + int(mine[-1]) + 1, positions[mine] - begin))
        return part


class Merger:
    """The queues of a shard's four topics; decides which records may leave them."""

    def __init__(self, limit_per_topic: int, jump_ms: int = JUMP_MS, waits: Mapping[str, int] | None = None, wait_bytes: int = 64_000_000) -> None:
        self.limit, self.jump_ms, self.wait_bytes = limit_per_topic, jump_ms, wait_bytes
        self.waiting = {TOPICS.index(topic): Waiting(ms, wait_bytes, jump_ms) for topic, ms in (waits or {}).items() if ms}
        """By rank, the topics that wait for stragglers; what has waited goes on into the queue."""
        self.look = min(LOOK, limit_per_topic // 2)
        self.queues = [Queue() for _ in TOPICS]
        self.looked = [UNREAD for _ in TOPICS]
        """Set by the feeder, by topic: the moment up to which there is known to be no unread backlog behind the added records, seconds.

        A topic whose queue has run out holds back what was read later than that: an older record of its own may be on its way.
        """
        self.blocking: set[int] = set()
        """Ranks of the topics whose looks were too old for some queued record at the last release."""
        self.patient = False
        """Whether the last release found nothing, while records waited for stragglers: those that are queued wait with them."""

    def fresh(self, rank: int, offsets: Sequence[int] | Ints, keys: Raw, values: Raw) -> tuple[Sequence[int] | Ints, Raw, Raw]:
        """Of a topic's raw records those that were not done before a restart."""
        if rank not in self.waiting or not len(self.waiting[rank].standing.progress.before):
            return offsets, keys, values
        own = np.asarray(offsets, np.int64)
        fresh = (self.waiting[rank].standing.progress.fresh(own)).nonzero()[0]
        return own[fresh], picked(keys, fresh), picked(values, fresh)

    def add(self, chunk: DecodedRun) -> None:
        """Take a decoded chunk of its topic."""
        waiting = self.waiting.get(chunk.rank)
        made = waiting.add(chunk) if waiting is not None else chunk
        if made is not None:
            self.queues[chunk.rank].add(made)

    def rest(self, rank: int) -> None:
        """The input of a topic has rested for as long as it waits, or has ended: nothing waits any more."""
        waiting = self.waiting.get(rank)
        if waiting is not None and (made := waiting.rest()) is not None:
            self.queues[rank].add(made)

    def resume(self, offsets: Mapping[str, int], passed: Mapping[str, Passed]) -> dict[str, Passed | None]:
        """Continue at these offsets; `passed`: what was stored of topics that waited. Returns what of it still counts."""
        for rank, topic in enumerate(TOPICS):
            if topic in passed and passed[topic].done and rank not in self.waiting:
                self.waiting[rank] = Waiting(0, self.wait_bytes, self.jump_ms)
            if rank in self.waiting:
                self.waiting[rank].resume(offsets.get(topic, 0), passed.get(topic))
        return {topic: one for topic, one in passed.items() if TOPICS.index(topic) in self.waiting}

    def passed(self, topics: Iterable[str]) -> dict[str, Passed | None]:
        """What is done beyond the next offset, of those among `topics` that wait for stragglers."""
        return {topic: self.waiting[rank].standing.passed for topic in topics if (rank := TOPICS.index(topic)) in self.waiting}

    def take_early(self, rank: int) -> int:
        """How many records of the topic left before their time, since the last call."""
        if rank not in self.waiting:
            return 0
        early, self.waiting[rank].early = self.waiting[rank].early, 0
        return early

    def rests_at(self, rank: int) -> float:
        """When nothing will have come of the topic for as long as it waits, seconds; ALWAYS where nothing waits."""
        waiting = self.waiting.get(rank)
        return waiting.last.read_at + waiting.wait_ms / 1000 if waiting is not None and waiting.holds and waiting.last is not None else ALWAYS

    def holds(self, rank: int) -> bool:
        """Whether records of the topic wait for stragglers."""
        return rank in self.waiting and self.waiting[rank].holds

    def full(self, rank: int) -> bool:
        """Whether the topic's queue has reached its limit."""
        return self.queues[rank].size >= self.limit

    def release(self, max_records: int) -> Released | None:
        """The next records that nothing unread can come before; at most `max_records`. None when there is nothing to commit."""
        order, ranks, keys = self._order(max_records)
        counts = np.bincount(ranks[order[: min(len(order), max_records)]], minlength=len(TOPICS))
        nothing = not counts.sum() and not any(queue.chunks and not len(queue.chunks[0][0]) - queue.chunks[0][1] for queue in self.queues)
        self.patient = nothing and any(map(self.holds, self.waiting))
        if nothing:
            return None
        for rank, count in enumerate(counts.tolist()):
            if count:
                self.queues[rank].reached = max(self.queues[rank].reached, int(keys[rank][count - 1]))
        return self._take(counts.tolist(), order[: counts.sum()])

    def _order(self, most: int) -> tuple[Ints, Ints, list[Ints]]:
        """Indexes of the foremost queued records (topic after topic) in merged order, cut where unread records may come before; their ranks; and the keys."""
        complete = [self.looked[rank] >= queue.newest_read and not self.holds(rank) for rank, queue in enumerate(self.queues)]
        keys = [queue.keys(most, self.look, self.jump_ms, complete=complete[rank]) for rank, queue in enumerate(self.queues)]
        ranks = np.concatenate([np.full(len(own), rank) for rank, own in enumerate(keys)])
        order = np.lexsort((ranks, np.concatenate(keys)))
        self.blocking.clear()
        newest = max(queue.newest_read for queue in self.queues)
        cut = len(order)
        for rank, own in enumerate(keys):
            holds = self.holds(rank)
            if len(own) == self.queues[rank].size and self.looked[rank] >= newest and not holds:
                continue
            if len(own) < most and not holds:
                self.blocking.add(rank)
            cut = min(cut, self._reach(rank, order, ranks, keys))
        return order[:cut], ranks, keys

    def _reach(self, rank: int, order: Ints, ranks: Ints, keys: list[Ints]) -> int:
        """How many of the ordered records an unread one of this topic cannot come before."""
        own = (ranks[order] == rank).nonzero()[0]
        upto = int(own[-1]) + 1 if len(own) else 0
        if rank in self.waiting:
            upto = max(upto, self._before(self.waiting[rank].barrier, rank, order, ranks, keys))
        if len(own) < self.queues[rank].size or self.looked[rank] == UNREAD or self.holds(rank):
            return upto
        read_at = np.concatenate([queue.read_at(len(keys[number])) for number, queue in enumerate(self.queues)])
        later = (read_at[order[upto:]] > self.looked[rank]).nonzero()[0]
        return upto + int(later[0]) if len(later) else len(order)

    @staticmethod
    def _before(time: int, rank: int, order: Ints, ranks: Ints, keys: list[Ints]) -> int:
        """How many of the ordered records come before a record of topic `rank` at `time`."""
        ordered = np.concatenate(keys)[order]
        low, high = ordered.searchsorted([time, time + 1]).tolist()
        return low + int(np.searchsorted(ranks[order[low:high]], rank))

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
        for rank, waiting in list(self.waiting.items()):
            if TOPICS[rank] in released.next_offsets:
                waiting.standing = released.settle(TOPICS[rank], waiting.standing)
            if waiting.spent:
                del self.waiting[rank]
        return released

    def _lay_out(self, released: Released, taken: list[tuple[DecodedRun, int, int]], order: Ints) -> None:
        """Columns in merged order: `order` ranks the taken records, which stand topic after topic."""
        if not taken:
            return
        merged_position = order.argsort(kind="stable")  # the places of the taken records, topic after topic, in the merge

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

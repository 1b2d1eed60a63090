"""Waiting for stragglers: a topic's records are held back for a length of event time and leave in its order (`docs/semantics.md` §1.2).

A record leaves when the newest believed event time of its topic partition is the wait ahead of it, record by record in offset order, so that the cuts
of what is fed change nothing: up to the *frontier*, which only moves on, everything has left. Those that leave by one and the same record go by event
time, `seq`, offset. Stragglers beyond the wait leave at once. Where more bytes than allowed are held, the frontier is moved on over the earliest.

Only keys and values are held; records are decoded again when they leave, in their new order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.columns import Bools, Ints
from schemas.raw import RECORD_TYPES, fields_of
from streams.engine.state.store import Passed
from streams.intake.believed import Belief, Suspect
from streams.intake.decode import DecodedRun, Reject, decode_chunk
from streams.intake.progress import Progress
from streams.intake.raw import sizes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING: Ints = np.zeros(0, np.int64)
NO_MARKS: Ints = np.zeros((3, 0), np.int64)
KEPT = 7 / 8
"""The share of the allowed bytes that stays when more were held."""
ANY_SIZE = 2**62


class Standing(NamedTuple):
    """How far a topic is done after some step, and what `Passed` says of the last record that left."""

    progress: Progress
    wait_ms: int
    read: int = 0
    newest: int = 0
    frontier: int = 0

    def after(self, offsets: Ints, mark: Ints | None) -> Standing:
        """After the records at `offsets` were done too; `mark`: of the last that was released (`DecodedRun.marks`)."""
        moved = self._replace(progress=self.progress.without(offsets))
        return moved if mark is None else moved._replace(**dict(zip(("read", "newest", "frontier"), mark.tolist(), strict=True)))

    @property
    def passed(self) -> Passed | None:
        """What is stored of it besides the next offset."""
        done = self.progress.packed()
        return Passed(self.read, self.newest, self.frontier, done) if done or (self.wait_ms and self.read) else None


class Held(NamedTuple):
    """Records that wait, in no order."""

    time: Ints = NOTHING
    seq: Ints = NOTHING
    offset: Ints = NOTHING
    size: Ints = NOTHING

    def take(self, chosen: Bools | Ints) -> Held:
        """Some of them."""
        return Held(*(column[chosen] for column in self))

    def plus(self, other: Held | None) -> Held:
        """With others behind them."""
        return self if other is None else Held(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class Leaving(NamedTuple):
    """Records that leave, in order: the place of each in the merge, and its `DecodedRun.marks`."""

    offset: Ints = NOTHING
    place: Ints = NOTHING
    marks: Ints = NO_MARKS


class Waiting:
    """The records of one topic partition that wait."""

    def __init__(self, wait_ms: int, limit_bytes: int, jump_ms: int) -> None:
        self.wait_ms, self.limit = wait_ms, limit_bytes
        self.belief = Belief(jump_ms)
        self.frontier = 0
        """Up to this event time everything has left."""
        self.held = Held()
        self.suspect: Held | None = None
        """The last record, while its time is not believed; it waits like those held."""
        self.raw: dict[int, tuple[bytes | None, bytes | None]] = {}
        """Key and value of what waits, by offset."""
        self.last: DecodedRun | None = None
        """The newest run, without its records."""
        self.upto = 0
        """The offset behind the last accepted record."""
        self.again = 0
        """Records before this offset were read before a restart; all of them are read again before any is evaluated. 0: they have been."""
        self.standing = Standing(Progress(), wait_ms)
        self.early = 0
        """Records that left before their time, since too much was held."""

    def resume(self, offset: int, passed: Passed | None) -> None:
        """Continue at `offset` with what was stored."""
        self.standing = Standing(Progress.resumed(offset, passed.done if passed is not None else b""), self.wait_ms)
        if passed is not None:
            self.standing = self.standing._replace(read=passed.read, newest=passed.newest, frontier=passed.frontier)
            self.belief, self.frontier, self.upto = self.belief._replace(newest=passed.newest), passed.frontier, passed.read
            self.again = passed.read if passed.read > offset else 0

    @property
    def holds(self) -> bool:
        """Whether any record waits."""
        return bool(self.raw)

    @property
    def barrier(self) -> int:
        """No record that is still to leave has a place in the merge before this time."""
        return 0 if self.again else self.frontier

    @property
    def spent(self) -> bool:
        """Whether the topic does not wait, and nothing is left of a time when it did."""
        progress = self.standing.progress
        return not self.wait_ms and not self.raw and not len(progress.undone) and not len(progress.before)

    def beyond(self) -> int:
        """How many offsets above the next one are no backlog: they wait, or are done."""
        progress = self.standing.progress
        return progress.position - progress.next - (len(progress.undone) - len(self.raw))

    def add(self, run: DecodedRun) -> DecodedRun | None:
        """Take a run as it was decoded. Returns what leaves by it, with its refused records; None when that is nothing."""
        refused = np.array([reject.offset for reject in run.rejects], np.int64)
        self.standing = self.standing._replace(progress=self.standing.progress.read(np.concatenate([run.offset, refused]), run.next_offset))
        raw = list(zip(run.keys, run.values, strict=True))
        self.raw.update(zip(run.offset.tolist(), raw, strict=True))
        fresh = Held(run.event_time, sequence_of(run), run.offset, sizes_of(run.keys) + sizes_of(run.values))
        self.last = DecodedRun(run.topic, run.partition, run.next_offset)
        self.last.read_at = run.read_at
        leaving, begin = [Leaving()], int(run.offset.searchsorted(self.again))
        self.held = self.held.plus(fresh.take(np.arange(begin)))
        if self.again and run.next_offset >= self.again:
            leaving += self._judge_again()
        while begin < len(run):
            begin = self._judge(fresh, run.keys, begin, len(run), leaving)
        self.upto = max(self.upto, int(run.offset.max(initial=-1)) + 1)
        return self._emit(run.rejects, leaving)

    def rest(self) -> DecodedRun | None:
        """The input has rested for long enough, or has ended: everything leaves."""
        everything = self.held.plus(self.suspect)
        self.held, self.suspect, self.belief, self.again = Held(), None, self.belief._replace(suspect=None), 0
        return self._emit([], [self._together(everything, everything.time, self.upto)])

    def _judge(self, fresh: Held, keys: Sequence[bytes | None], begin: int, end: int, leaving: list[Leaving]) -> int:
        """Pass the fresh records from `begin` on, up to `end` or to the first by which too much is held. Returns the next one."""
        own, count = fresh.take(np.arange(begin, end)), end - begin
        belief, followed = self.belief.follow(own.time, keys[begin:end])
        frontiers = np.maximum(self.frontier, np.where(followed.newest > 0, followed.newest - self.wait_ms, 0))
        going = self.held.time <= frontiers[-1]
        some = self.held.take(going).plus(self.suspect)
        earlier = len(some.time)
        some = some.plus(own)
        moment = np.maximum(frontiers.searchsorted(some.time), np.concatenate([np.zeros(earlier, np.int64), np.arange(count)]))
        wrong = np.zeros(len(moment), bool)
        for place, by in followed.refuted.items():
            moment[earlier + place], wrong[earlier + place] = by, True
        due = moment < count
        bytes_held = self.bytes + own.size.cumsum() - np.cumsum(np.bincount(moment[due], some.size[due], count).astype(np.int64))
        over = (bytes_held > self.limit).nonzero()[0]
        if len(over) and int(over[0]) < count - 1:
            return self._judge(fresh, keys, begin, begin + int(over[0]) + 1, leaving)
        gone, wrong, moment, kept = some.take(due), wrong[due], moment[due], ~due
        order = np.lexsort((gone.offset, gone.seq, gone.time, moment))
        at = moment[order]
        floor = np.concatenate([[self.frontier], frontiers[:-1]])[at]
        place = np.where(wrong[order], frontiers[at], np.maximum(gone.time[order], floor))
        leaving.append(Leaving(gone.offset[order], place, np.stack([own.offset[at] + 1, followed.newest[at], frontiers[at]])))
        self.suspect = None
        if belief.suspect is not None:
            self.suspect, kept[-1] = some.take(np.array([-1])), False
        self.belief, self.frontier, self.held = belief, int(frontiers[-1]), self.held.take(~going).plus(some.take(kept))
        if len(over):
            leaving += self._relieve(int(own.offset[-1]) + 1)
        return end

    def _judge_again(self) -> list[Leaving]:
        """All that was read before a restart has been read again: what was leaving leaves, and the last record may be a suspect again."""
        read, self.again = self.again, 0
        ahead = (self.held.time > self.belief.newest + self.belief.jump_ms) & (self.belief.newest > 0)
        last = ahead & (self.held.offset == read - 1)
        if last.any():
            self.suspect = self.held.take(last)
            self.belief = self.belief._replace(suspect=Suspect(int(self.suspect.time[0]), self.raw[read - 1][0]))
        due = (self.held.time <= self.frontier) | (ahead & ~last)
        gone, self.held = self.held.take(due), self.held.take(~due & ~last)
        leaving = [self._together(gone, np.where(gone.time > self.frontier, self.frontier, gone.time), read)]
        return leaving + self._relieve(read) if self.bytes > self.limit else leaving

    @property
    def bytes(self) -> int:
        """Of what waits."""
        return int(self.held.size.sum()) + (int(self.suspect.size.sum()) if self.suspect is not None else 0)

    def _relieve(self, read: int) -> list[Leaving]:
        """Too much is held: the earliest leave, until there is room again."""
        if not len(self.held.time):
            return []
        order = self.held.time.argsort(kind="stable")
        freed = np.cumsum(self.held.size[order])
        enough = min(int(freed.searchsorted(self.bytes - KEPT * self.limit)), len(order) - 1)
        self.frontier = int(self.held.time[order[enough]])
        due = self.held.time <= self.frontier
        gone, self.held = self.held.take(due), self.held.take(~due)
        self.early += len(gone.time)
        return [self._together(gone, gone.time, read)]

    def _together(self, gone: Held, places: Ints, read: int) -> Leaving:
        """Records that leave together, after everything before offset `read` was read."""
        order = np.lexsort((gone.offset, gone.seq, gone.time))
        mark = np.array([[read], [self.belief.newest], [self.frontier]])
        return Leaving(gone.offset[order], places[order], np.repeat(mark, len(order), axis=1))

    def _emit(self, rejects: list[Reject], leaving: list[Leaving]) -> DecodedRun | None:
        """The records that leave as a run of their own, in that order."""
        offsets = np.concatenate([one.offset for one in leaving])
        if self.last is None or not (len(offsets) or rejects):
            return None
        raw = [self.raw.pop(offset) for offset in offsets.tolist()]
        keys, values = [key for key, _ in raw], [value for _, value in raw]
        run = decode_chunk(self.last.topic, self.last.partition, offsets.tolist(), keys, values, next_offset=self.last.next_offset, latest_ms=None, max_bytes=ANY_SIZE)
        accepted = np.isin(offsets, run.offset)
        run.places = np.concatenate([one.place for one in leaving])[accepted]
        run.marks = np.concatenate([one.marks for one in leaving], axis=1)[:, accepted]
        run.rejects, run.read_at = [*rejects, *run.rejects], self.last.read_at
        return run


def sequence_of(run: DecodedRun) -> Ints:
    """`seq` of each record; 0 where its type has none."""
    found = np.zeros(len(run), np.int64)
    for kind, columns in run.groups.items():
        if "seq" in fields_of(RECORD_TYPES[kind]):
            mine = run.kind == kind
            found[mine] = columns.seq[run.slot[mine]]
    return found

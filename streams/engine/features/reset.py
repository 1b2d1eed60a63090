"""Rules that empty the frames of their trigger when they fire: the re-arm word `reset` (`docs/semantics.md` §1.4).

What a rule reads depends on when it fired before. So its happenings are evaluated as if it never fired; the first of each key that
passes is an event; behind it the lists begin empty, and the key's next happenings are evaluated again, a few at a time, until none is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.cuts import pieces
from streams.engine.features.members import base_of
from streams.engine.stage import FlowStage, late_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.features.members import MemberStage
    from streams.engine.flow import Flow
    from streams.engine.rule import Words
    from streams.engine.stage import Stage
    from streams.engine.state.tables import Rows

AT_ONCE = 16
"""How many happenings of a key are evaluated again behind an event; twice as many where none of them is one, and so on."""


class ResetStage(FlowStage):
    """The events of a rule with `reset`: in place of its `FilterStage` and its `RuleStage`.

    `inner`: the happenings at which `frames` are read, `condition` what an event needs. `frames`: the rule's own, of the same
    scope as the rule; nobody else reads them. A late happening is no event.
    """

    def __init__(self, event: str, inner: FlowStage, condition: Expr, frames: Sequence[MemberStage], words: Words, late: Sequence[str], *needs: Stage) -> None:
        super().__init__(inner, *frames, *needs)
        self.event, self.inner, self.condition, self.frames, self.words, self.late = event, inner, condition, frames, words, late
        for frame in frames:
            frame.empties = True

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        live = (~late_in(flow, self.late)).nonzero()[0]
        events = [live[:0]]
        for begin, end, resets in pieces(flow.at, self.words.line_ends(batch)):
            own = live[(live >= begin) & (live < end)]
            found = own[self._holds(flow, own)]
            if len(found):
                events.append(self._events(flow, own, found))
            self.words.clear(resets)
        for frame in self.frames:
            frame.finish()
        self.flow = flow._taken(np.sort(np.concatenate(events)))

    def _holds(self, flow: Flow, index: Ints) -> Bools:
        """Where the condition is true. A flow of their own: what is computed for it is not kept for the next time."""
        return np.broadcast_to(flow._taken(index).values(self.condition), (len(index),)) | self.forced

    def _events(self, flow: Flow, live: Ints, found: Ints) -> Ints:
        """Which happenings are events; `found`: those that would be, if none was before."""
        keys, key = np.unique(flow.rows(self.words.by).astype(np.int64), return_inverse=True)
        order = live[np.argsort(key[live], kind="stable")]
        """By key, in the order of their happening."""
        place = np.full(flow.n, -1, np.int64)
        place[order] = np.arange(len(order))
        ends = np.searchsorted(key[order], np.arange(len(keys)), side="right")
        next_of, length = ends.copy(), np.full(len(keys), AT_ONCE)
        replays = [Replay(frame, self.inner, keys) for frame in self.frames]
        events: list[Ints] = []
        while len(found):
            first = self._first_passing(flow, found, key)
            next_of[key[first]], length[key[first]] = place[first] + 1, AT_ONCE
            for replay in replays:
                replay.empty_behind(first, flow.time[first])
            events.append(first)
            found = found[:0]
            while not len(found):
                left = (next_of < ends).nonzero()[0]
                if not len(left):
                    break
                until = np.minimum(next_of[left] + length[left], ends[left])
                index = np.sort(order[ranges(next_of[left], until)])
                for replay in replays:
                    replay.walk(left, order[until - 1])
                found = index[self._holds(flow, index)]
                next_of[left], length[left] = until, 2 * length[left]
        for replay in replays:
            replay.finish()
        return np.concatenate(events)

    def _first_passing(self, flow: Flow, found: Ints, key: Ints) -> Ints:
        """The first happening of each key that the rule's words let pass; these are noted as emissions, later ones are not."""
        slots = [(word.last, word.scope.rows(flow._taken(found), word.values, unknown=True)) for word in self.words.words]
        before = [last.values[rows].copy() for last, rows in slots]
        passed = found[self.words.passing(flow._taken(found))]
        first = np.sort(passed[np.unique(key[passed], return_index=True)[1]])
        if len(first) < len(passed):
            for (last, rows), values in zip(slots, before, strict=True):
                last.values[rows] = values
            self.words.passing(flow._taken(first))
        return first


class Replay:
    """The entries of a stage, walked again in the rows that an event emptied. `keys`: the base rows of the rule's happenings, ascending."""

    def __init__(self, stage: MemberStage, inner: FlowStage, keys: Ints | Rows) -> None:
        self.stage, self.entry = stage, stage.entry_of(inner)
        rows = stage.feed.rows
        base = base_of(stage.scope.table, rows)
        key = np.minimum(keys.searchsorted(base), len(keys) - 1)
        there = ((rows >= 0) & (keys[key] == base)).nonzero()[0]
        self.order = there[np.argsort(key[there], kind="stable")]
        """Entries by key, in their order."""
        self.at = np.full(len(rows), -1)
        self.at[self.order] = np.arange(len(self.order))
        self.key = key[self.order]
        self.row = np.unique(rows[self.order], return_inverse=True)[1]
        self.wide = len(rows) + 1
        self.place = self.key * self.wide + self.order
        self.reached = np.full(int(self.row.max(initial=-1)) + 1, len(rows))
        """For each row: the entry before which all is done: for rows that no event emptied the end."""
        self.begin = np.full(len(keys), len(self.order))
        """For each key: from where on in `order` there may be more to do."""

    def empty_behind(self, events: Ints, times: Ints) -> None:
        """Happenings `events` (of different keys) at `times` were events."""
        entry = self.entry[events]
        kept = self.at[entry] >= 0
        entry = entry[kept]
        self.stage.empty_behind(entry, times[kept])
        at = self.at[entry]
        self.reached[self.row[at]], self.begin[self.key[at]] = entry + 1, at + 1

    def walk(self, keys: Ints, last: Ints) -> None:
        """Walk on to happening `last` of each of `keys`."""
        limit = self.entry[last] + 1
        end = self.place.searchsorted(keys * self.wide + limit)
        at = ranges(self.begin[keys], end)
        at = at[self.reached[self.row[at]] <= self.order[at]]
        self.stage.walk_again(self.order[at])
        limits = np.zeros(len(self.begin), np.int64)
        limits[keys] = limit
        self.reached[self.row[at]] = limits[self.key[at]]
        self.begin[keys] = np.maximum(self.begin[keys], end)

    def finish(self) -> None:
        """Walk on to the end."""
        self.stage.walk_again(np.sort(self.order[self.reached[self.row] <= self.order]))


def ranges(begins: Ints, ends: Ints) -> Ints:
    """All numbers of [begin, end) for each of them.

    >>> ranges(np.array([1, 7, 5]), np.array([3, 6, 7])).tolist()
    [1, 2, 5, 6]
    """
    counts = np.maximum(ends - begins, 0)
    return np.repeat(begins - (counts.cumsum() - counts), counts) + np.arange(int(counts.sum()))

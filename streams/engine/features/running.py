"""P5 running: what the members of a stream add up to in the life of a key, in the order of release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streams.engine.expression.periods import longest_ms
from streams.engine.features.frame import OF_NOTHING
from streams.engine.features.keyed import KeyedStage, as_kept, kind_of, shown
from streams.engine.flow import Ready
from streams.engine.kernels import kernel
from streams.engine.stage import believed_at
from streams.engine.state.bucket_kernels import plus
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.features.frame import Feature, Function
    from streams.engine.home import Home
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Column as Stored
    from streams.engine.streams import Stream

COUNT, SUM, LATEST, FIRST = range(4)
OPS: dict[Function, int] = {"count": COUNT, "sum": SUM, "latest": LATEST, "first": FIRST}


@kernel("void(int64[::1], int64[::1], int64[::1], boolean[::1], int64, int64[:, ::1], int64[:], boolean[:], boolean[::1])")
def note_newest(rows: Any, times: Any, member: Any, believed: Any, jump_ms: int, ends: Any, newest: Any, dirty: Any, late: Any) -> None:
    """Which members are late: behind the newest believed one of their row (0: none). One more than `jump_ms` ahead was misdated."""
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            dirty[ends[done, 1]] |= newest[ends[done, 1]] != 0
            newest[ends[done, 1]] = 0
            done += 1
        if i == len(rows) or rows[i] < 0 or member[i] < 0:
            continue
        row, time = rows[i], times[i]
        if newest[row] > time + jump_ms:
            newest[row] = 0
            dirty[row] = True
        late[i] = newest[row] != 0 and newest[row] > time
        if believed[i] and not late[i] and newest[row] != time:
            newest[row] = time
            dirty[row] = True


@kernel("void(int64, int64[::1], int64[::1], boolean[::1], int64[::1], int64[:, ::1], int64[:], boolean[:], int64[::1], int64[::1])")
def run_on(op: int, rows: Any, member: Any, late: Any, values: Any, ends: Any, state: Any, dirty: Any, without: Any, out: Any) -> None:
    """Take members into `state` and read it as of every entry: without its own member, and with it. Empty `state` is 0; `values`: 0 for unknown."""
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            dirty[ends[done, 1]] |= state[ends[done, 1]] != 0
            state[ends[done, 1]] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row, m = rows[i], member[i]
        before = state[row]
        without[i] = before
        if m >= 0:
            value = values[m]
            if op == COUNT:
                state[row] = before + 1
            elif op == SUM:
                state[row] = plus(before, value)
            elif value != 0 and ((op == LATEST and not late[i]) or (op == FIRST and before == 0)):
                state[row] = value
            dirty[row] |= state[row] != before
        out[i] = state[row]


class RunningStage(KeyedStage):
    """Count, sum, latest and first of all members of `stream` so far, in columns of a table.

    A stream that is split by a period of its own day (`day`, `month`, `cycle`) has none later than that: its rows go then.

    Late members count and add to the sum in the order of release, but never become the latest. `first` is the first known one released.
    Where a value may be unknown its latest is late by the members that know it: the others say nothing about it.
    """

    newest: Stored

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.kept: dict[object, tuple[Stored, Feature]] = {}
        """By function and argument, the column and one of the features that are read from it."""
        self.newest_known: dict[object, Stored] = {}
        """The same for the time of the newest member that knows the value of a `latest`."""

    @staticmethod
    def _key(feature: Feature) -> object:
        return (feature.function, *(one.key() for one in feature.arguments))

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. Raises ValueError for a function that needs members."""
        if feature.function not in OPS:
            raise ValueError(f"{self.name}: wanted one of {', '.join(OPS)} of all there ever were, got {feature}")
        super().read(feature, reader)

    def declare(self) -> None:
        super().declare()
        home, part, period = self.home, self.part_name, longest_ms(self.stream.by_value)
        self.newest = self.scope.table.column(f"{self.name}.newest", "time", part=part)
        for feature in self.features():
            argument = f"({home.text(feature.arguments[0])})" if feature.arguments else ""
            kind = "int" if feature.function in OF_NOTHING else kind_of(feature)
            column = self.scope.table.column(f"{self.name}.{feature.function}{argument}", kind, part=part)
            column.lifelong = feature.function == "count" and period is None
            if column.lifelong:
                home.state.remembers(self.place, Memory(lives=True))
            self.kept.setdefault(self._key(feature), (column, feature))
            if feature.function == "latest" and feature.arguments[0].nullable:
                self.newest_known[self._key(feature)] = self.scope.table.column(f"{self.name}.newest{argument}", "time", part=part)
        home.keep(self.scope.table, None)

    @property
    def place(self) -> str:
        """Of its memory: since when it counts."""
        return f"{self.by}.{self.name}"

    def restored(self) -> None:
        super().restored()
        memory = self.home.state.memory.get(self.place)
        if memory is not None and memory.known_from:
            self.home.world.counted_from |= {(self.by, feature.key()): memory.known_from for feature in self.features() if feature.function == "count"}

    def run(self, batch: Batch) -> None:
        walk = self.walk(batch)
        members, entries, rows, ends, n = walk.members, walk.entries, walk.rows, walk.ends, walk.n
        believed, late = believed_at(entries, batch), np.zeros(n, bool)

        def note(member: Ints, newest: Stored, late: Bools) -> Bools:
            note_newest(rows, entries.time, member, believed, self.home.jump_ms, ends, newest.values, newest.part.dirty, late)
            return late

        note(entries.member, self.newest, late)
        read: dict[object, tuple[Ints, Ints]] = {}
        for key, (column, feature) in self.kept.items():
            without, out = np.zeros(n, np.int64), np.zeros(n, np.int64)
            values = as_kept(feature.arguments[0], members, added=feature.function == "sum") if feature.arguments else np.zeros(members.n, np.int64)
            passed = late
            if key in self.newest_known:
                knows = np.where((entries.member >= 0) & (values[entries.member] != 0), entries.member, -1) if members.n else entries.member
                passed = note(knows, self.newest_known[key], np.zeros(n, bool))
            own = np.ascontiguousarray(ends[ends[:, 2] == 1]) if column.lifelong else ends
            run_on(OPS[feature.function], rows, entries.member, passed, values, own, column.values, column.part.dirty, without, out)
            read[key] = without, out
        for reader, flow, entry in walk.readers:
            if not reader.at:
                flow.put(("late", self.name), late[entry])
            for key, feature in reader.features.items():
                without, out = read[self._key(feature)]
                less = Ready(shown(feature, without[entry]))
                flow.readings[key] = less if feature.frame.without_own else Ready(shown(feature, out[entry]))
                flow.readings["without", key] = less


__all__ = ["RunningStage", "note_newest"]

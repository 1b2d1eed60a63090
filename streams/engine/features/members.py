"""P3 window over members: the happenings of the last minutes or civil days, each kept with the values that something adds up.

`MemberStage` walks members and readers in one order and notes, for each, where the list of its row began and ended without and
with it. What the members add up to is computed from that when it is asked for, and only for the happenings asked for (`reading.py`).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.dependence import inner_stages
from streams.engine.features.frame import Between, Ever, Within
from streams.engine.features.pair import KEPT_MS
from streams.engine.features.reading import SHOWN, Added, FrameAt, coded
from streams.engine.home import fingerprint
from streams.engine.stage import Entries, FeatureStage, Reader, believed_at, entries_of
from streams.engine.state.lists import Feed, Lists, Marks
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.features.frame import Feature
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.stage import FlowStage
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table
    from streams.engine.streams import Stream

KINDS: dict[str, ColumnKind] = {"text": "token", "token": "token", "time": "time"}
"""How values of a kind are kept; others are whole numbers. A text that is shown is kept as one."""
NO_ROWS = np.zeros(0, np.int64)
NOTHING = Feed.of(NO_ROWS, NO_ROWS, NO_ROWS, np.zeros((0, 0), np.int64), NO_ROWS.astype(bool), NO_ROWS.astype(bool))


class MemberStage(FeatureStage):
    """The members of frames over `stream`, one list for each key of scope `by` and values by which the stream is split.

    A member joins the frame of a happening at t by its own time: low < time <= t. It is late where its row knows a newer one; a late one
    sees all members of its day so far.
    Features and readers are declared by `read`; then `declare` lays out the lists, before `State.build`.
    """

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(name, members)
        self.home, self.stream, self.keys = home, stream, stream.by_value
        self.scope = home.scope(by, self.keys, (stream.source,))
        self.reader_keys: dict[int, tuple[Expr, ...]] = {}
        self.arguments: list[Expr] = []
        self._column: dict[str, int] = {}
        self._argument: dict[object, int] = {}
        self.empties = False
        """Whether a rule empties the lists (`reset.py`)."""
        self.walk = 0
        """How often entries were walked: what was found before is out of date."""
        self.longest_ms = self.keep_ms = 0
        self.feed = NOTHING
        self.entries: dict[int, Ints] = {}

    def read(self, feature: Feature, reader: FlowStage, keys: tuple[Expr, ...] | None = None) -> None:
        """Declare that `feature` is read at the happenings of `reader`. `keys`: the reader's columns that stand for those by which the stream is split."""
        super().read(feature, reader)
        self.reader_keys.setdefault(id(reader), self.keys if keys is None else keys)

    def declare(self) -> None:
        """Lay out the lists. Called once, after the last `read` and before `State.build`."""
        features = [feature for reader in self.readers.values() for feature in reader.features.values()]
        shown = {self.home.text(feature.arguments[0]) for feature in features if feature.function in SHOWN and feature.arguments[0].kind == "text"}
        kinds: list[tuple[str, ColumnKind]] = []
        for argument in (argument for feature in features for argument in feature.arguments):
            text = self.home.text(argument)
            if text not in self._column:
                self._column[text] = len(self.arguments)
                self.arguments.append(argument)
                name = fingerprint(text)
                kinds.append((f"{name}.shown", "text") if text in shown else (name, KINDS.get(argument.kind, "int")))
            self._argument[argument.key()] = self._column[text]
        value_of = self.home.world.value_of
        for feature in features:
            extent = feature.frame.extent
            assert not isinstance(extent, Ever), f"{feature}: a life has no members"  # the plan keeps sums of lives
            longest = extent.span.longest_ms(value_of) if isinstance(extent, Within) else KEPT_MS if isinstance(extent, Between) else 2 * DAY_MS
            self.longest_ms = max(self.longest_ms, longest)
        foreign = any(not feature.frame.extent.ordered for feature in features) or any(self.members not in inner_stages(reader.stage) for reader in self.readers.values())
        self.keep_ms = self.longest_ms + (self.home.late_limit_ms if foreign else 0)
        table, part = self.scope.table, self.home.part((self.stream.source,))
        self.newest = table.column(f"{self.name}.newest", "time", part=part)
        self.emptied = table.column(f"{self.name}.emptied", "time", part=part) if self.empties else None
        self.lists = Lists(table, self.name, kinds)
        self.home.state.remembers(self.lists.part_name, Memory(span_ms=self.longest_ms))
        self.home.keep(table, self.longest_ms)

    def column_of(self, argument: Expr) -> int:
        """The column of the lists that holds `argument`."""
        return self._argument[argument.key()]

    # A batch

    def run(self, batch: Batch) -> None:
        members = self.members.flow
        readers = list(self.readers.values())
        entries = entries_of(members, [reader.stage.flow for reader in readers], [bool(reader.at) for reader in readers])
        self.lists.settle()
        self.feed = self._feed(batch, entries, members, readers)
        self._end_lines(batch, entries)
        self.walk_again(np.arange(len(entries.at)))
        if not self.empties:  # else the stage that empties the lists says when they are done
            self.finish()
        self.entries = {id(reader.stage): entry for reader, entry in zip(readers, entries.readers, strict=True) if not reader.at}
        for reader, entry in zip(readers, entries.readers, strict=True):
            self._put(reader, entry)

    def _feed(self, batch: Batch, entries: Entries, members: Flow, readers: Sequence[Reader]) -> Feed:
        """The entries with their rows and values."""
        is_member = entries.member >= 0
        rows = np.full(len(entries.at), -1, np.int64)
        if members.n:
            rows[is_member] = self.scope.rows(members, self.keys)[entries.member[is_member]]
        for reader, entry in zip(readers, entries.readers, strict=True):
            alone = (~is_member[entry]).nonzero()[0]
            if len(alone):
                rows[entry[alone]] = self.scope.rows_there(reader.stage.flow.take(alone), reader.at or self.reader_keys[id(reader.stage)])
        values = np.empty((len(self.arguments), members.n), np.int64)
        for number, argument in enumerate(self.arguments):
            values[number] = coded(argument, members)
        return Feed.of(rows, entries.time, entries.member, values, believed_at(entries, batch), np.zeros(len(rows), bool))

    def _end_lines(self, batch: Batch, entries: Entries) -> None:
        """Mark the first entry of each row behind the end of its line, and note the rows whose line ends behind their last entry."""
        self.ended: Rows = NO_ROWS.astype(np.int32)
        cuts: dict[int, list[int]] = {}
        for reset in batch.resets if self.scope.by == "line" else ():
            if not reset.timers_only:
                cuts.setdefault(reset.row, []).append(int(entries.at.searchsorted(2 * reset.position + 1, side="right")))
        if not cuts:
            return
        lines, table, rows = np.array(list(cuts), np.int32), self.scope.table, self.feed.rows
        base = base_of(table, rows)
        passed: dict[int, int] = {}
        for entry in (np.isin(base, lines) & (rows >= 0)).nonzero()[0].tolist():
            count = bisect_right(cuts[int(base[entry])], entry)
            if count > passed.get(int(rows[entry]), 0):
                self.feed.restarted[entry] = True
                passed[int(rows[entry])] = count
        under = table.rows_under(lines)
        left = [len(cuts[line]) > passed.get(row, 0) for row, line in zip(under.tolist(), base_of(table, under).tolist(), strict=True)]
        self.ended = under[np.array(left, bool)]

    def walk_again(self, which: Ints) -> None:
        """Walk entries `which`, in order, from their rows as they are now."""
        self.walk += 1
        marks = Marks(self.newest.values, NO_ROWS if self.emptied is None else self.emptied.values, self.newest.part.dirty)
        self.lists.take_in(self.feed, which, marks, keep_ms=self.keep_ms, jump_ms=self.home.jump_ms)

    def finish(self) -> None:
        """All entries were walked: drop what is kept of lines that ended behind their last entry."""
        self.lists.dropped += int(self.feed.dropped.sum())
        ended = self.ended
        if len(ended):
            had = ended[self.lists.held[ended] > 0]
            self.lists.empty(had)
            for column in (self.newest, self.emptied):
                if column is not None:
                    column.part.touch(ended[column.values[ended] != 0])
                    column.values[ended] = 0

    def empty_behind(self, entries: Ints, times: Ints) -> None:
        """A rule fired at `entries` (of different rows) at `times`: their rows are as directly behind them, and emptied."""
        assert self.emptied is not None  # `empties` was set before `declare`
        rows, newest = self.feed.rows[entries], self.feed.newest[entries]
        self.lists.empty(rows.astype(np.int32))
        self.newest.values[rows] = newest
        self.emptied.values[rows] = np.where(self.feed.believed[entries], times, np.minimum(times, newest))
        self.newest.part.touch(rows.astype(np.int32))

    def _put(self, reader: Reader, entry: Ints) -> None:
        flow = reader.stage.flow
        if not reader.at:
            flow.put(("late", self.name), self.feed.late[entry])
        frames: dict[tuple[object, bool], FrameAt] = {}
        for feature in reader.features.values():
            extent = feature.frame.extent
            with_own, without = (frames.setdefault((extent.key(), own), FrameAt(self, extent, flow, entry, own=own)) for own in (True, False))
            flow.readings[feature.key()] = Added(without if feature.frame.without_own else with_own, feature)
            flow.readings["without", feature.key()] = Added(without, feature)

    def settle(self) -> None:
        """The batch is over: nothing that it read is asked for any more. Without this call that happens at the next batch."""
        self.lists.settle()
        self.feed = NOTHING
        self.entries = {}

    def entry_of(self, stage: FlowStage) -> Ints:
        """The entry of each happening of a reader, or of some of a reader's happenings. Raises LookupError."""
        flows = {id(reader.stage.flow): self.entries[id(reader.stage)] for reader in self.readers.values() if not reader.at}
        flow: Flow = stage.flow
        index = np.arange(flow.n)
        while id(flow) not in flows:
            if flow.parent is None or flow.index is None:
                raise LookupError(f"{self.name}: read by none of the stages before")
            index, flow = flow.index[index], flow.parent
        return flows[id(flow)][index]


def base_of(table: Table, rows: Any) -> Any:
    """The rows of the base table; of a base table the same."""
    return rows if table.base is None else table.base_row[rows]

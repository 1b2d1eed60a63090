"""Feature stages that keep a row for each key: members and readers of a batch in one order with their rows, and values as columns keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import Column, EventDay
from streams.engine.features.frame import OF_NOTHING
from streams.engine.features.line_ends import line_ends
from streams.engine.stage import FeatureStage, at_entries, entries_of, read_for

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Expr
    from streams.engine.features.frame import Feature
    from streams.engine.flow import Flow
    from streams.engine.home import Home, Scope
    from streams.engine.stage import Entries, FlowStage, Reader
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows
    from streams.engine.streams import Stream


DAY = EventDay()


class ReaderEntries(NamedTuple):
    """A reader of a batch: its happenings, and the entry of each."""

    reader: Reader
    flow: Flow
    entry: Ints


class Walk(NamedTuple):
    """Members and readers of a batch in one order. `rows`: of each entry, -1 for none; `ends`: see `line_ends.py`."""

    members: Flow
    readers: list[ReaderEntries]
    entries: Entries
    rows: Ints
    ends: Ints

    @property
    def n(self) -> int:
        """How many entries there are."""
        return len(self.rows)


class KeyedStage(FeatureStage):
    """Keeps a row for each key of scope `by` and the values by which `stream` is split."""

    scope: Scope

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(name, members)
        self.home, self.by, self.stream = home, by, stream

    @property
    def part_name(self) -> str:
        """The part of the state that the columns of the stage belong to."""
        return self.home.part((self.stream.source,))

    def declare(self) -> None:
        """Declare what is kept; called after the last `read` and before `State.build`."""
        self.scope = self.home.scope(self.by, self.stream.by_value, (self.stream.source,))

    def walk(self, batch: Batch) -> Walk:
        """The members and readers of a batch. A member makes its row, a reader does not."""
        members, readers = self.members.flow, list(self.readers.values())
        flows = [reader.stage.flow for reader in readers]
        entries = entries_of(members, flows, [bool(reader.at) for reader in readers])
        rows = at_entries(entries._replace(readers=[]), members, [], self.rows_of, -1)
        for reader, flow, entry in zip(readers, flows, entries.readers, strict=True):
            alone = (entries.member[entry] < 0).nonzero()[0]
            if len(alone):
                rows[entry[alone]] = self.rows_read(flow.take(alone), reader.at)
        found = [ReaderEntries(*one) for one in zip(readers, flows, entries.readers, strict=True)]
        return Walk(members, found, entries, rows, line_ends(batch, self.by, self.scope.table, entries.at))

    def rows_of(self, flow: Flow) -> Rows:
        """The row of each member, -1 for none."""
        return self.scope.rows(flow, self.stream.by_value)

    def rows_read(self, flow: Flow, at: tuple[Expr, ...]) -> Rows:
        """The row that each happening of a reader reads, by the values `at` or its own: -1 where there is none yet."""
        return self.scope.rows_there(flow, at or self.stream.by_value)

    def civil_days(self, walk: Walk) -> Ints:
        """The civil day of each entry in the zone of its key."""
        return at_entries(walk.entries, walk.members, [flow for _, flow, _ in walk.readers], self._civil_days, 0)

    def _civil_days(self, flow: Flow) -> Ints:
        return flow.values(DAY) if flow.by == self.by else self.home.world.calendar.day(flow.time, flow.zones(self.by))


def column_kind(node: Expr) -> ColumnKind:
    """The kind of a column that keeps values of `node` as they are: text, token or time, else int."""
    return "text" if node.kind == "text" else "token" if node.kind == "token" else "time" if node.kind == "time" else "int"


def kind_of(node: Expr) -> ColumnKind:
    """The same for values as `as_kept` has them: times are turned numbers there."""
    return "int" if node.kind == "time" else column_kind(node)


def turned(values: Ints) -> Ints:
    """Numbers with NULL turned to 0, and back, so that an empty column is unknown.

    >>> turned(np.array([NULL, 0])).tolist()
    [0, -9223372036854775808]
    """
    return np.bitwise_xor(values, NULL)


def as_kept(node: Expr, members: Flow, *, added: bool = False) -> Ints:
    """The values of `node` at members as columns keep them: 0 for unknown; numbers turned, so that 0 is one of them, unless they are `added` up."""
    values, known = read_for(node, members)
    values = values.astype(np.int64)
    if not added and node.kind not in ("text", "token"):
        values = turned(values)
    return values if known is None else np.where(known, values, 0)


def shown(feature: Feature, kept: Ints) -> Column:
    """Values of a feature from what is kept of it."""
    if feature.function in OF_NOTHING:
        return Column(kept)
    known: Bools = kept != 0
    if feature.kind in ("text", "token"):
        return Column(kept, known)
    return Column(turned(kept) == 1, known) if feature.kind == "bool" else Column(turned(kept), known)


__all__ = ["KeyedStage", "ReaderEntries", "Walk", "as_kept", "column_kind", "kind_of", "shown", "turned"]

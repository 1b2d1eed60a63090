"""Timers: what stages share that wait for a moment.

A row has at most one timer of a stage: when it is due (epoch ms, 0: none), since when it runs (the time of its anchor), what is
read of the anchor later, and who the anchor is about. It fires before the next entry of its row with a later time, or where the
clock, less the delay of timers, reaches it, whichever comes first; never before the place behind its anchor.

Kernels take the happenings of a flow as one array [7, n]: row, place (`flow.py`), due, time, topic rank, the end of a span, and
whether the time may be the newest of its row (`cuts.py`).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from schemas.codes import NULL, UNSURE
from schemas.raw import TOPICS
from streams.engine.expression import KIND_WORDS, DefinitionFault
from streams.engine.expression.evaluate import read
from streams.engine.expression.types import CODED
from streams.engine.features.cuts import believed_in
from streams.engine.flow import StoredFlow
from streams.engine.home import fingerprint
from streams.engine.identity import unpack
from streams.engine.kernels import first_reached, kernel
from streams.engine.sources import Of
from streams.engine.stage import read_for
from streams.engine.state.tables import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Column, Expr, ValueKind
    from streams.engine.flow import Flow
    from streams.engine.home import Home, Scope
    from streams.engine.sources import Source
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Rows, Table

ROW, AT, ORDER, TIME, RANK, END, BELIEVED = range(7)
"""Of a happening in a kernel."""
BEFORE_ALL = -(2**63) + 1
"""The time of the end of a line, which is no entry with a later time for any timer."""
FAN = 64
"""Rows of a block, and blocks of a larger one, for which one lower bound of due times is kept."""
KINDS: dict[ValueKind, ColumnKind] = {"int": "int", "date": "int", "bool": "int", "time": "time", "text": "text", "token": "token", "map": "text"}
"""How a column of an anchor is stored."""
DUE, PLACE, SINCE, BY, OF = 1, 2, 3, 4, 5
"""Of a timer that fired: columns of an array [n, 6], the first its row. BY: the place of its anchor in this batch's flow, -1: an earlier one. OF: its topic."""


@kernel("int64(int64[:], int64, int64, int64, int64)")
def place_before(timer_clock: Any, due: int, least: int, at: int, time: int) -> int:
    """The place at which a timer fires that is due before an entry at `at` with `time`; -1: it is not. `least`: not before that place.

    >>> clock = np.array([100, 110, 140, 140])  # before each of three records, and after the last
    >>> [place_before(clock, due, 0, 2 * 2 + 1, 150) for due in (105, 135, 145, 150)]
    [1, 2, 2, -1]
    """
    position = at // 2
    if position < 0 or (due >= time and timer_clock[position] < due):
        return -1
    if due < time and (position == 0 or timer_clock[position - 1] < due):
        return position
    place = max(first_reached(timer_clock, due), least)
    if due < time:
        return min(place, position)
    return place if 2 * place < at else -1


@kernel("void(int64[:], int64[:], int64, int64)")
def lower(lows: Any, tops: Any, row: int, due: int) -> None:
    """Note that `row` may be due then: lows[b] bounds block b of 64 rows, tops[b] 64 of those."""
    block = row // 64
    lows[block] = min(lows[block], due)
    tops[block // 64] = min(tops[block // 64], due)


@kernel("int64(int64[:], int64[:], int64[:], int64, int64[:])")
def rows_due(due: Any, lows: Any, tops: Any, limit: int, rows: Any) -> int:
    """Note in `rows` which are due at `limit` or before, and how late the others of the blocks are that were looked at. Returns how many."""
    n = 0
    for top in range(len(tops)):
        if tops[top] > limit:
            continue
        least = 9223372036854775807
        for block in range(64 * top, min(64 * top + 64, len(lows))):
            if lows[block] <= limit:
                low = 9223372036854775807
                for row in range(64 * block, min(64 * block + 64, len(due))):
                    if due[row] <= 0:
                        continue
                    if due[row] <= limit:
                        rows[n] = row
                        n += 1
                    else:
                        low = min(low, due[row])
                lows[block] = low
            least = min(least, lows[block])
        tops[top] = least
    return n


class Marks:
    """A number for each row of a table, for the stages of the table one after the other: numbers below a run's `base` mean nothing to it."""

    def __init__(self) -> None:
        self.values = np.zeros(0, np.int64)
        self.next = 1

    def begin(self, rows: int, n: int) -> int:
        """The base of a run with `n` happenings over `rows` rows."""
        if len(self.values) < rows:
            self.values = np.concatenate([self.values, np.zeros(rows - len(self.values), np.int64)])
        base = self.next
        self.next += n
        return base


MARKS: WeakKeyDictionary[Table, Marks] = WeakKeyDictionary()


class Members(NamedTuple):
    """The happenings of a flow that have a key in a scope; as kernels take them."""

    flow: Flow
    rows: Rows
    entries: Ints


def members_of(scope: Scope, flow: Flow, keys: Sequence[Expr], rank: int | None) -> Members:
    """The happenings of `flow` in their order. `rank`: the topic of all of them, where there is only one. END is 0."""
    rows = scope.rows(flow, keys)
    if len(rows) and rows.min() < 0:
        kept = (rows >= 0).nonzero()[0]
        flow, rows = flow.take(kept), rows[kept]
    entries = np.empty((7, flow.n), np.int64)
    entries[ROW], entries[AT], entries[ORDER], entries[TIME], entries[END] = rows, flow.at, flow.due, flow.time, 0
    entries[RANK], entries[BELIEVED] = flow.ranks if rank is None else rank, believed_in(flow)
    return Members(flow, rows, entries)


TIMERS, EVERYTHING, COMES_BACK = range(3)


def resets_of(batch: Batch, scope: Scope, *, returns: bool = False) -> Ints:
    """The ends of lines behind their records, with `returns` also where they come back: [4, n] of row, place, what (timers go, all state goes, the line comes back), and time of the return."""
    if scope.by != "line" or not (batch.resets or (returns and batch.returns)):
        return np.zeros((4, 0), np.int64)
    moments = [(one.position, one.row, TIMERS if one.timers_only else EVERYTHING, 0) for one in batch.resets]
    moments += [(one.position, one.row, COMES_BACK, one.time) for one in batch.returns if returns]
    lines = np.unique(np.array([line for _, line, _, _ in moments], np.int32))
    rows = scope.table.rows_under(lines)
    rows = rows[np.argsort(scope.table.base_row[rows], kind="stable")]
    owners = scope.table.base_row[rows]
    found = []
    for position, line, what, time in sorted(moments, key=lambda one: one[0]):
        begin, end = owners.searchsorted([line, line + 1])
        found += [(row, 2 * position + 1, what, time) for row in rows[begin:end].tolist()]
    return np.array(found, np.int64).reshape(len(found), 4).T


def kept_of(nodes: Iterable[Expr], source: Source, known: set[object]) -> dict[object, Expr]:
    """Those of `nodes` that must be stored of a happening of `source`, by key; `known`: what is known otherwise. Raises DefinitionFault.

    What a source reports that is made of this one is not among them: it is found when that happens.
    """
    made_of = _keys_behind(source)
    found: dict[object, Expr] = {}
    for node in nodes:
        if node.key() not in known and not (isinstance(node, Of) and node.source.key() not in made_of):
            stored_kind(node)
            found[node.key()] = node
    return found


def _keys_behind(source: Source) -> set[object]:
    """The keys of `source` and of all sources that it is made of."""
    found = {source.key()}
    for one in (*source.behind(), *(stream.source for stream in source.inputs())):
        found |= _keys_behind(one)
    return found


def topic_of(source: Source) -> int | None:
    """The topic rank of all records behind `source`; None where there are several."""
    ranks = {TOPICS.index(record.topic) for record in source.records()}  # type: ignore[attr-defined]  # raw records
    return ranks.pop() if len(ranks) == 1 else None


def stored_kind(node: Expr) -> ColumnKind:
    """How the values of `node` are stored with an anchor. Raises DefinitionFault."""
    if node.kind not in KINDS:
        raise DefinitionFault(f"{node}: wanted a value that can be kept until a timer fires or the other half comes, got {KIND_WORDS[node.kind]}")
    return KINDS[node.kind]


def to_store(node: Expr, flow: Flow) -> Ints:
    """The values of `node` as they are stored: unknown ones NULL, of texts 0, of truth values -1."""
    if not flow.n:  # one that reads nothing has nothing to be read
        return np.zeros(0, np.int64)
    values, known = read_for(node, flow)
    numbers = values.astype(np.int64)
    if known is None:
        return numbers
    return np.where(known, numbers, UNSURE if node.kind == "bool" else 0 if node.kind in CODED else NULL)


def from_store(node: Expr, numbers: Ints) -> Column:
    """Stored values as a column."""
    return read(node.kind, numbers, nullable=True)


class Due:
    """The timers of a stage of `source`, in a part of a table. `first`: the source of the happenings that set them.

    What is read of an anchor is stored as `<name>.of.<fingerprint>`; its time is `since`.
    """

    def __init__(self, home: Home, scope: Scope, part: str, name: str, source: Source, first: Source) -> None:
        self.home, self.scope, self.part, self.name, self.first = home, scope, part, name, first
        self.topic = topic_of(first)
        self.nodes: dict[object, Expr] = {}
        self.first_time = Of(first, "time", "time")
        self.known: set[object] = {self.first_time.key(), Of(source, "time", "time").key()}
        """Keys of what needs no column: the times of anchor and timer."""
        self.lows = self.tops = np.zeros(0, np.int64)

    def keep(self, nodes: Iterable[Expr]) -> None:
        """What is read of anchors at their timers. Raises DefinitionFault."""
        self.nodes |= kept_of(nodes, self.first, self.known)

    @cached_property
    def nothing(self) -> Flow:
        """The flow of a batch in which none fires."""
        none = np.zeros(0, np.int64)
        stored = {key: from_store(node, none) for key, node in (*self.nodes.items(), (self.first_time.key(), self.first_time))}
        world, by = self.home.world, self.scope.by
        return StoredFlow(world.nothing(by).batch, by, none, none, none.astype(np.int32), stored, [], none, none)

    def declare(self) -> None:
        """Declare the columns."""
        table, name, part = self.scope.table, self.name, self.part
        self.due = table.column(f"{name}.due", "time", part=part)
        self.since = table.column(f"{name}.since", "time", part=part)
        self.newest = table.column(f"{name}.newest", "time", part=part)
        self.rank = None if self.topic is not None else table.column(f"{name}.topic", "int", part=part)
        self.columns = {key: table.column(f"{name}.of.{fingerprint(self.home.text(node))}", stored_kind(node), part=part) for key, node in self.nodes.items()}
        self.anchors = table.texts(f"{name}.anchor", part=part)
        self.anchor_name = f"{name}.anchor"

    def restored(self) -> None:
        """The state has been read back: look at all rows once."""
        self.lows = self.tops = np.zeros(0, np.int64)
        due = self.due.values
        rows = (due > 0).nonzero()[0]
        self._fit()
        np.minimum.at(self.lows, rows // FAN, due[rows])
        np.minimum.at(self.tops, rows // FAN**2, due[rows])

    def earliest(self) -> int | None:
        """No timer is due before this, epoch ms; None: there is none."""
        least = self._least()
        return None if least == NEVER else least

    def _least(self) -> int:
        return min(self.tops.tolist(), default=NEVER)  # of few numbers, faster than numpy

    def idle(self, batch: Batch) -> bool:
        """Whether none is due by the end of a batch."""
        return self._least() > int(batch.timer_clock[-1])

    def _fit(self) -> None:
        blocks = -(-self.scope.table.size // FAN)
        tops = -(-blocks // FAN)
        self.lows = np.concatenate([self.lows, np.full(blocks - len(self.lows), NEVER)])
        self.tops = np.concatenate([self.tops, np.full(tops - len(self.tops), NEVER)])

    def begin(self, anchors: int) -> tuple[Ints, int]:
        """Marks for a run with so many anchors, and their base: marks[row] - base is the anchor that set the timer of the row; less: an earlier one did."""
        if len(self.lows) * FAN < self.scope.table.size:
            self._fit()
        base = self._marks.begin(self.scope.table.size, anchors)
        return self._marks.values, base

    @cached_property
    def _marks(self) -> Marks:
        return MARKS.setdefault(self.scope.table, Marks())

    def ranks(self) -> Ints:
        """The topics of the anchors by row; of one entry where all are of one topic."""
        return np.array([self.topic], np.int64) if self.rank is None else self.rank.values

    def _by_clock(self, batch: Batch, members: Members, marks: Ints, base: int) -> Ints:
        """Fire what is due at the clock's end, as [n, 6]."""
        limit = int(batch.timer_clock[-1])
        if self._least() > limit:
            return np.zeros((0, 6), np.int64)
        room = np.empty(len(self.due.values), np.int64)
        rows = room[: rows_due(self.due.values, self.lows, self.tops, limit, room)].copy()
        fired = np.empty((len(rows), 6), np.int64)
        due = self.due.values[rows]
        by = np.maximum(marks[rows] - base, -1)
        here = by >= 0
        least = np.zeros(len(rows), np.int64)
        least[here] = (members.entries[AT, by[here]] + 1) // 2
        fired[:, 0], fired[:, DUE], fired[:, PLACE] = rows, due, np.maximum(batch.timer_clock.searchsorted(due), least)
        fired[:, SINCE], fired[:, BY] = self.since.values[rows], by
        fired[:, OF] = self.rank.values[rows] if self.rank is not None else self.ranks()[0]
        self.due.values[rows] = 0
        self.due.part.dirty[rows] = True
        return fired

    def finish(self, batch: Batch, members: Members, marks: Ints, base: int, fired: Ints, begun: Ints, ended: Ints) -> Flow:
        """The flow of a batch, after the kernel: what `fired` on the way, and what the clock has reached. Then anchors are stored.

        `begun`: the places of the anchors that set timers. `ended`: rows whose timers were called off or dropped.
        """
        by_clock = self._by_clock(batch, members, marks, base)
        set_rows = members.entries[ROW, begun]
        left = begun[(marks[set_rows] - base == begun) & (self.due.values[set_rows] != 0)]
        if not len(fired) and not len(by_clock):
            self._store(members, left, ended)
            return self.nothing
        fired = np.concatenate([fired, by_clock])
        fired = fired[self._in_order(fired, members.flow)]
        rows, by = fired[:, 0], fired[:, BY]
        here = by >= 0
        used, taken = np.unique(by[here], return_inverse=True)
        flow = members.flow.take(used)
        stored: dict[object, Column] = {self.first_time.key(): from_store(self.first_time, fired[:, SINCE])}
        for key, node in self.nodes.items():
            values = self.columns[key].values[rows]
            values[here] = to_store(node, flow)[taken]
            stored[key] = from_store(node, values)
        anchors = self._anchors(rows, here, flow.all_packed(taken))
        self._store(members, left, np.concatenate([rows, ended]))
        base_rows = self.scope.table.base_row[rows]
        return StoredFlow(batch, self.scope.by, 2 * fired[:, PLACE], fired[:, DUE], base_rows, stored, anchors, fired[:, DUE], fired[:, OF])

    def _store(self, members: Members, left: Ints, ended: Ints) -> None:
        """Store the anchors at places `left`, whose timers run, and let go of those of rows `ended` without one."""
        if len(left):
            flow, rows = members.flow.take(left), members.rows[left]
            for key, node in self.nodes.items():
                self.columns[key].values[rows] = to_store(node, flow)
            self.anchors.texts[self.anchor_name][rows] = members.flow.all_packed(left)
        if len(ended):
            self._forget(ended)

    def _anchors(self, rows: Ints, here: Bools, fresh: list[bytes]) -> list[bytes]:
        """The packed identities of the anchors of what fired: `fresh` of those of this batch, of earlier ones what is stored."""
        texts = self.anchors.texts[self.anchor_name]
        own, kept = iter(fresh), iter(rows[~here].tolist())
        return [next(own) if new else texts[next(kept)] for new in here.tolist()]

    def _forget(self, rows: Ints) -> None:
        """Let go of the anchors of `rows` without a running timer."""
        rows = rows[self.due.values[rows] == 0]
        for column in self.columns.values():
            column.values[rows] = 0
        self.anchors.texts[self.anchor_name][rows] = b""

    def _in_order(self, fired: Ints, flow: Flow) -> Ints:
        """By place, then due, then the text of the base key; of one key in the order of the anchors' times and ids."""
        order = np.lexsort((fired[:, DUE], fired[:, PLACE]))
        places, dues = fired[order, PLACE], fired[order, DUE]
        tied = ((places[1:] == places[:-1]) & (dues[1:] == dues[:-1])).nonzero()[0]
        if not len(tied):
            return order
        table = self.scope.table
        base, texts = table if table.base is None else table.base, self.anchors.texts[self.anchor_name]

        some = order[np.union1d(tied, tied + 1)]
        keys, since = base.key_strings(table.base_row[fired[some, 0]]).listed(), fired[some, SINCE].tolist()
        by_key = sorted(zip(keys, since, some.tolist(), strict=True))
        again = [at for at in range(len(by_key) - 1) if by_key[at][:2] == by_key[at + 1][:2]]
        if again:
            which = {place for at in again for place in (by_key[at][2], by_key[at + 1][2])}
            ids = {place: self._anchor_id(fired[place], flow, texts) for place in which}
            by_key.sort(key=lambda one: (*one[:2], ids.get(one[2], "")))
        number = np.zeros(len(fired), np.int64)
        number[[place for *_, place in by_key]] = np.arange(len(by_key))
        return np.lexsort((number, fired[:, DUE], fired[:, PLACE]))

    def _anchor_id(self, fired: Ints, flow: Flow, texts: npt.NDArray[np.object_]) -> str:
        """The id of the record that set a timer which has fired."""
        by = int(fired[BY])
        return (flow.identity(by) if by >= 0 else unpack(texts[int(fired[0])])).record_id


__all__ = ["BEFORE_ALL", "END", "Due", "Members", "from_store", "kept_of", "lower", "members_of", "place_before", "resets_of", "stored_kind", "to_store", "topic_of"]

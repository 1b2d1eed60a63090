"""P4 baseline, P12 trend: the last members of a stream before the one at hand, whenever they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import Column, DefinitionFault, Expr, Known, Param, certain, may_be_unknown
from streams.engine.expression.quantities import EXAMPLES
from streams.engine.expression.types import measure
from streams.engine.features.frame import Ever, Frame
from streams.engine.features.keyed import KeyedStage, as_kept, kind_of, shown
from streams.engine.features.running import note_newest
from streams.engine.features.sliding import saturated
from streams.engine.flow import Ready
from streams.engine.kernels import kernel
from streams.engine.stage import believed_at

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.features.frame import Feature, Function
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf as AnyValueOf
    from streams.engine.spans import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Column as Stored
    from streams.engine.streams import Stream

Order = Literal["time", "release"]
MOST = 32
"""The most members of a frame."""
SPARE = 4
"""By time so many more are kept, so that a reader behind the newest ones still sees as many as it asks for."""
SUM, SMALLEST, LARGEST, LATEST, FIRST = range(5)
OPS: dict[Function, int] = {"sum": SUM, "smallest": SMALLEST, "largest": LARGEST, "latest": LATEST, "first": FIRST}


class Previous(Ever):
    """The last `n` before the happening at hand, without it: by their own times up to its own, or (`order="release"`) in the order of release.

    By time a late member is put where it belongs and is no reason to evaluate a rule; in the order of release it is evaluated like any other.
    """

    functions = ("count", *OPS)

    def __init__(self, n: int | Param, order: Order) -> None:
        self.n, self.order = n, order
        self.ordered = order == "time"
        self.slots = most_of(n) + (SPARE if self.ordered else 0)
        """How many members are kept. Of a parameter as many as it can ask for, so that state does not change with its value."""

    def number(self, value_of: ValueOf) -> int:
        """How many in an installation."""
        return value_of(self.n) if isinstance(self.n, Param) else self.n

    def key(self) -> object:
        return ("previous", self.n.key() if isinstance(self.n, Param) else self.n, self.order)

    def kept(self, value_of: AnyValueOf) -> str:
        del value_of
        return f"{self.slots} by {self.order}"

    def canonical(self, value_of: AnyValueOf) -> str:
        return f"previous {value_of(self.n) if isinstance(self.n, Param) else self.n} by {self.order}"

    def __str__(self) -> str:
        return f"previous {self.n}{'' if self.ordered else ' as released'}"


class PreviousFrame(Frame):
    """The frame of `stream.previous(n)`."""

    def before(self) -> Frame:
        """Refused: the happening at hand is never one of them. Raises DefinitionFault."""
        raise DefinitionFault(f"{self}.before(): wanted no such word, because previous(…) leaves the trigger's own record out already")

    def mean(self, value: Expr) -> Expr:
        """The mean of the values, which must be known; unknown where there are none. Raises DefinitionFault."""
        sure = frozenset[object]().union(*map(certain, (*self.stream.conditions, *map(Known, self.stream.by_value))))
        if may_be_unknown(value, sure):
            raise DefinitionFault(
                f"mean({value}): wanted a value that is known of each of the last ones, got {value}, which may be unknown: add .where({value}.known()) before .previous(…)"
            )
        return self.sum(value) / self.count()


def previous(stream: Stream, n: int | Param, order: Order) -> PreviousFrame:
    """The last `n` of `stream`. Raises DefinitionFault.

    >>> from schemas.raw import BillIssued
    >>> from streams.engine.streams import RecordSource, Stream
    >>> previous(Stream(RecordSource(BillIssued)), 3, "release").count().frame
    <Frame BillIssued previous 3 as released>
    """
    if order not in ("time", "release"):
        raise DefinitionFault(f"previous: order: wanted 'time' (a late one goes where it belongs) or 'release' (a late one is evaluated like any other), got {order!r}")
    return PreviousFrame(stream, Previous(n, order))


def most_of(n: object) -> int:
    """The greatest number that `n` can be. Raises DefinitionFault."""
    if isinstance(n, Param):
        if n.kind != "int" or n.unit in EXAMPLES or measure(n.unit):
            raise DefinitionFault(f"previous: wanted a number such as 3 or Param(3, unit='bills', ge=1, le=12), got {n.name or 'one'} in {n.unit}")
        least, most = bound_of(n, "ge"), bound_of(n, "le")
        if least is None or least < 1 or most is None or most > MOST:
            raise DefinitionFault(
                f"previous: wanted a parameter with ge=1 or more, and le={MOST} or less: so many are kept, whatever an installation sets; got {n.name or n} without"
            )
        return most
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MOST:
        raise DefinitionFault(f"previous: wanted a number from 1 to {MOST}, or a parameter such as Param(3, unit='bills', ge=1, le=12), got {n!r}")
    return n


def bound_of(parameter: Param, word: Literal["ge", "le"]) -> int | None:
    """A bound that holds whatever an installation sets: that of the bound where it is a parameter itself."""
    bound = getattr(parameter, word)
    return bound_of(bound, word) if isinstance(bound, Param) else bound


@kernel("void(int64[:, :], int64, int64, int64, int64)")
def put_in(state: Any, row: int, value: int, dropped: int, place: int) -> None:
    """Drop the first `dropped` of a row, then put `value` at `place`; what is behind the last slot is lost. Free slots are 0."""
    slots = state.shape[1]
    for k in range(slots if dropped else 0):
        state[row, k] = state[row, k + dropped] if k + dropped < slots else 0
    if place < slots:
        for k in range(slots - 1, place, -1):
            state[row, k] = state[row, k - 1]
        state[row, place] = value


@kernel("void(int64[::1], int64[::1], int64[::1], boolean, int64, int64[:, ::1], int64[:, :], boolean[:], int64[:, ::1])")
def find_places(rows: Any, times: Any, member: Any, by_time: bool, jump_ms: int, ends: Any, state: Any, dirty: Any, found: Any) -> None:
    """Take the times of members into `state` [row, slot], newest first.

    `found` [entry, 4]: how many of the first slots are later than the entry, how many are taken, how many of the first ones its member
    drops (misdated: more than `jump_ms` ahead of it), and the place of its member behind those.
    """
    slots = state.shape[1]
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            dirty[ends[done, 1]] |= state[ends[done, 1], 0] != 0
            for k in range(slots):
                state[ends[done, 1], k] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row, time = rows[i], times[i]
        taken, later, dropped = 0, 0, 0
        while taken < slots and state[row, taken] != 0:
            taken += 1
        while by_time and later < taken and state[row, later] > time:
            later += 1
        if member[i] >= 0:
            while dropped < later and state[row, dropped] > time + jump_ms:
                dropped += 1
            if dropped > 0 or later < slots:
                dirty[row] = True
            put_in(state, row, time, dropped, later - dropped)
        found[i, 0], found[i, 1], found[i, 2], found[i, 3] = later, taken, dropped, later - dropped


@kernel("void(int64[::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int64[:, ::1], int64[:, :], int64[:, :, ::1])")
def read_and_take(rows: Any, member: Any, found: Any, values: Any, numbers: Any, ends: Any, state: Any, out: Any) -> None:
    """Read `state` [row, slot] at every entry, before its own member is taken in. `out` [number, op, entry]: of the last `numbers`; 0 for unknown but in sums."""
    slots = state.shape[1]
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            for k in range(slots):
                state[ends[done, 1], k] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row, later, taken = rows[i], found[i, 0], found[i, 1]
        for j in range(len(numbers)):
            high, low, least, most, latest, first = 0, 0, 0, 0, 0, 0
            for k in range(later, min(later + numbers[j], taken)):
                kept = state[row, k]
                if kept == 0:
                    continue
                value = kept ^ NULL
                high += value >> 32
                low += value & 0xFFFFFFFF
                if least == 0 or value < least ^ NULL:
                    least = kept
                if most == 0 or value > most ^ NULL:
                    most = kept
                if latest == 0:
                    latest = kept
                first = kept
            out[j, 0, i], out[j, 1, i], out[j, 2, i], out[j, 3, i], out[j, 4, i] = saturated(high, low), least, most, latest, first
        if member[i] >= 0:
            put_in(state, row, values[member[i]], found[i, 2], found[i, 3])


class PreviousStage(KeyedStage):
    """The last members of `stream` in columns of a table, `slots` a row, newest first: their times, and what is read of them.

    A happening reads those before it by time (`ordered`), or those released before it.
    """

    newest: Stored

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.kept: dict[object, tuple[Stored, Expr]] = {}
        """By argument, its column."""
        self.ordered, self.slots = True, 0

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. All frames of a stage have one order and number of slots."""
        extent = feature.frame.extent
        assert isinstance(extent, Previous)  # the plan sees to it
        self.ordered, self.slots = extent.ordered, extent.slots
        super().read(feature, reader)

    def declare(self) -> None:
        super().declare()
        home, table, part = self.home, self.scope.table, self.part_name
        if self.ordered:
            self.newest = table.column(f"{self.name}.newest", "time", part=part)
        self.times = table.column(f"{self.name}.times", "time", part=part, length=self.slots)
        for node in (node for feature in self.features() for node in feature.arguments):
            self.kept.setdefault(node.key(), (table.column(f"{self.name}.{home.text(node)}", kind_of(node), part=part, length=self.slots), node))
        home.keep(table, None)

    def run(self, batch: Batch) -> None:
        walk = self.walk(batch)
        members, entries, rows, ends, dirty = walk.members, walk.entries, walk.rows, walk.ends, self.times.part.dirty
        late, found = np.zeros(walk.n, bool), np.zeros((walk.n, 4), np.int64)
        if self.ordered:
            note_newest(rows, entries.time, entries.member, believed_at(entries, batch), self.home.jump_ms, ends, self.newest.values, dirty, late)
        find_places(rows, entries.time, entries.member, self.ordered, self.home.jump_ms, ends, by_slots(self.times), dirty, found)
        value_of = self.home.world.value_of
        numbers = sorted({_number(feature, value_of) for feature in self.features()})
        read: dict[object, Ints] = {}
        for key, (column, node) in self.kept.items():
            read[key] = np.zeros((len(numbers), len(OPS), walk.n), np.int64)
            read_and_take(rows, entries.member, found, as_kept(node, members), np.array(numbers, np.int64), ends, by_slots(column), read[key])
        seen = found[:, 1] - found[:, 0]
        for reader, flow, entry in walk.readers:
            flow.put(("late", self.name), late[entry])
            for key, feature in reader.features.items():
                number = _number(feature, value_of)
                if feature.function == "count":
                    values = np.minimum(seen, number)
                else:
                    values = read[feature.arguments[0].key()][numbers.index(number), OPS[feature.function]]
                flow.readings[key] = flow.readings["without", key] = Ready(Column(values[entry]) if feature.function in ("count", "sum") else shown(feature, values[entry]))


def _number(feature: Feature, value_of: ValueOf) -> int:
    """How many members a feature reads."""
    extent = feature.frame.extent
    assert isinstance(extent, Previous)  # the plan sees to it
    return extent.number(value_of)


def by_slots(column: Stored) -> Ints:
    """The values of a column [row, slot]; one slot is no axis of its own there."""
    return column.values if column.values.ndim > 1 else column.values[:, None]


__all__ = ["MOST", "SPARE", "Order", "Previous", "PreviousFrame", "PreviousStage", "previous"]

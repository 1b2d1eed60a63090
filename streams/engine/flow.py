"""Flows: the happenings of a stream in one batch, as columns, in their order.

A flow of records points into a group. A flow of timers or pairs holds what was stored of their anchors. `take` gives some of the
happenings, which still find what was read for all of them. A flow is the Env of expressions.

Order: `at` is twice the position of the record, plus one; of a timer twice the position of the record before which it fired. Of
timers at the same place the earlier `due` goes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from schemas.codes import NULL, code, texts_behind
from streams.engine.expression import Column, LargestEntry
from streams.engine.expression.evaluate import read
from streams.engine.expression.types import CODED
from streams.engine.identity import Identity, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch, Group
    from streams.engine.expression import Array, Expr, Join, Param, Reading, RecordField
    from streams.engine.state.tables import Rows


class Held(Protocol):
    """Values read for all happenings of a flow; some may be computed when they are asked for."""

    def take(self, index: Ints | None) -> Column:
        """The values for happenings `index`; None: all."""
        ...


class Ready:
    """Values that are there."""

    def __init__(self, column: Column) -> None:
        self.column = column

    def take(self, index: Ints | None) -> Column:
        """The values for happenings `index`; None: all."""
        return self.column if index is None else Column(self.column.values[index], None if self.column.known is None else self.column.known[index])


def unknown(kind: str, n: int) -> Column:
    """`n` unknown values."""
    empty: Array = np.zeros(n, bool if kind == "bool" else np.int64)
    if kind not in ("bool", *CODED):
        empty[:] = NULL
    return Column(empty, np.zeros(n, bool))


def whole(values: Array, n: int) -> Array:
    """`values` for `n` happenings: one value is repeated. Kernels take no read-only arrays."""
    return values if values.shape == (n,) else np.full(n, values)


def in_order(at: Ints, due: Ints) -> Ints:
    """The order of happenings, as indexes: by place, of timers at the same place by their due times. Those that are equal stay as they are."""
    return np.lexsort((due, at)) if due.any() else at.argsort(kind="stable")


class Flow:
    """Some happenings of a batch; see the kinds below."""

    def __init__(self, batch: Batch, by: str, at: Ints, time: Ints, parent: Flow | None, index: Ints | None) -> None:
        self.batch, self.world, self.by, self.at, self.time = batch, batch.world, by, at, time
        self.n = len(at)
        self.parent, self.index = parent, index
        self.readings: dict[object, Held] = {}
        self._columns: dict[object, Column] = {}

    def __len__(self) -> int:
        return self.n

    # Kinds of flows say

    def rescoped(self, by: str) -> Flow:
        """The happenings that have a key of scope `by`, as rules of that scope see them."""
        raise NotImplementedError

    def _taken(self, index: Ints) -> Flow:
        raise NotImplementedError

    def _field(self, field: RecordField) -> Column:
        raise NotImplementedError

    def rows(self, by: str) -> Rows:
        """Rows of the base table `by`; -1 where there is no such key."""
        raise NotImplementedError

    def zones(self, by: str) -> Ints | int:
        """The zones of the keys of scope `by`."""
        raise NotImplementedError

    def lines(self) -> Ints:
        """The codes of the ids of the lines that the records behind are of, 0 where there is none."""
        raise NotImplementedError

    def identity(self, place: int) -> Identity:
        """Who the record behind happening `place` is about."""
        raise NotImplementedError

    def packed(self, place: int) -> bytes:
        """The same, packed, to be stored with a timer."""
        raise NotImplementedError

    def channel(self, place: int) -> str | None:
        """The touchpoint of the trigger record; None for timers."""
        raise NotImplementedError

    def all_packed(self, places: Ints) -> list[bytes]:
        """The packed identities behind the happenings at `places`."""
        return [self.packed(place) for place in places.tolist()]

    def identities(self) -> list[Identity]:
        """Who the record behind each happening is about."""
        return [self.identity(place) for place in range(self.n)]

    def channels(self) -> list[str | None]:
        """The touchpoint of each happening."""
        return [self.channel(place) for place in range(self.n)]

    @property
    def due(self) -> Ints:
        """Of timers their due times; of records 0."""
        return np.zeros(self.n, np.int64)

    @property
    def timed(self) -> Bools:
        """Which happenings are moments of timers."""
        return np.zeros(self.n, bool)

    @property
    def ranks(self) -> Ints:
        """The topic rank of the record behind each happening."""
        raise NotImplementedError

    # All flows

    def field(self, field: RecordField) -> Column:
        """A field of the records behind, found once; unknown where they are of another type."""
        key = field.same_as
        column = self._columns.get(key)
        if column is None:
            column = self._columns[key] = self._field(field)
        return column

    def take(self, chosen: Array) -> Flow:
        """The happenings where `chosen` (a mask, or ascending indexes) says so."""
        index = chosen.nonzero()[0] if chosen.dtype == bool else chosen
        return self if len(index) == self.n else self._taken(index)

    def reading(self, reading: Reading) -> Column:
        """A value that was read for this flow, or for one that it was taken from."""
        if self.has(reading.same_as):
            return self.held(reading.same_as, reading.kind).take(None)
        if getattr(reading, "name", "") == "time":  # of a happening behind which stands this one's own record
            return Column(self.time)
        if not self.n:  # the stages that read it may have rested
            return unknown(reading.kind, 0)
        raise LookupError(f"{reading}: not read here")

    def held(self, key: object, kind: str = "int") -> Held:
        """Where a value is that was read for this flow, or for one that it was taken from. Raises LookupError."""
        found = self.readings.get(key)
        if found is not None:
            return found
        if self.parent is None or self.index is None:
            raise LookupError(f"{key}: not read here")
        return Part(self.parent.held(key, kind), self.index)

    def has(self, key: object) -> bool:
        """Whether a value was read for this flow or one that it was taken from."""
        return key in self.readings or (self.parent is not None and self.parent.has(key))

    def mask(self, key: object) -> Bools | None:
        """A truth value that was read under `key`; None where there is none."""
        return self.held(key, "bool").take(None).values if self.has(key) else None

    def put(self, key: object, values: Array, known: Bools | None = None) -> None:
        """Note a value read for all happenings."""
        self.readings[key] = Ready(Column(values, known))

    def column(self, node: Expr) -> Column:
        """`node` for all happenings, computed once."""
        key = node.same_as
        column = self._columns.get(key)
        if column is None:
            values, known = node.column(self)
            column = Column(whole(values, self.n), None if known is None else whole(known, self.n))
            self._columns[key] = column
        return column

    def values(self, node: Expr) -> Array:
        """The values of `node`; of a condition: where it is true."""
        return self.column(node).values

    def coded(self, node: Expr) -> tuple[Ints, Bools | None]:
        """`node` as part of a key: 64-bit values, and where they are known."""
        values, known = self.column(node)
        return values.astype(np.int64), known

    def parameter(self, parameter: Param) -> int:
        """A parameter's value in this installation."""
        return self.world.value_of(parameter)

    def join(self, join: Join, *keys: Array) -> Array:
        """Reference column `join` at the times of the happenings."""
        return self.world.look_up(join, self.time, *keys)

    def event_times(self) -> Ints:
        """When they happened, epoch ms."""
        return self.time

    def event_days(self) -> Ints:
        """The civil days on which they happened, in the zones of their keys."""
        return self.civil_days(self.time)

    def whole_lives(self, count: Expr) -> Bools:
        """Of which keys all is there that `count` counts in their lives."""
        begins = self.world.begins(self.by, count)
        if begins is None:
            return np.ones(self.n, bool)
        rows = self.rows(self.by)
        ids = self.world.tables[self.by].map.keys[rows, -1]
        return begins.known(self.by, ids, self.time) & (rows >= 0)

    def civil_days(self, times: Ints) -> Ints:
        """The civil days of moments, in the zones of their keys."""
        return self.world.calendar.day(times, self.zones(self.by))

    def moments_on(self, days: Ints, clock: Ints) -> Ints:
        """The moments at which the clock shows `clock` on civil days, in the zones of their keys."""
        return self.world.calendar.at(days, clock, self.zones(self.by))


class Part:
    """Values of some of the happenings for which they are held."""

    def __init__(self, held: Held, index: Ints) -> None:
        self.whole, self.index = held, index

    def take(self, index: Ints | None) -> Column:
        """The values for happenings `index` of these; None: all."""
        return self.whole.take(self.index if index is None else self.index[index])


class RecordFlow(Flow):
    """Records of one type: `idx` are their places in the group."""

    def __init__(self, group: Group, by: str, idx: Ints, parent: Flow | None = None, index: Ints | None = None) -> None:
        super().__init__(group.batch, by, 2 * group.position[idx] + 1, group.time[idx], parent, index)
        self.group, self.idx = group, idx
        self._subset: Any = None

    def rescoped(self, by: str) -> Flow:
        index = (self.rows(by) >= 0).nonzero()[0]
        return RecordFlow(self.group, by, self.idx[index], self, index)

    def _taken(self, index: Ints) -> Flow:
        return RecordFlow(self.group, self.by, self.idx[index], self, index)

    def _field(self, field: RecordField) -> Column:
        if field.record is not self.group.record_type:
            return unknown(field.kind, self.n)
        if isinstance(field, LargestEntry):
            entries = [getattr(self.group.record(place), field.name) for place in self.idx.tolist()]
            return read(field.kind, np.array([code(field.of(one)) for one in entries], np.int64), nullable=True)
        return read(field.kind, self._raw(field.name), nullable=field.nullable)

    def _raw(self, name: str) -> Array:
        """Of few records only their own values are built."""
        if self.group.built(name) or self.group.stores(name) or 2 * self.n >= self.group.n:
            return self.group.field(name)[self.idx]
        if self._subset is None:
            from streams.intake.columns import Columns

            self._subset = Columns(self.group.record_type, [self.group.record(place) for place in self.idx.tolist()])
        found: Array = getattr(self._subset, name)
        return found

    def rows(self, by: str) -> Rows:
        return self.group.rows(by)[self.idx]

    def zones(self, by: str) -> Ints | int:
        zones = self.group.zones(by)
        return zones if isinstance(zones, int) else zones[self.idx]

    def lines(self) -> Ints:
        return self._raw("subscription_id") if self.group.has("subscription_id") else np.zeros(self.n, np.int64)

    def identity(self, place: int) -> Identity:
        return unpack(self.packed(place))

    def packed(self, place: int) -> bytes:
        return self.group.packed(self.idx[place : place + 1])[0]

    def channel(self, place: int) -> str | None:
        return self.take(np.array([place])).channels()[0]

    def all_packed(self, places: Ints) -> list[bytes]:
        return self.group.packed(self.idx[places])

    def identities(self) -> list[Identity]:
        return list(map(unpack, self.group.packed(self.idx)))

    def channels(self) -> list[str | None]:
        found: list[str | None] = [None] * self.n
        for name in ("platform", "channel"):
            if self.group.has(name):
                found = [text or before for text, before in zip(texts_behind(self._raw(name), None), found, strict=True)]
        return found

    @property
    def ranks(self) -> Ints:
        return self.batch.rank[self.group.position[self.idx]]


class StoredFlow(Flow):
    """Happenings whose record came earlier, perhaps in an earlier batch: moments of timers, or pairs completed late.

    `stored`: the columns that were kept of their anchors, by the keys of their nodes. `anchors`: the packed identities.
    """

    def __init__(
        self,
        batch: Batch,
        by: str,
        at: Ints,
        time: Ints,
        base: Rows,
        stored: dict[object, Column],
        anchors: Sequence[bytes],
        due: Ints,
        ranks: Ints,
        parent: Flow | None = None,
        index: Ints | None = None,
    ) -> None:
        at, time, due, ranks = (np.ascontiguousarray(column, np.int64) for column in (at, time, due, ranks))  # kernels take no strided ones
        super().__init__(batch, by, at, time, parent, index)
        self.base, self.stored, self.anchors, self._due, self._ranks = np.ascontiguousarray(base, np.int32), stored, anchors, due, ranks
        self._zones: dict[str, Ints | int] = {}

    def rescoped(self, by: str) -> Flow:
        rows = self.rows(by)
        index = (rows >= 0).nonzero()[0]
        anchors = [self.anchors[i] for i in index.tolist()]
        return StoredFlow(self.batch, by, self.at[index], self.time[index], rows[index], self.stored, anchors, self._due[index], self._ranks[index], self, index)

    def _taken(self, index: Ints) -> Flow:
        anchors = [self.anchors[i] for i in index.tolist()]
        return StoredFlow(self.batch, self.by, self.at[index], self.time[index], self.base[index], self.stored, anchors, self._due[index], self._ranks[index], self, index)

    def has(self, key: object) -> bool:
        return key in self.stored or super().has(key)

    def held(self, key: object, kind: str = "int") -> Held:
        if key not in self.stored:
            return super().held(key, kind)
        if isinstance(self.parent, StoredFlow) and self.index is not None:
            return Part(self.parent.held(key, kind), self.index)
        return Ready(self.stored[key])

    def _field(self, field: RecordField) -> Column:
        return self.held(field.same_as).take(None) if self.has(field.same_as) else unknown(field.kind, self.n)

    def rows(self, by: str) -> Rows:
        if by == self.by:
            return self.base
        if by == "customer":
            return self.world.tables[self.by].customer[self.base]
        return self._other_rows(by)

    def _other_rows(self, by: str) -> Rows:
        """The rows of another base, from the ids of the anchors."""
        rows: Rows = np.full(self.n, -1, np.int32)
        for place in range(self.n):
            who = self.identity(place)
            own = who.subscription_id if by == "line" else who.account_id
            if own is not None:
                customer = self.world.tables[self.by].customer[self.base[place : place + 1]]
                rows[place] = self.world.tables[by].rows_of_ids(np.array([[code(who.customer_id), code(own)]]), customer)[0]
        return rows

    def zones(self, by: str) -> Ints | int:
        if by not in self._zones:
            ids = [self.identity(place) for place in range(self.n)] if self.world.zones_by_line else []
            names = {"line": "subscription_id", "account": "account_id", "customer": "customer_id"}
            codes = np.array([code(getattr(one, names[by])) for one in ids], np.int64)
            self._zones[by] = self.world.zones(by, codes, self.time) if self.world.zones_by_line else self.world.default_zone
        return self._zones[by]

    def lines(self) -> Ints:
        from schemas.codes import code

        return np.array([code(self.identity(place).subscription_id) for place in range(self.n)], np.int64)

    def identity(self, place: int) -> Identity:
        return unpack(self.anchors[place])

    def packed(self, place: int) -> bytes:
        return self.anchors[place]

    def channel(self, place: int) -> str | None:
        return None

    @property
    def due(self) -> Ints:
        return self._due

    @property
    def timed(self) -> Bools:
        return np.asarray(self._due != 0)

    @property
    def ranks(self) -> Ints:
        return self._ranks


class MergedFlow(Flow):
    """Happenings of several flows in their order: `which` flow each is of, and its place there."""

    def __init__(self, batch: Batch, parts: Sequence[Flow], by: str, which: Ints, where: Ints, parent: Flow | None = None, index: Ints | None = None) -> None:
        self.parts, self.which, self.where = parts, which, where
        own = [(which == number).nonzero()[0] for number in range(len(parts))]
        self.of_parts = [(places, where[places]) for places in own]
        """Of each part the places of its happenings here, and there."""
        super().__init__(batch, by, self._gather([part.at for part in parts], np.int64), self._gather([part.time for part in parts], np.int64), parent, index)

    @classmethod
    def of(cls, batch: Batch, parts: Sequence[Flow], by: str) -> MergedFlow:
        """All happenings of `parts`; at the same place those of earlier parts go first."""
        which = np.concatenate([np.full(part.n, number, np.int64) for number, part in enumerate(parts)])
        where = np.concatenate([np.arange(part.n) for part in parts])
        order = in_order(np.concatenate([part.at for part in parts]), np.concatenate([part.due for part in parts]))
        return cls(batch, parts, by, which[order], where[order])

    def _gather(self, columns: Sequence[Array], dtype: Any) -> Array:
        """The values here of columns of the parts."""
        result = np.empty(len(self.which), dtype)
        for column, (here, there) in zip(columns, self.of_parts, strict=True):
            result[here] = column[there]
        return result

    def _columns_of(self, columns: Sequence[Column]) -> Column:
        values = self._gather([column.values for column in columns], columns[0].values.dtype)
        if all(column.known is None for column in columns):
            return Column(values)
        return Column(values, self._gather([np.ones(part.n, bool) if column.known is None else column.known for part, column in zip(self.parts, columns, strict=True)], bool))

    def rescoped(self, by: str) -> Flow:
        index = (self.rows(by) >= 0).nonzero()[0]
        return MergedFlow(self.batch, self.parts, by, self.which[index], self.where[index], self, index)

    def _taken(self, index: Ints) -> Flow:
        return MergedFlow(self.batch, self.parts, self.by, self.which[index], self.where[index], self, index)

    def _field(self, field: RecordField) -> Column:
        return self._columns_of([part.field(field) for part in self.parts])

    def has(self, key: object) -> bool:
        return super().has(key) or any(part.has(key) for part in self.parts)

    def held(self, key: object, kind: str = "int") -> Held:
        if super().has(key):
            return super().held(key, kind)
        if not any(part.has(key) for part in self.parts):
            raise LookupError(f"{key}: not read here")
        return Ready(self._columns_of([part.held(key, kind).take(None) if part.has(key) else unknown(kind, part.n) for part in self.parts]))

    def rows(self, by: str) -> Rows:
        return self._gather([part.rows(by) for part in self.parts], np.int32)

    def zones(self, by: str) -> Ints | int:
        found = [part.zones(by) for part in self.parts]
        if all(isinstance(zone, int) and zone == found[0] for zone in found):
            return found[0]
        return self._gather([np.full(part.n, zone) if isinstance(zone, int) else zone for part, zone in zip(self.parts, found, strict=True)], np.int64)

    def lines(self) -> Ints:
        return self._gather([part.lines() for part in self.parts], np.int64)

    def identity(self, place: int) -> Identity:
        return self.parts[int(self.which[place])].identity(int(self.where[place]))

    def packed(self, place: int) -> bytes:
        return self.parts[int(self.which[place])].packed(int(self.where[place]))

    def channel(self, place: int) -> str | None:
        return self.parts[int(self.which[place])].channel(int(self.where[place]))

    def all_packed(self, places: Ints) -> list[bytes]:
        return self._in_turn(places, lambda part, where: part.all_packed(where))

    def identities(self) -> list[Identity]:
        return self._in_turn(np.arange(self.n), lambda part, where: part.take(where).identities())

    def channels(self) -> list[str | None]:
        return self._in_turn(np.arange(self.n), lambda part, where: part.take(where).channels())

    def _in_turn(self, places: Ints, read: Callable[[Flow, Ints], list[Any]]) -> list[Any]:
        """What `read` gives of the parts for the happenings at `places`."""
        which, where = self.which[places], self.where[places]
        found: list[Any] = [None] * len(places)
        for number, part in enumerate(self.parts):
            mine = (which == number).nonzero()[0]
            for place, one in zip(mine.tolist(), read(part, where[mine]), strict=True):
                found[place] = one
        return found

    @property
    def due(self) -> Ints:
        return self._gather([part.due for part in self.parts], np.int64)

    @property
    def timed(self) -> Bools:
        return self._gather([part.timed for part in self.parts], bool)

    @property
    def ranks(self) -> Ints:
        return self._gather([part.ranks for part in self.parts], np.int64)


__all__ = ["Flow", "Held", "MergedFlow", "Ready", "RecordFlow", "StoredFlow", "unknown"]

"""A batch: the released records in merged order, by type as columns, with the rows of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from schemas.raw import RECORD_TYPES, fields_of

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from schemas.reference import Reference
    from schemas.reference.begins import Begins
    from streams.engine.calendar import Calendar
    from streams.engine.expression import Array, Expr, Join, Param
    from streams.engine.flow import Flow
    from streams.engine.state.tables import Rows, Table
    from streams.intake.columns import Columns
    from streams.intake.merge import Released

RANKS = 4
FATES = ("processed", "duplicate", "late", "terminated")
"""The fates of a record: evaluated, dropped as a repeat, refused as too late, or not shown to line rules because its line has ended."""
PROCESSED, DUPLICATE, LATE, TERMINATED = range(len(FATES))
BASES = ("line", "account", "customer")
"""The key scopes that records carry; a finer scope is a base and the values of some expressions."""
ID_OF = {"line": "subscription_id", "account": "account_id", "customer": "customer_id"}


class World:
    """What every batch of a shard is read against: reference data, calendar, parameter values, base tables."""

    def __init__(self, reference: Reference, calendar: Calendar, zone: str, parameters: dict[int, int], tables: dict[str, Table], history_from: int | None = None) -> None:
        self.calendar, self.parameters, self.tables = calendar, parameters, tables
        self.default_zone = calendar.zone(zone)
        self._nothing: dict[str, Flow] = {}
        self.history_from = history_from
        """The first civil day of which all records are there, days since 1970; None: what is seen first is the first."""
        self.counted_from: dict[tuple[str, object], int] = {}
        """By key scope and count, since when it counts, epoch ms, where that is not for whole lives: its rule was changed (`state/reach.py`)."""
        self.refer(reference)

    def refer(self, reference: Reference) -> None:
        """Use these reference tables from now on."""
        self.reference = reference
        self.zones_by_line = not reference.is_empty("line")
        self._begins: dict[tuple[int, int], Begins] = {}
        self._history: tuple[int, int] | None = None
        if self.history_from is not None:
            midnight = self.calendar.at(np.array([self.history_from]), np.zeros(1, np.int64), self.default_zone)
            self._history = self.history_from, int(midnight[0])

    def begins(self, by: str, count: Expr) -> Begins | None:
        """Of which keys of scope `by` all is there that `count` counts: of those that began with `history_from`, or after the count began. None: of all."""
        began, since = self.counted_from.get((by, count.key())) if self.counted_from else None, self._history
        if began is not None:
            day = int(self.calendar.day(np.array([began]), self.default_zone)[0]) + 1
            since = max(since or (day, began), (day, began))
        if since is None:
            return None
        if since not in self._begins:
            self._begins[since] = self.reference.line.begins(*since)
        return self._begins[since]

    def nothing(self, by: str) -> Flow:
        """No happenings, as rules of scope `by` see them: of no batch, so that a stage may rest for long."""
        if by not in self._nothing:
            from streams.engine.flow import StoredFlow

            none = np.zeros(0, np.int64)
            self._nothing[by] = StoredFlow(Batch(self, None), by, none, none, none.astype(np.int32), {}, [], none, none)
        return self._nothing[by]

    def value_of(self, parameter: Param) -> int:
        """A parameter's value in this installation."""
        return self.parameters.get(id(parameter), parameter.value)

    def zones(self, by: str, ids: Ints, times: Ints) -> Ints | int:
        """The zone of each key by the code of its id: the line's, or that of the lowest line that the account or customer has at the time."""
        if not self.zones_by_line:
            return self.default_zone
        line = self.reference.line
        find = {"line": line.zone, "account": line.zone_of_account, "customer": line.zone_of_customer}[by]
        return self.calendar.zones_of(find(ids, times), self.default_zone)

    def look_up(self, join: Join, times: Ints, *keys: Array) -> Array:
        """Column `join.name` of table `join.table` for `keys` at `times`; unknown keys give unknown values."""
        method = getattr(getattr(self.reference, join.table), join.name)
        columns = [np.ascontiguousarray(key if key.shape == times.shape else np.broadcast_to(key, times.shape)) for key in keys]
        found: Array = method(*columns, times)
        return found


class Reset(NamedTuple):
    """A line ended or changed hands: what is kept of it is dropped behind position `position` of the batch."""

    position: int
    row: int
    """Of the line."""
    timers_only: bool
    lifelong: bool
    """Also what happens once in a line's life."""


class Return(NamedTuple):
    """A line that had ended is active again, with its state, from behind position `position` of the batch on."""

    position: int
    row: int
    """Of the line."""
    time: int
    """Of the record that says so, epoch ms."""


class Status(NamedTuple):
    """What a record on time says of the status of a line: its position, the line's row, the code of the status."""

    position: int
    row: int
    status: int


class Group:
    """The records of one type in a batch, in merged order. Arrays have one entry a record of the group."""

    def __init__(self, batch: Batch, kind: int, pieces: list[tuple[Columns, Array, Array]]) -> None:
        self.batch, self.world, self.kind, self.record_type = batch, batch.world, kind, RECORD_TYPES[kind]
        position = np.concatenate([positions for _, _, positions in pieces])
        self._pieces = pieces
        self._order = position.argsort(kind="stable")
        self.position: Ints = position[self._order]
        """Place of each record in the merged order of the batch."""
        self.time: Ints = batch.time[self.position]
        self.n = len(self.position)
        self._piece: Ints | None = None
        self._slot: Ints = position
        self._packed: Any = None
        self._is_packed: Bools = np.zeros(0, bool)
        self._fields: dict[str, Array] = {}
        self._rows: dict[str, Rows] = {}
        self._zones: dict[str, Ints | int] = {}

    def _where(self, place: int) -> tuple[Columns, int]:
        """The columns that hold a record of the group, and its row there."""
        if self._piece is None:
            self._piece = np.concatenate([np.full(len(slots), number) for number, (_, slots, _) in enumerate(self._pieces)])[self._order]
            self._slot = np.concatenate([slots for _, slots, _ in self._pieces])[self._order].astype(np.int64)
        return self._pieces[int(self._piece[place])][0], int(self._slot[place])

    def record(self, place: int) -> Any:
        """A decoded record."""
        columns, row = self._where(place)
        return columns.record(row)

    def packed(self, places: Ints) -> list[bytes]:
        """The packed identities of records: those of one record are packed once."""
        if self._packed is None:
            self._packed, self._is_packed = np.empty(self.n, object), np.zeros(self.n, bool)
        lacking = np.unique(places[~self._is_packed[places]])
        if len(lacking):
            self._where(0)
            for number, (columns, *_) in enumerate(self._pieces):
                own = lacking[self._piece[lacking] == number]  # type: ignore[index]  # set by the line before
                self._packed[own] = columns.packed(self._slot[own])
            self._is_packed[lacking] = True
        found: list[bytes] = self._packed[places].tolist()
        return found

    def stores(self, name: str) -> bool:
        """Whether column `name` of all records is there without decoding any."""
        return all(columns.stores(name) for columns, *_ in self._pieces)

    def has(self, name: str) -> bool:
        """Whether records of the type have the field."""
        return name in fields_of(self.record_type)

    def field(self, name: str) -> Array:
        """Column `name` of all records."""
        column = self._fields.get(name)
        if column is None:
            column = np.concatenate([getattr(columns, name)[slots] for columns, slots, _ in self._pieces])[self._order]
            self._fields[name] = column
        return column

    def built(self, name: str) -> bool:
        """Whether column `name` has been built."""
        return name in self._fields

    def rows(self, by: str) -> Rows:
        """Row numbers in the base table `by`; -1 where the record does not carry the key."""
        rows = self._rows.get(by)
        if rows is None:
            rows = self._rows[by] = self._find_rows(by)
        return rows

    def _find_rows(self, by: str) -> Rows:
        if by == "customer":
            return self.batch.customer[self.position]
        customers, own = self.rows("customer"), self.field(ID_OF[by])
        known = (own != 0).nonzero()[0]
        rows: Rows = np.full(self.n, -1, np.int32)
        if len(known):
            ids = np.stack([self.field("customer_id")[known], own[known]], axis=1)
            rows[known] = self.world.tables[by].rows_of_ids(ids, customers[known])
        return rows

    def zones(self, by: str) -> Ints | int:
        """The zone for the keys of scope `by`: one for all, or one a record."""
        zones = self._zones.get(by)
        if zones is None:
            zones = self._zones[by] = self.world.zones(by, self.field(ID_OF[by]), self.time)
        return zones


class Batch:
    """The released records with their customers and groups. The engine fills in `clock`, `fate`, `ended` and `resets` before the rules run."""

    def __init__(self, world: World, released: Released | None) -> None:
        self.world = world
        self.released = released
        none = np.zeros(0, np.int64)
        self.n = released.n if released is not None else 0
        self.time: Ints = released.time if released is not None else none
        self.rank: Array = released.rank if released is not None else none
        self.kind: Array = released.kind if released is not None else none
        self.id_hash: Ints = released.id_hash if released is not None else none
        self.content_hash: Ints = released.content_hash if released is not None else none
        self.customer: Rows = np.empty(self.n, np.int32)
        """Row of each record's customer, in merged order."""
        self.clock: Ints = np.zeros(self.n + 1, np.int64)
        """The clock before each record and after the last, epoch ms."""
        self.timer_clock: Ints = self.clock
        """How far timers have fired before each record: the clock less the delay of timers."""
        self.believed: Bools = np.ones(self.n, bool)
        """Whether the time of a record may be the newest of a state: no record is that is far ahead of the clock."""
        self.fate = np.full(self.n, PROCESSED, np.int8)
        self.ended: Bools = np.zeros(self.n, bool)
        """Whether the record's line has ended."""
        self.resets: list[Reset] = []
        self.returns: list[Return] = []
        self.statuses: list[Status] = []
        self.pieces = released.pieces if released is not None else {}
        find = world.tables["customer"].rows_of_ids
        self.known_before = len(world.tables["customer"])
        """Customers that the shard knew before the batch."""
        codes = np.empty(self.n, np.int64)
        for pieces in self.pieces.values():
            for columns, slots, positions in pieces:
                columns.refresh()
                codes[positions] = columns.customer_id[slots]
        if self.n:
            self.customer[:] = find(codes[:, None], None)
        self.groups = {kind: Group(self, kind, pieces) for kind, pieces in sorted(self.pieces.items())}

    def known_customers(self) -> Ints:
        """How many customers the shard knew before each record and after the last: new ones take the next rows, and none is freed."""
        return np.maximum.accumulate(np.concatenate([[self.known_before], self.customer.astype(np.int64) + 1]))

    def fates(self) -> Ints:
        """[topic rank, fate]: how many records."""
        return np.bincount(self.rank * len(FATES) + self.fate, minlength=RANKS * len(FATES)).reshape(RANKS, len(FATES))


__all__ = ["BASES", "DUPLICATE", "FATES", "LATE", "PROCESSED", "RANKS", "TERMINATED", "Batch", "Group", "Reset", "Status", "World"]

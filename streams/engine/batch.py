"""A batch in columns: the released records by type, each customer's records in rounds.

Round r holds every customer's r-th record of the batch. Inside a round every row number is unique, so a primitive may gather,
compute and scatter with plain numpy and is still exactly sequential for each customer.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, code
from schemas.raw import RECORD_TYPES, fields_of
from streams.engine.expression import Column
from streams.engine.state.codec import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from schemas.reference import Reference
    from streams.engine.calendar import Calendar
    from streams.engine.expression import Array, Expr, Join, Param
    from streams.engine.state.tables import Rows, Table
    from streams.intake.columns import Columns
    from streams.intake.merge import Released

RANKS = 4
FATES = ("processed", "duplicate", "late", "terminated")
"""The fates of a record: evaluated, dropped as a repeat, refused as too late, or not shown to line rules because its line has ended."""
PROCESSED, DUPLICATE, LATE, TERMINATED = range(len(FATES))
BASES = ("line", "account", "customer")
"""The key scopes that records carry; a finer scope is a base and the values of some expressions."""

_line_key = attrgetter("customer_id", "subscription_id")
_account_key = attrgetter("customer_id", "account_id")
_customer_key = attrgetter("customer_id")


class World:
    """What every batch of a shard is read against: reference data, calendar, parameter values, base tables."""

    def __init__(self, reference: Reference, calendar: Calendar, zone: str, parameters: dict[int, int], tables: dict[str, Table]) -> None:
        self.reference, self.calendar, self.parameters, self.tables = reference, calendar, parameters, tables
        self.default_zone = calendar.zone(zone)
        self.zones_by_line = not reference.is_empty("line")

    def line_zones(self, codes: Ints, times: Ints) -> Ints | int:
        """The zone index of each line (by the code of its subscription_id)."""
        if not self.zones_by_line:
            return self.default_zone
        return self._indexes(self.reference.line.zone(codes, times))

    def owner_zones(self, by: str, codes: Ints, times: Ints) -> Ints | int:
        """The zone index of accounts or customers: that of the lowest subscription_id they have at their times."""
        if not self.zones_by_line:
            return self.default_zone
        find = self.reference.line.zone_of_account if by == "account" else self.reference.line.zone_of_customer
        return self._indexes(find(codes, times))

    def _indexes(self, names: Ints) -> Ints:
        return self.calendar.zones_of(names, self.default_zone)


class Group:
    """The records of one type in a batch, in order of rounds. Arrays have one entry a record of the group."""

    def __init__(self, world: World, kind: int, pieces: list[tuple[Columns, Array, Array]], rounds: Ints, times: Ints, late: Array, clock: Ints) -> None:
        self.world, self.kind, self.record_type = world, kind, RECORD_TYPES[kind]
        position = np.concatenate([positions for _, _, positions in pieces])
        order = np.argsort(rounds[position], kind="stable")
        self.position: Ints = position[order]
        """Place of each record in the merged order of the batch."""
        self.starts = np.searchsorted(rounds[self.position], np.arange(int(rounds[self.position[-1]]) + 2))
        self.time: Ints = times[self.position]
        self.n = len(order)
        self._late, self._clock, self._pieces, self._order = late, clock, pieces, order
        self._records: list[Any] | None = None
        self._fields: dict[str, Array] = {}
        self._values: dict[object, Column] = {}
        self._rows: dict[str, Rows] = {}
        self._zones: dict[str, Ints | int] = {}
        self.outputs: dict[tuple[int, str], Array] = {}

    @property
    def records(self) -> list[Any]:
        """The decoded records."""
        if self._records is None:
            flat = [columns.records[slot] for columns, slots, _ in self._pieces for slot in slots.tolist()]
            self._records = [flat[i] for i in self._order.tolist()]
        return self._records

    def field(self, name: str) -> Array:
        """Column `name` of all records."""
        column = self._fields.get(name)
        if column is None:
            column = np.concatenate([getattr(columns, name)[slots] for columns, slots, _ in self._pieces])[self._order]
            self._fields[name] = column
        return column

    def column(self, node: Expr) -> Column:
        """`node` for all records of the group, computed once a batch; broadcast to the group's length."""
        key = node.key()
        column = self._values.get(key)
        if column is None:
            column = self._values[key] = broadcast(node.column(self), self.n)
        return column

    def values(self, node: Expr) -> Array:
        """The values of `node` for all records of the group; of a condition: where it is true."""
        return self.column(node).values

    def at(self, node: Expr, idx: Ints) -> Array:
        """The values of `node` for records `idx`: for few records only those are computed."""
        if node.key() not in self._values and 2 * len(idx) < self.n:
            none: Rows = np.zeros(len(idx), np.int32)
            return Matches(self.world, "customer", self, idx, self.time[idx], none, 0, {}).values(node)
        return self.values(node)[idx]

    def late(self, idx: Ints) -> Array:
        """Whether records `idx` came behind a later one of their customer and topic; known once their round is admitted."""
        return self._late[self.position[idx]]

    def clock(self, idx: Ints) -> Ints:
        """The clock of the shard before records `idx`, epoch ms."""
        return self._clock[self.position[idx]]

    def rows(self, by: str) -> Rows:
        """Row numbers in the base table `by`; -1 where the record does not carry the key."""
        rows = self._rows.get(by)
        if rows is None:
            rows = self._rows[by] = self._find_rows(by)
        return rows

    def _find_rows(self, by: str) -> Rows:
        table = self.world.tables[by]
        if by == "customer":
            return table.rows(map(_customer_key, self.records))
        keys = map(_line_key if by == "line" else _account_key, self.records)
        name = "subscription_id" if by == "line" else "account_id"
        if not fields_of(self.record_type)[name].nullable:
            return table.rows([f"{customer}{SEPARATOR}{own}" for customer, own in keys])
        return np.fromiter((-1 if own is None else table.index[f"{customer}{SEPARATOR}{own}"] for customer, own in keys), np.int32)

    def zones(self, by: str) -> Ints | int:
        """The zone index for the keys of scope `by`: one for all, or one a record."""
        if not self.world.zones_by_line:
            return self.world.default_zone
        zones = self._zones.get(by)
        if zones is None:
            if by == "line":
                zones = self.world.line_zones(self.field("subscription_id"), self.time)
            else:
                zones = self.world.owner_zones(by, self.field(f"{by}_id"), self.time)
            self._zones[by] = zones
        return zones

    def zone(self, by: str, idx: Ints) -> Ints | int:
        """The zone index for records `idx`."""
        zones = self.zones(by)
        return zones if isinstance(zones, int) else zones[idx]

    # A group is an Env for filters: all its records, and no outputs yet.

    def output(self, source: object, name: str) -> Array:
        """Outputs exist for matches only."""
        raise LookupError(f"{name} of {source} is not known before a match")

    def parameter(self, parameter: Param) -> int:
        """The parameter's value in this installation."""
        return self.world.parameters[id(parameter)]

    def join(self, join: Join, *keys: Array) -> Array:
        """Reference column `join` at the records' times."""
        return look_up(self.world.reference, join, self.time, *keys)

    def event_times(self) -> Ints:
        """The event times."""
        return self.time

    def event_days(self) -> Ints:
        """Civil days of the event times, in the zone of the line or else of the customer."""
        by = "customer" if fields_of(self.record_type)["subscription_id"].nullable else "line"
        return self.world.calendar.day(self.time, self.zones(by))


class Matches:
    """Some records of a group with what a primitive reported of them: what conditions, re-arm words and payloads read.

    With `group` None these are timers: there is no record, the times are the due times.
    """

    def __init__(
        self,
        world: World,
        by: str,
        group: Group | None,
        idx: Ints,
        times: Ints,
        rows: Rows,
        zone: Ints | int,
        outputs: dict[tuple[int, str], Any],
    ) -> None:
        self.world, self.by, self.group, self.idx, self.times, self.rows, self.zones, self.outputs = world, by, group, idx, times, rows, zone, outputs
        self._subset: Columns | None = None

    @classmethod
    def nothing(cls, world: World) -> Matches:
        """No matches: the place to evaluate an expression of parameters and constants."""
        none = np.zeros(0, np.int64)
        return cls(world, "customer", None, none, none, none.astype(np.int32), 0, {})

    def __len__(self) -> int:
        return len(self.times)

    def take(self, chosen: Array) -> Matches:
        """The matches where `chosen` (a mask or indexes) says so."""
        picked = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        outputs = {key: [value[i] for i in picked.tolist()] if isinstance(value, list) else value[picked] for key, value in self.outputs.items()}
        zones = self.zones if isinstance(self.zones, int) else self.zones[picked]
        return Matches(self.world, self.by, self.group, self.idx[picked], self.times[picked], self.rows[picked], zones, outputs)

    def base_rows(self) -> Rows:
        """Rows in the base table: those of the records, or of the timers, which go by base keys."""
        return self.rows if self.group is None else self.group.rows(self.by)[self.idx]

    def records(self) -> Sequence[Any]:
        """The matched records; empty for timers."""
        if self.group is None:
            return ()
        records = self.group.records
        return [records[i] for i in self.idx.tolist()]

    def column(self, node: Expr) -> Column:
        """`node` for these matches, broadcast to their number."""
        return broadcast(node.column(self), len(self))

    def values(self, node: Expr) -> Array:
        """The values of `node` for these matches; of a condition: where it is true."""
        return self.column(node).values

    def field(self, name: str) -> Array:
        """Column `name` of the matched records."""
        if self.group is None:
            raise LookupError(f"{name}: a timer has no record")
        if name in self.group._fields:
            return self.group._fields[name][self.idx]
        if self._subset is None:
            from streams.intake.columns import Columns

            self._subset = Columns(self.group.record_type, list(self.records()))
        column: Array = getattr(self._subset, name)
        return column

    def output(self, source: object, name: str) -> Any:
        """What primitive `source` reported under `name`."""
        return self.outputs[id(source), name]

    def parameter(self, parameter: Param) -> int:
        """The parameter's value in this installation."""
        return self.world.parameters[id(parameter)]

    def join(self, join: Join, *keys: Array) -> Array:
        """Reference column `join` at the matches' times."""
        return look_up(self.world.reference, join, self.times, *keys)

    def event_times(self) -> Ints:
        """Event times, or due times of timers."""
        return self.times

    def event_days(self) -> Ints:
        """Civil days of the times in the zone of the key."""
        return self.world.calendar.day(self.times, self.zones)


def look_up(reference: Reference, join: Join, times: Ints, *keys: Array) -> Array:
    """Column `join.name` of table `join.table` for `keys` at `times`; unknown keys give unknown values."""
    method = getattr(getattr(reference, join.table), join.name)
    columns = [np.ascontiguousarray(np.broadcast_to(key, times.shape)) for key in keys]
    found: Array = method(*columns, times)
    return found


def broadcast(column: Column, n: int) -> Column:
    """`column` with `n` entries."""
    known: Bools | None = None if column.known is None else np.broadcast_to(column.known, (n,))
    return Column(np.broadcast_to(column.values, (n,)), known)


class Batch:
    """The released records with their customers, rounds and groups."""

    def __init__(self, world: World, released: Released) -> None:
        self.n = released.n
        self.time, self.rank, self.kind = released.time, released.rank, released.kind
        self.id_hash, self.content_hash = released.id_hash, released.content_hash
        self.customer: Rows = np.empty(self.n, np.int32)
        find = world.tables["customer"].rows
        for pieces in released.pieces.values():
            for columns, slots, positions in pieces:
                columns.refresh()
                self.customer[positions] = find([columns.records[slot].customer_id for slot in slots.tolist()])
        """Row of each record's customer, in merged order."""
        self.round = occurrence(self.customer)
        self.by_round = np.argsort(self.round, kind="stable")
        self.rounds = int(self.round.max(initial=-1)) + 1
        self.starts = np.searchsorted(self.round[self.by_round], np.arange(self.rounds + 1))
        self.late = np.zeros(self.n, bool)
        self.clock: Ints = np.zeros(self.n, np.int64)
        """Before each record, epoch ms; the engine fills it in."""
        self.fate = np.full(self.n, PROCESSED, np.int8)
        self.groups = {kind: Group(world, kind, pieces, self.round, self.time, self.late, self.clock) for kind, pieces in sorted(released.pieces.items())}

    def fates(self) -> Ints:
        """[topic rank, fate]: how many records."""
        return np.bincount(self.rank * len(FATES) + self.fate, minlength=RANKS * len(FATES)).reshape(RANKS, len(FATES))

    def members(self, number: int) -> Ints:
        """Merged positions of the records of round `number`."""
        return self.by_round[self.starts[number] : self.starts[number + 1]]


def occurrence(keys: Rows) -> Ints:
    """For each entry, how many entries before it have the same key."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    n = len(keys)
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if n else np.zeros(0, bool)
    begins = np.maximum.accumulate(np.where(first, np.arange(n), 0)) if n else np.zeros(0, np.int64)
    result = np.empty(n, np.int64)
    result[order] = np.arange(n) - begins
    return result


__all__ = ["BASES", "NULL", "RANKS", "Batch", "Group", "Matches", "World", "code", "occurrence"]

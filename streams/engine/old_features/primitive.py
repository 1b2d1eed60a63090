"""What all primitives share: the stream they listen to, the signal they give, and their place in the row tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from schemas.columns import DAY_MS
from schemas.raw import TOPICS
from streams.engine.batch import BASES, Matches
from streams.engine.expression import TRUE, DefinitionFault, Expr, Output, Param, TruthKey, both
from streams.engine.state.kin import Kin

if TYPE_CHECKING:
    from schemas.columns import Ints
    from schemas.raw import Envelope
    from streams.engine.batch import Group, World
    from streams.engine.expression import Array, ValueKind
    from streams.engine.state.store import State
    from streams.engine.state.tables import Part, Rows, Table

HOUR_MS = 3_600_000
MARGIN_MS = 3 * DAY_MS
"""Rows are kept this much longer than the longest span of civil days: clocks change, and lines move to other zones."""


class Days(int):
    """A span of civil days: the same civil time so many days later; a window of today and the days before."""

    __slots__ = ()


class Span:
    """A length of time: elapsed milliseconds, or civil days; the number may be a parameter. Raises DefinitionFault."""

    def __init__(self, length: int | Expr | Span, *, civil: bool | None = None) -> None:
        if isinstance(length, Param) and not civil and length.unit != "ms":
            raise DefinitionFault(f"{length}: wanted a length of time in ms, got one in {length.unit}; give the parameter unit='ms', or use days(...)")
        if not isinstance(length, int | Expr | Span) or isinstance(length, bool):
            raise DefinitionFault(f"{length!r}: wanted a whole number of ms, seconds(n), minutes(n), hours(n), days(n), or a parameter, got a {type(length).__name__}")
        if isinstance(length, Span):
            self.length: int | Expr = length.length
            self.civil: bool = length.civil
        else:
            self.length, self.civil = length, isinstance(length, Days) if civil is None else civil

    def number(self, world: World) -> int:
        """The length in this installation: ms, or days."""
        return int(self.length) if isinstance(self.length, int) else int(self.length.evaluate(Matches.nothing(world)))

    def after(self, world: World, times: Ints, zone: Ints | int) -> Ints:
        """The moments this span after `times`."""
        number = self.number(world)
        return world.calendar.add_days(times, number, zone) if self.civil else times + number

    def longest_ms(self, world: World) -> int:
        """An upper bound in ms."""
        return (self.number(world) + 1) * DAY_MS if self.civil else self.number(world)

    def __str__(self) -> str:
        return f"{self.length}{'d' if self.civil else 'ms'}"


class Primitive:
    """A declared primitive; shared by all rules that name the same object."""

    code = "P?"
    records: type[Envelope] | None = None
    """The raw record type it listens to; None for primitives that only have timers."""
    tables: tuple[str, ...] = ()
    """The reference tables without which it reports nothing."""
    after: type[Any] | None = None
    """The event that must have happened before, for primitives that build on one."""

    def __init__(self) -> None:
        self.name = ""
        self.by = ""
        self.same: tuple[Expr, ...] = ()

    def named(self, name: str) -> Self:
        """Give its state a name of its own: needed where several events share it, so that one can be removed without loss for the others."""
        self.name = name
        return self

    def adopt(self, name: str, by: str) -> None:
        """Take the name (of its state) and the key scope from the first rule that uses it, where it has none."""
        self.name, self.by = self.name or name, self.by or by

    def condition(self) -> Expr:
        """Which records it is given."""
        return TRUE

    def warm_after_ms(self, world: World) -> int | None:
        """How long after a start without state its results are complete; None: never, it counts from its first record."""
        del world
        return 0

    def bind(self, home: Home) -> Runtime:
        """Declare the columns it needs. Returns what runs."""
        raise NotImplementedError

    def output(
        self, name: str, kind: ValueKind, *, nullable: bool = False, unit: str | None = None, domain: tuple[str, ...] | None = None, implies: tuple[Output, ...] = ()
    ) -> Output:
        """The node for something this primitive reports of a match; `nullable`: it may be unknown there."""
        return Output(self, name, kind, nullable=nullable, unit=unit, domain=domain, implies=implies)

    def outputs(self) -> dict[str, Output]:
        """What the evidence of a match shows, by name."""
        return {}


class Signal:
    """One of the things a primitive reports, perhaps under a further condition: what an event's `when` is."""

    def __init__(self, primitive: Primitive, channel: str, condition: Expr = TRUE) -> None:
        self.primitive, self.channel, self.condition = primitive, channel, condition

    @property
    def timed(self) -> bool:
        """Whether it comes from a timer, so that there is no record to read."""
        return self.channel == "due"

    def where(self, *conditions: Expr) -> Signal:
        """The same signal, only where all of `conditions` hold too."""
        already = () if self.condition is TRUE else (self.condition,)
        return Signal(self.primitive, self.channel, both((*already, *conditions)))


class Home:
    """Where a primitive or rule declares its state: the tables of a shard. `late_limit_ms`: how late a record may come."""

    def __init__(self, world: World, state: State, late_limit_ms: int, jump_ms: int) -> None:
        self.world, self.state, self.late_limit_ms, self.jump_ms = world, state, late_limit_ms, jump_ms

    def scope(self, by: str, same: tuple[Expr, ...], rank: int) -> Scope:
        """The table of scope `by`, refined by the values of `same`; written by records of topic `rank`."""
        if by not in BASES:
            raise ValueError(f"by: wanted one of {', '.join(BASES)}, got {by!r}")
        if not same:
            return Scope(by, same, self.state.table(by), self.state.table(by), rank)
        base, table = self.state.table(by), self.state.table(f"{by}({','.join(map(str, same))})")
        if table.kin is None:
            table.kin = Kin(table, base, self.state.table("customer"))
        table.ranks.add(rank)
        return Scope(by, same, base, table, rank)

    def matters_for(self, table: Table, span_ms: int | None) -> None:
        """Declare that rows of `table` are needed `span_ms` after their last member, plus the late limit; None: forever."""
        table.matters_for(None if span_ms is None else span_ms + MARGIN_MS + self.late_limit_ms)


class Scope:
    """A key scope: a base (line, account, customer), or a base and the values of some expressions."""

    def __init__(self, by: str, same: tuple[Expr, ...], base: Table, table: Table, rank: int) -> None:
        self.by, self.base, self.table, self.rank = by, base, table, rank
        self.same = tuple(TruthKey(node) if node.kind == "bool" else node for node in same)
        self.pairs = table.pairs_with(base)

    def rows(self, group: Group, idx: Ints) -> Rows:
        """The rows of records `idx`; every one carries the key."""
        base = group.rows(self.by)[idx]
        return self.refine(base, [group.at(node, idx) for node in self.same], group.time[idx]) if self.same else base

    def refine(self, base: Rows, values: list[Array], times: Ints) -> Rows:
        """Rows of this scope's table for rows of the base table and one value a row of each `same`."""
        pairs = zip(base.tolist(), *(v.tolist() for v in values), strict=True)
        rows: Rows = np.fromiter(map(self.pairs.__getitem__, pairs), np.int32, len(base))
        self.table.touched[rows] = np.maximum(self.table.touched[rows], times)
        return rows


class Runtime:
    """A primitive at work in one shard."""

    scope: Scope

    def restored(self) -> None:
        """Called when the state has been read back."""

    def __init__(self, declared: Primitive, home: Home) -> None:
        self.declared, self.world = declared, home.world
        self.home = home
        self.scope = home.scope(declared.by, declared.same, TOPICS.index(declared.records.topic) if declared.records is not None else 0)
        self.table = self.scope.table

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        """Add records `idx` of `group` (at most one a key) to the state. Returns the matches that they cause, by channel."""
        raise NotImplementedError

    def emitted(self, matches: Matches) -> None:
        """Called when an event was emitted for `matches` of this primitive."""

    def matches(self, group: Group, idx: Ints, rows: Rows, outputs: dict[str, Any]) -> Matches:
        """Matches of records `idx` with what is reported of them."""
        named = {(id(self.declared), name): value for name, value in outputs.items()}
        return Matches(self.world, self.scope.by, group, idx, group.time[idx], rows, group.zone(self.scope.by, idx), named)


class TimedRuntime(Runtime):
    """A primitive with one timer a row, in a column of deadlines (epoch ms, 0 = none).

    The record that set a timer is its anchor: its identity is kept beside the deadline as packed bytes.
    """

    def __init__(self, declared: Primitive, home: Home) -> None:
        super().__init__(declared, home)
        if declared.same:
            raise ValueError(f"{declared.name}: timers need a base key, got {declared.by} with same={declared.same}")
        self.due = self.table.column(f"{declared.name}.due", "time", part=self.part)
        self.anchors: Part = self.table.texts(f"{declared.name}.anchor", part=self.part)
        self.anchor_name = f"{declared.name}.anchor"

    part = ""

    def arm(self, rows: Rows, due: Ints) -> None:
        """Set the timers of `rows`."""
        self.due.values[rows] = due
        self.due.part.touch(rows)
        self.table.arm(rows, due)

    def disarm(self, rows: Rows) -> None:
        """Cancel the timers of `rows`."""
        self.due.values[rows] = 0
        self.due.part.touch(rows)

    def fire(self, rows: Rows, due: Ints, zone: Ints | int) -> dict[str, Matches]:
        """The timers of `rows` are due. Returns the matches, by channel. It must cancel these timers or set them again."""
        raise NotImplementedError

    def timer_matches(self, rows: Rows, due: Ints, zone: Ints | int, outputs: dict[str, Any]) -> Matches:
        """Matches of timers; the anchor of each is reported under `anchor`."""
        anchors = self.anchors.texts[self.anchor_name]
        named = {(id(self.declared), name): value for name, value in outputs.items()}
        named[0, "anchor"] = [anchors[row] for row in rows.tolist()]
        return Matches(self.world, self.scope.by, None, np.arange(len(rows)), due, rows, zone, named)

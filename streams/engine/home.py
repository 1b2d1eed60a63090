"""Where stages keep their state: tables by key scope, and names by what the state was gathered for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from schemas.columns import DAY_MS
from schemas.raw import RECORD_TYPES, TOPICS
from streams.engine.expression import Expr, canonical
from streams.engine.expression.periods import longest_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints
    from streams.engine.batch import World
    from streams.engine.flow import Flow
    from streams.engine.sources import Source
    from streams.engine.state.store import State
    from streams.engine.state.tables import Rows, Table

HOUR_MS = 3_600_000
MARGIN_MS = 3 * DAY_MS
"""Rows are kept this much longer than the longest span of civil days: clocks change, and lines move to other zones."""


def fingerprint(text: str) -> str:
    """Eight hex digits of a canonical text: the name of the state that was gathered for it."""
    return xxhash.xxh32_hexdigest(text.encode())


class Scope(NamedTuple):
    """The rows of a key: a base, or a base and values."""

    by: str
    table: Table

    def rows(self, flow: Flow, values: Sequence[Expr] = (), *, unknown: bool = False) -> Rows:
        """The row of each happening of `flow`, -1 where it has no such key. `unknown`: an unknown value counts as one of its own."""
        base = flow.rows(self.by)
        if self.table.base is None:
            return base
        kept = base >= 0
        codes: list[Ints] = []
        for node in values:
            code, known = flow.coded(node)
            codes.append(code)
            if known is not None and not unknown:
                kept = kept & known
        if kept.all():
            return self.table.rows_within(base, codes, flow.time)
        rows: Rows = np.full(flow.n, -1, np.int32)
        index = kept.nonzero()[0]
        if len(index):
            rows[index] = self.table.rows_within(base[index], [code[index] for code in codes], flow.time[index])
        return rows

    def rows_there(self, flow: Flow, values: Sequence[Expr] = ()) -> Rows:
        """The same where no row is made: -1 also where there is none yet."""
        base = flow.rows(self.by)
        if self.table.base is None:
            return base
        wanted, kept = [base.astype(np.int64)], base >= 0
        for node in values:
            code, known = flow.coded(node)
            wanted.append(code)
            kept = kept if known is None else kept & known
        return np.where(kept, self.table.map.look_up(np.stack(wanted, axis=1)), np.int32(-1))


class Home:
    """The tables of a shard, as stages declare them. `late_limit_ms`: how late a record may come; `delay_ms`: how long timers wait."""

    def __init__(self, world: World, state: State, *, late_limit_ms: int, jump_ms: int, delay_ms: int) -> None:
        self.world, self.state = world, state
        self.late_limit_ms, self.jump_ms, self.delay_ms = late_limit_ms, jump_ms, delay_ms
        self.periods: dict[str, int] = {}
        """Of tables that are split by a period of the event's own day: how long it is at most, ms."""

    def text(self, node: Expr) -> str:
        """The canonical text of an expression in this installation."""
        return canonical(node, self.world.value_of)

    def scope(self, by: str, values: Sequence[Expr], sources: Sequence[Source], part: str | None = None) -> Scope:
        """The scope of key `by` split by `values`, whose rows records behind `sources` write. `part`: what is kept there, where not the part of `sources`."""
        if not values:
            return Scope(by, self.state.touched(by, self.part(sources) if part is None else part))
        table = self.state.finer(by, tuple(self.text(node) for node in values))
        period = longest_ms(values)
        if period is not None:
            self.periods[table.name] = period
        table.ranks |= {TOPICS.index(record.topic) for source in sources for record in source.records()}  # type: ignore[attr-defined]  # raw records
        return Scope(by, table)

    def zones_of(self, scope: Scope, rows: Ints, times: Ints) -> Ints | int:
        """The zones that the keys of `rows` of a scope have at `times`."""
        ids = np.ascontiguousarray(self.state.table(scope.by).map.keys[scope.table.base_row[rows], -1])
        return self.world.zones(scope.by, ids, times)

    def part(self, sources: Sequence[Source]) -> str:
        """The part of a table for state of these sources: the letters of their record types."""
        records = {record for source in sources for record in source.records()}
        return "".join(record.code for record in RECORD_TYPES if record in records)

    def keep(self, table: Table, span_ms: int | None) -> None:
        """Declare that rows of `table` are needed `span_ms` after their last touch, plus the late limit; None: forever, or to the end of the period that splits them."""
        span_ms = self.periods.get(table.name) if span_ms is None else span_ms
        table.matters_for(None if span_ms is None else span_ms + MARGIN_MS + self.late_limit_ms)

"""Lines of what happens to a customer or an account: each active one where a rule asks for it (`each_line`), else the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import text_of
from streams.engine.expression import Column, DefinitionFault
from streams.engine.flow import Flow, RecordFlow
from streams.engine.identity import pack_identity
from streams.engine.sources import EventSource, Source
from streams.engine.stage import FlowStage, RecordStage
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.active_lines import ActiveLines
    from streams.engine.batch import Batch
    from streams.engine.expression import Array, RecordField
    from streams.engine.flow import Held
    from streams.engine.identity import Identity
    from streams.engine.sources import ValueOf
    from streams.engine.state.tables import Rows


class EachLineSource(Source):
    """What happens to a customer or account, once for each of its lines that is active then. Raises DefinitionFault."""

    word = "each_line"

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.of = owner_of(stream.source)
        if self.of == "line":
            raise DefinitionFault(f"{stream}.each_line: wanted what happens to a customer or an account, got what happens to a line, which reaches its rules anyhow")
        if stream.by_value:
            raise DefinitionFault(f"{stream}.each_line: wanted same(...) behind each_line(), got it before")

    @property
    def timed(self) -> bool:  # type: ignore[override]  # as its stream
        """Whether a timer may be among its causes."""
        return self.stream.source.timed

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def canonical(self, value_of: ValueOf) -> str:
        return f"[{self.stream.canonical(value_of)}] each line"


def owner_of(source: Source) -> str:
    """Whom a stream is about: of events their key, of records the customer. Raises DefinitionFault."""
    if isinstance(source, EventSource):
        return str(source.event.by)
    owners = {owner_of(part.source) for part in source.inputs()} or {"customer"}
    if len(owners) > 1:
        raise DefinitionFault(f"each_line: wanted events of one key, got some by {' and some by '.join(sorted(owners))}: write each_line() behind each of them")
    return owners.pop()


class SpreadFlow(Flow):
    """Happenings of another flow, each as one of a line: `where` is its place there, `lines` are the codes and `rows` the rows of the lines.

    `accounts`: of the lines, where they are each of a customer or account: then the record's account and number may be another line's.
    """

    def __init__(self, inner: Flow, where: Ints, lines: Ints, rows: Rows, accounts: Array | None, parent: Flow | None = None, index: Ints | None = None) -> None:
        super().__init__(inner.batch, "line", np.ascontiguousarray(inner.at[where]), np.ascontiguousarray(inner.time[where]), parent, index)
        self.inner, self.where, self.line_codes, self.line_rows, self.accounts = inner, where, lines, np.ascontiguousarray(rows, np.int32), accounts

    def _taken(self, index: Ints) -> Flow:
        parts = (self.where[index], self.line_codes[index], self.line_rows[index], None if self.accounts is None else self.accounts[index])
        return SpreadFlow(self.inner, *parts, self, index)

    def rescoped(self, by: str) -> Flow:
        return self.take(self.rows(by) >= 0)

    def _field(self, field: RecordField) -> Column:
        values, known = self.inner.field(field)
        if field.name == "subscription_id":
            return Column(self.line_codes)
        return Column(values[self.where], None if known is None else known[self.where])

    def has(self, key: object) -> bool:
        return super().has(key) or self.inner.has(key)

    def held(self, key: object, kind: str = "int") -> Held:
        if super().has(key):
            return super().held(key, kind)
        from streams.engine.flow import Part

        return Part(self.inner.held(key, kind), self.where)

    def lines(self) -> Ints:
        """The codes of the lines."""
        return self.line_codes

    def rows(self, by: str) -> Rows:
        return self.line_rows if by == "line" else self.inner.rows(by)[self.where]

    def zones(self, by: str) -> Ints | int:
        if by == "line":
            return self.world.zones("line", self.line_codes, self.time)
        zones = self.inner.zones(by)
        return zones if isinstance(zones, int) else zones[self.where]

    def identity(self, place: int) -> Identity:
        who, line = self.inner.identity(int(self.where[place])), text_of(int(self.line_codes[place]))
        if who.subscription_id == line:
            return who
        return who.of_line(line, who.account_id, who.msisdn) if self.accounts is None else who.of_line(line, self.accounts[place], None)

    def packed(self, place: int) -> bytes:
        return pack_identity(self.identity(place))

    def channel(self, place: int) -> str | None:
        return self.inner.channel(int(self.where[place]))

    @property
    def due(self) -> Ints:
        return self.inner.due[self.where]

    @property
    def timed(self) -> Bools:
        return self.inner.timed[self.where]

    @property
    def ranks(self) -> Ints:
        return self.inner.ranks[self.where]


def spread(flow: Flow, active: ActiveLines, where: Ints, lines: Ints, accounts: Array | None = None) -> Flow:
    """The happenings of `flow` at `where`, as ones of the lines with codes `lines`."""
    rows: Rows = active.rows_of(flow.rows("customer")[where], lines) if len(where) else np.zeros(0, np.int32)
    return SpreadFlow(flow, where, lines, rows, accounts)


def of_only_lines(flow: Flow, active: ActiveLines) -> Flow:
    """The happenings of `flow` that are of a line: the one that the record names, else the customer's only active one."""
    named = flow.rows("line")
    lacking = (named < 0).nonzero()[0]
    customers = flow.rows("customer")
    lines = np.zeros(flow.n, np.int64)
    lines[named >= 0] = active.table.map.keys[named[named >= 0], 1]
    for place, customer, at, time in zip(*(column.tolist() for column in (lacking, customers[lacking], flow.at[lacking], flow.time[lacking])), strict=True):
        found = active.of(customer, at, time)
        if len(found) == 1:
            lines[place] = found[0].line
    where = lines.nonzero()[0]
    return spread(flow, active, where, lines[where])


class EachLineStage(FlowStage):
    """The happenings of a customer or account, once for each of its lines that is active then; the lines of one in the order of their codes."""

    def __init__(self, source: EachLineSource, inner: FlowStage, active: ActiveLines) -> None:
        super().__init__(inner, active)
        self.source, self.inner, self.active, self.by = source, inner, active, "line"
        active.accounts = True

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        found: list[tuple[int, int, str | None]] = []
        accounts = flow.rows("account").tolist() if self.source.of == "account" else None
        ids = flow.world.tables["account"].map.keys
        for place, (customer, at, time) in enumerate(zip(flow.rows("customer").tolist(), flow.at.tolist(), flow.time.tolist(), strict=True)):
            own = self.active.of(customer, at, time)
            if accounts is not None:
                whose = int(ids[accounts[place], 1])
                own = [one for one in own if one.account == whose]
            named = flow.identity(place).account_id if own else None
            found += [(place, one.line, self.active.account_of(one, time, named)) for one in own]
        where, lines = (np.array([one[column] for one in found], np.int64) for column in (0, 1))
        self.flow = spread(flow, self.active, where, lines, np.array([account for *_, account in found], object))


class OfLineStage(FlowStage):
    """Events of customers, as line rules see them: those of the line that the record behind names, else of the customer's only active line."""

    def __init__(self, inner: FlowStage, active: ActiveLines) -> None:
        super().__init__(inner, active)
        self.inner, self.active, self.by = inner, active, "line"

    def run(self, batch: Batch) -> None:
        flow = self.inner.flow
        self.flow = of_only_lines(flow.take(~self.active.ended(flow.rows("line"), flow.at)), self.active)


class LineRecordStage(RecordStage):
    """The records of a type that need not name a line, as line rules see them: one that names none is of the customer's only active line."""

    def __init__(self, kind: int, active: ActiveLines) -> None:
        super().__init__(kind, "line")
        self.active = active
        self.needs.append(active)

    def run(self, batch: Batch) -> None:
        super().run(batch)
        flow = self.flow
        assert isinstance(flow, RecordFlow)  # of one type
        group = flow.group
        lacking = ((group.rows("line") < 0) & self.let_in(batch, group)).nonzero()[0]
        if len(lacking):
            self.flow = of_only_lines(RecordFlow(group, "line", np.sort(np.concatenate([flow.idx, lacking]))), self.active)


__all__ = ["EachLineSource", "EachLineStage", "LineRecordStage", "OfLineStage", "owner_of"]

"""P6 sequence: B after A, within a time, or within 400 days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import DefinitionFault, Expr, Reading, RecordField, canonical
from streams.engine.expression.types import KIND_WORDS
from streams.engine.features import pairing
from streams.engine.features.timers import END, TIME, Marks, Members, from_store, kept_of, members_of, resets_of, stored_kind, to_store, topic_of
from streams.engine.flow import MergedFlow, StoredFlow
from streams.engine.home import fingerprint
from streams.engine.sources import Marked, Of
from streams.engine.stage import FlowStage, read_for
from streams.engine.state.chains import Chains
from streams.engine.state.tables import NEVER
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Column
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.spans import Span
    from streams.engine.state.codec import ColumnKind

LONGEST_MS = DAY_MS
"""How long before its time a second half may have begun, to be sure of a first half that came before all others."""
KEPT_MS = 400 * DAY_MS
"""How long a half without an end is kept after the last touch of its row, where the row is not a line's, an account's or a customer's."""


def shared_keys(first: Stream, second: Stream, stream: Stream) -> tuple[Expr, ...]:
    """The values of `stream` by which two streams go together: by place, as far as both go. Raises DefinitionFault."""
    for one, other in zip(first.by_value, second.by_value, strict=False):
        if one.kind != other.kind:
            raise DefinitionFault(f"same: wanted values of one kind at the same place of both streams, got {one} ({KIND_WORDS[one.kind]}) and {other} ({KIND_WORDS[other.kind]})")
        if isinstance(one, RecordField) and isinstance(other, RecordField) and one.record is other.record and one.name != other.name:
            raise DefinitionFault(f"same: wanted the same value at the same place of both streams, got {one} and {other}: name them in one order, .same(B.currency, B.bucket_id)")
    return stream.by_value[: min(len(first.by_value), len(second.by_value))]


class Pair(Stream):
    """A stream of pairs."""

    source: PairSource

    @property
    def gap(self) -> Expr:
        """The time between the two, ms."""
        return self.source.gap

    def earlier(self, node: Expr) -> Expr:
        """What `node` was at the first half. Raises DefinitionFault.

        >>> from schemas.raw import PageView
        >>> from streams.engine.expression import RecordField
        >>> from streams.engine.streams import Marked, RecordSource
        >>> views = Stream(RecordSource(PageView))
        >>> str(views.then(views).earlier(RecordField(PageView, "page_category", "text", nullable=False)))
        'earlier(page_category)'
        """
        if not isinstance(node, Expr):
            raise DefinitionFault(f"earlier: wanted a column of the first half such as W.page, got {node!r}")
        for part in node.walk():
            if isinstance(part, Reading) and not isinstance(part, Of):
                raise DefinitionFault(
                    f"earlier: wanted a column of the first half such as W.page, got {part}: what is added up or kept is read at the second half alone; leave earlier(…) out"
                )
        return Earlier(self.source, node)


class PairSource(Marked):
    """A happening of `second` after one of `first` (t_B <= t_A + within, or 400 days where there is none). One A serves one B; the latest free A before B counts.

    Each side may come late: the trigger is the second one by time, whichever arrives last. At equal times of two topics A counts as before B.
    `every`: one A serves every B behind it, until a later A.
    `start`: when B began, in which case that is what follows A (later than it) within the time; it happens at the time of B all the same.
    """

    word = "pair"

    def __init__(self, first: Stream, second: Stream, within: Span | None, *, start: Expr | None = None, every: bool = False) -> None:
        self.first, self.second, self.within, self.start, self.every = first, second, within, start, every
        if start is not None and (not isinstance(start, Expr) or start.kind != "time"):
            raise DefinitionFault(f"then: start: wanted a moment such as V.start_time, got {start!r}")
        if start is not None and within is None:
            raise DefinitionFault("then: start: wanted within= beside it, got none")
        shared_keys(first, second, first)
        self.gap: Expr = Of(self, "gap", "int", unit="ms")

    def keys_of(self, stream: Stream) -> tuple[Expr, ...]:
        """The values of one of the two streams by which they go together."""
        return shared_keys(self.first, self.second, stream)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first, self.second)

    def origins(self) -> tuple[Stream, ...]:
        return (self.second,)

    def evidence(self) -> dict[str, Expr]:
        return {"gap": self.gap}

    def expressions(self) -> tuple[object, ...]:
        return (self.within, self.start, self.every)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        within = "" if self.within is None else f" within {self.within.canonical(mark_of)}"
        start = "" if self.start is None else f" from {canonical(self.start, value_of)}"
        return f"[{self.first.canonical(value_of)}] then{' every' if self.every else ''} [{self.second.canonical(value_of)}]{within}{start}"


class Earlier(Of):
    """What an expression was at the first half of a pair."""

    def __init__(self, source: PairSource, node: Expr) -> None:
        super().__init__(source, f"earlier({node})", node.kind, nullable=node.nullable, unit=node.unit, domain=node.domain)
        self.node = node

    def key(self) -> object:
        return ("Earlier", self.source.key(), self.node.key())

    def canonical(self, value_of: ValueOf) -> str:
        return f"{self.source.canonical(value_of)}.earlier({canonical(self.node, value_of)})"

    def __str__(self) -> str:
        return self.name


class PairStage(FlowStage):
    """Second halves of pairs: their records, as they come or where the first half came last. State: the halves that are free."""

    def __init__(self, home: Home, by: str, source: PairSource, first: FlowStage, second: FlowStage, name: str) -> None:
        super().__init__(first, second)
        self.home, self.by, self.source, self.first, self.second, self.name = home, by, source, first, second, name
        sources = (source.first.source, source.second.source)
        self.keys = source.keys_of(source.first), source.keys_of(source.second)
        self.scope = home.scope(by, self.keys[0], sources)
        self.topics = topic_of(sources[0]), topic_of(sources[1])
        first_time: object = ("Of", sources[0].key(), "time")
        self.first_time = first_time if sources[0].key() != sources[1].key() else None
        """The key under which the time of the first half is read; None where that is the second's own."""
        self.known = {first_time, ("Of", sources[1].key(), "time"), ("Of", source.key(), "time"), source.gap.key()}
        self.earlier: dict[object, Earlier] = {}
        self.nodes: dict[object, Expr] = {}
        """What is read of the second half."""
        self.marks = Marks()
        self.longest = NEVER if source.within is None else source.within.longest_ms(home.world.value_of)
        if source.start is not None:
            self.longest += LONGEST_MS
            self.nodes[source.second.time.key()] = source.second.time
        self.kept = 0 if source.within is None else self.longest + home.late_limit_ms
        self.most = pairing.MOST_FREE if source.within is None else pairing.MOST_WAITING
        home.keep(self.scope.table, KEPT_MS if source.within is None else self.longest)

    def earlier_nodes(self, nodes: Iterable[Expr]) -> list[Expr]:
        """Those of `nodes` that are read of the first half, as they are evaluated there."""
        return [node.node for node in nodes if isinstance(node, Earlier) and node.source.key() == self.source.key()]

    def keep_of_anchor(self, nodes: Iterable[Expr]) -> None:
        """Note what is read at the pairs, of both halves; called before `declare`. Raises DefinitionFault."""
        nodes = list(nodes)
        for node in nodes:
            if isinstance(node, Earlier) and node.source.key() == self.source.key():
                stored_kind(node)
                self.earlier.setdefault(node.key(), node)
        self.nodes |= kept_of(nodes, self.source.second.source, self.known)

    def declare(self) -> None:
        def columns(nodes: Iterable[Expr]) -> list[tuple[str, ColumnKind]]:
            return [(f"of.{fingerprint(self.home.text(node))}", stored_kind(node)) for node in nodes]

        table, name = self.scope.table, self.name
        self.free = Chains(table, f"{name}.first", [("time", "time"), ("end", "time"), *columns(one.node for one in self.earlier.values())], most=self.most)
        self.waiting = Chains(table, f"{name}.second", [("time", "time"), ("code", "int"), *columns(self.nodes.values())], most=self.most, texts="who")

    def run(self, batch: Batch) -> None:
        firsts = members_of(self.scope, self.first.flow, self.keys[0], self.topics[0])
        seconds = self._seconds()
        resets = resets_of(batch, self.scope)
        n, m = firsts.flow.n, seconds.flow.n
        if not n + m + resets.shape[1]:
            self.flow = self._on_time(seconds.flow, np.zeros((0, 2 + len(self.earlier)), np.int64))
            return
        within, world, free, waiting = self.source.within, self.home.world, self.free, self.waiting
        if within is None:
            firsts.entries[END] = firsts.flow.time + KEPT_MS  # what is kept without a span ends with its row (`docs/semantics.md` §1.7)
        elif n:
            firsts.entries[END] = within.after(world.value_of, world.calendar, firsts.flow.time, firsts.flow.zones(self.by) if within.civil else 0)
        first_values = table_of([one.node for one in self.earlier.values()], firsts.flow)
        second_values = table_of(list(self.nodes.values()) if within is not None else [], seconds.flow)
        free.make_room(n)
        if within is not None:
            waiting.make_room(m)
        base = self.marks.begin(len(waiting.links), m)
        found = np.empty((m, 2 + first_values.shape[1]), np.int64)
        late = np.empty((len(waiting.links) if self.source.every else n, pairing.VALUES + first_values.shape[1] + second_values.shape[1]), np.int64)
        put = np.zeros(m, np.int64)
        counts = pairing.pairs(
            firsts.entries,
            seconds.entries,
            resets,
            first_values,
            second_values,
            batch.clock,
            free.lists,
            free.links,
            free.values,
            free.spare,
            free.dirty,
            waiting.lists,
            waiting.links,
            waiting.values,
            waiting.spare,
            waiting.dirty,
            self.marks.values,
            base,
            within is not None,
            self.source.every,
            self.source.start is not None,
            self.most,
            self.longest,
            self.kept,
            found,
            late,
            put,
        )
        free.count_dropped()
        waiting.count_dropped()
        parts = [self._on_time(seconds.flow, found[: counts[0]])]
        if counts[1]:
            parts.append(self._late(batch, seconds.flow, late[: counts[1]]))
            parts = parts[0 if counts[0] else 1 :]
        self._keep_anchors(seconds.flow, put, base)
        self.flow = parts[0] if len(parts) == 1 else MergedFlow.of(batch, parts, self.by)

    def _seconds(self) -> Members:
        """The second halves; where they count from when they began, that stands as their time, and those that do not say it are left out."""
        start, flow = self.source.start, self.second.flow
        if start is None:
            return members_of(self.scope, flow, self.keys[1], self.topics[1])
        known = read_for(start, flow).known
        seconds = members_of(self.scope, flow if known is None else flow.take(known), self.keys[1], self.topics[1])
        seconds.entries[TIME] = self._counted(seconds.flow)
        return seconds

    def _counted(self, flow: Flow) -> Ints:
        """The moment of each second half from which the gap is counted."""
        return flow.time if self.source.start is None else read_for(self.source.start, flow).values

    def _readings(self, times: Ints, gaps: Ints, values: Ints) -> dict[object, Column]:
        """What is read of the first halves."""
        found = {self.source.gap.key(): from_store(self.source.gap, gaps)}
        if self.first_time is not None:
            found[self.first_time] = from_store(self.source.first.time, times - gaps)
        for column, (key, node) in enumerate(self.earlier.items()):
            found[key] = from_store(node, values[:, column])
        return found

    def _on_time(self, flow: Flow, found: Ints) -> Flow:
        """The second halves that came last."""
        taken = flow._taken(found[:, 0])
        for key, column in self._readings(self._counted(taken), found[:, 1], found[:, 2:]).items():
            taken.put(key, column.values, column.known)
        return taken

    def _late(self, batch: Batch, flow: Flow, late: Ints) -> Flow:
        """The second halves that came before the first ones, at the places of those."""
        times, codes, kept = late[:, pairing.TIME], late[:, pairing.CODE], pairing.VALUES + len(self.earlier)
        stored = self._readings(times, late[:, pairing.GAP], late[:, pairing.VALUES : kept])
        for column, (key, node) in enumerate(self.nodes.items(), kept):
            stored[key] = from_store(node, late[:, column])
        if self.source.start is not None:
            times = stored.pop(self.source.second.time.key()).values  # the moments of what happens
        anchors = [flow.packed(by) if by >= 0 else self.waiting.texts[node] for by, node in late[:, [pairing.BY, pairing.NODE]].tolist()]
        base = self.scope.table.base_row[late[:, pairing.ROW]]
        return StoredFlow(batch, self.by, late[:, pairing.AT], times, base, stored, anchors, np.where(codes >= 16, times, 0), codes % 16)

    def _keep_anchors(self, flow: Flow, put: Ints, base: int) -> None:
        """Store who the second halves are about that wait from this batch on."""
        places = put.nonzero()[0]
        places = places[self.marks.values[put[places]] == base + places]
        for node, text in zip(put[places].tolist(), flow.all_packed(places), strict=True):
            self.waiting.texts[node] = text


def table_of(nodes: Sequence[Expr], flow: Flow) -> Ints:
    """The values of `nodes` at the happenings of `flow`, as they are stored: [n, nodes]."""
    values = np.empty((flow.n, len(nodes)), np.int64)
    for column, node in enumerate(nodes):
        values[:, column] = to_store(node, flow)
    return values

"""P3 window by civil days: sums over frames such as `today()` and `within("7d")`, kept for each civil day instead of members.

So no count is bounded, late members add to the day of their own time, and what is read as of a record are the days up to its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import NULL, text_of
from schemas.columns import DAY_MS
from streams.engine.expression import Column, EventDay
from streams.engine.features.bucket_walk import DONE, LENGTH, LISTED, NO_ROOM, NO_TEXTS, OVER, TIED, walk
from streams.engine.features.frame import OF_NOTHING, Within
from streams.engine.features.keyed import KeyedStage, column_kind
from streams.engine.stage import believed_at, read_for
from streams.engine.state.bucket_kernels import ANY, COUNT, DAY_COUNT, DISTINCT, FIRST, LARGEST, LATEST, LIST, SMALLEST, SUM, TOP
from streams.engine.state.buckets import COUNT_WORD, Added, Buckets, Grouped
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Array, Expr
    from streams.engine.features.frame import Feature, Function
    from streams.engine.features.keyed import Walk
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.stage import FlowStage
    from streams.engine.streams import Stream

OPS: dict[Function, int] = {
    "count": COUNT,
    "sum": SUM,
    "largest": LARGEST,
    "smallest": SMALLEST,
    "any": ANY,
    "latest": LATEST,
    "first": FIRST,
    "distinct": DISTINCT,
    "top": TOP,
    "list": LIST,
}
GROUPED = ("top", "distinct", "list")
FIRST_TIES, FIRST_LISTED = 256, 1024


def group_of(feature: Feature) -> Expr | None:
    """What the entries must be grouped by for `feature`; None: nothing. A stage has one such expression at most.

    >>> from streams.engine.expression import Const, EventDay
    >>> from streams.engine.features.frame import Frame, Today
    >>> from streams.engine.streams import RecordSource, Stream
    >>> from schemas.raw.usage import VoiceUsage
    >>> today = Frame(Stream(RecordSource(VoiceUsage)), Today())
    >>> group_of(today.top(Const("x"), by=Const(1))), group_of(today.distinct(EventDay())), group_of(today.count())
    (<Const 'x'>, None, None)
    """
    if feature.function not in GROUPED or isinstance(feature.arguments[0], EventDay):
        return None
    return feature.arguments[0]


def coded(flow: Flow, node: Expr) -> Ints:
    """`node` for all happenings as 64-bit values, NULL where it is unknown."""
    values, known = read_for(node, flow)
    return values.astype(np.int64) if known is None else np.where(known, values.astype(np.int64), NULL)


class Read(NamedTuple):
    """A feature as it was read at the happenings of a reader: column `feature` of what was read at each entry."""

    function: Function
    kind: str
    values: Ints
    feature: int
    entry: Ints
    codes: Ints

    def take(self, index: Ints | None) -> Column:
        """The values for happenings `index`; None: all."""
        values = self.values[self.entry if index is None else self.entry[index], self.feature]
        if self.function == "list":
            return Column(self._texts(values))
        if self.function in OF_NOTHING:
            return Column(values == 1 if self.kind == "bool" else values)
        known = values != NULL
        if self.kind == "bool":
            return Column(values == 1, known)
        return Column(np.where(known, values, 0) if self.kind in ("text", "token") else values, known)

    def _texts(self, values: Ints) -> Array:
        lists = np.empty(len(values), object)
        for place, value in enumerate(values.tolist()):
            begin, length = divmod(value, LENGTH)
            lists[place] = [text_of(code) for code in self.codes[begin : begin + length].tolist()]
        return lists


class BucketStage(KeyedStage):
    """Buckets of the members of `stream`: for each row and civil day what they add up to, by the values of one group expression too.

    `("late", name)`: members behind the newest believed one of their row.
    """

    buckets: Buckets

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.group: Expr | None = None
        self.arguments: list[Expr] = []
        self.places: dict[object, int] = {}
        """By function, days and arguments, the column of a feature in what is read."""

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. Raises ValueError for a second group expression."""
        group = group_of(feature)
        if group is not None and self.group is not None and group.key() != self.group.key():
            raise ValueError(f"{self.name}: wanted features grouped by {self.group}, got {feature}, which needs a stage of its own")
        self.group = self.group if group is None else group
        super().read(feature, reader)

    def _days(self, feature: Feature) -> int:
        """The civil days of a feature's frame."""
        extent = feature.frame.extent
        return extent.span.number(self.home.world.value_of) if isinstance(extent, Within) else 1

    def _key(self, feature: Feature) -> object:
        return (feature.function, self._days(feature), *(one.key() for one in feature.arguments))

    def declare(self) -> None:
        super().declare()
        home = self.home
        features = list({self._key(one): one for one in self.features()}.values())
        self.places = {self._key(one): place for place, one in enumerate(features)}
        added: dict[object, Added] = {}
        weights: dict[object, tuple[int, str]] = {}
        for one in features:
            if one.function == "top":
                weights.setdefault(one.arguments[1].key(), (self._argument(one.arguments[1]), home.text(one.arguments[1])))
            elif one.function not in ("count", *GROUPED):
                node = one.arguments[0]
                added.setdefault((one.function, node.key()), Added(OPS[one.function], self._argument(node), f"{one.function} {home.text(node)}", column_kind(node)))
        longest = max(map(self._days, features))
        lists = [one for one in features if one.function == "list"]
        grouped = None
        if self.group is not None:
            shown = any(one.function in ("top", "list") for one in features)
            kind = column_kind(self.group)
            ordinals = any(self._days(one) > 1 for one in lists)
            grouped = Grouped(home.text(self.group), kind if shown or kind != "text" else "int", ordinals, list(weights.values()))
        self.buckets = Buckets(
            self.scope.table,
            self.name,
            list(added.values()),
            grouped,
            keep_days=longest - (-home.late_limit_ms // DAY_MS) + 1,
            jump_ms=home.jump_ms,
            ahead_days=max(home.jump_ms, home.late_limit_ms) // DAY_MS + 1,
            lists=len(lists),
        )
        rows = [(self._op(one), self._word(one, list(added), list(weights)), self._days(one)) for one in features]
        self.asked = np.array(rows, np.int64).reshape(-1, 3)
        span_ms = max(one.frame.extent.span.longest_ms(home.world.value_of) if isinstance(one.frame.extent, Within) else DAY_MS for one in features)
        home.state.remembers(self.buckets.part_name, Memory(span_ms=span_ms))
        home.keep(self.scope.table, span_ms)

    def _argument(self, node: Expr) -> int:
        keys = [one.key() for one in self.arguments]
        if node.key() not in keys:
            self.arguments.append(node)
            return len(keys)
        return keys.index(node.key())

    @staticmethod
    def _op(feature: Feature) -> int:
        return DAY_COUNT if feature.function == "distinct" and isinstance(feature.arguments[0], EventDay) else OPS[feature.function]

    def _word(self, feature: Feature, added: list[object], weights: list[object]) -> int:
        if feature.function == "top":
            return int(self.buckets.weights[weights.index(feature.arguments[1].key()), 0])
        if feature.function in ("count", *GROUPED):
            return COUNT_WORD
        return int(self.buckets.sums[added.index((feature.function, feature.arguments[0].key())), 1])

    def run(self, batch: Batch) -> None:
        walked = self.walk(batch)
        entries, rows, n, width = walked.entries, walked.rows, walked.n, len(self.asked)
        wanted, late = np.zeros(n, bool), np.zeros(n, bool)
        for entry in entries.readers:
            wanted[entry] = True
        out, without = np.empty((n, width), np.int64), np.empty((n, width), np.int64)
        missing = rows < 0
        if missing.any():
            out[missing] = [0 if op in (COUNT, SUM, ANY, DISTINCT, DAY_COUNT, LIST) else NULL for op in self.asked[:, 0].tolist()]
        codes = self._walk(batch, walked, wanted, out, without, late)
        alone = (entries.member < 0) | missing
        without[alone] = out[alone]
        for reader, flow, entry in walked.readers:
            flow.put(("late", self.name), late[entry])
            for key, feature in reader.features.items():
                place = self.places[self._key(feature)]
                less = Read(feature.function, feature.kind, without, place, entry, codes)
                flow.readings[key] = less if feature.frame.without_own else less._replace(values=out)
                flow.readings["without", key] = less

    def _walk(self, batch: Batch, walked: Walk, wanted: Bools, out: Ints, without: Ints, late: Bools) -> Ints:
        """Walk over the entries. Returns the values of lists."""
        members, entries, kept = walked.members, walked.entries, self.buckets
        days = self.civil_days(walked)
        believed = believed_at(entries, batch)
        values = np.stack([coded(members, node) for node in self.arguments]) if self.arguments else np.zeros((0, members.n), np.int64)
        group = coded(members, self.group) if self.group is not None else np.full(members.n, NULL)
        codes, ties, place = np.empty(FIRST_LISTED, np.int64), np.empty((FIRST_TIES, 2), np.int64), np.zeros(6, np.int64)
        while True:
            why = walk(
                place,
                walked.rows,
                entries.time,
                days,
                entries.member,
                believed,
                wanted,
                group,
                values,
                walked.ends,
                self.asked,
                kept.sums,
                kept.weights,
                kept.form,
                kept.classes,
                kept.arena,
                kept.pool,
                kept.slot,
                kept.kinds,
                kept.dirty,
                out,
                without,
                late,
                codes,
                ties,
            )
            if why == DONE:
                break
            if why == NO_ROOM:
                kept.make_room()
            elif why == NO_TEXTS:
                codes = np.concatenate([codes, np.empty_like(codes)])
            else:
                ties = np.concatenate([ties, np.empty_like(ties)])
            place[OVER] = DONE
        settle(ties[: place[TIED]], (out, without))
        return codes[: place[LISTED]]


def settle(ties: Ints, read: tuple[Ints, Ints]) -> None:
    """Of values with equal sums take the first in the alphabet. `ties`: reading (twice its place in `read`, plus which of the two) and value."""
    if not len(ties):
        return
    readings, where = np.unique(ties[:, 0], return_inverse=True)
    codes, which = np.unique(ties[:, 1], return_inverse=True)
    order = np.array(sorted(range(len(codes)), key=lambda place: text_of(int(codes[place]))))
    rank = np.empty(len(codes), np.int64)
    rank[order] = np.arange(len(codes))
    best = np.full(len(readings), len(codes))
    np.minimum.at(best, where, rank[which])
    for number, values in enumerate(read):
        mine = readings & 1 == number
        values.reshape(-1)[readings[mine] >> 1] = codes[order[best[mine]]]

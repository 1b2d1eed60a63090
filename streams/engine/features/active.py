"""Facts that are sets: what is in force for a key, as records say it: packs, agreements, lines.

The set of a key has items, each named by some values of the records. A record says that its item is in force, from when until when,
or that it is no longer. Other records, events and timers read how many are in force at their own time, and what these show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from streams.engine.expression import KIND_WORDS, Column, DefinitionFault, Expr, canonical
from streams.engine.expression import condition as checked
from streams.engine.features.frame import Extent, Feature, Frame
from streams.engine.features.keyed import KeyedStage
from streams.engine.features.reading import coded
from streams.engine.flow import Ready
from streams.engine.home import fingerprint
from streams.engine.kernels import kernel
from streams.engine.stage import believed_at

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Rows
    from streams.engine.streams import Stream

COUNT, LARGEST, SMALLEST, COVER = range(4)
OPS = {"count": COUNT, "largest": LARGEST, "smallest": SMALLEST, "cover": COVER}
IN_FORCE, OVER, DELETED = 1, 2, 3
"""What is known of an item; 0: nothing. One that was deleted never comes back."""
NEWEST, FIRST, STATE, SINCE, UNTIL, COVERS, DELETED_AT = range(7)
"""Of an item: when records named it last and first, what is known, its term, what it covers. DELETED_AT, of the row that items together share: when they were deleted."""


class Active(Extent):
    """The items in force at the reader's time: the newest record of an item counts, by event time.

    `holds`: whether the record says that the item is in force; where it is unknown the record says nothing. `since`, `until`: the term
    [since, until), open where unknown. `covers`: what the item is good for, everything where unknown. `together`: a record that does not
    hold deletes all items with its value of `together` that were named before it; those never come back.
    """

    ordered = False

    def __init__(self, item: tuple[Expr, ...], holds: Expr, since: Expr | None, until: Expr | None, covers: Expr | None, together: Expr | None) -> None:
        if not item or not all(isinstance(one, Expr) for one in item):
            raise DefinitionFault(f"active: wanted the values that name an item, such as O.order_id, got {', '.join(map(repr, item)) or 'none'}")
        for word, one, kinds in (("since", since, ("time",)), ("until", until, ("time",)), ("covers", covers, ("text", "token"))):
            if one is not None and (not isinstance(one, Expr) or one.kind not in kinds):
                raise DefinitionFault(f"active: {word}: wanted {' or '.join(KIND_WORDS[kind] for kind in kinds)}, got {one}")  # type: ignore[index]
        self.item, self.holds, self.since, self.until, self.covers, self.together = item, checked(holds), since, until, covers, together

    def names(self) -> tuple[Expr, ...]:
        """The values by which items are kept."""
        return self.item if self.together is None else (self.together, *self.item)

    def said(self) -> tuple[Expr | None, ...]:
        """What a record says of its item."""
        return (self.holds, self.since, self.until, self.covers)

    def expressions(self) -> list[Expr]:
        return [one for one in (*self.names(), *self.said()) if one is not None]

    def kept(self, value_of: ValueOf) -> str:
        return self.canonical(value_of)

    def key(self) -> object:
        return ("active", *(None if one is None else one.key() for one in (*self.item, *self.said(), self.together)))

    def canonical(self, value_of: ValueOf) -> str:
        parts = ["-" if one is None else canonical(one, value_of) for one in (*self.names(), *self.said())]
        return f"active {', '.join(parts)}{' together' if self.together is not None else ''}"

    def __str__(self) -> str:
        return f"in force by {', '.join(map(str, self.item))}"


class ActiveSet(Frame):
    """The items in force at the time of whatever reads them. Raises DefinitionFault."""

    extent: Active

    def __init__(self, stream: Stream, extent: Active, *, without_own: bool = False) -> None:
        if stream.by_value:
            raise DefinitionFault(f"active: wanted a stream that is not split, got one by {', '.join(map(str, stream.by_value))}: name the values among those of the item")
        super().__init__(stream, extent, without_own=without_own)

    def before(self) -> ActiveSet:
        """The same as before the trigger's own record."""
        return ActiveSet(self.stream, self.extent, without_own=True)

    def cover(self, what: Expr) -> Feature:
        """Whether one of them covers `what`, or everything; unknown where `what` is and that decides. Raises DefinitionFault."""
        covers = self.extent.covers
        if covers is None or not isinstance(what, Expr) or what.kind != covers.kind:
            raise DefinitionFault(f"cover({what}): wanted {'a set with covers=…' if covers is None else KIND_WORDS[covers.kind]}, got {what}")
        return Feature(self, "cover", at=(what,))


@kernel("void(int64[:], int64[:], int32[:], int64, int64)")
def link(heads: Any, following: Any, base_row: Any, first: int, last: int) -> None:
    """Put items `first` to `last` (not included) into the chains of their keys. heads: by key, following: by item; -1: none."""
    for row in range(first, last):
        if base_row[row] >= 0:
            following[row], heads[base_row[row]] = heads[base_row[row]], row


@kernel("void(int64[:, :], int64[:, :], int64[:], int64[:], int64, int64, int64[:], int64[:], int64[:])")
def read_set(state: Any, values: Any, following: Any, ops: Any, row: int, time: int, asked: Any, out: Any, known: Any) -> None:
    """Read the set that begins with item `row` (-1: none) at `time`, epoch ms, into `out` and `known`, an entry a reading.

    values: of each item, by reading. asked: what must be covered, 0 for unknown.
    """
    for f in range(len(ops)):
        out[f] = 0
        known[f] = 1 if ops[f] == COUNT or ops[f] == COVER else 0
    while row >= 0:
        if state[row, STATE] == IN_FORCE and state[row, SINCE] <= time and (state[row, UNTIL] == NULL or time < state[row, UNTIL]):
            for f in range(len(ops)):
                if ops[f] == COUNT:
                    out[f] += 1
                elif ops[f] == COVER:
                    if state[row, COVERS] == 0 or (asked[f] != 0 and state[row, COVERS] == asked[f]):
                        out[f] = 1
                    elif asked[f] == 0:
                        known[f] = 0
                elif values[row, f] != NULL and (known[f] == 0 or (values[row, f] > out[f]) == (ops[f] == LARGEST)):
                    out[f], known[f] = values[row, f], 1
        row = following[row]
    for f in range(len(ops)):
        if ops[f] == COVER and out[f] == 1:
            known[f] = 1


@kernel("void(int64[:, :], int64[:, :], boolean[:], int64, int64, int64[:], int64[:], boolean, int64)")
def note_item(state: Any, values: Any, dirty: Any, row: int, group: int, said: Any, own: Any, believed: bool, jump_ms: int) -> None:
    """A record speaks of item `row`. said: its NEWEST time, whether it holds (STATE), SINCE, UNTIL, COVERS; own: the values.

    group: the row that the items together share, -1 for none.
    """
    time, newest = said[NEWEST], state[row, NEWEST]
    late = newest != 0 and time < newest <= time + jump_ms
    if said[STATE] == 1:
        if state[row, STATE] == DELETED:
            return
        if state[row, FIRST] == 0 or time < state[row, FIRST]:
            state[row, FIRST], dirty[row] = time, True
        if group >= 0 and state[row, FIRST] < state[group, DELETED_AT] <= state[row, FIRST] + jump_ms:
            state[row, STATE], dirty[row] = DELETED, True
            return
    if late:
        return
    dirty[row] = True
    state[row, STATE] = IN_FORCE if said[STATE] == 1 else OVER
    if believed:
        state[row, NEWEST] = time
    if said[STATE] == 1:
        state[row, SINCE], state[row, UNTIL], state[row, COVERS] = said[SINCE], said[UNTIL], said[COVERS]
        for f in range(len(own)):
            values[row, f] = own[f]


@kernel(
    "void(int64[:, :], int64[:, :], boolean[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:], int64[:, :], int64[:, :], int64[:], boolean[:], int64,"
    " int64[:, :], int64[:], int64[:, :], boolean[:], int64[:, :], int64[:, :], int64[:, :], int64[:, :])"
)
def walk_sets(
    state: Any, values: Any, dirty: Any, heads: Any, following: Any, group_of: Any, base: Any, item: Any, group: Any, member: Any, said: Any, own: Any, times: Any, believed: Any,
    jump_ms: int, ends: Any, ops: Any, asked: Any, wanted: Any, out: Any, known: Any, without: Any, without_known: Any,
) -> None:  # fmt: skip
    """Note what members say and read the sets at the entries that are `wanted`, without their own member and with it, in merged order.

    heads: by key the first item, following: by item the next one, group_of: by item the row of those together with it; -1 for none.
    base: of each entry the key; item, group: of each member; member: of each entry, all -1 for none. ends: see `line_ends`.
    """
    done = 0
    for i in range(len(base) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            state[ends[done, 1], :] = 0
            dirty[ends[done, 1]] = True
            done += 1
        if i == len(base) or base[i] < 0:
            continue
        head, m = heads[base[i]], member[i]
        if wanted[i]:
            read_set(state, values, following, ops, head, times[i], asked[i], without[i], without_known[i])
        if m >= 0 and said[m, STATE] >= 0:
            together = group[m]
            if together >= 0 and said[m, STATE] == 0:
                if believed[i] and state[together, DELETED_AT] < times[i]:
                    state[together, DELETED_AT], dirty[together] = times[i], True
                row = head
                while row >= 0:
                    if group_of[row] == together and state[row, FIRST] != 0 and state[row, FIRST] <= times[i]:
                        state[row, STATE], dirty[row] = DELETED, True
                    row = following[row]
            elif item[m] >= 0:
                note_item(state, values, dirty, item[m], together, said[m], own[m], believed[i], jump_ms)
        if wanted[i]:
            read_set(state, values, following, ops, head, times[i], asked[i], out[i], known[i])


class ActiveStage(KeyedStage):
    """The sets of the keys of scope `by`. State: a row an item, and one for the items together; in chains by key, which are made again after a restart."""

    extent: Active

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.heads, self.following, self.group_of = (np.zeros(0, np.int64) for _ in range(3))
        self.linked = 0
        """So many rows are in the chains."""

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. All features of a stage have the same items."""
        super().read(feature, reader)
        assert isinstance(feature.frame.extent, Active)  # the plan gives it no others
        self.extent = feature.frame.extent

    def declare(self) -> None:
        self.scope = self.home.scope(self.by, self.extent.names(), (self.stream.source,))
        table, part = self.scope.table, self.part_name
        features = {feature.key(): feature for feature in self.features()}
        self.places = {key: place for place, key in enumerate(features)}
        """By key of a feature, its place among the readings."""
        self.item = table.column(f"{self.name}.item", "int", part=part, length=DELETED_AT + 1)
        self.arguments = [feature.arguments[0] if feature.arguments else None for feature in features.values()]
        texts = " ".join("-" if one is None else self.home.text(one) for one in self.arguments)
        self.shown = (
            table.column(f"{self.name}.shown.{fingerprint(texts)}", "int", part=part, length=len(self.arguments)) if any(one is not None for one in self.arguments) else None
        )
        self.ops = np.array([OPS[feature.function] for feature in features.values()], np.int64)
        self.home.keep(table, None)

    def restored(self) -> None:
        self.heads[:] = -1
        self.linked = 0

    def _link(self) -> None:
        """Put new rows into the chains of their keys."""
        table = self.scope.table
        base = table.base
        assert base is not None  # items are named by values
        if len(self.heads) < base.size:
            self.heads = np.concatenate([self.heads, np.full(base.size - len(self.heads), -1)])
        if self.linked == table.map.used:
            return
        if self.extent.together is not None:
            fresh = np.arange(self.linked, table.map.used)
            keys = table.map.keys[fresh]
            nothing = [np.full(len(fresh), NULL) for _ in self.extent.item]
            groups = table.rows_within(table.base_row[fresh], [np.ascontiguousarray(keys[:, 1]), *nothing], table.touched[fresh])
        if len(self.following) < table.size:
            more = np.full(table.size - len(self.following), -1)
            self.following, self.group_of = np.concatenate([self.following, more]), np.concatenate([self.group_of, more])
        if self.extent.together is not None:
            self.group_of[fresh] = groups
        link(self.heads, self.following, table.base_row, self.linked, table.map.used)
        self.linked = table.map.used

    def rows_of(self, flow: Flow) -> Rows:
        """The rows of the keys themselves: the sets hang on them."""
        return flow.rows(self.by)

    def rows_read(self, flow: Flow, at: tuple[Expr, ...]) -> Rows:
        """The same for readers: a set is found by its key."""
        del at
        return flow.rows(self.by)

    def _groups(self, flow: Flow) -> Ints:
        """The row of each member that its items together share, -1 for none."""
        groups = np.full(flow.n, -1)
        if self.extent.together is not None:
            codes, known = flow.coded(self.extent.together)
            base = flow.rows(self.by)
            kept = (base >= 0 if known is None else (base >= 0) & known).nonzero()[0]
            nothing = [np.full(len(kept), NULL) for _ in self.extent.item]
            groups[kept] = self.scope.table.rows_within(base[kept], [codes[kept], *nothing], flow.time[kept])
        return groups

    def _said(self, flow: Flow) -> Ints:
        """What each member says: see `note_item`. A `holds` that is unknown is -1."""
        said, extent = np.zeros((flow.n, DELETED_AT + 1), np.int64), self.extent
        holds, known = flow.column(extent.holds)
        said[:, NEWEST], said[:, STATE] = flow.time, holds if known is None else np.where(known, holds, -1)
        for place, node in ((SINCE, extent.since), (UNTIL, extent.until), (COVERS, extent.covers)):
            said[:, place] = coded(node, flow) if node is not None else 0 if place == COVERS else NULL
        return said

    def run(self, batch: Batch) -> None:
        members = self.members.flow
        items, groups = self.scope.rows(members, self.extent.names()).astype(np.int64), self._groups(members)
        self._link()
        walk = self.walk(batch)
        entries, n, width, places = walk.entries, walk.n, len(self.ops), self.places
        own = [np.full(members.n, NULL) if node is None else coded(node, members) for node in self.arguments] if self.shown is not None else []
        asked, wanted = np.zeros((n, width), np.int64), np.zeros(n, bool)
        for reader, flow, entry in walk.readers:
            wanted[entry] = True
            for key, feature in reader.features.items():
                for what in feature.at:
                    codes, named = flow.coded(what)
                    asked[entry, places[key]] = codes if named is None else np.where(named, codes, 0)
        out, known, without, without_known = (np.zeros((n, width), np.int64) for _ in range(4))
        walk_sets(
            self.item.values,
            self._shown(),
            self.item.part.dirty,
            self.heads,
            self.following,
            self.group_of,
            walk.rows,
            items,
            groups,
            entries.member,
            self._said(members),
            np.stack(own, axis=1) if own else np.zeros((members.n, 0), np.int64),
            entries.time,
            believed_at(entries, batch),
            self.home.jump_ms,
            walk.ends,
            self.ops,
            asked,
            wanted,
            out,
            known,
            without,
            without_known,
        )
        for reader, flow, entry in walk.readers:
            flow.put(("late", self.name), np.zeros(flow.n, bool))
            for key, feature in reader.features.items():
                place = places[key]
                read = (without, without_known) if feature.frame.without_own else (out, known)
                flow.readings[key] = Ready(shown(feature, *(values[entry, place] for values in read)))

    def _shown(self) -> Ints:
        """The values of the items by reading, as they are kept."""
        if self.shown is None:
            return np.zeros((0, 0), np.int64)
        values: Ints = self.shown.values
        return values if len(self.ops) > 1 else values[:, None]


def shown(feature: Feature, values: Ints, known: Ints) -> Column:
    """What was read as a column."""
    if feature.function == "count":
        return Column(values)
    if feature.kind == "bool":
        return Column((values == 1) & (known == 1), known == 1)
    return Column(np.where(known == 1, values, NULL), known == 1)


__all__ = ["Active", "ActiveSet", "ActiveStage"]

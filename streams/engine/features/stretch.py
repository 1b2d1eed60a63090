"""A stretch: consecutive happenings of a stream for which something is true, and what they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.expression import Column, Expr, canonical, condition
from streams.engine.features.frame import OF_NOTHING, Extent, Feature, Frame
from streams.engine.features.keyed import KeyedStage, as_kept, kind_of, shown
from streams.engine.features.windows import MOST_LISTED
from streams.engine.flow import Ready
from streams.engine.kernels import kernel
from streams.engine.stage import believed_at, read_for
from streams.engine.state.bucket_kernels import plus
from streams.engine.state.codec import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Array
    from streams.engine.features.frame import Function
    from streams.engine.features.keyed import Walk
    from streams.engine.flow import Flow, Held
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Column as Stored
    from streams.engine.state.tables import Part
    from streams.engine.streams import Stream

COUNT, SUM, LATEST, FIRST, LARGEST, SMALLEST, ANY = range(7)
OPS: dict[Function, int] = {"count": COUNT, "sum": SUM, "latest": LATEST, "first": FIRST, "largest": LARGEST, "smallest": SMALLEST, "any": ANY}
KEPT: tuple[Function, ...] = (*OPS, "list")
"""The functions of a stretch."""
NO_MEMBER, ADDS, BEGINS, ADDS_LATE = range(4)
"""What a happening does to the stretch of its row."""


class Consecutive(Extent):
    """The happenings one after the other for which `holds` is true: of the stretch that is open, else of the last one."""

    def __init__(self, holds: Expr) -> None:
        self.holds = holds

    def expressions(self) -> list[Expr]:
        return [self.holds]

    def key(self) -> object:
        return ("consecutive", self.holds.key())

    def canonical(self, value_of: ValueOf) -> str:
        return f"consecutive {canonical(self.holds, value_of)}"

    def __str__(self) -> str:
        return f"while {self.holds}"


class Stretch(Frame):
    """The stretch of a stream; `start` is the time of its first happening.

    >>> from schemas.raw import LocationUpdate
    >>> from streams.engine.expression import RecordField
    >>> from streams.engine.streams import RecordSource, Stream
    >>> away = Stretch.of(Stream(RecordSource(LocationUpdate)), RecordField(LocationUpdate, "roaming", "bool", nullable=False))
    >>> str(away)
    'LocationUpdate while roaming'
    """

    @classmethod
    def of(cls, stream: Stream, holds: Expr) -> Stretch:
        """The stretches of `stream` in which `holds` is true. Raises DefinitionFault."""
        return cls(stream, Consecutive(condition(holds)))

    @property
    def start(self) -> Feature:
        """When it began."""
        return self.first(self.stream.time)


def stretch_faults(feature: Feature) -> Iterator[str]:
    """What is wrong with a feature of a stretch."""
    if feature.function not in KEPT:
        yield f"{feature}: wanted {', '.join(KEPT)} of a stretch, got {feature.function}"
    extent = feature.frame.extent
    if isinstance(extent, Consecutive) and any(isinstance(node, Feature) for node in extent.holds.walk()):
        yield f"stretch: wanted a condition on columns of the members, got {extent.holds}, which is added up itself"


@kernel("void(int64[::1], int64[::1], int64[::1], int8[::1], boolean[::1], int64, int64[:, ::1], int64[:], int64[:], int64[:], boolean[:], boolean[::1], int8[::1])")
def follow(rows: Any, times: Any, member: Any, holds: Any, believed: Any, jump_ms: int, ends: Any, newest: Any, inside: Any, start: Any, dirty: Any, late: Any, step: Any) -> None:
    """What each entry does (`step`), and which are late. holds: by member, whether the condition is true: 1, 0, or -1 for unknown.

    newest[row]: the newest believed time (0: none); one more than `jump_ms` ahead was misdated. inside[row]: whether a stretch is open;
    start[row]: when the last one began. A late one ends nothing and begins nothing; inside of the open stretch it is added.
    """
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            row = ends[done, 1]
            dirty[row] |= newest[row] != 0 or start[row] != 0
            newest[row], inside[row], start[row] = 0, 0, 0
            done += 1
        if i == len(rows) or rows[i] < 0 or member[i] < 0 or holds[member[i]] < 0:
            continue
        row, time, true = rows[i], times[i], holds[member[i]] == 1
        if newest[row] > time + jump_ms:
            newest[row], dirty[row] = 0, True
        late[i] = newest[row] != 0 and newest[row] > time
        if late[i]:
            if true and inside[row] != 0 and time >= start[row]:
                step[i] = 3
            continue
        if believed[i] and newest[row] != time:
            newest[row], dirty[row] = time, True
        if true:
            step[i] = 1 if inside[row] != 0 else 2
            if inside[row] == 0:
                inside[row], start[row], dirty[row] = 1, time, True
        elif inside[row] != 0:
            inside[row], dirty[row] = 0, True


@kernel("void(int64, int64[::1], int64[::1], int8[::1], int64[::1], int64[:, ::1], int64[:], boolean[:], int64[::1], int64[::1])")
def add(op: int, rows: Any, member: Any, step: Any, values: Any, ends: Any, state: Any, dirty: Any, without: Any, out: Any) -> None:
    """Take members into `state` and read it as of every entry: without its own member, and with it. 0 is nothing, and unknown."""
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            dirty[ends[done, 1]] |= state[ends[done, 1]] != 0
            state[ends[done, 1]] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row = rows[i]
        before = state[row]
        without[i] = before
        if step[i] != 0:
            now = 0 if step[i] == 2 else before
            value = values[member[i]]
            if op == COUNT:
                now += 1
            elif op == SUM:
                now = plus(now, value)
            elif value != 0:
                if op == LATEST:
                    now = value if step[i] != 3 else now
                elif now == 0:
                    now = value
                elif op == LARGEST:
                    now = max(now ^ NULL, value ^ NULL) ^ NULL
                elif op == SMALLEST:
                    now = min(now ^ NULL, value ^ NULL) ^ NULL
            state[row] = now
            dirty[row] |= now != before
        out[i] = state[row]


class Listed:
    """Lists read at happenings, as texts with separators."""

    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts

    def take(self, index: Ints | None) -> Column:
        """The lists for happenings `index`; None: all."""
        chosen = self.texts if index is None else [self.texts[at] for at in index.tolist()]
        found: Array = np.empty(len(chosen), object)
        for at, text in enumerate(chosen):
            found[at] = text.decode().split(SEPARATOR) if text else []
        return Column(found)


class StretchStage(KeyedStage):
    """What the members of stretches add up to, for each key of scope `by` and values by which the stream is split, in columns of a table.

    A member for which the condition is true belongs to the open stretch of its row or begins one, one for which it is false ends it, and
    one for which it is unknown is passed over. What is kept of the last stretch is dropped when the next begins.
    """

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.holds: Expr | None = None
        self.kept: dict[object, tuple[Stored, Feature]] = {}
        self.lists: dict[object, tuple[str, Feature]] = {}

    @staticmethod
    def _key(feature: Feature) -> object:
        return (feature.function, *(one.key() for one in feature.arguments))

    def read(self, feature: Feature, reader: FlowStage) -> None:
        """Declare a reading. All features of a stage have one condition."""
        extent = feature.frame.extent
        assert isinstance(extent, Consecutive)  # the plan gives it no others
        self.holds = extent.holds
        super().read(feature, reader)

    def declare(self) -> None:
        """Declare its columns: the newest time, whether a stretch is open and when the last began, and one for each feature."""
        super().declare()
        table, part = self.scope.table, self.part_name
        self.newest, self.start = (table.column(f"{self.name}.{name}", "time", part=part) for name in ("newest", "start"))
        self.inside = table.column(f"{self.name}.inside", "flag", part=part)
        self.part: Part = table.part(part)
        for feature in self.features():
            argument = f"({self.home.text(feature.arguments[0])})" if feature.arguments else ""
            column = f"{self.name}.{feature.function}{argument}"
            if feature.function == "list":
                table.texts(column, part=part)
                self.lists[self._key(feature)] = column, feature
                continue
            kind = "int" if feature.function in OF_NOTHING else kind_of(feature)
            self.kept.setdefault(self._key(feature), (table.column(column, kind, part=part), feature))
        self.home.keep(table, None)

    def run(self, batch: Batch) -> None:
        walk = self.walk(batch)
        entries, rows, ends, late, step = walk.entries, walk.rows, walk.ends, np.zeros(walk.n, bool), np.zeros(walk.n, np.int8)
        holds, believed = self._holds(walk.members), believed_at(entries, batch)
        follow(
            rows, entries.time, entries.member, holds, believed, self.home.jump_ms, ends,
            self.newest.values, self.inside.values, self.start.values, self.part.dirty, late, step,
        )  # fmt: skip
        added = {key: (self._added(walk, step, *kept), kept[1]) for key, kept in self.kept.items()}
        lists = {key: self._lists(walk, step, *kept) for key, kept in self.lists.items()}
        for reader, flow, entry in walk.readers:
            flow.put(("late", self.name), late[entry])
            read: dict[object, tuple[Held, Held]] = {key: (Ready(shown(one, without[entry])), Ready(shown(one, out[entry]))) for key, ((without, out), one) in added.items()}
            read |= {key: (Listed([without[at] for at in entry.tolist()]), Listed([out[at] for at in entry.tolist()])) for key, (without, out) in lists.items()}
            for key, feature in reader.features.items():
                without, with_own = read[self._key(feature)]
                flow.readings[key] = without if feature.frame.without_own else with_own
                flow.readings["without", key] = without

    def _holds(self, members: Flow) -> Any:
        """By member, whether the condition is true (1) or false (0); -1: unknown."""
        assert self.holds is not None  # something is read
        values, known = read_for(self.holds, members)
        found = values.astype(np.int8)
        return found if known is None else np.where(known, found, np.int8(-1)).astype(np.int8)

    def _added(self, walk: Walk, step: Any, column: Stored, feature: Feature) -> tuple[Ints, Ints]:
        """A feature as of every entry: without its own member, and with it; as it is stored."""
        without, out = np.zeros(walk.n, np.int64), np.zeros(walk.n, np.int64)
        values = as_kept(feature.arguments[0], walk.members, added=feature.function in OF_NOTHING) if feature.arguments else np.zeros(walk.members.n, np.int64)
        add(OPS[feature.function], walk.rows, walk.entries.member, step, values, walk.ends, column.values, self.part.dirty, without, out)
        return without, out

    def _lists(self, walk: Walk, step: Any, column: str, feature: Feature) -> tuple[list[bytes], list[bytes]]:
        """A list as of every entry: without its own member, and with it."""
        texts, dirty = self.part.texts[column], self.part.dirty
        values, member = as_kept(feature.arguments[0], walk.members), walk.entries.member
        without, out = [b""] * walk.n, [b""] * walk.n
        waiting = walk.ends.tolist()
        for entry, row in enumerate([*walk.rows.tolist(), -1]):
            while waiting and waiting[0][0] <= entry:
                ended = waiting.pop(0)[1]
                dirty[ended] |= texts[ended] != b""
                texts[ended] = b""
            if row < 0:
                continue
            without[entry] = texts[row]
            if step[entry] != NO_MEMBER:
                texts[row] = grown(b"" if step[entry] == BEGINS else texts[row], int(values[member[entry]]))
                dirty[row] |= texts[row] != without[entry]
            out[entry] = texts[row]
        return without, out


def grown(listed: bytes, value: int) -> bytes:
    """A list with the text of `value` (0: none) behind the others, unless it is there already or the list is full.

    >>> from schemas.codes import keep
    >>> grown(grown(b"FR", keep("JP")), keep("FR")).decode().split(SEPARATOR)
    ['FR', 'JP']
    """
    texts = listed.decode().split(SEPARATOR) if listed else []
    if value and len(texts) < MOST_LISTED and (text := text_of(value)) not in texts:
        texts.append(text)
    return SEPARATOR.join(texts).encode()


__all__ = ["Consecutive", "Stretch", "StretchStage", "stretch_faults"]

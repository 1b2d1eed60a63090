"""P9 session: happenings that follow each other closely, such as the views of a visit, as one stretch of time (`docs/semantics.md` P9).

The state of a row is the session at hand alone; which session a happening is of is a value of its own, the id. The words of a frame
add up the members that have the id of the happening that reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import Const, DefinitionFault, Expr, Reading, canonical
from streams.engine.expression import condition as checked
from streams.engine.features.frame import Frame, Within
from streams.engine.features.keyed import KeyedStage
from streams.engine.features.silence import SilenceSource
from streams.engine.kernels import kernel
from streams.engine.sources import Marked
from streams.engine.spans import Span
from streams.engine.stage import believed_at, read_for
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints
    from streams.engine.batch import Batch
    from streams.engine.expression import Operand
    from streams.engine.features.frame import Feature
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.stage import FlowStage, Stage

KEPT_MS = 7 * DAY_MS
"""What a session adds up are its members of the last seven days; one that ends so much later than the gap allows begins a new one, whenever it began."""
NEVER_CLOSED = -(2**62)
"""A clock that closes nothing."""


class SessionSource(Marked):
    """Sessions of `stream`: a member that begins at most `gap` after the end of the last one belongs to its session.

    A member lasts from `start` to its time; without `start` it is a moment. No stream is made of the source itself.
    """

    word = "session"

    def __init__(self, stream: Stream, gap: Span, start: Expr | None) -> None:
        self.stream, self.gap, self.start = stream, gap, start

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def expressions(self) -> tuple[object, ...]:
        return (self.gap, self.start)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        start = "" if self.start is None else f" from {canonical(self.start, value_of)}"
        return f"session of [{self.stream.canonical(value_of)}]{start} gap {self.gap.canonical(mark_of)}"


class SessionId(Reading):
    """Which session a happening is of: the first start that it took in; unknown where none is open.

    `of_members`: as it splits the members. Those rows are many and short-lived; the marks of re-arm words, which are few and kept long, are not among them.
    """

    name, kind, nullable = "id", "token", True

    def __init__(self, source: SessionSource, *, of_members: bool = False) -> None:
        self.source, self.of_members = source, of_members

    def key(self) -> object:
        return ("Session", self.source.key(), self.of_members)

    def canonical(self, value_of: ValueOf) -> str:
        return f"{'members of' if self.of_members else 'id of'} {self.source.canonical(value_of)}"

    def __str__(self) -> str:
        return "session.id"


class OfSession(Within):
    """The members of one session: those with its id, of the last seven days."""

    def __init__(self, source: SessionSource) -> None:
        super().__init__(Span(KEPT_MS, civil=False))
        self.source = source

    def __str__(self) -> str:
        return f"of a session (ends {self.source.gap} after the last)"


class Closed(SilenceSource):
    """The ends of sessions: no further member for the gap. Its columns are those of the last member on time."""

    word = "closed"

    def __init__(self, session: Session) -> None:
        super().__init__(session.source.stream, session.source.gap, None)
        self.of, self._session = session.source, session

    @property
    def known(self) -> tuple[Expr, ...]:
        return (self._session.id, self._session.start, self._session.end)


class Session(Frame):
    """The session that a happening is of, with the words of a frame, which add up its members; as a key it stands for its id.

    A member has its session; so has a timer that a member set: that of its anchor. Any other happening has the one that is open at its
    moment: from the start to the gap behind the end, both included. A late member within the gap of the open session joins it, and may
    move its start back; other late ones are of no session. Without `start` a session is closed when its timer has fired, and never opens again.
    """

    def __init__(self, source: SessionSource) -> None:
        self.source = source
        self.id: Reading = SessionId(source)
        super().__init__(source.stream.same(SessionId(source, of_members=True)), OfSession(source))
        self._closed = Closed(self) if source.start is None else None

    @property
    def as_key(self) -> Expr:
        """What it stands for in `same` and `once_per`."""
        return self.id

    @property
    def start(self) -> Expr:
        """The earliest start of its members."""
        return self.smallest(self.source.stream.time if self.source.start is None else self.source.start)

    @property
    def end(self) -> Expr:
        """The time of its last member."""
        return self.largest(self.source.stream.time)

    @property
    def length(self) -> Expr:
        """From its start to its end, ms."""
        return self.end - self.start

    @property
    def closed(self) -> Stream:
        """The moments at which sessions end: the gap after the last member. Raises DefinitionFault.

        Of members that last the end is not known then: one that began in time may still come.
        """
        if self._closed is None:
            raise DefinitionFault(f"{self.source.stream} session.closed: wanted a session of moments, got one with start=: a member that began in time may still come")
        return Stream(self._closed, (), self.source.stream.by_value)

    def where(self, *conditions: Expr) -> Chosen:
        """Its members for which all of `conditions` are true."""
        return Chosen(self, *map(checked, conditions))


class Chosen(Frame):
    """Some of a session's members. The others are kept beside them, so that what is late is late for the session."""

    def __init__(self, session: Frame, *conditions: Expr) -> None:
        super().__init__(session.stream, session.extent, without_own=session.without_own)
        self.conditions = conditions

    def before(self) -> Frame:
        return Chosen(Frame(self.stream, self.extent, without_own=True), *self.conditions)

    def _only(self, value: Expr) -> Expr:
        for one in self.conditions:
            value = value.where(one)
        return value

    def count(self) -> Feature:
        return super().sum(self._only(Const(1)))

    def sum(self, value: Expr) -> Feature:
        return super().sum(self._only(value))

    def mean(self, value: Expr) -> Expr:
        return self.sum(value) / Chosen(Frame(self.stream, self.extent, without_own=self.without_own), *self.conditions, value.known()).count()

    def distinct(self, value: Expr) -> Feature:
        return super().distinct(self._only(value))

    def largest(self, value: Expr) -> Feature:
        return super().largest(self._only(value))

    def smallest(self, value: Expr) -> Feature:
        return super().smallest(self._only(value))

    def latest(self, value: Expr) -> Feature:
        return super().latest(self._only(value))

    def first(self, value: Expr) -> Feature:
        return super().first(self._only(value))

    def top(self, value: Expr, *, by: Expr) -> Feature:
        return super().top(self._only(value), by=by)

    def list(self, value: Expr) -> Feature:
        return super().list(self._only(value))

    def any(self, condition: Expr) -> Feature:
        return super().any(self._only(checked(condition)))


def session_of(stream: Stream, gap: Span, start: Operand | None) -> Session:
    """The sessions of a stream. Raises DefinitionFault."""
    if gap.civil:
        raise DefinitionFault(f"session: gap: wanted elapsed time such as '30min', got {gap} (civil days)")
    if isinstance(gap.length, int) and gap.length > KEPT_MS:
        raise DefinitionFault(f"session: gap: wanted seven days at most, for which members are kept, got {gap}")
    if start is not None and (not isinstance(start, Expr) or start.kind != "time" or start.nullable):
        raise DefinitionFault(f"session: start: wanted a moment that every member has, such as D.start_time, got {start!r}")
    if stream.source.timed:
        raise DefinitionFault(f"session: wanted a stream of records or of events that records cause, got {stream}, which may be moments of timers")
    return Session(SessionSource(stream, gap, start))


@kernel(
    "void(int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], int64[::1], int64, int64, int64, int64[:, ::1],"
    " int64[:], int64[:], int64[:], int64[:], boolean[:], int64[::1])"
)
def follow(
    rows: Any, times: Any, member: Any, starts: Any, believed: Any, clock: Any, gap: int, kept: int, jump: int, ends: Any,
    ids: Any, begin: Any, last: Any, newest: Any, dirty: Any, out: Any,
) -> None:  # fmt: skip
    """`out`: the id of the session of each entry, 0 for none. Times in epoch ms; `starts`: of each member; `clock`: how far timers had fired.

    The session at hand of a row: `ids` (0: none yet), its earliest start, the end of its last member on time, and the newest believed time.
    A member that ends more than `kept` behind the gap is of a new one. A newest time more than `jump` ahead was misdated.

    >>> times, state, out = np.array([10, 15, 21]), np.zeros((4, 1), np.int64), np.zeros(3, np.int64)
    >>> given = np.zeros(3, np.int64), times, np.arange(3), times, np.ones(3, bool), np.full(3, NEVER_CLOSED)
    >>> follow(*given, 5, 0, 100, np.zeros((0, 3), np.int64), *state, np.zeros(1, bool), out)
    >>> out.tolist()
    [10, 10, 21]
    """
    done = 0
    for i in range(len(rows) + 1):
        while done < len(ends) and ends[done, 0] <= i:
            row = ends[done, 1]
            dirty[row] |= ids[row] != 0
            ids[row] = begin[row] = last[row] = newest[row] = 0
            done += 1
        if i == len(rows) or rows[i] < 0:
            continue
        row, time, until = rows[i], times[i], last[rows[i]] + gap
        if member[i] < 0:
            if ids[row] != 0 and begin[row] <= time <= until:
                out[i] = ids[row]
            continue
        start = starts[member[i]]
        late = time < newest[row] <= time + jump
        if ids[row] != 0 and start <= until and time <= until + kept and begin[row] <= time + gap and clock[i] < until:
            begin[row] = min(begin[row], start)
        elif late:
            continue
        else:
            ids[row] = begin[row] = start
        out[i], dirty[row] = ids[row], True
        if not late:
            last[row] = time
            if believed[i]:
                newest[row] = time
            elif newest[row] > time:
                newest[row] = 0


class SessionStage(KeyedStage):
    """Finds the session of each member of a stream, and of the happenings of the readers. State: the session at hand of each row."""

    def __init__(self, home: Home, by: str, source: SessionSource, members: FlowStage, name: str) -> None:
        super().__init__(home, by, source.stream, members, name)
        self.source = source
        self.gap = source.gap.number(home.world.value_of)
        if self.gap > KEPT_MS:
            raise DefinitionFault(f"session: gap: wanted seven days at most, for which members are kept, got {self.gap // 3_600_000} h")

    def read(self, feature: Feature | SessionId, reader: FlowStage) -> None:
        """Declare that an id is read at the happenings of `reader`."""
        super().read(feature, reader)  # type: ignore[arg-type]  # only its key is looked at

    def reads_at(self, node: SessionId, stages: Sequence[Stage]) -> bool:
        """Whether `node` is read at one of `stages`."""
        return any(id(stage) in self.readers and node.key() in self.readers[id(stage)].features for stage in stages)

    def declare(self) -> None:
        super().declare()
        table, part = self.scope.table, self.part_name
        self.columns = [table.column(f"{self.name}.{name}", "time", part=part) for name in ("id", "start", "end", "newest")]
        self.home.keep(table, self.gap + KEPT_MS)

    def run(self, batch: Batch) -> None:
        walk, source = self.walk(batch), self.source
        entries = walk.entries
        clock = batch.timer_clock[entries.at // 2] if source.start is None else np.full(walk.n, NEVER_CLOSED)
        kept, found = 0 if source.start is None else KEPT_MS, np.zeros(walk.n, np.int64)
        asked: list[Any] = [walk.rows, entries.time, entries.member, self._starts(walk.members), believed_at(entries, batch)]
        asked += [clock, self.gap, kept, self.home.jump_ms, walk.ends]
        state: list[Any] = [*(column.values for column in self.columns), self.columns[0].part.dirty, found]
        follow(*asked, *state)
        for reader, flow, entry in walk.readers:
            for key in reader.features:
                flow.put(key, found[entry], found[entry] != 0)

    def _starts(self, members: Flow) -> Ints:
        """When each member began, epoch ms: not after its time."""
        start = self.source.start
        return np.array(members.time, np.int64) if start is None else np.minimum(read_for(start, members).values.astype(np.int64), members.time)


__all__ = ["Session", "SessionId", "SessionSource", "SessionStage", "session_of"]

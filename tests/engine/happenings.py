"""Happenings made by hand: batches and flows without records, for tests of single stages; and state that is written and read back."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import numpy as np
from hypothesis import strategies as st

from schemas.codes import keep
from schemas.raw import BalanceChange, VoiceUsage
from streams.engine.batch import Reset, World
from streams.engine.calendar import Calendar
from streams.engine.clock import Clock
from streams.engine.expression import Column, RecordField
from streams.engine.flow import Flow
from streams.engine.home import Home
from streams.engine.identity import Identity
from streams.engine.sources import Source
from streams.engine.stage import FlowStage
from streams.engine.state.store import State
from streams.engine.streams import Stream

DELAY, LATE, JUMP = 5, 300, 5_000
NULL = -(2**63)
LINES = ("S1", "S2", "S3")
CODES = np.array([[keep("C1"), keep(line)] for line in LINES])
number = RecordField(BalanceChange, "number", "int", nullable=True)
word = RecordField(BalanceChange, "word", "text", nullable=True)
truth = RecordField(BalanceChange, "truth", "bool", nullable=True)
part = RecordField(BalanceChange, "part", "int", nullable=False)
"""A value that refines the key."""


class Rec(NamedTuple):
    """A record: its time, topic rank (0: B, 1: V), line, whether it is a first or second half, a third thing, and its columns."""

    time: int
    rank: int
    line: int
    first: bool
    second: bool
    third: bool = False
    number: int | None = None
    part: int = 0
    ends: int = 0
    """1: its line loses its timers behind it, 2: all state."""


class Either(Source):
    """Records of both topics."""

    def __init__(self, name: str, *records: type) -> None:
        self.name, self.types = name, records

    def records(self) -> tuple[type, ...]:
        return self.types

    def expressions(self) -> tuple[object, ...]:
        return (self.name,)

    def canonical(self, value_of: Any) -> str:
        return self.name


class Made(Flow):
    """Some records of a batch."""

    def __init__(self, batch: Any, index: np.ndarray, parent: Flow | None = None, taken: np.ndarray | None = None) -> None:
        super().__init__(batch, "line", 2 * index + 1, batch.time[index], parent, taken)
        self.idx = index
        self.batch: Any = batch

    def _taken(self, index):
        return Made(self.batch, self.idx[index], self, index)

    def field(self, field):
        records = [self.batch.records[i] for i in self.idx.tolist()]
        if field.name == "part":
            return Column(np.array([one.part for one in records], np.int64))
        known = np.array([one.number is not None for one in records], bool)
        match field.name:
            case "number":
                return Column(np.array([NULL if one.number is None else one.number for one in records], np.int64), known)
            case "word":
                return Column(np.array([0 if one.number is None else keep(f"word {one.number}") for one in records], np.int64), known)
        return Column(np.array([bool(one.number and one.number > 1) for one in records], bool), known)

    def rows(self, by):
        return self.batch.line_rows[self.idx]

    def zones(self, by):
        return self.world.default_zone

    def identity(self, place):
        number = self.batch.begin + int(self.idx[place])
        return Identity("made", "test", f"r{number}", "C1", None, LINES[self.batch.records[int(self.idx[place])].line], None)

    def packed(self, place):
        return msgspec.msgpack.encode(self.identity(place))

    @property
    def ranks(self):
        return self.batch.rank[self.idx]


class Given(FlowStage):
    """A stage that gives the records for which `wanted` holds."""

    def __init__(self, wanted) -> None:
        super().__init__()
        self.wanted = wanted

    def run(self, batch):
        self.flow = Made(batch, np.flatnonzero([bool(self.wanted(one)) for one in batch.records]).astype(np.int64))


class Shard:
    """Stages over a state of their own: `build(home, by)` gives them in the order in which they run. The last one's flow is noted."""

    def __init__(self, build, zone="UTC", late=LATE) -> None:
        self.build, self.zone, self.late = build, zone, late
        self.begin = self.clock = 0
        self.pairs: dict[bytes, bytes | None] = {}
        self.open()

    def open(self) -> None:
        self.state = State(Clock(JUMP))
        tables = {by: self.state.table(by) for by in ("customer", "line")}
        self.world = World(SimpleNamespace(is_empty=lambda table: True), Calendar(), self.zone, {}, tables)  # type: ignore[arg-type]  # no reference data
        self.home = Home(self.world, self.state, late_limit_ms=self.late, jump_ms=JUMP, delay_ms=DELAY)
        self.stages = self.build(self.home)
        for stage in self.stages:
            stage.declare()
        self.state.build()
        if self.pairs:
            self.state.restore(self.pairs.items())
            self.state.restored()
            for stage in self.stages:
                stage.restored()

    def reopen(self) -> None:
        """Write the state, and go on with what is read back."""
        self.pairs.update(self.state.changes())
        self.open()

    def run(self, records: list[Rec], moves_to: int = 0) -> list[Flow]:
        """One batch; `moves_to`: the clock goes on without records."""
        batch: Any = SimpleNamespace(world=self.world, records=records, n=len(records), begin=self.begin)
        batch.time, batch.rank = np.array([one.time for one in records], np.int64), np.array([one.rank for one in records], np.int64)
        clocks = [max(self.clock, moves_to)]
        for one in records:
            clocks.append(clocks[-1] if clocks[-1] and one.time > clocks[-1] + JUMP else max(clocks[-1], one.time))
        batch.clock = np.array(clocks, np.int64)
        batch.timer_clock = batch.clock - DELAY
        batch.believed = (batch.clock[:-1] <= 0) | (batch.time <= batch.clock[:-1] + JUMP)
        customer = self.world.tables["customer"].rows_of_ids(CODES[:1, :1], None)
        rows = self.world.tables["line"].rows_of_ids(CODES, np.repeat(customer, len(LINES)))
        batch.line_rows = np.array([rows[one.line] for one in records], np.int32)
        batch.resets = [Reset(at, int(rows[one.line]), one.ends == 1, lifelong=False) for at, one in enumerate(records) if one.ends]
        batch.returns = []
        for stage in self.stages:
            stage.run(batch)
        self.clock = clocks[-1]
        self.begin += len(records)
        return [stage.flow for stage in self.stages]


firsts, seconds, thirds = Either("first", BalanceChange, VoiceUsage), Either("second", BalanceChange, VoiceUsage), Either("third", BalanceChange, VoiceUsage)


def stream(source: Source, *values) -> Stream:
    return Stream(source, (), values)


def value(flow: Flow, node, i: int):
    """A value as Python has it."""
    values, known = flow.column(node)
    return None if known is not None and not known[i] else values[i].item()


STEPS = st.sampled_from((0, 0, 1, 3, 10, 20, 30, 61, 150))


@st.composite
def timelines(draw, ends=True):
    """Records in the order of their release, with late ones or misdated ones; cut into batches, some with the state written and read back before."""
    records, now = [], 1_000
    misdated = draw(st.booleans())
    behind = st.sampled_from((0, 0, 0, 0, -6_000) if misdated else (0, 0, 2, 10, 30, 60, 200))
    what = st.sampled_from(("first", "first", "first", "second", "second", "second", "both", "third", "third", "other"))
    for _ in range(draw(st.integers(1, 60))):
        now += draw(STEPS)
        late, kind, line = draw(behind) if records else 0, draw(what), draw(st.sampled_from((0, 0, 0, 1)))
        is_end = draw(st.sampled_from((0,) * 14 + (1, 2))) if ends else 0
        first, second = kind in ("first", "both"), kind in ("second", "both")
        seen = draw(st.sampled_from((None, 1, 2, 3)))
        records.append(Rec(now - late, draw(st.sampled_from((0, 1))), line, first, second, kind == "third", seen, draw(st.sampled_from((0, 0, 1))), is_end))
    batches, left = [], records
    while left:
        size = draw(st.sampled_from((1, 2, 3, 5, 20)))
        batches.append((left[:size], draw(st.booleans())))
        left = left[size:]
    return records, batches


def clocks(records: list[Rec]) -> list[int]:
    """The clock before each record and after the last."""
    found = [0]
    for one in records:
        found.append(found[-1] if found[-1] and one.time > found[-1] + JUMP else max(found[-1], one.time))
    return found


def interpreted(file: str) -> None:
    """Run the tests of a file without the compiler, on fewer timelines."""
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "TIMELINES": "10"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--durations=0", "-k", "not interpreted", file], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]

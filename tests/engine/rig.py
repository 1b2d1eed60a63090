"""A shard without intake: records of two types as plain tuples, timers, line ends and cuts, for tests of single stages."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from schemas.codes import NULL, code
from schemas.raw import RECORD_TYPES
from schemas.raw.usage import DataUsage, VoiceUsage
from streams.engine.batch import Reset, World
from streams.engine.calendar import Calendar
from streams.engine.clock import Clock
from streams.engine.expression import RecordField
from streams.engine.flow import RecordFlow, StoredFlow
from streams.engine.home import Home
from streams.engine.sources import RecordSource
from streams.engine.stage import FlowStage
from streams.engine.state.store import State
from streams.engine.streams import Stream

HOUR = 3_600_000
ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/New_York")
"""Of lines 0, 1, 2, 3 …, in turn."""
START = 1_792_800_000_000
"""2026-10-24, the day before Berlin's longest."""
JUMP_MS, LATE_MS = 31 * 24 * HOUR, 48 * HOUR

charge = RecordField(VoiceUsage, "charge_minor", "int", nullable=True, unit="minor")
party = RecordField(VoiceUsage, "other_party", "text", nullable=True)
currency = RecordField(VoiceUsage, "currency", "text", nullable=True)
weight = RecordField(VoiceUsage, "duration_s", "int", nullable=True)
calls, uses = Stream(RecordSource(VoiceUsage)), Stream(RecordSource(DataUsage))


class Happening(NamedTuple):
    """A record: `call` is one of the members, else a record of another type. A timer fires before the record: its line and due time."""

    call: bool
    line: int
    time: int
    charge: int | None = None
    party: str | None = None
    currency: str | None = None
    weight: int | None = None
    believed: bool = True
    timer: tuple[int, int] | None = None
    reset: tuple[int, bool, bool] | None = None
    """A line that ends behind the record; whether for timers only; whether for what happens once in a life, too."""


def day_of(line: int, time: int) -> int:
    """The civil day of `time` in the zone of a line, by `zoneinfo`."""
    return datetime.fromtimestamp(time / 1000, ZoneInfo(ZONES[line % len(ZONES)])).toordinal() - 719_163


class Records:
    """The records of one type in a batch, as `batch.Group` has them."""

    def __init__(self, rig: Rig, batch: Any, record_type: type, position: Any, happenings: list[Happening]) -> None:
        self.batch, self.world, self.record_type = batch, rig.world, record_type
        self.position, self.n = position, len(position)
        self.time = batch.time[position]
        self.line = np.array([one.line for one in happenings], np.int64)
        self.columns = {
            "charge_minor": np.array([NULL if one.charge is None else one.charge for one in happenings], np.int64),
            "duration_s": np.array([NULL if one.weight is None else one.weight for one in happenings], np.int64),
            "other_party": np.array([code(one.party) for one in happenings], np.int64),
            "currency": np.array([code(one.currency) for one in happenings], np.int64),
        }
        self.line_rows, self.line_zones = rig.rows(self.line), rig.zones(self.line)

    def built(self, name: str) -> bool:
        return True

    def field(self, name: str) -> Any:
        return self.columns[name]

    def rows(self, by: str) -> Any:
        return self.line_rows

    def zones(self, by: str) -> Any:
        return self.line_zones


class Timers(StoredFlow):
    """Moments of timers, in the zones of their lines."""

    line_zones: Any

    def zones(self, by: str) -> Any:
        return self.line_zones


class Given(FlowStage):
    """A stage whose flow the test sets."""


class Rig:
    """Tables, calendar and stages over them; `run` takes one batch."""

    def __init__(self) -> None:
        self.calendar = Calendar()
        self.zone_numbers = np.array([self.calendar.zone(name) for name in ZONES], np.int64)
        self.state = State(Clock(JUMP_MS))
        self.tables = {by: self.state.table(by) for by in ("customer", "account", "line")}
        self.world = World(SimpleNamespace(is_empty=lambda table: True), self.calendar, ZONES[0], {}, self.tables)  # type: ignore[arg-type]  # no reference data
        self.home = Home(self.world, self.state, late_limit_ms=LATE_MS, jump_ms=JUMP_MS, delay_ms=0)
        self.calls, self.some, self.uses, self.timers = Given(), Given(), Given(), Given()
        """Members; those of them with an even charge; records of another type; moments of timers."""
        self.stages: list[Any] = []
        self.log: dict[bytes, bytes | None] = {}
        """The changelog."""

    @property
    def readers(self) -> tuple[Given, ...]:
        return (self.calls, self.some, self.uses, self.timers)

    def add(self, stage_type: Any, stream: Stream, name: str) -> Any:
        """A stage over calls."""
        stage = stage_type(self.home, "line", stream, self.calls, name)
        self.stages.append(stage)
        return stage

    def build(self) -> None:
        for stage in self.stages:
            stage.declare()
        self.state.build()

    def rows(self, lines: Any) -> Any:
        """Rows of lines, whose customers are their own."""
        unique, where = np.unique(lines, return_inverse=True)
        customers = np.array([code(f"C{line}") for line in unique.tolist()], np.int64)
        own = np.array([code(f"S{line}") for line in unique.tolist()], np.int64)
        if not len(unique):
            return np.zeros(0, np.int32)
        customer = self.tables["customer"].rows_of_ids(customers[:, None], None)
        return self.tables["line"].rows_of_ids(np.stack([customers, own], axis=1), customer)[where]

    def zones(self, lines: Any) -> Any:
        return self.zone_numbers[np.asarray(lines, np.int64) % len(ZONES)]

    def batch(self, happenings: list[Happening]) -> Any:
        time = np.array([one.time for one in happenings], np.int64)
        batch: Any = SimpleNamespace(world=self.world, n=len(happenings), time=time, believed=np.array([one.believed for one in happenings], bool), resets=[], returns=[])
        batch.resets = [
            Reset(position, int(self.rows(np.array([one.reset[0]]))[0]), timers_only=one.reset[1], lifelong=one.reset[2])
            for position, one in enumerate(happenings)
            if one.reset is not None
        ]
        return batch

    def run(self, happenings: list[Happening], same: tuple[Any, ...] = ()) -> None:
        """One batch through all stages. `same`: calls with an unknown one of these are no members."""
        batch = self.batch(happenings)
        groups = []
        for call in (True, False):
            position = np.array([at for at, one in enumerate(happenings) if one.call is call], np.int64)
            groups.append(Records(self, batch, RECORD_TYPES[0] if call else DataUsage, position, [happenings[at] for at in position.tolist()]))
        every = RecordFlow(groups[0], "line", np.arange(groups[0].n))  # type: ignore[arg-type]  # stands for a group
        known = np.ones(every.n, bool)
        for node in same:
            known &= every.coded(node)[0] != 0
        self.calls.flow = every.take(known)
        charges = self.calls.flow.values(charge)
        self.some.flow = self.calls.flow.take((charges != NULL) & (charges % 2 == 0))
        self.uses.flow = RecordFlow(groups[1], "line", np.arange(groups[1].n))  # type: ignore[arg-type]  # stands for a group
        fired = [(2 * at, *one.timer) for at, one in enumerate(happenings) if one.timer is not None]
        at, line, due = np.array(fired, np.int64).reshape(-1, 3).T.copy()
        self.timers.flow = Timers(batch, "line", at, due, self.rows(line), {}, [b""] * len(fired), due, np.zeros(len(fired), np.int64))
        self.timers.flow.line_zones = self.zones(line)
        for stage in self.stages:
            stage.run(batch)

    def moved_to(self, other: Rig) -> Rig:
        """The same state, stored and read back into `other`."""
        self.log |= dict(self.state.changes())
        other.log = dict(self.log)
        other.state.restore(self.log.items())
        other.state.restored()
        return other

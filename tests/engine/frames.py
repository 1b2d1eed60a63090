"""Happenings made by hand, and the stages that keep them, for tests of frames without an engine."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from schemas.codes import hold
from schemas.raw import VoiceUsage
from streams.engine.batch import Reset
from streams.engine.calendar import Calendar
from streams.engine.expression import Column, Reading
from streams.engine.features.members import MemberStage
from streams.engine.flow import Flow, Ready
from streams.engine.home import Home
from streams.engine.sources import RecordSource
from streams.engine.stage import FlowStage
from streams.engine.state.packing import ByteStrings
from streams.engine.state.tables import Table
from streams.engine.state.touched import TouchedRows
from streams.engine.streams import Stream

HOUR, DAY = 3_600_000, 86_400_000
LATE, JUMP = 48 * HOUR, 31 * DAY
ZONES = ("Europe/Berlin", "Asia/Shanghai")
CALENDAR = Calendar()
BERLIN, SHANGHAI = map(CALENDAR.zone, ZONES)
WORDS = ("b", "a", "c")
CODES = [hold(word) for word in WORDS]
"""Texts with their codes; the tie goes to `a`."""


class Given(Reading):
    """A column of the test's happenings."""

    def __init__(self, name, kind="int"):
        self.name, self.kind, self.nullable = name, kind, True

    def key(self):
        return ("Given", self.name)

    def canonical(self, value_of):
        return f"given.{self.name}"

    def __str__(self):
        return self.name


class Happenings(Flow):
    """Some happenings: `lines` the rows of their lines; `timed`: moments of timers."""

    def __init__(self, batch, at, time, lines, timed, parent=None, index=None):
        super().__init__(batch, "line", at, time, parent, index)
        self.lines, self._timed = lines, timed

    def _taken(self, index):
        return Happenings(self.batch, self.at[index], self.time[index], self.lines[index], self._timed[index], self, index)

    def rows(self, by):
        return self.lines

    def zones(self, by):
        return np.where(self.lines % 2 == 0, BERLIN, SHANGHAI).astype(np.int64)

    @property
    def due(self):
        return np.where(self._timed, self.time, 0)


class GivenStage(FlowStage):
    """A stage whose flow the test sets; `inner`: a stage of whose happenings it has some."""

    def __init__(self, inner=None):
        super().__init__()
        if inner is not None:
            self.inner = inner


class States:
    """The tables of a shard, as `Home` asks for them."""

    def __init__(self, lines=4):
        self.base = Table("line", 1)
        self.base.rows_of_ids(np.array([[hold(f"L{line}")] for line in range(lines)]), None)
        self.tables = {"line": self.base}

    def table(self, by):
        return self.tables[by]

    def finer(self, by, texts):
        return self.tables.setdefault(f"{by}:{'|'.join(texts)}", Table(f"{by}:{'|'.join(texts)}", 1 + len(texts), self.base))

    def touched(self, by, part):
        return self.tables.setdefault(f"{by}.{part}", TouchedRows(self.base))

    def remembers(self, place, memory):
        assert memory.span_ms > 0

    def build(self):
        for table in self.tables.values():
            table.build()

    def stored(self):
        """What the changelog would hold of each table: keys, parts and followers."""
        for name, table in self.tables.items():
            rows = np.flatnonzero(table.live()).astype(np.int32)
            keys = table.key_texts(rows)
            parts = {part: (one.layout, one.encode(rows).listed()) for part, one in table.parts.items()}
            yield name, keys, parts, {one.part_name: (one.layout(), one.encode(rows).listed()) for one in table.followers}

    def restore(self, stored):
        """Read that back."""
        for name, keys, parts, followers in stored:
            table = self.tables[name]
            rows = table.restore_rows(ByteStrings.of([key.encode() for key in keys]), self.base)
            both = [(table.parts[part], *stored) for part, stored in parts.items()]
            both += [(one, *followers[one.part_name]) for one in table.followers]
            for one, layout, values in both:
                kept = [place for place, value in enumerate(values) if value is not None]
                if kept:
                    one.load(rows[kept], layout, ByteStrings.of([values[place] for place in kept]))


def value_of(parameter):
    return parameter.value


class Shard:
    """One stage over members with the columns x (number), w (text), c (truth value) and k, by which it may be split; other readers beside them."""

    def __init__(self, make_features, *, split=False, reset=None):
        self.state = States()
        self.world = SimpleNamespace(calendar=CALENDAR, tables=self.state.tables, value_of=value_of)
        self.home = Home(self.world, self.state, late_limit_ms=LATE, jump_ms=JUMP, delay_ms=0)
        stream = Stream(RecordSource(VoiceUsage), (), (Given("k"),) if split else ())
        self.members, self.some, self.others = GivenStage(), None, GivenStage()
        self.some = GivenStage(self.members)
        self.stage = MemberStage(self.home, "line", stream, self.members, "window")
        self.features = make_features(stream)
        for number, feature in enumerate(self.features):
            if feature.frame.extent.ordered and number % 3 == 2:
                self.stage.read(feature, self.others)
            self.stage.read(feature, self.some)
            if number % 3 == 1:
                self.stage.read(feature, self.others)
        self.rule = reset(self) if reset is not None else None
        self.stage.declare()
        self.state.build()

    def run(self, entries, resets=()):
        """Take in a batch of entries (dictionaries) in their order."""
        at, position = [], 0
        for entry in entries:
            at.append(2 * position if entry["timer"] else 2 * position + 1)
            position += not entry["timer"]
        batch = SimpleNamespace(world=self.world, believed=np.ones(position, bool), resets=[Reset(*one) for one in resets], returns=[])
        for entry, place in zip(entries, at, strict=True):
            if not entry["timer"]:
                batch.believed[place >> 1] = entry["believed"]

        def flow(kind):
            mine = [number for number, entry in enumerate(entries) if entry["kind"] in kind]
            made = Happenings(
                batch, np.array([at[n] for n in mine], np.int64), np.array([entries[n]["time"] for n in mine], np.int64),
                np.array([entries[n]["line"] for n in mine], np.int32), np.array([entries[n]["timer"] for n in mine], bool),
            )  # fmt: skip
            for name, kind_of in (("x", "int"), ("w", "text"), ("c", "bool"), ("k", "int")):
                values = [entries[n][name] for n in mine]
                known = np.array([value is not None for value in values], bool)
                column = np.array([0 if value is None else value for value in values], bool if kind_of == "bool" else np.int64)
                if kind_of == "int":
                    column[~known] = -(2**63)
                made.readings["Given", name] = Ready(Column(column, known))
            return made, mine

        self.members.flow, members = flow(("both", "member"))
        self.others.flow, others = flow(("other",))
        chosen = np.array([entries[n]["kind"] == "both" for n in members], bool)
        self.some.flow = self.members.flow.take(chosen)
        some = [n for n in members if entries[n]["kind"] == "both"]
        self.stage.run(batch)
        if self.rule is not None:
            self.rule.run(batch)
        return some, others

"""Single stages at work on real batches: records in, in any cuts, with line ends between them and restarts in between."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from types import SimpleNamespace

import msgspec
import numpy as np

from schemas.codes import code
from schemas.raw import RECORD_TYPES, TOPICS, type_name
from schemas.reference import Reference
from streams.engine.batch import Batch, Reset, World
from streams.engine.calendar import Calendar
from streams.engine.clock import JUMP_MS, Clock
from streams.engine.flow import StoredFlow
from streams.engine.home import Home
from streams.engine.stage import FlowStage, RecordStage
from streams.engine.state.packing import ByteStrings
from streams.engine.state.tables import Table
from streams.engine.state.touched import TouchedRows
from streams.intake.columns import Columns

HOUR = 3_600_000
DAY = 24 * HOUR
DELAY_MS, LATE_MS = 5_000, 48 * HOUR
STRUCTS = {type_name(record): record for record in RECORD_TYPES}
KINDS = {record: kind for kind, record in enumerate(RECORD_TYPES)}


class Tables:
    """The tables of a shard, and what a changelog would hold of them."""

    def __init__(self):
        self.tables = {"customer": Table("customer", 1), "line": Table("line", 2), "account": Table("account", 2)}

    def table(self, name):
        return self.tables[name]

    def finer(self, by, texts):
        name = f"{by}({', '.join(texts)})"
        return self.tables.setdefault(name, Table(name, 1 + len(texts), self.tables[by]))

    def touched(self, by, part):
        return self.tables.setdefault(f"{by}.{part}", TouchedRows(self.tables[by]))

    def parts(self):
        return [(table, part) for table in self.tables.values() for part in table.parts.values()]

    def build(self, stored):
        for table in self.tables.values():
            table.build()
        for table, part in self.parts():
            own = {key: value for (name, key), value in stored.items() if name == part.name}
            if own:
                part.load(table.restore_rows(ByteStrings.of([key.encode() for key in own]), self.tables["customer"]), part.layout, ByteStrings.of(list(own.values())))

    def changed(self):
        found = {}
        for table, part in self.parts():
            rows = np.flatnonzero(part.dirty).astype(np.int32)
            part.dirty[rows] = False
            found |= {(part.name, key): value for key, value in zip(table.key_texts(rows), part.encode(rows).listed(), strict=True)}
        return found


class Timers(FlowStage):
    """Moments of timers of lines: the entries `timers` of the records before which they fire."""

    def rests(self, batch):
        return False

    def run(self, batch):
        found = [(2 * at, due, record) for at, record in enumerate(batch.released.raw) for due in record.get("timers", ())]
        at, due = (np.array([one[n] for one in found], np.int64) for n in (0, 1))
        lines = [batch.world.tables["line"].map.find(np.array([codes_of(record)], np.int64))[0][0] for *_, record in found]
        self.flow = StoredFlow(batch, "line", at, due, np.array(lines, np.int32), {}, [b""] * len(found), due, np.zeros(len(found), np.int64))


def codes_of(record):
    return code(record["customer_id"]), code(record["subscription_id"])


class Bench:
    """Stages over batches. `build(home, records)` makes them, in the order in which they run; `records(type name, by)` gives stages of records."""

    def __init__(self, build, *, reference=None, zone="Asia/Shanghai"):
        self.build, self.zone = build, zone
        self.reference = reference or Reference.load()
        self.stored = {}
        self.clock = Clock(JUMP_MS)
        self.restart()

    def restart(self):
        state = Tables()
        self.tables = state
        self.world = World(self.reference, Calendar(), self.zone, {}, state.tables)
        home = Home(self.world, state, late_limit_ms=LATE_MS, jump_ms=JUMP_MS, delay_ms=DELAY_MS)
        inputs = {}

        def records(name, by="line"):
            return inputs.setdefault((name, by), RecordStage(KINDS[STRUCTS[name]], by))

        built = self.build(home, records)
        self.stages = [*inputs.values(), *built]
        for stage in built:
            if hasattr(stage, "declare"):
                stage.declare()
        state.build(self.stored)

    def feed(self, records):
        """One batch. A record may have `reset`: its line ends behind it, "all" or "timers"; and `timers`: due times that fire before it."""
        batch = Batch(self.world, released(records))
        clock = self.clock.follow(batch.time, batch.customer, self.world.tables["customer"])
        batch.clock[:], batch.timer_clock = clock, clock - DELAY_MS
        batch.believed = (clock[:-1] == 0) | (batch.time <= clock[:-1] + JUMP_MS)
        rows = {kind: dict(zip(group.position.tolist(), group.rows("line").tolist(), strict=True)) for kind, group in batch.groups.items()}
        for at, record in enumerate(records):
            if "reset" in record:
                row = rows[int(batch.kind[at])][at]
                batch.resets.append(Reset(at, row, timers_only=record["reset"] == "timers", lifelong=record["reset"] == "all"))
        for stage in self.stages:
            if stage.rests(batch):
                stage.rest(batch)
            else:
                stage.run(batch)
        for key, value in self.tables.changed().items():
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value
        return batch


def released(records):
    """What the merge gives for records (dicts with `event_time` in epoch ms) in this order."""
    structs = [msgspec.convert({k: v for k, v in record.items() if k not in ("reset", "timers")}, STRUCTS[record["record_type"]]) for record in records]
    kinds = np.array([KINDS[type(one)] for one in structs], np.int8)
    pieces = {}
    for kind in np.unique(kinds).tolist():
        where = np.flatnonzero(kinds == kind)
        pieces[kind] = [(Columns(RECORD_TYPES[kind], [structs[at] for at in where.tolist()]), np.arange(len(where), dtype=np.int32), where)]
    ranks = np.array([TOPICS.index(RECORD_TYPES[kind].topic) for kind in kinds.tolist()], np.int8)
    times, hashes = np.array([record["event_time"] for record in records], np.int64), np.zeros(len(records), np.int64)
    return SimpleNamespace(n=len(records), time=times, rank=ranks, kind=kinds, id_hash=hashes, content_hash=hashes, pieces=pieces, raw=records)


def ids(flow):
    """The record ids of the happenings of a flow of records."""
    return [flow.group.record(at).record_id for at in flow.idx.tolist()] if flow.n else []


def clocks(records):
    """For each record the clock before it less the delay of timers, and whether its time is believed: by a clock of its own."""
    table = Table("customer", 1)
    rows = table.rows_of_ids(np.array([[code(record["customer_id"])] for record in records], np.int64).reshape(-1, 1), None)
    times = np.array([record["event_time"] for record in records], np.int64)
    before = Clock(JUMP_MS).follow(times, rows, table).tolist()
    return [(clock - DELAY_MS, clock == 0 or time <= clock + JUMP_MS) for clock, time in zip(before, times.tolist(), strict=False)]


def cut(records, sizes):
    """Records in batches of `sizes`, again and again."""
    at, turn = 0, itertools.cycle(sizes)
    while at < len(records):
        size = next(turn)
        yield records[at : at + size]
        at += size


@contextmanager
def interpreted(*modules):
    """Run the kernels of modules as plain Python."""
    kept = [(module, name, value) for module in modules for name, value in vars(module).items() if hasattr(value, "py_func")]
    for module, name, value in kept:
        setattr(module, name, value.py_func)
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)


def within_the_limit(records):
    """The records that are not later than the late limit behind the newest of their customer and topic; what is far ahead was misdated."""
    newest, kept = {}, []
    for record in records:
        key, time = (record["customer_id"], STRUCTS[record["record_type"]].topic), record["event_time"]
        if newest.get(key, 0) > time + JUMP_MS:
            newest[key] = time
        newest[key] = max(newest.get(key, 0), time)
        if newest[key] - time <= LATE_MS:
            kept.append(record)
    return kept

"""Timers and pairs over records as they are read: decoded, merged, by the key of their line."""

from __future__ import annotations

import json

from schemas.codes import text_of
from schemas.raw import RECORD_TYPES, TOPICS, BalanceChange, VoiceUsage, type_name
from schemas.reference import Reference
from streams.engine.batch import BASES, Batch, World
from streams.engine.calendar import Calendar
from streams.engine.clock import JUMP_MS, Clock
from streams.engine.expression import EventDay, RecordField
from streams.engine.features.absence import AbsenceSource, AbsenceStage
from streams.engine.features.pair import Pair, PairSource, PairStage
from streams.engine.features.silence import SilenceSource, SilenceStage
from streams.engine.home import Home
from streams.engine.sources import Of, RecordSource
from streams.engine.spans import span_of
from streams.engine.stage import RecordStage, entries_of
from streams.engine.state.store import State
from streams.engine.streams import Stream
from streams.intake.decode import decode_chunk
from streams.intake.merge import ALWAYS, Merger
from tests.engine.happenings import value
from tests.streams.records import good

REFERENCE = Reference.load(country="CN")
MINUTE = 60_000
START = 1_777_564_800_000 + 23 * 60 * MINUTE
"""An hour before midnight in Shanghai."""
charges, calls = RecordSource(BalanceChange), RecordSource(VoiceUsage)
bucket, after = RecordField(BalanceChange, "bucket_id", "text", nullable=False), RecordField(BalanceChange, "balance_after", "int", nullable=True)
party = RecordField(VoiceUsage, "other_party", "text", nullable=True)
day = EventDay()


class Engine:
    """An absence and a pair by line, a silence by bucket, over charges and calls."""

    def __init__(self) -> None:
        self.state = State(Clock(JUMP_MS))
        self.world = World(REFERENCE, Calendar(), "Asia/Shanghai", {}, {by: self.state.table(by) for by in BASES})
        home = Home(self.world, self.state, late_limit_ms=48 * 3_600_000, jump_ms=JUMP_MS, delay_ms=5_000)
        self.records = [RecordStage(RECORD_TYPES.index(record), "line") for record in (BalanceChange, VoiceUsage)]
        one, two = self.records
        self.absence = AbsenceStage(home, "line", AbsenceSource(Stream(charges), Stream(calls), span_of("without", "1h")), one, two, "absence")
        self.silence = SilenceStage(home, "line", SilenceSource(Stream(charges, (), (bucket,)), span_of("silent", "1d"), None), one, "silence")
        self.pair = Pair(PairSource(Stream(charges), Stream(calls), span_of("then", "1h")))
        self.pairs = PairStage(home, "line", self.pair.source, one, two, "pair")
        self.absence.keep_of_anchor([after])
        self.silence.keep_of_anchor([after, bucket])
        self.pairs.keep_of_anchor([self.pair.earlier(after), party])
        for stage in (self.absence, self.silence, self.pairs):
            stage.declare()
        self.state.build()
        self.offsets = dict.fromkeys(TOPICS, 0)

    def run(self, *records):
        merger = Merger(1000)
        merger.looked = [ALWAYS] * 4
        for topic in TOPICS:
            own = [raw for raw in records if next(one for one in RECORD_TYPES if type_name(one) == raw["record_type"]).topic == topic]
            first, self.offsets[topic] = self.offsets[topic], self.offsets[topic] + len(own)
            values, keys = [json.dumps(raw).encode() for raw in own], [b"C1"] * len(own)
            merger.add(decode_chunk(topic, 0, range(first, first + len(own)), keys, values, next_offset=first + len(own), latest_ms=None, max_bytes=10_000))
        released = merger.release(1000) if records else None
        assert not records or released.n == len(records)
        return self._run(Batch(self.world, released))

    def _run(self, batch):
        batch.clock = self.state.clock.follow(batch.time, batch.customer, self.world.tables["customer"])
        batch.timer_clock = batch.clock - 5_000
        for stage in (*self.records, self.absence, self.silence, self.pairs):
            (stage.rest if stage.rests(batch) else stage.run)(batch)

    def advance(self, minutes):
        self.state.clock.pass_to(START + minutes * MINUTE)
        self._run(Batch(self.world, None))


def charge(minutes, number, **changes):
    return good("balance_change", event_time=START + minutes * MINUTE, record_id=f"b{number}", **changes)


def call(minutes, number, **changes):
    return good("voice_usage", event_time=START + minutes * MINUTE, record_id=f"v{number}", **changes)


def test_a_timer_reads_its_anchor_and_its_own_day():
    engine = Engine()
    engine.run(charge(30, 1, balance_after=7), charge(31, 2, bucket_id="other", balance_after=8))
    engine.advance(92)
    flow = engine.absence.flow
    assert flow.time.tolist() == [START + 90 * MINUTE]
    assert (value(flow, after, 0), flow.identity(0).record_id, value(flow, Of(charges, "time", "time"), 0)) == (7, "b1", START + 30 * MINUTE)
    assert flow.column(day).values.tolist() == [(START + 8 * 3_600_000) // 86_400_000 + 1]
    engine.advance(2000)
    assert engine.silence.flow.time.tolist() == [START + (30 + 1440) * MINUTE, START + (31 + 1440) * MINUTE]
    assert [text_of(value(engine.silence.flow, bucket, i)) for i in range(2)] == ["b", "other"]
    assert engine.silence.flow.rows("customer").tolist() == [0, 0]


def test_a_pair_is_found_whichever_record_comes_last():
    engine = Engine()
    engine.run(charge(0, 1, balance_after=5), call(10, 1))
    flow = engine.pairs.flow
    assert [(flow.identity(0).record_id, value(flow, engine.pair.gap, 0), value(flow, engine.pair.earlier(after), 0))] == [("v1", 10 * MINUTE, 5)]
    engine.run(call(20, 2, other_party="t:9"))
    engine.run(charge(15, 2, balance_after=6))
    flow = engine.pairs.flow
    assert [(flow.identity(0).record_id, value(flow, engine.pair.gap, 0), value(flow, engine.pair.earlier(after), 0))] == [("v2", 5 * MINUTE, 6)]
    assert (int(flow.time[0]), text_of(value(flow, party, 0)), int(flow.ranks[0])) == (START + 20 * MINUTE, "t:9", 1)


def test_a_pair_is_the_same_happening_as_its_record_whatever_else_the_batch_holds():
    """Else what frames read at it would depend on the cuts."""
    for others in ([], [charge(15, 2)]):
        engine = Engine()
        engine.run(call(20, 1))
        engine.run(charge(-50, 1), call(5, 2), *others)
        flow, calls_of_batch = engine.pairs.flow, engine.records[1].flow
        assert [flow.identity(i).record_id for i in range(flow.n)] == ["v2", "v1"][: flow.n] and flow.n == 1 + len(others)
        for members, reader, wanted in ((calls_of_batch, flow, [0, -1]), (flow, calls_of_batch, [0])):
            entries = entries_of(members, [reader])
            assert entries.member[entries.readers[0]].tolist() == wanted[: reader.n]

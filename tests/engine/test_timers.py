"""Absences and silences: batch by batch the same as record by record, whatever the cuts, with late records, ends of lines and state read back."""

from __future__ import annotations

import os
from datetime import datetime

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.codes import text_of
from streams.engine.features.absence import AbsenceSource, AbsenceStage
from streams.engine.features.answers import MOST_RUNS, answered, note_answer
from streams.engine.features.silence import SilenceSource, SilenceStage
from streams.engine.sources import Of
from streams.engine.spans import span_of
from streams.engine.state.chains import Chains
from streams.engine.state.tables import Table
from streams.engine.streams import Stream
from tests.engine.happenings import (
    CODES,
    DELAY,
    JUMP,
    LINES,
    Either,
    Given,
    Rec,
    Shard,
    clocks,
    firsts,
    interpreted,
    number,
    part,
    seconds,
    stream,
    thirds,
    timelines,
    truth,
    value,
    word,
)

TIMELINES = settings(phases=(Phase.generate,), max_examples=int(os.environ.get("TIMELINES", "50")), deadline=None, database=None, derandomize=True)
SPAN, LONGER = 60, 100


def key_of(one, finer):
    return (one.line, one.part) if finer else (one.line,)


def is_believed(one, clock):
    return clock <= 0 or one.time <= clock + JUMP


class Plain:
    """Timers record by record. State: by key a dict with the newest time, since, due, anchor, and times of what was awaited."""

    def __init__(self, finer, span=SPAN) -> None:
        self.finer, self.span, self.state, self.found = finer, span, {}, []

    def of(self, key):
        return self.state.setdefault(key, {"newest": None, "since": None, "due": None, "anchor": None, "heard": []})

    def fire(self, place, key):
        me = self.state[key]
        self.found.append((place, me["due"], key, me["since"], me["anchor"]))
        me["due"] = None

    def due(self, limit, before=None):
        """The keys whose timers fire now, in order. `before`: the key and time of the next entry."""
        keys = [key for key, me in self.state.items() if me["due"] is not None and (me["due"] <= limit or (before is not None and before[0] == key and me["due"] < before[1]))]
        return sorted(keys, key=lambda key: (self.state[key]["due"], key[0], self.state[key]["since"], f"r{self.state[key]['anchor']}"))

    def awaited(self, key, time, rank):
        """`rank`: None for a timer's moment."""
        me = self.of(key)
        me["heard"].append((time, rank))
        if me["due"] is not None and me["since"] <= time <= me["due"]:
            me["due"] = None

    def late(self, me, time, *, believed):
        late = me["newest"] is not None and time < me["newest"] <= time + JUMP
        if believed and not late:
            me["newest"] = time
        return late

    def first(self, key, time, rank, anchor, *, believed=True):
        me = self.of(key)
        late = self.late(me, time, believed=believed)
        if late or (me["due"] is not None and me["since"] <= time + JUMP):
            return
        if not any(time < other <= time + self.span or (other == time and None not in (rank, of) and rank != of) for other, of in me["heard"]):
            me |= {"since": time, "anchor": anchor, "due": time + self.span}

    def lively(self, key, time, anchor, *, given, believed):
        me = self.of(key)
        if not self.late(me, time, believed=believed):
            me |= {"since": time, "anchor": anchor, "due": time + self.span if given else None}

    def end(self, one):
        for key in [key for key in self.state if key[0] == one.line]:
            if one.ends == 2:
                del self.state[key]
            elif one.ends == 1:
                self.state[key]["due"] = None


def plain_absences(records, finer):
    plain, times = Plain(finer), clocks(records)
    for at, one in enumerate(records):
        key = key_of(one, finer)
        entry = (key, one.time) if one.first or one.second else None
        for fired in plain.due(times[at] - DELAY, entry):
            plain.fire(at, fired)
        if one.second:
            plain.awaited(key, one.time, one.rank)
        if one.first:
            plain.first(key, one.time, one.rank, at, believed=is_believed(one, times[at]))
        plain.end(one)
    for fired in plain.due(times[-1] - DELAY):
        plain.fire(len(records), fired)
    return plain


def plain_silences(records, finer):
    plain, times = Plain(finer), clocks(records)
    for at, one in enumerate(records):
        key = key_of(one, finer)
        for fired in plain.due(times[at] - DELAY, (key, one.time) if one.first else None):
            plain.fire(at, fired)
        if one.first:
            plain.lively(key, one.time, at, given=one.number is not None and one.number > 1, believed=is_believed(one, times[at]))
        plain.end(one)
    for fired in plain.due(times[-1] - DELAY):
        plain.fire(len(records), fired)
    return plain


def finished(plain, records):
    """With what fires when the clock goes on."""
    for key in plain.due(10**9):
        plain.fire(len(records), key)
    return plain.found


READ = (number, word, truth)


def shown(records, found, flow, begin, first):
    """What a flow of timers gives, as the plain reading has it."""
    anchors = [int(flow.identity(i).record_id[1:]) for i in range(flow.n)]
    for i, anchor in enumerate(anchors):
        one = records[anchor]
        seen = one.number
        wanted = (seen, None if seen is None else f"word {seen}", None if seen is None else seen > 1)
        text = value(flow, word, i)
        assert (value(flow, number, i), None if text is None else text_of(text), value(flow, truth, i)) == wanted
        assert value(flow, Of(first, "time", "time"), i) == one.time
        assert flow.due[i] == flow.time[i] and flow.timed[i] and flow.ranks[i] == one.rank
        assert flow.identity(i).subscription_id == LINES[one.line] and flow.base[i] == flow.world.tables["line"].rows_of_ids(CODES[one.line : one.line + 1], None)[0]
        found.append((begin + int(flow.at[i]) // 2, int(flow.due[i]), one.line, one.time, anchor))


def replayed(shard, batches, records, first, last=-1):
    found = []
    for batch, reopens in batches:
        begin = shard.begin
        flow = shard.run(batch)[last]
        shown(records, found, flow, begin, first)
        if reopens:
            shard.reopen()
        timers = shard.stages[-1].timers
        assert all(not text for text, due in zip(timers.anchors.texts[timers.anchor_name], timers.due.values.tolist(), strict=True) if not due)
        earliest = [stage.earliest() for stage in shard.stages if stage.earliest() is not None]
        assert all(one > shard.clock - DELAY for one in earliest)
    for moves_to in (shard.clock + SPAN // 2, 10**9):
        shown(records, found, shard.run([], moves_to)[last], len(records), first)
    assert all(stage.earliest() is None for stage in shard.stages)
    return found


def absence(home, first, second, name="absence", source=firsts, finer=False):
    keys = (part,) if finer else ()
    declared = AbsenceSource(stream(source, *keys), stream(seconds, *keys), span_of("without", f"{SPAN}ms"))
    stage = AbsenceStage(home, "line", declared, first, second, name)
    stage.keep_of_anchor([*READ, *keys, Of(source, "time", "time"), Of(declared, "time", "time")])
    return stage


def published(found):
    return [(place, due, key[0], since, anchor) for place, due, key, since, anchor in found]


@TIMELINES
@given(timelines())
def test_absences_are_those_of_the_plain_reading(timeline):
    records, batches = timeline
    for finer in (False, True):

        def build(home, finer=finer):
            first, second = Given(lambda one: one.first), Given(lambda one: one.second)
            return [first, second, absence(home, first, second, finer=finer)]

        assert replayed(Shard(build), batches, records, firsts) == published(finished(plain_absences(records, finer), records))


@TIMELINES
@given(timelines())
def test_silences_are_those_of_the_plain_reading(timeline):
    records, batches = timeline
    for finer in (False, True):

        def build(home, finer=finer):
            inner, keys = Given(lambda one: one.first), (part,) if finer else ()
            declared = SilenceSource(stream(firsts, *keys), span_of("silent", f"{SPAN}ms"), number > 1)
            stage = SilenceStage(home, "line", declared, inner, "silence")
            stage.keep_of_anchor([*READ, Of(firsts, "time", "time")])
            return [inner, stage]

        assert replayed(Shard(build), batches, records, firsts) == published(finished(plain_silences(records, finer), records))


@pytest.mark.parametrize("awaited", [False, True])
@TIMELINES
@given(timelines())
def test_an_absence_after_an_absence_is_that_of_the_plain_reading(awaited, timeline):
    """The first timer's moments, at their places, set the second timer, which third things call off; or `awaited`: the other way round."""
    records, batches = timeline

    def build(home):
        first, second, third = (Given(lambda one, name=name: getattr(one, name)) for name in ("first", "second", "third"))
        inner = absence(home, first, second)
        streams = (Stream(thirds), Stream(inner.source)) if awaited else (Stream(inner.source), Stream(thirds))
        declared = AbsenceSource(*streams, span_of("without", f"{LONGER}ms"))
        outer = AbsenceStage(home, "line", declared, *((third, inner) if awaited else (inner, third)), "outer")
        outer.keep_of_anchor([Of(streams[0].source, "time", "time"), Of(firsts, "time", "time"), number])
        inner.keep_of_anchor([number])
        return [first, second, third, inner, outer]

    found = []
    shard = Shard(build)

    def note(flows, begin):
        flow = flows[-1]
        for i in range(flow.n):
            since = value(flow, Of(thirds if awaited else shard.stages[3].source, "time", "time"), i)
            found.append((begin + int(flow.at[i]) // 2, int(flow.due[i]), since, int(flow.identity(i).record_id[1:]), value(flow, number, i)))
            assert awaited or value(flow, Of(firsts, "time", "time"), i) == records[found[-1][3]].time

    for batch, reopens in batches:
        begin = shard.begin
        note(shard.run(batch), begin)
        if reopens:
            shard.reopen()
    for moves_to in (shard.clock + SPAN, 10**9):
        note(shard.run([], moves_to), len(records))
    assert found == plain_chain(records, awaited)


def plain_chain(records, awaited):
    inner, outer, times = Plain(finer=False), Plain(finer=False, span=LONGER), clocks(records)

    def place(at, limit, one):
        entry = ((one.line,), one.time) if one is not None and (one.first or one.second) else None
        for key in inner.due(limit, entry):
            due, anchor = (inner.state[key][name] for name in ("due", "anchor"))
            inner.fire(at, key)
            for other in outer.due(-1, (key, due)):
                outer.fire(at, other)
            if awaited:
                outer.awaited(key, due, None)
            else:
                outer.first(key, due, None, anchor)
        for key in outer.due(limit, ((one.line,), one.time) if one is not None and one.third else None):
            outer.fire(at, key)

    for at, one in enumerate(records):
        place(at, times[at] - DELAY, one)
        if one.third and awaited:
            outer.first((one.line,), one.time, one.rank, at, believed=is_believed(one, times[at]))
        elif one.third:
            outer.awaited((one.line,), one.time, one.rank)
        if one.second:
            inner.awaited((one.line,), one.time, one.rank)
        if one.first:
            inner.first((one.line,), one.time, one.rank, at, believed=is_believed(one, times[at]))
        inner.end(one)
        outer.end(one)
    end = len(records)
    for clock in (times[-1], times[-1] + SPAN, 10**9):
        place(end, clock - DELAY, None)
    fired = sorted(outer.found, key=lambda fired: fired[:3])
    return [(at, due, since, anchor, records[anchor].number) for at, due, _, since, anchor in fired]


ANSWERS = st.lists(st.tuples(st.integers(100, 160), st.integers(-1, 2)), max_size=12)


@TIMELINES
@given(ANSWERS, st.integers(1, 20), st.integers(100, 140))
def test_runs_of_answers_tell_what_all_answers_tell(known, span, least):
    """For any span as long as the shortest or longer, and moments that are not let go."""
    chains = Chains(Table("line", 2), "answers", [("begin", "time"), ("end", "int")], most=MOST_RUNS)
    chains.make_room(len(known))
    for time, rank in known:
        note_answer(chains.lists, chains.links, chains.values, chains.spare, 3, time, rank, span, least)
    runs = chains.values[chains.nodes(np.array([3], np.int32))]
    begins, ends = runs[:, 0].tolist(), (runs[:, 1] // 16).tolist()
    assert all(begin - span > end for begin, end in zip(begins, ends[1:], strict=False))
    for time in range(least, 165):
        for rank in range(-1, 3):
            for longer in (0, 1, 5):
                due = time + span + longer
                wanted = any(time < other <= due or (other == time and -1 not in (rank, of) and rank != of) for other, of in known)
                assert answered(chains.lists, chains.links, chains.values, 3, time, due, rank) == wanted


def test_what_called_a_timer_off_is_known_to_another_first_thing_of_that_time():
    def build(home):
        first, second = Given(lambda one: one.first), Given(lambda one: one.second)
        return [first, second, absence(home, first, second)]

    shard = Shard(build)
    shard.run([Rec(1000, 0, 0, first=True, second=False), Rec(1001, 0, 0, first=False, second=True), Rec(1000, 0, 0, first=True, second=False)])
    assert shard.run([], 2000)[-1].n == 0


def test_a_line_that_begins_again_has_no_newest():
    """Behind the end of all state a record is the first one, however old; behind that of timers alone it is not."""

    def build(home):
        inner = Given(lambda one: one.first)
        stage = SilenceStage(home, "line", SilenceSource(stream(firsts), span_of("silent", f"{SPAN}ms"), None), inner, "silence")
        return [inner, stage]

    for ends, due in ((0, [1070]), (1, []), (2, [1060])):
        shard = Shard(build)
        shard.run([Rec(1010, 0, 0, first=True, second=False, ends=ends), Rec(1000, 0, 0, first=True, second=False)])
        assert shard.run([], 2000)[-1].time.tolist() == due


def test_the_same_civil_time_some_days_later():
    """H5 (d): seven days from 22 March 02:30 in Berlin end at 03:30, for 02:30 does not exist that day."""

    def build(home):
        inner = Given(lambda one: one.first)
        stage = SilenceStage(home, "line", SilenceSource(stream(firsts), span_of("silent", "7d"), None), inner, "silence")
        return [inner, stage]

    start, end = (round(datetime.fromisoformat(text).timestamp() * 1000) for text in ("2026-03-22T02:30+01:00", "2026-03-29T03:30+02:00"))
    shard = Shard(build, zone="Europe/Berlin")
    shard.run([Rec(start, 0, 0, first=True, second=False)])
    assert shard.run([], end + DELAY - 1)[-1].n == 0
    flow = shard.run([], end + DELAY)[-1]
    assert flow.time.tolist() == [end]


def test_records_of_one_topic_need_no_column_for_it():
    source = Either("one topic", firsts.types[0])

    def build(home):
        first, second = Given(lambda one: one.first), Given(lambda one: one.second)
        return [first, second, absence(home, first, second, source=source)]

    shard = Shard(build)
    (columns,) = [set(part.columns) for table in shard.state.tables.values() for part in table.parts.values() if part.columns]
    assert "absence.topic" not in columns
    assert shard.run([Rec(1000, 0, 0, first=True, second=False), Rec(1070, 1, 0, first=False, second=True)])[-1].time.tolist() == [1060]


def test_the_same_interpreted():
    interpreted(__file__)

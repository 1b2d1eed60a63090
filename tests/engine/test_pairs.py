"""Pairs: batch by batch the same as record by record, whichever half comes last, whatever the cuts, with ends of lines and state read back."""

from __future__ import annotations

import os
from datetime import datetime

import pytest
from hypothesis import Phase, given, settings

from schemas.codes import text_of
from streams.engine.expression import DefinitionFault
from streams.engine.features import pairing
from streams.engine.features.pair import Pair, PairSource, PairStage
from streams.engine.sources import Of
from streams.engine.spans import span_of
from streams.engine.streams import Stream
from tests.engine.happenings import CODES, LINES, Given, Rec, Shard, firsts, interpreted, number, part, seconds, stream, timelines, truth, value, word

TIMELINES = settings(phases=(Phase.generate,), max_examples=int(os.environ.get("TIMELINES", "50")), deadline=None, database=None, derandomize=True)
SPAN = 60


def plain_pairs(records, within, finer, most=10**6):
    """What pairs there are, in order: place, time, gap, and which records are the halves."""
    free, waiting, found = {}, {}, []
    for at, one in enumerate(records):
        key = (one.line, one.part if finer else 0)
        mine, theirs = free.setdefault(key, []), waiting.setdefault(key, [])
        end = one.time + within if within else 10**12
        if one.second:
            fits = [half for half in mine if records[half].time <= one.time <= records[half].time + (within or 10**12)]
            if fits:
                half = max(fits, key=lambda half: (records[half].time, half))
                mine.remove(half)
                found.append((at, one.time, one.time - records[half].time, half, at))
            elif within:
                theirs.append(at)
        if one.first:
            fits = [half for half in theirs if one.time < records[half].time <= end or (one.time == records[half].time and one.rank != records[half].rank)]
            if fits:
                half = min(fits, key=lambda half: (records[half].time, half))
                theirs.remove(half)
                found.append((at, records[half].time, records[half].time - one.time, at, half))
            else:
                mine.append(at)
                if len(mine) > most:
                    mine.remove(min(mine, key=lambda half: (records[half].time, half)))
        if one.ends == 2:
            for state in (free, waiting):
                for key in [key for key in state if key[0] == one.line]:
                    del state[key]
    return found


READ = (number, word, truth)


def build(within, finer=False, given=lambda one: True):
    def stages(home):
        first, second = Given(lambda one: one.first), Given(lambda one: one.second)
        keys = (part,) if finer else ()
        pair = Pair(PairSource(stream(firsts, *keys), stream(seconds, *keys), None if within is None else span_of("then", within)), (), keys)
        stage = PairStage(home, "line", pair.source, first, second, "pair")
        leaves = [*READ, *keys, *(pair.earlier(node) for node in READ), pair.gap, Of(firsts, "time", "time"), Of(seconds, "time", "time")]
        assert stage.earlier_nodes(leaves) == list(READ)
        stage.keep_of_anchor(leaves)
        stage.pair = pair
        return [first, second, stage]

    return stages


def note(records, shard, flow, begin, found):
    pair, table = shard.stages[-1].pair, shard.world.tables["line"]
    places = flow.at.tolist()
    assert places == sorted(places) and not flow.timed.any()
    for i, at in enumerate(places):
        half = int(flow.identity(i).record_id[1:])
        one, gap = records[half], value(flow, pair.gap, i)
        time = int(flow.time[i])
        assert value(flow, Of(firsts, "time", "time"), i) == time - gap and value(flow, Of(seconds, "time", "time"), i) == time == one.time
        assert flow.ranks[i] == one.rank and flow.identity(i).subscription_id == LINES[one.line] and table.key_text(flow.rows("line")[i]).endswith(LINES[one.line])
        assert seen(flow, READ, i) == columns(one)
        found.append((begin + at // 2, time, gap, seen(flow, [pair.earlier(node) for node in READ], i), half))


def seen(flow, nodes, i):
    values = [value(flow, node, i) for node in nodes]
    return (values[0], None if values[1] is None else text_of(values[1]), values[2])


def columns(one):
    return (None, None, None) if one.number is None else (one.number, f"word {one.number}", one.number > 1)


@pytest.mark.parametrize("within", [SPAN, None])
@TIMELINES
@given(timelines())
def test_pairs_are_those_of_the_plain_reading(within, timeline):
    records, batches = timeline
    for finer in (False, True):
        shard, found = Shard(build(f"{within}ms" if within else None, finer)), []
        for batch, reopens in batches:
            begin = shard.begin
            note(records, shard, shard.run(batch)[-1], begin, found)
            if reopens:
                shard.reopen()
        wanted = plain_pairs(records, within, finer, 10**6 if within else pairing.MOST_FREE)
        assert found == [(at, time, gap, columns(records[first]), second) for at, time, gap, first, second in wanted]


def both(time, rank=0):
    return Rec(time, rank, 0, first=True, second=True)


def first(time, rank=0, seen=None):
    return Rec(time, rank, 0, first=True, second=False, number=seen)


def second(time, rank=0):
    return Rec(time, rank, 0, first=False, second=True)


def gaps(records, within="60ms"):
    flow = Shard(build(within)).run(records)[-1]
    return [value(flow, Of(PairSource(stream(firsts), stream(seconds), span_of("then", within) if within else None), "gap", "int"), i) for i in range(flow.n)]


def test_a_record_is_no_pair_with_itself():
    assert gaps([both(1000), both(1010)]) == [10]


def test_at_equal_times_of_two_topics_the_first_half_counts_as_before():
    assert gaps([second(1000, rank=0), first(1000, rank=1)]) == [0]
    assert gaps([second(1000), first(1000)]) == []
    assert gaps([first(1000), second(1000)]) == [0]


def test_the_end_of_the_span_is_within_it():
    assert gaps([first(1000), second(1060)]) == [60]
    assert gaps([first(1000), second(1061)]) == []
    assert gaps([second(1060), first(1000)]) == [60]
    assert gaps([second(1061), first(1000)]) == []


def test_a_late_first_half_belongs_to_the_next_second_one_that_waits():
    """As it would have been in order: the first one after it."""
    assert gaps([second(1030), second(1020), first(1010)]) == [10]


def test_without_a_span_the_newest_first_halves_are_kept():
    shard = Shard(build(None))
    flow = shard.run([*(first(1000 + i) for i in range(20)), *(second(2000 + i) for i in range(20))])[-1]
    assert flow.n == pairing.MOST_FREE
    assert shard.state.take_dropped() == 20 - pairing.MOST_FREE


def test_what_can_serve_no_more_is_let_go():
    shard = Shard(build("60ms"))
    shard.run([first(1000 + i) for i in range(10)])
    shard.run([first(3000), first(3001)])
    (row,) = shard.state.table("line").rows_of_ids(CODES[:1], None).tolist()
    assert shard.stages[-1].free.lists[row, 1] == 2


def test_civil_days_end_at_the_same_civil_time():
    """Over the night in which Berlin leaves summer time a day has 25 hours."""
    begin, end = (round(datetime.fromisoformat(text).timestamp() * 1000) for text in ("2026-10-24T12:00+02:00", "2026-10-25T12:00+01:00"))
    for last, count in ((end, 1), (end + 1, 0)):
        shard = Shard(build("1d"), zone="Europe/Berlin")
        assert shard.run([first(begin), second(last)])[-1].n == count
        assert Shard(build("1d"), zone="Europe/Berlin", late=10**8).run([second(last), first(begin)])[-1].n == count


def test_a_pair_of_pairs_reads_the_inner_gap():
    def stages(home):
        one, two, three = (Given(lambda one, name=name: getattr(one, name)) for name in ("first", "second", "third"))
        inner = Pair(PairSource(stream(firsts), stream(seconds), span_of("then", "60ms")))
        outer = Pair(PairSource(stream(firsts), Stream(inner.source), span_of("then", "60ms")))
        low = PairStage(home, "line", inner.source, one, two, "low")
        high = PairStage(home, "line", outer.source, three, low, "high")
        high.keep_of_anchor([inner.gap, inner.earlier(number), outer.gap, number])
        low.keep_of_anchor([inner.gap, inner.earlier(number), number])
        low.pair, high.pair = inner, outer
        return [one, two, three, low, high]

    third = Rec(990, 0, 0, first=False, second=False, third=True)
    shard = Shard(stages)
    shard.run([first(1000, seen=7), second(1010)._replace(number=8)])
    shard.reopen()
    flow = shard.run([third])[-1]
    low, high = shard.stages[-2].pair, shard.stages[-1].pair
    assert flow.identity(0).record_id == "r1"
    assert [value(flow, node, 0) for node in (low.gap, low.earlier(number), high.gap, number)] == [10, 7, 20, 8]


def test_what_is_read_of_the_first_half_is_a_column():
    pair = Stream(firsts).then(Stream(seconds), within="1h")
    assert (pair.earlier(number).kind, str(pair.earlier(number))) == ("int", "earlier(number)")
    with pytest.raises(DefinitionFault, match="earlier: wanted a column"):
        pair.earlier(3)
    for kept in (Stream(firsts).count(), Stream(firsts).within("1h").count() + 1):
        with pytest.raises(DefinitionFault, match=r"earlier: wanted a column .*, got count: what is added up or kept is read at the second half alone"):
            pair.earlier(kept)


def test_the_same_interpreted():
    interpreted(__file__)

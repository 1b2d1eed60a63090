"""How long rows, values, texts and members are kept; none of it is ever seen in the events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas.codes
import streams.engine.state.store
from events.stories import seen
from events.words import C, G, V
from schemas.codes import NULL
from streams.define import cool, day, edge, once_per
from streams.definitions.catalogue import Catalogue
from streams.engine.features.windows import Windows, sums
from streams.engine.state.bucket_kernels import LIMIT, plus
from streams.shard import ShardSettings
from tests.engine.laboratory.toys import toy
from tests.shards import CATALOGUE, Bench, epoch_ms
from tests.streams.records import good

DAY = 86_400_000
HOUR = 3_600_000
NOON = epoch_ms("2026-05-01T12:00:00+08:00")


def spoken(at, customer="C1", party="a", **more):
    who = {"customer_id": customer, "account_id": f"A{customer}", "subscription_id": f"S{customer}"}
    spoken.number += 1
    return good("voice_usage", record_id=f"v{spoken.number}", event_time=at, start_time=at, answer_time=at, outcome="answered", other_party=party, **{**who, **more})


spoken.number = 0


def asked(at, identity="i1", customer="C1"):
    spoken.number += 1
    return good("interaction", record_id=f"c{spoken.number}", event_time=at, start_time=at, interaction_id=identity, customer_id=customer)


def customers(found):
    return [detection.who.customer_id for detection in found]


by_party = V.same(V.other_party)
hour = by_party.within("1h")


def pairs():
    return Catalogue([toy("pairs", "line", by_party.where(hour.count() >= 2), once_per(V.outcome))])


@pytest.mark.parametrize("restarted", [False, True])
def test_a_freed_row_leaves_nothing_to_the_next_customer(restarted):
    """Each customer's pair of calls fires, though the rows of the one before were freed and given away."""
    bench = Bench(catalogue=pairs())
    found = []
    for number, customer in enumerate(("C1", "C2", "C3")):
        begin = NOON + 20 * number * DAY
        if restarted and customer == "C3":
            bench.restart()
        found += bench.feed([spoken(begin, customer), spoken(begin + 1, customer)])
        bench.feed([spoken(begin + 19 * DAY, customer, party="z")])
    assert customers(found) == ["C1", "C2", "C3"]
    assert bench.shard.rows()["line(VoiceUsage.other_party)"] <= 4, "rows of an hour's window are freed after some days"


@pytest.mark.parametrize("restart_on", [None, 0, 300])
@pytest.mark.parametrize(("after", "events"), [(400 * DAY - 1, 1), (400 * DAY, 2), (400 * DAY + 36 * HOUR, 2)])
def test_a_value_is_remembered_four_hundred_days_from_its_emission(restart_on, after, events):
    bench = Bench(catalogue=Catalogue([toy("asked", "customer", C.all, once_per(C.interaction_id), which=C.interaction_id)]))
    found = []
    for number in range(401):
        found += bench.feed([asked(NOON + number * DAY - (1 if number else 0), f"other{number}" if number else "i1", "C1")])
        if number == restart_on:
            bench.restart()
    found += bench.feed([asked(NOON + after)])
    assert [detection.time for detection in found if detection.detail["which"] == "i1"] == [NOON, NOON + after][:events]


def test_rows_of_an_edge_window_are_freed_where_it_is_armed_when_empty():
    bench = Bench(catalogue=Catalogue([toy("pair", "line", by_party.where(hour.count() >= 2), edge)]))
    found = bench.feed([spoken(NOON + number * HOUR // 4, party=f"p{number // 2}") for number in range(4 * 24 * 30)])
    assert len(found) == 4 * 24 * 30 / 2
    assert bench.shard.rows()["line(VoiceUsage.other_party)"] < 3000
    bench.feed([spoken(NOON + 40 * DAY), spoken(NOON + 50 * DAY)])
    assert bench.shard.rows()["line(VoiceUsage.other_party)"] <= 2


def test_rows_of_an_edge_window_that_holds_when_empty_are_kept():
    """Un-armed, it stays so forever: only a kept row knows."""
    bench = Bench(catalogue=Catalogue([toy("few", "line", by_party.where(hour.count() < 3), edge)]))
    assert len(bench.feed([spoken(NOON + day * DAY, party="a" if not day % 10 else f"p{day}") for day in range(31)])) == 28
    assert bench.shard.rows()["line(VoiceUsage.other_party)"] == 28


def test_a_row_is_freed_by_its_customers_time_not_by_the_shards():
    """C1's own records may lie far behind the clock: none of them is late."""
    bench = Bench(catalogue=pairs())
    bench.feed([spoken(NOON)])
    bench.feed([spoken(NOON + day * DAY, "C2") for day in range(1, 60)])
    assert customers(bench.feed([spoken(NOON + HOUR - 1)])) == ["C1"]


# Records dated far ahead


def test_one_record_dated_ahead_makes_no_other_late():
    bench = Bench(
        catalogue=Catalogue(
            [toy("spoken", "line", V.all), toy("day", "line", V.all, once_per(day)), toy("rested", "line", V.all, cool("1h")), toy("again", "line", V.all, once_per(V.other_party))]
        )
    )
    bench.feed([spoken(NOON, "C2", "x"), spoken(NOON, "C1", "x"), spoken(NOON + 1000 * DAY)])
    for number in range(1, 11):
        expected = (["toy.again"] if number == 1 else []) + ["toy.day", "toy.rested", "toy.spoken"]
        bench.feed([spoken(NOON + 20 * number * DAY, "C2", "x")])
        assert [d.event for d in bench.feed([spoken(NOON + 20 * number * DAY)])] == expected, number
    assert bench.counters.get("late", 0) == 0
    assert bench.rejects == []


def test_it_counts_when_the_clock_has_reached_it():
    bench = Bench(catalogue=Catalogue([toy("spoken", "line", V.all)]))
    ahead = NOON + 32 * DAY
    bench.feed([spoken(NOON), spoken(NOON, "C2"), spoken(ahead), spoken(NOON + DAY, "C2")])
    bench.restart()
    bench.feed([spoken(NOON + 20 * DAY, "C2"), spoken(ahead + 1, "C2"), spoken(ahead - 3 * DAY)])
    assert bench.rejects == ["late"]
    bench.feed([spoken(ahead - HOUR)])
    assert bench.counters["late"] == 1


def test_a_record_a_month_ahead_is_accepted_at_once():
    bench = Bench(catalogue=Catalogue([toy("spoken", "line", V.all)]))
    bench.feed([spoken(NOON), spoken(NOON, "C2"), spoken(NOON + 31 * DAY), spoken(NOON + DAY)])
    assert bench.rejects == ["late"]


# Texts


@pytest.fixture
def tiny_cache(monkeypatch):
    monkeypatch.setattr(schemas.codes, "MOST_CACHED", 0)


def trip():
    return [seen("310000", "1 10:00"), seen("110000", "1 12:00"), seen("110000", "1 13:00"), seen("310000", "2 12:00"), seen("310000", "2 13:00")]


def abroad(at, plmn="208-01"):
    return good("location_update", record_id=f"{plmn}{at}", event_time=at, plmn=plmn, roaming=True, cell_id=...)


@pytest.mark.parametrize("keep_state", [False, True])
def test_state_outlives_the_cache_of_texts(tiny_cache, keep_state):
    """A trip's texts are there at its end, whether state is stored or not."""
    bench = Bench()
    bench.shard.settings = ShardSettings(keep_state=keep_state)
    found = []
    for number, record in enumerate(trip()):
        found += bench.feed([record])
        for other in range(3):
            found += bench.feed([spoken(epoch_ms(record["event_time"]) + other, "C7", f"{number}-{other}")])
    returned = [d for d in found if d.event == "travel.returned_home"]
    assert [d.detail["cities"] for d in returned] == [["110000"]]
    assert returned[0].detail["trip_id"] == next(d.detail["trip_id"] for d in found if d.event == "travel.trip_started")


def test_records_that_wait_in_the_merge_outlive_the_cache_of_texts(tiny_cache):
    """Their columns were built, and the texts of them met, when they were read."""
    bench = Bench(catalogue=Catalogue([toy("abroad", "line", G.where(G.plmn != "460-00"), once_per(G.plmn), network=G.plmn)]))
    bench.queue([abroad(NOON + number * HOUR, f"208-{number}") for number in range(40, 80)])
    bench.queue([spoken(NOON + number * HOUR, "C7", f"other {number}") for number in range(50)])
    assert [d.detail["network"] for d in bench.drain(2)] == [f"208-{number}" for number in range(40, 80)]
    assert bench.rejects == []


def texts(bench):
    return {key: value for key, value in dict(bench.log).items() if key.startswith(b"text\x1e") and value is not None}


def test_trips_leave_no_texts_behind():
    bench = Bench(catalogue=CATALOGUE)
    stored = []
    for week in range(4):
        for record in trip():
            bench.feed([{**record, "record_id": f"{record['record_id']}-{week}", "event_time": epoch_ms(record["event_time"]) + week * 7 * DAY}])
        stored.append(texts(bench))
    assert stored == [stored[0]] * 4
    assert sorted(set(stored[0].values())) == [b"110000", b"110000-1", b"310000", b"310000-1", b"460-00", b"CN"]


def test_texts_that_no_row_holds_any_more_are_deleted(monkeypatch):
    monkeypatch.setattr(streams.engine.state.store, "TEXTS_BETWEEN", 8)
    bench = Bench(catalogue=Catalogue([toy("moved", "line", (cell := V.all.moves(V.cell_id)), before=cell.was)]))
    for number in range(200):
        found = bench.feed([spoken(NOON + number, cell_id=f"cell {number}")])
        assert [d.detail["before"] for d in found] == ([f"cell {number - 1}"] if number else [])
        assert len(texts(bench)) <= 18
        assert len(bench.shard.engine.state.texts) <= 18
        if number % 50 == 0:
            bench.restart()


# Sums and full windows


NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1)


@given(st.lists(st.lists(st.none() | NUMBERS, max_size=80), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_sums_of_windows_saturate_as_whole_numbers_would(lists):
    """Short windows are added up, long ones slide: both in halves of 32 bits."""
    ends = np.cumsum([len(one) for one in lists])
    snapshots = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    values = np.array([NULL if value is None else value for one in lists for value in one], np.int64)
    windows = Windows.of((*snapshots.T.copy(), np.ones(len(lists), bool)), np.zeros(len(lists), np.int64), np.ones(len(lists), np.int64), np.ones(len(values), np.int64))
    assert sums(windows, values).tolist() == [within_limit(sum(value for value in one if value is not None)) for one in lists]


@given(st.integers(-LIMIT, LIMIT), NUMBERS)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_running_sum_saturates_as_whole_numbers_would(before, more):
    """One number beyond the limit counts as the limit."""
    assert plus(before, more) == within_limit(before + within_limit(more))


def within_limit(number):
    return max(-LIMIT, min(LIMIT, number))


def test_a_sum_of_the_day_saturates_and_still_fires():
    total = V.all.today().sum(V.duration_s * 2**41)
    bench = Bench(catalogue=Catalogue([toy("much", "line", V.all.where(total >= 2**61), total=total)]))
    found = bench.feed([spoken(NOON + number, duration_s=604_800) for number in range(20)])
    assert [d.detail["total"] for d in found][-1] == 2**62
    assert len(found) == 19


def test_a_full_window_says_what_it_dropped_and_keeps_the_newest():
    long = V.all.within("48h")
    bench = Bench(catalogue=Catalogue([toy("flood", "line", V.all.where(long.count() >= 4096), n=long.count(), longest=long.largest(V.duration_s))]))
    lengths = [7, *([3] * 4095), 5]
    found = bench.feed([spoken(NOON + number, duration_s=length) for number, length in enumerate(lengths)])
    assert [d.detail for d in found] == [{"n": 4096, "longest": 7}, {"n": 4096, "longest": 5}]
    assert bench.counters["window_full"] == 1


def test_unknown_numbers_are_no_numbers():
    hour = V.all.within("1h")
    fields = {"sum": hour.sum(V.charge_minor), "n": hour.distinct(V.charge_minor), "most": hour.largest(V.charge_minor), "lengths": hour.distinct(V.duration_s)}
    event = toy("priced", "line", V.all.where(hour.count() >= 1), **fields)
    bench = Bench(catalogue=Catalogue([event]))
    priced = [({"charge_minor": None, "currency": None}, 60), ({"charge_minor": 0}, 60), ({"charge_minor": 5}, 0), ({"charge_minor": None, "currency": None}, 0)]
    found = bench.feed([spoken(NOON + at, duration_s=length, **charge) for at, (charge, length) in enumerate(priced)])
    assert [tuple(d.detail[name] for name in fields) for d in found] == [(0, 0, None, 1), (0, 1, 0, 1), (5, 2, 5, 2), (5, 2, 5, 2)]

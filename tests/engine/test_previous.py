"""The last members and members in a row: bounds, misdated ones, settings, line ends, what is refused. The laboratory compares the rest with the plain reading."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.stories import bill, call, contact, topup
from events.stories import charge as charge_of
from events.words import B, C, I, V
from streams.define import largest_entry, reset
from streams.definitions.catalogue import Catalogue
from streams.definitions.faults import flaws_of
from streams.engine.expression import DefinitionFault, Param
from streams.engine.features.previous import MOST, SPARE, PreviousStage
from streams.engine.features.streak import StreakStage
from tests.engine.laboratory.toys import toy
from tests.engine.rig import HOUR, START, Happening, Rig, calls, charge, currency, party
from tests.engine.test_buckets import happenings, read_of
from tests.shards import Bench

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
DAYS_400 = 400 * 24 * HOUR
PAIRS = V.all.then(C.all, within="1d")


def rig_with(*features, stage_type=PreviousStage, stream=calls):
    rig = Rig()
    stage = rig.add(stage_type, stream, "x")
    for feature in features:
        for reader in rig.readers:
            stage.read(feature, reader)
    rig.build()
    return rig, stage


def at(*hours, **more):
    """A call of line 0 at each of these hours; its charge is the hour."""
    return [Happening(True, 0, START + hour * HOUR, charge=hour, **more) for hour in hours]


def test_by_time_a_late_one_goes_where_it_belongs_and_is_late():
    frame = calls.previous(3)
    first, latest, count = frame.first(charge), frame.latest(charge), frame.count()
    rig, stage = rig_with(first, latest, count)
    rig.run(at(1, 5, 3, 6))
    assert read_of(rig, count) == [0, 1, 1, 3]
    assert read_of(rig, first) == [None, 1, 1, 1]
    assert read_of(rig, latest) == [None, 1, 1, 5]
    assert rig.calls.flow.mask(("late", stage.name)).tolist() == [False, False, True, False]


def test_as_released_it_stands_where_it_came():
    frame = calls.previous(2, order="release")
    first, latest = frame.first(charge), frame.latest(charge)
    rig, stage = rig_with(first, latest)
    rig.run(at(1, 5, 3, 6))
    assert read_of(rig, first) == [None, 1, 1, 5]
    assert read_of(rig, latest) == [None, 1, 5, 3]
    assert not rig.calls.flow.mask(("late", stage.name)).any()


def test_of_equal_times_the_order_of_release_decides():
    latest = calls.previous(1).latest(charge)
    rig, _ = rig_with(latest)
    rig.run([Happening(True, 0, START, charge=value) for value in (7, 8, 9)])
    assert read_of(rig, latest) == [None, 7, 8]


def test_a_reader_behind_some_members_sees_those_before_it():
    """As many as are kept beyond the number asked for may be after it."""
    frame = calls.previous(2)
    count, latest = frame.count(), frame.latest(charge)
    rig, _ = rig_with(count, latest)
    rig.run([*at(*range(1, 3 + SPARE)), Happening(False, 0, START + 2 * HOUR)])
    assert rig.uses.flow.reading(count).values.tolist() == [2]
    assert rig.uses.flow.reading(latest).values.tolist() == [2]
    rig.run([*at(3 + SPARE), Happening(False, 0, START + 2 * HOUR)])
    assert rig.uses.flow.reading(count).values.tolist() == [1]


@pytest.mark.parametrize("believed", [False, True])
def test_a_misdated_member_is_dropped_by_the_next_one(believed):
    frame = calls.previous(1)
    latest, count = frame.latest(charge), calls.previous(32).count()
    rig, stage = rig_with(latest)
    other, _ = rig_with(count)
    records = [*at(1), Happening(True, 0, START + DAYS_400, charge=99, believed=believed), *at(2, 3)]
    for one in (rig, other):
        one.run(records)
    assert read_of(rig, latest) == [None, 1, 1, 2]
    assert read_of(other, count) == [0, 1, 1, 2]
    assert stage.times.values[0].tolist()[:4] == [START + 3 * HOUR, START + 2 * HOUR, START + HOUR, 0]


def test_sums_stay_within_their_limit_and_zero_is_a_value():
    frame = calls.previous(32, order="release")
    total, least, most, latest = frame.sum(charge), frame.smallest(charge), frame.largest(charge), frame.latest(charge)
    rig, _ = rig_with(total, least, most, latest)
    values = (2**62, 2**62, -(2**62), -(2**62), -5, 0, None, 3)
    rig.run([Happening(True, 0, START + place, charge=value) for place, value in enumerate(values)])
    assert read_of(rig, total) == [0, 2**62, 2**62, 2**62, 0, -5, -5, -5]
    assert read_of(rig, least) == [None, 2**62, 2**62, *[-(2**62)] * 5]
    assert read_of(rig, most) == [None, *[2**62] * 7]
    assert read_of(rig, latest) == [None, *values[:6], 0]


def test_a_line_that_ends_begins_again():
    count, text = calls.previous(3).count(), calls.previous(3).latest(party)
    row = calls.streak(charge > 0).length
    for feature, stage_type in ((count, PreviousStage), (text, PreviousStage), (row, StreakStage)):
        rig, _ = rig_with(feature, stage_type=stage_type)
        rig.run([Happening(True, 0, START, 5, "a"), Happening(True, 0, START + 1, 5, "b", reset=(0, False, False)), Happening(True, 0, START + 2, 5, "c")])
        rig.run([Happening(True, 0, START + 3, 5, "d", reset=(0, True, False)), Happening(True, 0, START + 4, 5, "e", reset=(0, False, True))])
        rig.run([Happening(True, 0, START + 5, 5, "f")])
        assert read_of(rig, feature) == {"count": [0], "latest": [None], "streak": [1]}[feature.function]


@pytest.mark.parametrize("same", [False, True])
@settings(max_examples=6 if INTERPRETED else 60, deadline=None)
@given(records=happenings(), cuts=st.lists(st.integers(0, 40), max_size=4), restart=st.booleans())
def test_a_streak_is_what_was_true_in_a_row(same, records, cuts, restart):
    stream = calls.same(currency) if same else calls
    streak = stream.streak(charge > 20)
    features = (streak.length, streak.before().length)
    rig, _ = rig_with(*features, stage_type=StreakStage, stream=stream)
    rows: dict[object, int] = {}
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for begin, end in pairwise(edges):
        part = records[begin:end]
        rig.run(part, (currency,) if same else ())
        wanted: list[tuple[int, int]] = []
        for one in part:
            key = (one.line, one.currency)[: 2 if same else 1]
            if one.call and not (same and one.currency is None):
                before = rows.get(key, 0)
                rows[key] = before + 1 if one.charge is not None and one.charge > 20 else 0
                wanted.append((rows[key], before))
            if one.reset is not None and not one.reset[1]:
                rows = {key: length for key, length in rows.items() if key[0] != one.reset[0]}
        assert list(zip(*(read_of(rig, feature) for feature in features), strict=True)) == wanted
        if restart:
            other, _ = rig_with(*features, stage_type=StreakStage, stream=stream)
            rig = rig.moved_to(other)


# Settings


def carried_to(bench: Bench, catalogue: Catalogue) -> Bench:
    other = Bench(catalogue=catalogue)
    other.log, other.offsets = bench.log, bench.offsets
    other.restart()
    return other


def events_of(bench: Bench, records, event: str):
    bench.queue(records)
    return [found.detail for found in bench.drain() if found.event == event]


def test_a_number_that_is_set_again_keeps_what_was_gathered():
    """Of a longer frame all that was kept counts at once; of a shorter one the last ones do."""
    bench = Bench()
    assert not events_of(bench, [topup(0, amount, f"{day} 10:00") for day, amount in enumerate((7000, 7000, 1000, 1000, 1000, 1000, 1000), 1)], "topup.large")
    shorter = carried_to(bench, Catalogue.load(overrides={"topup.large": {"n": 3}}))
    longer = carried_to(bench, Catalogue.load(overrides={"topup.large": {"n": 7}}))
    assert [found["usual_mean"] for found in events_of(shorter, [topup(0, 10000, "8 10:00")], "topup.large")] == [1000]
    assert [found["usual_mean"] for found in events_of(longer, [topup(0, 10000, "8 10:00")], "topup.large")] == [2714]


def test_a_step_that_is_set_again_begins_the_row_again():
    bills = [bill(10000 + 1000 * month, f"{month} 10:00", f"BL-{month}") for month in range(1, 8)]
    bench = Bench()
    assert len(events_of(bench, bills[:3], "bill.rising")) == 0
    other = carried_to(bench, Catalogue.load(overrides={"bill.rising": {"min_step": 600}}))
    assert [found["first"] for found in events_of(other, bills[3:], "bill.rising")] == [13000]


# Streams that read frames


def alone(name, when, by="customer", rearm=(), **detail):
    return Bench(catalogue=Catalogue([toy(name, by, when, rearm, **detail)]))


@pytest.mark.parametrize("frame", [V.all.previous(3), V.all.within("3h")])
def test_a_late_one_is_no_happening_of_a_stream_with_a_condition_on_a_frame(frame):
    """At 11:00 there were two calls before it, as at 12:00; it came late, so it is no first half of a pair."""
    pairs = V.where(frame.count() >= 2).then(C.all, within="1d")
    records = [call("09:00"), call("12:00"), call("10:00"), call("11:00"), contact("11:30")]
    assert alone("late", pairs).feed(records) == []
    assert len(alone("on_time", pairs).feed([*records[:1], *records[2:]])) == 1


@pytest.mark.parametrize("total", [PAIRS.previous(2).sum(PAIRS.gap), PAIRS.within("2d").sum(PAIRS.gap), PAIRS.within("48h").sum(PAIRS.gap), PAIRS.sum(PAIRS.gap)])
def test_what_is_read_of_pairs_is_there_where_none_happens(total):
    bench = alone("gaps", B.all, total=total)
    found = [bench.feed([one]) for one in (charge_of(5, 4, "09:00"), call("10:00"), contact("11:00"), charge_of(4, 3, "12:00"))]
    assert [one.detail["total"] for batch in found for one in batch] == [0, 3_600_000]


def test_reset_empties_no_frame_that_goes_by_no_time():
    frames = {"life": V.all.count(), "last ones": V.all.previous(3).count(), "in a row": V.all.streak(V.roaming).length}
    for name, value in frames.items():
        assert [flaw for flaw in flaws_of(toy("emptied", "line", V.where(value >= 2), reset)) if "wanted frames of time alone" in flaw.says], name
    recent = V.all.within("1h").count()
    assert not flaws_of(toy("emptied", "line", V.where(recent >= 2), reset, n=recent))


def test_the_largest_entry_is_of_a_field_that_has_entries():
    assert str(largest_entry(I, "lines")) == "largest_entry(lines)"
    for records, name in ((I, "bill_id"), (I, "line"), (B, "lines"), ("I", "lines")):
        with pytest.raises(DefinitionFault, match="largest_entry: wanted"):
            largest_entry(records, name)


# What is refused


def number(**bounds):
    return Param(3, unit="bills", doc="so many", name="n", **bounds)


@pytest.mark.parametrize("n", [0, MOST + 1, "3", 3.0, True, None, number(), number(ge=1), number(ge=0, le=5), number(ge=1, le=33), Param("2h", doc="", ge="1h", le="3h")])
def test_a_number_of_members_that_is_none(n):
    with pytest.raises(DefinitionFault, match="previous: wanted a (number|parameter)"):
        calls.previous(n)


def test_bounds_may_be_parameters():
    least, most = number(ge=1, le=4), Param(6, unit="bills", doc="", name="most", ge=1, le=8)
    assert calls.previous(number(ge=least, le=most)).extent.slots == 8 + SPARE


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: calls.previous(3, order="stream"), "order: wanted 'time'"),
        (lambda: calls.previous(3).before(), "leaves the trigger's own record out already"),
        (lambda: calls.previous(3).distinct(party), "wanted one of count, sum, smallest, largest, latest, first, got distinct"),
        (lambda: calls.previous(3).mean(charge), "may be unknown: add .where"),
        (lambda: calls.streak(charge), "wanted a condition"),
        (lambda: calls.streak(charge > 0).count(), "wanted one of streak, got count"),
        (lambda: calls.within("1h").sum(calls.previous(1).latest(charge)), "which is added up itself"),
    ],
)
def test_words_that_do_not_fit_are_refused(made, says):
    with pytest.raises(DefinitionFault, match=says):
        made()


def test_a_mean_of_known_values_is_none_of_them():
    assert calls.where(charge.known()).previous(3).mean(charge).kind == "ratio"
    assert calls.same(charge).previous(3).mean(charge).kind == "ratio"


@pytest.mark.skipif(INTERPRETED, reason="is that run")
def test_the_same_interpreted():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider", "-k", "not again"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:]

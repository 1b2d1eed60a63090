"""Buckets of civil days give what a plain reading of all members gives, whatever the cuts, restarts, late records and line ends."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.expression import EventDay
from streams.engine.features.buckets import BucketStage, group_of
from streams.engine.features.frame import Feature, Frame, Today, Within
from streams.engine.features.reach import ReachStage
from streams.engine.spans import span_of
from tests.engine.rig import HOUR, JUMP_MS, LATE_MS, START, Happening, Rig, calls, charge, currency, day_of, party, weight

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
day = EventDay()
AHEAD_DAYS = JUMP_MS // (24 * HOUR) + 1


def plain_features(frame: Frame) -> list[Feature]:
    return [
        frame.count(),
        frame.sum(charge),
        frame.largest(charge),
        frame.smallest(charge),
        frame.latest(charge),
        frame.first(charge),
        frame.latest(party),
        frame.any(charge > 50),
        frame.latest(charge > 50),
        frame.distinct(day),
        frame.before().sum(charge),
    ]


def by_party(frame: Frame) -> list[Feature]:
    return [
        frame.count(),
        frame.distinct(party),
        frame.list(party),
        frame.top(party, by=charge),
        frame.top(party, by=weight),
        frame.before().top(party, by=charge),
        frame.sum(weight),
    ]


def by_charge(frame: Frame) -> list[Feature]:
    return [frame.distinct(charge), frame.before().distinct(charge), frame.distinct(day)]


GROUPS = {"plain": plain_features, "party": by_party, "charge": by_charge}


def features_of(which: str, stream: Any) -> list[Feature]:
    frames = [Frame(stream, Today()), Frame(stream, Within(span_of("within", "3d"))), Frame(stream, Within(span_of("within", "1d")))]
    return [feature for frame in frames for feature in GROUPS[which](frame)]


@st.composite
def happenings(draw: Any) -> list[Happening]:
    """Records of three lines, late ones up to the limit, misdated ones, timers and line ends among them."""
    clock, newest, found = START, {}, []
    steps = draw(st.lists(st.tuples(st.sampled_from("cccccud"), st.integers(0, 2), st.sampled_from((0, 1, HOUR, 7 * HOUR, 26 * HOUR, 70 * HOUR)), st.integers(0, 99)), max_size=40))
    for what, line, gap, dice in steps:
        clock += gap
        time, believed = clock, True
        if dice % 7 == 0:
            time -= draw(st.sampled_from((1, HOUR, 20 * HOUR, LATE_MS)))
            time = max(time, newest.get(line, 0) - LATE_MS)
        elif dice == 50:
            time, believed = clock + 400 * 24 * HOUR, False
        if believed:
            newest[line] = max(time, newest.get(line, 0))
        one = Happening(
            what == "c",
            line,
            time,
            None if dice % 11 == 1 else dice - 20,
            None if dice % 5 == 1 else "abcd"[dice % 4],
            ("EUR", "USD", None)[dice % 3],
            None if dice % 6 == 1 else dice % 2,
            believed,
            (line, clock) if dice % 9 == 2 else None,
            (dice % 3, dice % 4 == 0, dice % 8 < 4) if dice % 13 == 3 else None,
        )
        found.append(one)
    return found


class Plain:
    """All members of every row, and what frames over them are."""

    def __init__(self, same: bool) -> None:
        self.same, self.rows, self.newest = same, {}, {}

    def key(self, one: Happening) -> Any:
        return (one.line, one.currency) if self.same else one.line

    def read(self, key: Any, line: int, time: int, feature: Feature, drop: int | None = None) -> Any:
        today = day_of(line, time)
        extent: Any = feature.frame.extent
        days = extent.span.length if isinstance(extent, Within) else 1
        members = [one for number, one in self.rows.get(key, []) if today - days < day_of(one.line, one.time) <= today and number != drop]
        return add_up(feature, members)

    def add(self, number: int, one: Happening) -> bool:
        key, here = self.key(one), day_of(one.line, one.time)
        self.rows[key] = [(n, other) for n, other in self.rows.get(key, []) if day_of(other.line, other.time) <= here + AHEAD_DAYS]
        if self.newest.get(key, 0) > one.time + JUMP_MS:
            del self.newest[key]
        late = self.newest.get(key, 0) > one.time
        self.rows[key].append((number, one))
        if one.believed and not late:
            self.newest[key] = one.time
        return late

    def end(self, line: int) -> None:
        for key in list(self.rows):
            if key == line or (isinstance(key, tuple) and key[0] == line):
                del self.rows[key]
                self.newest.pop(key, None)


def value_of(one: Happening, node: Any) -> Any:
    if node is day:
        return day_of(one.line, one.time)
    if node.kind == "bool":
        return None if one.charge is None else one.charge > 50
    return {"charge_minor": one.charge, "other_party": one.party, "duration_s": one.weight}[node.name]


def add_up(feature: Feature, members: list[Happening]) -> Any:
    function = feature.function
    if function == "count":
        return len(members)
    node = feature.arguments[0]
    known = [(value_of(one, node), one) for one in members if value_of(one, node) is not None]
    values = [value for value, _ in known]
    match function:
        case "sum":
            return sum(values)
        case "any":
            return any(values)
        case "distinct":
            return len(set(values))
        case "list":
            return list(dict.fromkeys(values))[:32]
        case "largest" | "smallest":
            return None if not values else max(values) if function == "largest" else min(values)
        case "latest":
            return max(enumerate(known), key=lambda pair: (pair[1][1].time, pair[0]))[1][0] if known else None
        case "first":
            return min(known, key=lambda pair: pair[1].time)[0] if known else None
    sums: dict[str, int] = {}
    for value, one in known:
        more = value_of(one, feature.arguments[1])
        if more is not None:
            sums[value] = sums.get(value, 0) + more
    return min(sums, key=lambda value: (-sums[value], value)) if sums else None


def rig_with(which: str, *, same: bool) -> tuple[Rig, list[Feature], Any]:
    stream = calls.same(currency) if same else calls
    rig = Rig()
    stage = rig.add(BucketStage, stream, f"days.{which}")
    features = features_of(which, stream)
    for reader in rig.readers:
        for feature in features:
            stage.read(feature, reader)
    rig.build()
    return rig, features, stage


def shown(flow: Any, key: Any, feature: Feature) -> list[Any]:
    from schemas.codes import text_of

    values, known = flow.held(key, feature.kind).take(None)
    known = np.ones(len(values), bool) if known is None else known
    is_text = feature.kind == "text"
    return [(text_of(value) if is_text else value) if sure else None for value, sure in zip(values.tolist(), known.tolist(), strict=True)]


def wanted(plain: Plain, happening: list[Happening], features: list[Feature], start: int) -> dict[str, list[Any]]:
    """For each reader, of each happening: what each feature is with and without it, and whether it is a late member."""
    found: dict[str, list[Any]] = {"calls": [], "some": [], "uses": [], "timers": []}
    for number, one in enumerate(happening, start):
        key = plain.key(one)
        if one.timer is not None:
            line, due = one.timer
            values = [plain.read(None if plain.same else line, line, due, feature) for feature in features]
            found["timers"].append((values, values, False))
        if one.call and (not plain.same or one.currency is not None):
            late = plain.add(number, one)
            less = [plain.read(key, one.line, one.time, feature, number) for feature in features]
            values = [less[place] if feature.frame.without_own else plain.read(key, one.line, one.time, feature) for place, feature in enumerate(features)]
            found["calls"].append((values, less, late))
            if one.charge is not None and one.charge % 2 == 0:
                found["some"].append((values, less, late))
        elif not one.call:
            values = [plain.read(None if plain.same else key, one.line, one.time, feature) for feature in features]
            found["uses"].append((values, values, False))
        if one.reset is not None and not one.reset[1]:
            plain.end(one.reset[0])
    return found


def compare(rig: Rig, features: list[Feature], stage: Any, expected: dict[str, list[Any]]) -> None:
    for name, rows in expected.items():
        flow = getattr(rig, name).flow
        assert flow.n == len(rows)
        assert flow.mask(("late", stage.name)).tolist() == [late for _, _, late in rows], name
        for place, feature in enumerate(features):
            for column, key in ((0, feature.key()), (1, ("without", feature.key()))):
                assert shown(flow, key, feature) == [row[column][place] for row in rows], (name, str(feature.frame), str(feature), column)


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("which", list(GROUPS))
@settings(max_examples=4 if INTERPRETED else 60, deadline=None)
@given(records=happenings(), cuts=st.lists(st.integers(0, 40), max_size=4), restart=st.booleans())
def test_what_is_read_is_what_the_members_are(which, same, records, cuts, restart):
    rig, features, stage = rig_with(which, same=same)
    plain = Plain(same)
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for begin, end in pairwise(edges):
        part = records[begin:end]
        rig.run(part, (currency,) if same else ())
        compare(rig, features, stage, wanted(plain, part, features, begin))
        if restart:
            other, features, stage = rig_with(which, same=same)
            rig = rig.moved_to(other)


def one_reader(features: list[Feature]) -> tuple[Rig, Any]:
    rig = Rig()
    stage = rig.add(BucketStage, calls, "days.one")
    for feature in features:
        stage.read(feature, rig.calls)
    rig.build()
    return rig, stage


def read_of(rig: Rig, feature: Feature, *, without: bool = False) -> list[Any]:
    return shown(rig.calls.flow, ("without", feature.key()) if without else feature.key(), feature)


def test_an_entry_far_ahead_is_dropped_by_the_next_member():
    count = Frame(calls, Today()).count()
    rig, _ = one_reader([count])
    ahead = START + 400 * 24 * HOUR
    rig.run([Happening(True, 0, ahead, believed=False), Happening(True, 0, START), Happening(True, 0, ahead, believed=False), Happening(True, 0, ahead, believed=False)])
    assert read_of(rig, count) == [1, 1, 1, 2]


def test_the_order_of_appearance_goes_on_after_a_restart():
    names = Frame(calls, Within(span_of("within", "3d"))).list(party)
    rig, _ = one_reader([names])
    rig.run([Happening(True, 0, START, party="b")])
    other, _ = one_reader([names])
    rig.moved_to(other)
    other.run([Happening(True, 0, START - 24 * HOUR, party="a"), Happening(True, 0, START, party="c")])
    assert read_of(other, names) == [["a"], ["b", "a", "c"]]


def test_a_list_over_several_days_is_in_the_order_of_release():
    """A late member's day is read first, but what came first was another; a value counts from its first appearance on any of the days."""
    names = Frame(calls, Within(span_of("within", "3d"))).list(party)
    rig, _ = one_reader([names])
    rig.run([Happening(True, 0, time, party=name) for time, name in ((START, "a"), (START, "b"), (START, "c"), (START - 24 * HOUR, "b"), (START, "a"))])
    assert read_of(rig, names)[-1] == ["a", "b", "c"]
    many = [f"n{number}" for number in range(40)]
    late = [Happening(True, 1, START - 24 * HOUR, party=f"late{number}") for number in range(5)]
    rig.run([*(Happening(True, 1, START, party=name) for name in many), *late, Happening(True, 1, START, party="n0")])
    assert read_of(rig, names)[-1] == many[:32]
    assert read_of(rig, names)[-2] == [f"late{number}" for number in range(5)]


@pytest.mark.parametrize("restart", [False, True])
def test_many_groups_are_found_each_once(restart):
    """More than fit a block without index, more than a list shows, more ties than were expected, over several days."""
    today, days = Frame(calls, Today()), Frame(calls, Within(span_of("within", "3d")))
    features = [frame_feature for frame in (today, days) for frame_feature in (frame.distinct(party), frame.list(party), frame.top(party, by=charge), frame.count())]
    rig, _ = one_reader(features)
    rng = np.random.default_rng(5)
    names = [f"+{number}" for number in rng.integers(0, 200, 300 if INTERPRETED else 900).tolist()]
    records = [Happening(True, 0, START + place * HOUR // (7 if INTERPRETED else 20), charge=(place * 7) % 3, party=name) for place, name in enumerate(names)]
    plain = Plain(same=False)
    for begin in range(0, len(records), 300):
        part = records[begin : begin + 300]
        rig.run(part)
        for place, one in enumerate(part):
            plain.add(begin + place, one)
            if place % 60 == 59:
                for feature in features:
                    assert read_of(rig, feature)[place] == plain.read(0, 0, one.time, feature), (begin + place, str(feature))
        if restart:
            other, _ = one_reader(features)
            rig = rig.moved_to(other)


def test_sums_stay_within_their_limit():
    total = Frame(calls, Today()).sum(charge)
    rig, _ = one_reader([total])
    rig.run([Happening(True, 0, START, charge=value) for value in (2**62, 2**62, -(2**63) + 1, -(2**63) + 1, -(2**63) + 1)])
    assert read_of(rig, total) == [2**62, 2**62, 0, -(2**62), -(2**62)]


def test_blocks_are_given_back_and_an_empty_row_takes_six_bytes():
    names = Frame(calls, Today()).distinct(party)
    rig, stage = one_reader([names])
    records = [Happening(True, line, START, party=f"{line}.{number}") for line in range(3) for number in range(100)]
    kept = stage.buckets
    used = []
    for _ in range(3):
        rig.run(records)
        used.append(int(kept.pool[0]))
        kept.clear(rig.tables["line"].live().nonzero()[0].astype(np.int32))
    assert used[0] == used[1] == used[2]
    assert kept.slot.itemsize + kept.kinds.itemsize + kept.dirty.itemsize == 6
    assert kept.encode(np.arange(3, dtype=np.int32)).listed() == [None, None, None]


def test_what_is_added_up_later_starts_empty_and_the_rest_is_kept():
    today = Frame(calls, Today())
    rig, _ = one_reader([today.sum(charge), today.list(party)])
    rig.run([Happening(True, 0, START, charge=5, party="a")])
    other, _ = one_reader([today.sum(charge), today.largest(charge), today.list(party), today.top(party, by=charge)])
    rig.moved_to(other)
    other.run([Happening(True, 0, START, charge=3, party="b")])
    assert [read_of(other, feature)[0] for feature in (today.sum(charge), today.largest(charge), today.list(party), today.top(party, by=charge))] == [8, 3, ["a", "b"], "b"]


def test_a_stage_has_one_group():
    today = Frame(calls, Today())
    rig = Rig()
    stage = rig.add(BucketStage, calls, "days.one")
    stage.read(today.distinct(party), rig.calls)
    stage.read(today.distinct(day), rig.calls)
    with pytest.raises(ValueError, match="needs a stage of its own"):
        stage.read(today.distinct(charge), rig.calls)
    assert group_of(today.list(party)) is party


def test_a_step_is_reached_once_a_day_by_late_members_of_that_day_too():
    spent = Frame(calls, Today()).sum(charge)
    stream = spent.reaches(3000, 5000, 10_000)
    rig, _ = one_reader([spent])
    reach = ReachStage(stream.source, rig.calls)
    rig.stages.append(reach)
    noon = START + 12 * HOUR
    rig.run(
        [
            Happening(True, 0, noon, charge=2000),
            Happening(True, 0, noon, charge=None),
            Happening(True, 0, noon + HOUR, charge=3200),
            Happening(True, 0, noon + 24 * HOUR, charge=2999),
            Happening(True, 0, noon + 2 * HOUR, charge=4800),
            Happening(True, 0, noon + 24 * HOUR, charge=1),
        ]
    )
    assert reach.flow.time.tolist() == [noon + HOUR, noon + 2 * HOUR, noon + 24 * HOUR]
    assert reach.flow.values(stream.step).tolist() == [5000, 10_000, 3000]


@pytest.mark.parametrize("wrong", [lambda frame: frame.largest(charge).reaches(1), lambda frame: frame.before().count().reaches(1), lambda frame: frame.count().reaches()])
def test_what_cannot_reach_a_step_is_refused(wrong):
    from streams.engine.expression import DefinitionFault

    with pytest.raises(DefinitionFault, match="wanted"):
        wrong(Frame(calls, Today()))


@pytest.mark.skipif(INTERPRETED, reason="is that run")
def test_the_same_interpreted():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider"], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]

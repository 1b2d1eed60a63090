"""Buckets of civil days give what a plain reading of all members gives, whatever the cuts, restarts, late records and line ends."""

from __future__ import annotations

import os
import subprocess
import sys
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
    return [frame.count(), frame.distinct(party), frame.list(party), frame.top(party, by=charge), frame.top(party, by=weight), frame.before().top(party, by=charge), frame.sum(weight)]


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
@settings(max_examples=10 if INTERPRETED else 60, deadline=None)
@given(records=happenings(), cuts=st.lists(st.integers(0, 40), max_size=4), restart=st.booleans())
def test_what_is_read_is_what_the_members_are(which, same, records, cuts, restart):
    rig, features, stage = rig_with(which, same=same)
    plain = Plain(same)
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for begin, end in zip(edges, edges[1:], strict=False):
        part = records[begin:end]
        rig.run(part, (currency,) if same else ())
        compare(rig, features, stage, wanted(plain, part, features, begin))
        if restart:
            other, features, stage = rig_with(which, same=same)
            rig = rig.moved_to(other)

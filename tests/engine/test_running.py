"""Running values give what a plain reading of all members gives, whatever the cuts, restarts, late records and line ends."""

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

from streams.engine.features.buckets import BucketStage
from streams.engine.features.frame import Ever, Feature, Frame, Today
from streams.engine.features.running import RunningStage
from tests.engine.rig import HOUR, JUMP_MS, START, Happening, Rig, calls, charge, currency, party
from tests.engine.test_buckets import compare, happenings, read_of

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def features_of(stream: Any) -> list[Feature]:
    ever = Frame(stream, Ever())
    return [
        ever.count(),
        ever.sum(charge),
        ever.latest(charge),
        ever.latest(party),
        ever.latest(charge > 50),
        ever.first(charge),
        ever.first(party),
        ever.before().count(),
        ever.before().latest(party),
    ]


def rig_with(*, same: bool) -> tuple[Rig, list[Feature], Any]:
    stream = calls.same(currency) if same else calls
    rig = Rig()
    stage = rig.add(RunningStage, stream, "ever.x")
    features = features_of(stream)
    for reader in rig.readers:
        for feature in features:
            stage.read(feature, reader)
    rig.build()
    return rig, features, stage


EMPTY = {"count": 0, "sum": 0, "latest": None, "latest of text": None, "latest of bool": None, "first": None, "first of text": None, "newest": 0, "newest known": {}}


class Plain:
    """What is known of every row."""

    def __init__(self) -> None:
        self.rows: dict[Any, dict[str, Any]] = {}

    def read(self, key: Any, features: list[Feature]) -> list[Any]:
        row = self.rows.get(key, EMPTY)
        return [row[name_of(feature)] for feature in features]

    def add(self, key: Any, one: Happening) -> bool:
        row = self.rows.setdefault(key, {**EMPTY, "newest known": {}})
        row["newest"] = 0 if row["newest"] > one.time + JUMP_MS else row["newest"]
        late = row["newest"] > one.time
        row["count"] += 1
        row["sum"] += one.charge or 0
        for name, value in (("", one.charge), (" of text", one.party), (" of bool", None if one.charge is None else one.charge > 50)):
            last = row["newest known"].get(name, 0)
            if value is not None and not one.time < last <= one.time + JUMP_MS:
                row["latest" + name] = value
                row["newest known"][name] = one.time if one.believed else 0 if last > one.time else last
            if value is not None and name != " of bool" and row["first" + name] is None:
                row["first" + name] = value
        if one.believed and not late:
            row["newest"] = one.time
        return late

    def end(self, line: int, *, lifelong: bool) -> None:
        for key, row in self.rows.items():
            if key == line or (isinstance(key, tuple) and key[0] == line):
                self.rows[key] = {**EMPTY, "newest known": {}} | ({} if lifelong else {"count": row["count"]})


def name_of(feature: Feature) -> str:
    return feature.function + (f" of {feature.kind}" if feature.kind in ("text", "bool") else "")


@pytest.mark.parametrize("same", [False, True])
@settings(max_examples=8 if INTERPRETED else 80, deadline=None)
@given(records=happenings(), cuts=st.lists(st.integers(0, 40), max_size=4), restart=st.booleans())
def test_what_is_read_is_what_there_was(same, records, cuts, restart):
    rig, features, stage = rig_with(same=same)
    plain = Plain()
    edges = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for begin, end in pairwise(edges):
        part = records[begin:end]
        rig.run(part, (currency,) if same else ())
        found: dict[str, list[Any]] = {"calls": [], "some": [], "uses": [], "timers": []}
        for one in part:
            key = (one.line, one.currency) if same else one.line
            if one.timer is not None:
                values = plain.read(None if same else one.timer[0], features)
                found["timers"].append((values, values, False))
            if one.call and (not same or one.currency is not None):
                less = plain.read(key, features)
                late = plain.add(key, one)
                after = plain.read(key, features)
                values = [less[place] if feature.frame.without_own else after[place] for place, feature in enumerate(features)]
                found["calls"].append((values, less, late))
                if one.charge is not None and one.charge % 2 == 0:
                    found["some"].append((values, less, late))
            elif not one.call:
                values = plain.read(None if same else key, features)
                found["uses"].append((values, values, False))
            if one.reset is not None and not one.reset[1]:
                plain.end(one.reset[0], lifelong=one.reset[2])
        compare(rig, features, stage, found)
        if restart:
            other, features, stage = rig_with(same=same)
            rig = rig.moved_to(other)


def test_sums_stay_within_their_limit_and_zero_is_a_value():
    ever = Frame(calls, Ever())
    total, last = ever.sum(charge), ever.latest(charge)
    rig = Rig()
    stage = rig.add(RunningStage, calls, "ever.x")
    stage.read(total, rig.calls)
    stage.read(last, rig.calls)
    rig.build()
    values = (2**62, 2**62, -(2**63) + 1, -(2**63) + 1, -(2**63) + 1, 0)
    rig.run([Happening(True, 0, START + place * HOUR, charge=value) for place, value in enumerate(values)])
    assert read_of(rig, total) == [2**62, 2**62, 0, -(2**62), -(2**62), -(2**62)]
    assert read_of(rig, last) == list(values)


def test_only_counts_are_lifelong_and_other_functions_are_refused():
    ever = Frame(calls, Ever())
    rig, _, stage = rig_with(same=False)
    assert {feature.function for column, feature in stage.kept.values() if column.lifelong} == {"count"}
    with pytest.raises(ValueError, match="wanted one of count, sum, latest, first"):
        RunningStage(rig.home, "line", calls, rig.calls, "x").read(ever.largest(charge), rig.calls)


@pytest.mark.parametrize("stage_type", [RunningStage, BucketStage])
@pytest.mark.parametrize(("believed", "late"), [(False, [False, False, True]), (True, [False, False, False])])
def test_a_misdated_member_makes_nothing_late(stage_type, believed, late):
    """One that was not believed leaves the newest time as it was; one that was is found out by the next, and late is counted again."""
    count = Frame(calls, Ever() if stage_type is RunningStage else Today()).count()
    rig = Rig()
    stage = rig.add(stage_type, calls, "x")
    stage.read(count, rig.calls)
    rig.build()
    rig.run([Happening(True, 0, START), Happening(True, 0, START + 400 * 24 * HOUR, believed=believed), Happening(True, 0, START - HOUR)])
    assert rig.calls.flow.mask(("late", "x")).tolist() == late


def test_a_late_member_that_is_counted_is_written():
    """Its count is state; what is not late any more is not."""
    rig, _, stage = rig_with(same=False)
    rig.run([Happening(True, 0, START)])
    rig.state.changes()
    rig.run([Happening(True, 0, START - HOUR)])
    assert np.flatnonzero(stage.newest.part.dirty).tolist() == [0]


@pytest.mark.skipif(INTERPRETED, reason="is that run")
def test_the_same_interpreted():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider"], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]

"""Stretches: consecutive happenings for which something is true (`docs/authors.md`); the laws are in the laboratory."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from schemas.codes import text_of
from schemas.raw import LocationUpdate
from streams.definitions.words import Records, ref
from streams.engine.features import stretch
from streams.engine.features.stretch import StretchStage, stretch_faults
from tests.engine.stage_bench import HOUR, Bench, interpreted
from tests.streams.records import good

G = Records(LocationUpdate)
START = 1_777_600_000_000
AWAY = G.all.stretch(G.roaming & (G.cell_id != "sea"))
FEATURES = {"count": AWAY.count(), "start": AWAY.start, "cells": AWAY.list(G.cell_id), "last": AWAY.latest(G.cell_id), "others": AWAY.before().count()}


def seen(hour, cell, *, roaming=True, **more):
    return good("location_update", record_id=f"{hour}", event_time=START + round(hour * HOUR), customer_id="C1", subscription_id="S1", roaming=roaming, cell_id=cell) | more


def read(batches, restarts=()):
    """What every record reads: count, start in hours, cells, the last one, and the count without itself."""

    def build(home, records):
        inner = records("location_update", "line")
        made = StretchStage(home, "line", AWAY.stream, inner, "stretch")
        for feature in FEATURES.values():
            made.read(feature, inner)
        return [made]

    bench = Bench(build)
    found = []
    for number, batch in enumerate(batches):
        if number in restarts:
            bench.restart()
        bench.feed(batch)
        flow = bench.stages[0].flow
        columns = {name: flow.readings[feature.key()].take(None) for name, feature in FEATURES.items()}
        for at in range(flow.n):
            start = (int(columns["start"].values[at]) - START) / HOUR if columns["start"].known[at] else None
            last = text_of(int(columns["last"].values[at])) if columns["last"].known[at] else None
            found.append((int(columns["count"].values[at]), start, columns["cells"].values[at], last, int(columns["others"].values[at])))
    return found


@pytest.mark.parametrize("way", ["compiled", "interpreted"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_stretch_begins_goes_on_ends_and_is_kept_until_the_next(way, size):
    records = [
        seen(0, "a"),
        seen(1, "b"),
        seen(2, None),
        seen(3, "a"),
        seen(4, "c", roaming=False),
        seen(5, "c", roaming=False),
        seen(6, "d"),
    ]
    wanted = [
        (1, 0, ["a"], "a", 0),
        (2, 0, ["a", "b"], "b", 1),
        (2, 0, ["a", "b"], "b", 2),  # unknown: neither in it nor its end
        (3, 0, ["a", "b"], "a", 2),
        (3, 0, ["a", "b"], "a", 3),
        (3, 0, ["a", "b"], "a", 3),
        (1, 6, ["d"], "d", 3),
    ]
    batches = [records[begin : begin + size] for begin in range(0, len(records), size)]
    with interpreted(stretch) if way == "interpreted" else nullcontext():
        assert read(batches, restarts=range(1, len(batches), 2)) == wanted


def test_a_late_one_is_added_inside_of_the_open_stretch_and_else_changes_nothing():
    records = [seen(2, "a"), seen(4, "b"), seen(3, "c"), seen(3.5, "x", roaming=False), seen(1, "d"), seen(5, "e"), seen(6, "x", roaming=False), seen(5.5, "f")]
    found = read([records])
    assert [one[0] for one in found] == [1, 2, 3, 3, 3, 4, 4, 4]
    assert found[2] == (3, 2, ["a", "b", "c"], "b", 2)
    assert found[-1][2] == ["a", "b", "c", "e"]


def test_one_that_is_dated_far_ahead_of_all_makes_nothing_late():
    assert [one[0] for one in read([[seen(0, "a"), seen(40 * 24, "b"), seen(1, "c"), seen(2, "x", roaming=False), seen(3, "d")]])] == [1, 2, 3, 3, 1]


@pytest.mark.parametrize(("what", "left"), [("all", 0), ("timers", 1)])
@pytest.mark.parametrize("size", [1, 100])
def test_a_line_that_ends_begins_again(what, left, size):
    records = [seen(0, "a", reset=what), seen(1, "x", roaming=False)]
    assert read([records[begin : begin + size] for begin in range(0, 2, size)])[-1][0] == left


def test_a_list_has_32_texts():
    found = read([[seen(number, f"c{number:02}") for number in range(40)]])[-1]
    assert found[0] == 40
    assert found[2] == [f"c{number:02}" for number in range(32)]


def test_what_a_stretch_does_not_keep_is_refused():
    assert [*stretch_faults(AWAY.distinct(G.cell_id))] == ["distinct(cell_id): wanted count, sum, latest, first, largest, smallest, any, list of a stretch, got distinct"]
    (fault,) = stretch_faults(G.all.stretch(G.all.count() >= 2).count())
    assert fault.startswith("stretch: wanted a condition on columns of the members")
    assert not [*stretch_faults(G.all.stretch(ref.plmn.home(G.plmn)).count())]

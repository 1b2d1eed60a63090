"""Arrays of state that grow in place: who else holds one, or a view of it, keeps what was there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.codes import code
from streams.engine.features.buckets import BucketStage
from streams.engine.features.frame import Frame, Today
from streams.engine.state.bucket_kernels import SUM
from streams.engine.state.buckets import Added, Buckets
from streams.engine.state.chains import Chains, put_in_order
from streams.engine.state.lists import Feed, Lists, Marks
from streams.engine.state.packing import lengthen
from streams.engine.state.tables import FIRST_ROWS, Table
from tests.engine.rig import START, Happening, Rig, calls, charge

LARGE = 3_000_000
"""Rows: arrays of so many move when they grow, and their old place is not readable any more."""


class Holder:
    def __init__(self, array: Any) -> None:
        self.array = array


@pytest.mark.parametrize("size", [4, 3_000_000])
def test_an_array_that_nobody_else_holds_grows_in_place(size):
    holder = Holder(np.arange(size))
    one = id(holder.array)
    lengthen(holder, "array", 2 * size, -1)
    assert id(holder.array) == one
    assert (holder.array[:size] == np.arange(size)).all()
    assert (holder.array[size:] == -1).all()
    lengthen(holder, "array", 3 * size)
    assert not holder.array[2 * size :].any()


@pytest.mark.parametrize("size", [4, 3_000_000])
@pytest.mark.parametrize("holding", [lambda array: array, lambda array: array[:2], lambda array: array[1:].view(np.uint8), lambda array: (0, (array,))])
def test_an_array_that_another_holds_is_copied_and_the_other_keeps_it(size, holding):
    holder = Holder(np.arange(size))
    other = holding(holder.array)
    wanted = repr(other)
    lengthen(holder, "array", 4 * size, 7)
    holder.array[:] = 9
    assert repr(other) == wanted
    assert (len(holder.array), holder.array.dtype) == (4 * size, np.int64)


def test_an_array_without_memory_of_its_own_and_one_of_more_columns_grow():
    holder = Holder(np.arange(6, dtype=np.int32)[:4].reshape(2, 2))
    lengthen(holder, "array", 3, 5)
    assert (holder.array.tolist(), holder.array.dtype) == ([[0, 1], [2, 3], [5, 5]], np.int32)
    lengthen(holder, "array", 4)
    assert holder.array.tolist() == [[0, 1], [2, 3], [5, 5], [0, 0]]


def filled() -> tuple[Table, list[Any]]:
    """A finer table with something in all of its state, and all that holds arrays of it."""
    base = Table("line", 1)
    lines = base.rows_of_ids(np.array([[code(f"L{row}")] for row in range(5)]), None)
    table = Table("line(x)", 2, base)
    newest, emptied = table.column("newest", "time"), table.column("emptied", "time")
    base.column("seen", "time")
    base.build()
    lists = Lists(table, "window", [("a", "int")])
    chains = Chains(table, "chain", [("time", "time")], most=3)
    buckets = Buckets(table, "days", [Added(SUM, 0, "sum", "int")], None, keep_days=3, jump_ms=10_000, ahead_days=1, lists=0)
    table.build()
    rows = table.rows_within(lines, [np.arange(5)], np.full(5, 1000))
    feed = Feed.of(rows.astype(np.int64), np.full(5, 1000), np.arange(5), np.arange(5)[None] * 10, np.ones(5, bool), np.zeros(5, bool))
    lists.take_in(feed, np.arange(5), Marks(newest.values, emptied.values, newest.part.dirty), keep_ms=100, jump_ms=10_000)
    lists.settle()
    chains.make_room(2)
    for moment in (5, 7):
        put_in_order(chains.lists, chains.links, chains.values, chains.spare, 0, moment, 3)
    buckets.arena[:] = np.arange(len(buckets.arena))
    return table, [base, base.map, table, table.map, *table.parts.values(), lists, chains, buckets]


def test_views_of_all_state_stay_what_they_were_while_tables_grow():
    table, holders = filled()
    views = [
        (holder, name, len(array), array[:2], array[:2].copy())
        for holder in holders
        for name, array in vars(holder).items()
        if isinstance(array, np.ndarray) and array.flags.owndata and len(array)
    ]
    for one in (table.base, table):
        one.map._make_room(LARGE)
        one.grow(LARGE)
    chains, buckets = holders[-2:]
    chains.make_room(LARGE)
    while len(buckets.arena) < LARGE:
        buckets.make_room()
    grown = set()
    for holder, name, length, view, before in views:
        now = getattr(holder, name)
        if len(now) > length and name != "slots":
            grown.add(name)
            assert (now[:2] == before).all(), (holder, name)
            now[:2] = 1
            assert (view == before).all(), (holder, name)
    assert grown >= {"base_row", "customer", "touched", "keys", "live", "dirty", "room", "lists", "links", "values", "arena", "slot", "kinds"}


def test_readings_of_a_batch_that_are_asked_for_after_the_next_has_made_its_state_larger_are_those_of_the_batch():
    rig = Rig()
    frame = Frame(calls, Today())
    features = [frame.sum(charge), frame.count()]
    stage = rig.add(BucketStage, calls, "days")
    for feature in features:
        stage.read(feature, rig.calls)
    rig.build()

    def held(lines: range, more: int) -> list[Any]:
        rig.run([Happening(True, line, START + more, charge=line + more) for line in lines])
        return [rig.calls.flow.held(feature.key(), feature.kind) for feature in features]

    first = held(range(20), 0)
    sizes = len(stage.buckets.slot), len(stage.buckets.arena)
    held(range(20, 20 * FIRST_ROWS), 1)
    assert len(stage.buckets.slot) > 10 * sizes[0]
    assert len(stage.buckets.arena) > 10 * sizes[1]
    assert [one.take(None).values.tolist() for one in first] == [list(range(20)), [1] * 20]

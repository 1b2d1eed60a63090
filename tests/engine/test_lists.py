"""Lists of members: kept in order of arrival whatever is taken in, moved, cut into batches, and stored in between."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codes import NULL, code, text_of
from streams.engine.state.lists import MOST, SIZES, UNORDERED, Feed, Lists, Marks
from streams.engine.state.packing import ByteStrings
from streams.engine.state.tables import Table

ROWS = 5
KEEP, JUMP = 100, 10_000
EXAMPLES = int(os.environ.get("KAIROS_EXAMPLES", "100"))


def bench(columns=(("a", "int"), ("b", "text")), name="window"):
    """A table with keys K0 … K4 and its lists."""
    table = Table("line", 1)
    table.rows_of_ids(np.array([[code(f"K{row}")] for row in range(ROWS)]), None)
    newest, emptied = table.column("newest", "time"), table.column("emptied", "time")
    lists = Lists(table, name, list(columns))
    table.build()
    return table, lists, Marks(newest.values, emptied.values, newest.part.dirty)


def feed_of(entries):
    """Entries (row, time, member?, restarted?) with the values 10 * number and number."""
    n = len(entries)
    rows, times, members, restarted = (np.array([entry[i] for entry in entries], np.int64) for i in range(4))
    values = np.stack([np.arange(n) * 10, np.arange(n) + 1])
    return Feed.of(rows, times, np.where(members, np.arange(n), -1), values, np.ones(n, bool), restarted.astype(bool))


def take_in(lists, marks, feed, which=None):
    lists.take_in(feed, np.arange(len(feed.rows)) if which is None else which, marks, keep_ms=KEEP, jump_ms=JUMP)


def held(lists, row):
    return lists.members_of(np.array([row], np.int32))[0].tolist()


entries = st.lists(st.tuples(st.integers(-1, ROWS - 1), st.integers(-150, 40), st.booleans(), st.integers(0, 30).map(lambda x: x == 0)), max_size=60)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(entries, max_size=6))
def test_lists_hold_what_arrived_and_is_not_too_old(batches):
    _, lists, marks = bench()
    plain = {row: [] for row in range(ROWS)}
    newest = dict.fromkeys(range(ROWS), 0)
    now = 1000
    for batch in batches:
        given = []
        for row, step, member, restarted in batch:
            now += max(step, 0)
            given.append((row, now + min(step, 0), member, restarted))
        feed = feed_of(given)
        take_in(lists, marks, feed)
        seen = []
        for number, (row, time, member, restarted) in enumerate(given):
            if row < 0:
                seen.append(([], []))
                continue
            if restarted:
                plain[row], newest[row] = [], 0
            before = list(plain[row])
            if member:
                assert feed.late[number] == (newest[row] > time)
                newest[row] = max(newest[row], time)
                if time > newest[row] - KEEP:
                    while plain[row] and plain[row][0][0] <= newest[row] - KEEP:
                        plain[row].pop(0)
                    plain[row].append([time, number * 10, number + 1])
            seen.append((before, list(plain[row])))
            assert feed.newest[number] == newest[row]
        for number, (before, after) in enumerate(seen):
            for side, wanted in enumerate((before, after)):
                begin, end = feed.snapshots[number, 2 * side : 2 * side + 2]
                assert [[t, *v] for t, v in zip(lists.times[begin:end].tolist(), lists.values[:, begin:end].T.tolist(), strict=True)] == wanted
                if feed.ordered[number, side]:
                    assert wanted == sorted(wanted, key=lambda member: member[0])
        lists.settle()
        assert {row: held(lists, row) for row in range(ROWS)} == plain
        rows = np.arange(ROWS, dtype=np.int32)
        layout, stored = lists.layout(), lists.encode(rows).listed()
        kept = [row for row in range(ROWS) if stored[row] is not None]
        assert kept == [row for row in range(ROWS) if plain[row]]
        marks_before = marks.newest.copy()
        _, lists, marks = bench()
        marks.newest[:] = marks_before
        if kept:
            lists.load(np.array(kept, np.int32), layout, ByteStrings.of([stored[row] for row in kept]))
        assert {row: held(lists, row) for row in range(ROWS)} == plain


def test_a_list_moves_to_wider_regions_and_lets_go_of_its_first_when_full():
    _, lists, marks = bench()
    n = 2 * MOST + 100
    feed = feed_of([(0, 1000 + i // 100, True, False) for i in range(n)])
    take_in(lists, marks, feed)
    assert [member[1] for member in held(lists, 0)] == [10 * i for i in range(n - MOST, n)]
    assert feed.dropped.sum() == n - MOST
    for number in (0, 3, 4, 900, MOST - 1, MOST, MOST + 1, n - 1):
        begin, end = feed.snapshots[number, 2:]
        assert lists.values[0, begin:end].tolist() == [10 * i for i in range(max(0, number + 1 - MOST), number + 1)]
    assert lists.room[0] == len(SIZES) - 1


def test_old_regions_are_used_again_after_the_batch():
    _, lists, marks = bench()
    for batch in range(200):
        take_in(lists, marks, feed_of([(row, 1000 + 3 * batch, True, False) for row in range(ROWS) for _ in range(3)]))
        lists.settle()
    assert lists.numbers[0] < 5000
    assert len(held(lists, 0)) == 102


def test_a_list_that_empties_moves_to_a_smaller_region():
    _, lists, marks = bench()
    take_in(lists, marks, feed_of([(0, 1000, True, False)] * 2000))
    assert SIZES[lists.room[0]] == 2048
    take_in(lists, marks, feed_of([(0, 2000, True, False)]))
    assert (held(lists, 0), lists.room[0]) == ([[2000, 0, 1]], 0)


def test_a_newest_time_that_was_misdated_is_replaced():
    _, lists, marks = bench()
    feed = feed_of([(0, 1000, True, False), (0, 1002 + JUMP, True, False), (0, 1001, True, False), (0, 1000, True, False), (0, 1101, True, False)])
    take_in(lists, marks, feed)
    assert (feed.late.tolist(), marks.newest[0]) == ([False, False, False, True, False], 1101)
    assert [member[0] for member in held(lists, 0)] == [1101]


def test_members_behind_a_long_gap_stay_though_the_clock_does_not_believe_them_yet():
    """One customer alone: the newest believed time of its row stays behind the gap, and an emptied list begins with what is far ahead of it."""
    _, lists, marks = bench()
    take_in(lists, marks, feed_of([(0, 1000, True, False)]))
    lists.empty(np.zeros(1, np.int32))
    feed = feed_of([(0, 1001 + JUMP, True, False), (0, 1002 + JUMP, True, False)])
    feed.believed[:] = False
    take_in(lists, marks, feed)
    assert ([member[0] for member in held(lists, 0)], marks.newest[0]) == ([1001 + JUMP, 1002 + JUMP], 1000)


def test_what_a_rule_emptied_takes_nothing_in_from_before():
    _, lists, marks = bench()
    marks.emptied[0] = 1000
    take_in(lists, marks, feed_of([(0, 1000, True, False), (0, 999, True, False), (1, 900, True, False)]))
    assert ([member[0] for member in held(lists, 0)], [member[0] for member in held(lists, 1)]) == ([1000], [900])


def test_columns_go_by_their_names_and_a_new_one_is_unknown():
    _, lists, marks = bench((("a", "int"), ("b", "text")))
    take_in(lists, marks, feed_of([(0, 1000, True, False), (0, 999, True, False)]))
    rows = np.zeros(1, np.int32)
    _, other, _ = bench((("c", "int"), ("b", "text"), ("d", "token")))
    other.load(rows, lists.layout(), lists.encode(rows).strings)
    assert held(other, 0) == [[1000, NULL, 1, 0], [999, NULL, 2, 0]]
    assert other.room[0] & UNORDERED
    assert other.text_codes(rows).tolist() == [1, 2]
    assert other.column_names() == {"time", "c", "b", "d"}


def test_dirty_rows_are_told_once_and_freed_rows_never():
    table, lists, marks = bench()
    take_in(lists, marks, feed_of([(0, 1000, True, False), (1, 1000, True, False), (2, 1000, False, False)]))
    table.release(np.array([1], np.int32))
    assert (lists.take_dirty().tolist(), lists.take_dirty().tolist(), held(lists, 1)) == ([0], [], [])
    table.grow(4096)
    lists.empty(np.array([0], np.int32))
    assert (lists.take_dirty().tolist(), lists.encode(np.zeros(1, np.int32)).listed(), text_of(code("K0"))) == ([0], [None], "K0")


def test_a_row_without_members_costs_ten_bytes():
    _, lists, _ = bench()
    assert sum(one.itemsize for one in (lists.start, lists.head, lists.held, lists.room, lists.dirty)) == 10


@pytest.mark.skipif("NUMBA_DISABLE_JIT" in os.environ, reason="this is the interpreted run")
def test_interpreted_kernels_do_the_same():
    files = [Path(__file__).parent / name for name in ("test_lists.py", "test_members.py", "test_windows.py")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *files],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "KAIROS_EXAMPLES": "8"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr

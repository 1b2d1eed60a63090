"""Changed rows as columns: byte for byte what they are row by row, in the order that a restore needs, and read back as they were."""

from __future__ import annotations

from collections import Counter

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.state.changes import Changes, Records
from streams.engine.state.packing import ByteStrings, chained, joined, lengths_of
from streams.engine.state.store import ABOUT, HEAD_KEY
from tests.engine.plain_changes import rows_of
from tests.shards import Bench
from tests.speed import traffic

MINUTE, HOUR = 60_000, 3_600_000
HOMES = {"part", "part with texts", "Lists", "Chains", "Buckets", "ids"}
strings = st.lists(st.binary(max_size=20), max_size=20)
records = st.lists(st.tuples(st.binary(max_size=20), st.none() | st.binary(max_size=20)), max_size=20)


def about(key):
    return key.split(b"\x1e")[0].decode() in ABOUT


@pytest.fixture(scope="module")
def compared():
    """A shard with all built-in events over eleven months and then years, so that rows are dropped: by home, how many values and tombstones were compared."""
    bench, found, brought = Bench(sweep_every_ms=HOUR), traffic.Traffic(30, seed=5), Counter()
    state = bench.shard.engine.state
    compiled = state.changes

    def changes():
        plain = rows_of(state)
        got = compiled()
        pairs = list(got)
        rows = [pair for pair in pairs if not about(pair[0])]
        wanted = {key: value for home in ("dropped", *sorted(plain.keys() - {"dropped"})) for key, value in plain.get(home, {}).items()}
        assert dict(rows) == wanted
        assert len(rows) == len({key for key, _ in rows}) + len(set(plain.get("dropped", {})) & {key for home, own in plain.items() if home != "dropped" for key in own})
        in_order(pairs, set(plain.get("dropped", {})))
        brought.update((home, value is not None) for home, own in plain.items() for value in own.values())
        return got

    state.changes = changes
    for step, count in ((MINUTE, 3000), (2 * HOUR, 4000), (40 * HOUR, 1500)):
        found.step_ms = step
        made = [orjson.loads(value) for _, _, value in found.records(count)]
        for begin in range(0, count, 500):
            bench.feed(made[begin : begin + 500])
    for table in state.tables.values():
        rows = np.flatnonzero(table.live()).astype(np.int32)[:3]
        for home in (*table.parts.values(), *table.followers):
            home.clear(rows)
            home.touch(rows)
    bench.log += changes()
    return bench, brought


def in_order(pairs, dropped):
    """What rows need comes before them: layouts and texts, then tombstones of dropped keys before new rows of the same key; the head is last."""
    keys = [key for key, _ in pairs]
    kept = [place for place, (key, value) in enumerate(pairs) if not about(key)]
    heads = [place for place, (key, value) in enumerate(pairs) if about(key) and value is not None and key != HEAD_KEY]
    assert not kept or not heads or heads[-1] < kept[0]
    assert HEAD_KEY not in keys[:-1]
    first = {}
    for key, value in pairs:
        first.setdefault(key, value)
    assert all(first[key] is None for key in dropped)


def test_changed_rows_are_those_of_the_plain_encoder(compared):
    _, brought = compared
    assert {home for home, kept in brought if kept} == HOMES
    assert {home for home, kept in brought if not kept} == HOMES | {"dropped"}


def test_what_was_stored_is_read_back_as_it_was(compared):
    bench, _ = compared
    stored = {key: value for key, value in dict(bench.log).items() if value is not None and not about(key)}
    bench.restart()
    state = bench.shard.engine.state
    assert state.row_counts() != dict.fromkeys(state.tables, 0)
    for table in state.tables.values():
        for home in (*table.parts.values(), *table.followers):
            home.touch(np.flatnonzero(table.live()).astype(np.int32))
    again = {key: value for key, value in state.changes() if value is not None and not about(key)}
    assert again == {key: value for key, value in stored.items() if b".ids." not in key}


@given(strings, st.data())
def test_byte_strings_are_cut_and_joined_as_python_does_it(given_strings, data):
    packed = ByteStrings.of(given_strings)
    assert packed.listed() == given_strings == chained([packed]).listed()
    assert chained([packed, packed]).listed() == given_strings * 2
    places = data.draw(st.lists(st.sampled_from(range(len(given_strings))), max_size=20)) if given_strings else []
    assert packed.some(np.array(places, np.int64)).listed() == [given_strings[at] for at in places]
    assert packed.some(slice(1, 3)).listed() == given_strings[1:3]
    begin = min(map(len, given_strings), default=0)
    assert packed.within(begin).listed() == [one[begin:] for one in given_strings]
    assert packed.within(0, begin).listed() == [one[:begin] for one in given_strings]
    assert joined(len(given_strings), b"<", packed, b">", packed).listed() == [b"<" + one + b">" + one for one in given_strings]


@given(st.lists(st.text(max_size=5), max_size=20))
def test_texts_are_those_that_were_given(texts):
    assert ByteStrings.of([text.encode() for text in texts]).texts() == texts


@given(st.lists(records, max_size=4), st.none() | st.just((HEAD_KEY, b"{}")), st.integers(1, 7))
def test_changes_in_pieces_are_the_changes(several, head, most):
    wanted = [pair for pairs in several for pair in pairs] + ([head] if head else [])
    changes = Changes([Records.of(pairs) for pairs in several], head)
    assert (list(changes), len(changes)) == (wanted, len(wanted))
    assert list(Changes([changes.columns()])) == wanted
    pieces = list(changes.pieces(most))
    assert [pair for piece in pieces for pair in piece] == wanted
    assert all(0 < len(piece) <= most + (piece is pieces[-1] and head is not None) for piece in pieces)


def test_a_text_of_64_kib_is_refused():
    long = ByteStrings.of([b"", bytes(65_536)])
    with pytest.raises(OverflowError, match="wanted at most 65,535 bytes, got 65536"):
        lengths_of(long)

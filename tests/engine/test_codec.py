"""Keys of the changelog are read each by itself, and the last value of each counts."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.engine.state import keymap
from streams.engine.state.changes import Records
from streams.engine.state.codec import record_key
from streams.engine.state.keymap import KeyMap, Latest
from streams.engine.state.packing import ByteStrings
from tests.engine.stage_bench import interpreted

few = st.sampled_from([b"", b"a", b"line.x\x1eC", b"line.x\x1eC\x1e1", b"line.y\x1e", b"line.x\x1eD", b"line.x"])
runs = st.lists(st.lists(st.tuples(few | st.binary(max_size=40), st.none() | st.binary(max_size=300)), max_size=30), max_size=6)


def latest_of(several):
    latest = Latest()
    for pairs in several:
        keys, values = Records.of(pairs)
        latest.take(keys, *values)
    return latest


def listed(latest):
    """By part, the names within it and their values."""
    found = {}
    for part, numbers in latest.parts().items():
        names = latest.key_strings(numbers, len(record_key(part, ""))).listed()
        found |= {(part.encode(), name): value for name, value in zip(names, latest.value_strings(numbers).listed(), strict=True)}
    return found


def test_a_key_with_a_separator_in_it_is_one_key():
    """No record can bring such a key any more; state that has one must be readable all the same."""
    pairs = [(record_key("line.x", "C\x1e1"), b"1"), (record_key("line.x", "C2"), b"2"), (record_key("line.y", ""), b"3"), (record_key("line.x", "gone"), None)]
    assert listed(latest_of([pairs])) == {(b"line.x", b"C\x1e1"): b"1", (b"line.x", b"C2"): b"2", (b"line.y", b""): b"3"}


@given(runs)
def test_the_last_value_of_a_key_counts(several):
    several = [[(b"p\x1e" + key, value) for key, value in pairs] for pairs in several]
    last = {key: value for pairs in several for key, value in pairs}
    assert listed(latest_of(several)) == {tuple(key.split(b"\x1e", 1)): value for key, value in last.items() if value is not None}


@given(runs)
def test_the_same_interpreted(several):
    several = [[(key, value) for key, value in pairs if b"\x1e" in key and key.split(b"\x1e")[0].isascii()] for pairs in several]
    with interpreted(keymap):
        found = listed(latest_of(several))
    assert found == listed(latest_of(several))


def test_room_of_replaced_values_is_used_again():
    latest = Latest()
    for size in range(1, 400):
        keys, values = Records.of([(b"p\x1e%d" % number, bytes([size % 256]) * size) for number in range(50)])
        latest.take(keys, *values)
    assert listed(latest) == {(b"p", b"%d" % number): bytes([399 % 256]) * 399 for number in range(50)}
    assert len(latest.values) < 5 * 50 * 399


@given(st.lists(st.lists(st.binary(max_size=6) | st.binary(min_size=30, max_size=40), max_size=60), max_size=5), st.booleans())
def test_numbers_of_keys_are_those_of_a_dictionary(batches, alike):
    """Where all hashes are the same, the bytes still tell keys apart."""
    numbers, known = {}, KeyMap()
    with interpreted(keymap), patch.object(keymap, "hash_of", lambda key: np.int64(7 if alike else len(key))):
        for batch in batches:
            assert known.find(ByteStrings.of(batch)).tolist() == [numbers.setdefault(key, len(numbers)) for key in batch]
    assert known.used == len(numbers)


def test_most_hashes_differ():
    keys = [f"line.DB\x1eC{number:09}\x1fS{number:09}".encode() for number in range(50_000)]
    known = KeyMap()
    known.find(ByteStrings.of(keys))
    assert len(set(known.hashes[: known.used].tolist())) > 49_900
    places = (known.hashes[: known.used] ^ known.hashes[: known.used] >> 17) & (len(known.slots) - 1)
    assert len(np.unique(places)) > 0.6 * len(keys)


@pytest.mark.parametrize("several", [[], [[]]])
def test_nothing_has_no_parts(several):
    assert listed(latest_of(several)) == {}

"""Keys of the changelog are read each by itself."""

from __future__ import annotations

import pytest

from streams.engine.state.codec import Entries, by_part, record_key, record_keys


def test_a_key_with_a_separator_in_it_is_one_key():
    """No record can bring such a key any more; state that has one must be readable all the same."""
    pairs = {record_key("line.x", "C\x1e1"): b"1", record_key("line.x", "C2"): b"2", record_key("line.y", ""): b"3", record_key("line.x", "gone"): None}
    assert by_part(pairs) == {"line.x": Entries(["C\x1e1", "C2"], [b"1", b"2"]), "line.y": Entries([""], [b"3"])}


@pytest.mark.parametrize("keys", [[], [""], ["C"], ["C\x1f1", "", "阿\x1f2"]])
def test_keys_of_many_rows_are_those_of_each(keys):
    assert record_keys("line.x", keys) == [record_key("line.x", key) for key in keys]

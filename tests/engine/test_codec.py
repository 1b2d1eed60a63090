"""Keys of the changelog are read each by itself."""

from __future__ import annotations

from streams.engine.state.codec import Entries, by_part, record_key


def test_a_key_with_a_separator_in_it_is_one_key():
    """No record can bring such a key any more; state that has one must be readable all the same."""
    pairs = {record_key("line.x", "C\x1e1"): b"1", record_key("line.x", "C2"): b"2", record_key("line.y", ""): b"3", record_key("line.x", "gone"): None}
    assert by_part(pairs) == {"line.x": Entries(["C\x1e1", "C2"], [b"1", b"2"]), "line.y": Entries([""], [b"3"])}

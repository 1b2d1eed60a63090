"""Both ways of decoding, compared in everything that a run gives."""

from __future__ import annotations

from unittest import mock

import numpy as np

from schemas.codes import text_of
from schemas.raw import RECORD_TYPES, fields_of
from streams.engine.identity import identity, pack
from streams.intake import columns, decode

FIRST = {record: {"event_time", "customer_id"} for record in RECORD_TYPES}


def run_of(topic, values, keys, way, **options):
    """A run by one way, `compiled` or `msgspec`; interpreted kernels count as compiled."""
    options = {"latest_ms": None, "max_bytes": 1_000_000, **options}
    with mock.patch.object(decode.Way, "compiled", way == "compiled"):
        return decode.decode_chunk(topic, 3, range(100, 100 + len(values)), keys, values, next_offset=100 + len(values), **options)


def texts_of(codes):
    """The texts behind a column of codes."""
    return [text_of(code) if code else None for code in codes.tolist()]


def compare(topic, values, keys, **options):
    """Assert that both ways give the same; returns how many records the compiled reader read, of how many."""
    wanted = run_of(topic, values, keys, "msgspec", **options)
    plain = decode.reading.read(topic, keys, values, options.get("latest_ms"), options.get("max_bytes", 1_000_000))
    for stored in (FIRST, {record: set(fields_of(record)) for record in RECORD_TYPES}):
        columns.WANTED.clear()
        columns.WANTED.update({record: set(names) for record, names in stored.items()})
        same_run(wanted, run_of(topic, values, keys, "compiled", **options))
    return len(values) - len(plain.left), len(values)


def same_run(wanted, got):
    """Assert that two runs are the same."""
    assert got.rejects == wanted.rejects
    assert +got.notes == +wanted.notes
    for name in ("offset", "event_time", "id_hash", "content_hash", "kind", "slot"):
        one, other = getattr(wanted, name), getattr(got, name)
        assert one.dtype == other.dtype, name
        assert one.tolist() == other.tolist(), name
    assert (got.keys, got.values, got.next_offset, got.rank) == (wanted.keys, wanted.values, wanted.next_offset, wanted.rank)
    assert list(got.groups) == list(wanted.groups)
    for kind, own in wanted.groups.items():
        same_columns(own, got.groups[kind])


def same_columns(wanted, got):
    """Assert that two columns are the same, with the texts behind them and the records."""
    assert len(wanted) == len(got)
    names = [got.names(row) for row in range(len(got))]
    half = got.keep(np.arange(0, len(got), 2))
    for name, info in fields_of(wanted.record_type).items():
        one, other = getattr(wanted, name), getattr(got, name)
        assert one.dtype == other.dtype, name
        assert one.tolist() == other.tolist(), name
        assert getattr(half, name).tolist() == one[::2].tolist(), name
        assert got.has(name).tolist() == wanted.has(name).tolist(), name
        if info.kind in ("text", "map"):
            assert texts_of(other) == [None if code == 0 else text_of(code) for code in one.tolist()]
    assert [got.record(row) for row in range(0, len(got), 3)] == wanted.records[::3]
    assert list(map(identity, names)) == list(map(identity, wanted.records))
    assert got.packed(np.arange(len(got))) == wanted.packed(np.arange(len(got))) == list(map(pack, wanted.records))
    assert half.packed(np.arange(len(half))) == list(map(pack, wanted.records[::2]))
    for name in ("channel", "platform"):
        assert [getattr(one, name, None) for one in names] == [getattr(one, name, None) for one in wanted.records]
    assert got.records == wanted.records

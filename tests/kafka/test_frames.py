"""Finished record batches are what the client's own builder makes, byte for byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import example, given
from hypothesis import strategies as st

from streams.engine.state.changes import Records
from streams.kafka import frames
from tests.engine.stage_bench import interpreted

MS = 1_770_000_000_123
pairs = st.lists(st.tuples(st.binary(max_size=70), st.none() | st.binary(max_size=300) | st.integers(0, 20_000).map(bytes)), max_size=40)


@pytest.fixture(autouse=True)
def at_one_moment(monkeypatch):
    monkeypatch.setattr(frames.time, "time", lambda: MS / 1000)


def by_client(pairs, limit, compression):
    """The batches of the client's builder, filled as the worker fills them with events."""
    found, batch = [], BatchBuilder(limit, compression, is_transactional=True)
    for key, value in pairs:
        if batch.append(key=key, value=value, timestamp=MS) is None:
            found.append(batch)
            batch = BatchBuilder(limit, compression, is_transactional=True)
            batch.append(key=key, value=value, timestamp=MS)
    return [*found, batch] if batch.record_count() else found


def built(batches):
    for number, batch in enumerate(batches):
        batch._set_producer_state(7 + number, 3, 1000 * number)
    return [(batch.record_count(), bytes(batch._build())) for batch in batches]


def cut(pairs):
    """The same in pieces, as the parts of the state give them; some are empty."""
    places = [0, 0, 1, 3, 4, 9, 9, 400, len(pairs)]
    return [Records.of(pairs[begin:end]) for begin, end in pairwise(places)]


def wanted(pairs, limit, compression):
    """Of each batch the smaller form: the client's builder compresses one even where that makes it larger."""
    return [min(both, key=lambda one: len(one[1])) for both in zip(*(built(by_client(pairs, limit, kind)) for kind in (0, compression)), strict=True)]


@example([(b"", bytes(5)), (b"", bytes(64))], 146, 0)
@example([(b"", bytes(5)), (b"", bytes(64))], 147, 0)
@given(pairs, st.integers(62, 3000), st.sampled_from([0, 1, 2, 3, 4]))
def test_batches_are_those_of_the_client(pairs, limit, compression):
    assert built(list(frames.frames_of(cut(pairs), limit, compression))) == wanted(pairs, limit, compression)


@pytest.mark.parametrize("compression", [0, 2])
def test_many_records_and_a_very_large_one(compression):
    pairs = [(f"line.D\x1eC{number}".encode(), number.to_bytes(8) * (number % 40)) for number in range(20_000)]
    pairs[10_000] = b"large", np.random.default_rng(1).bytes(3_000_000)
    ours = built(list(frames.frames_of(cut(pairs), 900_000, compression)))
    assert ours == wanted(pairs, 900_000, compression)
    assert len(ours) > 3
    found = []
    for _, batch in ours:
        (records,) = [MemoryRecords(batch)]
        while records.has_next():
            one = records.next_batch()
            assert one.validate_crc()
            found += [(record.key, record.value) for record in one]
    assert found == pairs


def test_the_same_interpreted():
    """The kernels as plain Python."""
    with interpreted(frames):
        pairs = [(b"k" * number, None if number % 3 else b"v" * 9000 * number) for number in range(20)]
        assert built(list(frames.frames_of(cut(pairs), 4000, 0))) == built(by_client(pairs, 4000, 0))


def test_nothing_makes_no_batch():
    assert list(frames.frames_of([], 1000, 2)) == []


def test_a_batch_is_built_once_and_is_never_open():
    (batch,) = frames.frames_of(cut([(b"k", b"v")]), 1000, 0)
    batch._set_producer_state(1, 2, 3)
    first = batch._build()
    assert (batch._build() is first, batch.size(), batch.closed(), batch.close()) == (True, len(first), True, None)

"""Fetched batches as columns are what the client's own parser gives, record by record."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from streams.kafka import batches
from tests.engine.stage_bench import interpreted

CONTROL, COMMIT, ABORT = 0x20, b"\0\0\0\1", b"\0\0\0\0"
records = st.tuples(
    st.none() | st.binary(max_size=50),
    st.none() | st.binary(max_size=200) | st.integers(0, 9000).map(bytes),
    st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=5)), max_size=2),
)
kept = st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**40), 2**40), records), min_size=1, max_size=12)
"""Records with the holes before each, as compaction leaves them, and a time."""
made = st.lists(st.tuples(st.sampled_from(["plain", "commit", "abort"]), st.integers(1, 3), st.booleans(), st.sampled_from([0, 1, 2, 3, 4]), kept), max_size=6)


def batch(offset, producer, own, *, compression=0, transactional=True, control=False):
    """A batch at an offset of the log, and the offset behind it."""
    builder = DefaultRecordBatchBuilder(2, compression, is_transactional=transactional, producer_id=producer, producer_epoch=0, base_sequence=0, batch_size=1 << 24)
    number = -1
    for hole, time, (key, value, headers) in own:
        number += 1 + hole
        assert builder.append(number, time, key, value, headers) is not None
    data = bytearray(builder.build())
    struct.pack_into(">q", data, 0, offset)
    if control:
        struct.pack_into(">h", data, 21, struct.unpack_from(">h", data, 21)[0] | CONTROL)
        struct.pack_into(">I", data, 17, calc_crc32c(data[21:]))
    return bytes(data), offset + number + 1


def log_of(made):
    """A piece of a log with transactions of some producers, and which of them are aborted: producer, and the first offset of each."""
    data, offset, aborted, begun = b"", 0, [], {}
    for what, producer, transactional, compression, own in made:
        piece, behind = batch(offset, producer, own, compression=compression, transactional=transactional)
        if transactional:
            begun.setdefault(producer, offset)
        data, offset = data + piece, behind
        if what != "plain":
            marker, behind = batch(offset, producer, [(0, 0, (COMMIT if what == "commit" else ABORT, b"\0" * 6, []))], control=True)
            if producer in begun and what == "abort":
                aborted.append((producer, begun[producer]))
            begun.pop(producer, None)
            data, offset = data + marker, behind
    return data, offset, aborted


def by_client(data, position, aborted):
    """What the client reads, and where it goes on."""
    one = PartitionRecords(TopicPartition("t", 0), MemoryRecords(data), aborted, position, None, None, True, READ_COMMITTED)
    found = [(record.key or b"", record.value) for record in one]
    return found, one.next_fetch_offset


@given(made, st.integers(0, 8), st.integers(0, 40))
def test_records_are_those_of_the_client(made, position, cut):
    data, _, aborted = log_of(made)
    data = data[sum(len(one.data) for one in batches.batches_of(data) if one.last < position) :]  # a broker begins with the batch that has the offset
    data = data[: max(len(data) - cut, 0)] if cut < 30 else data
    whole = list(batches.batches_of(data))
    found = list(batches.records_of(whole, position, aborted).pairs())
    assert (found, max([position, *(one.last + 1 for one in whole)])) == by_client(data, position, aborted)


def test_large_records_and_many():
    own = [(0, number, (f"line.D\x1eC{number}".encode(), np.random.default_rng(number).bytes(number % 300 if number else 2_000_000), [])) for number in range(20_000)]
    data, behind = batch(5, 1, own, compression=2)
    (one,) = batches.batches_of(data)
    assert (one.last + 1, list(one.records(0).pairs())) == (behind, [(key, value) for _, _, (key, value, _) in own])
    assert [key for key, _ in one.records(20_000).pairs()] == [key for _, _, (key, _, _) in own[19_995:]]


def test_a_damaged_batch_is_refused():
    data, _ = batch(7, 1, [(0, 0, (b"key", b"value", []))])
    for at in range(21, len(data)):
        damaged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        with pytest.raises(CorruptRecordException, match="offset 7: its CRC differs"):
            batches.records_of(batches.batches_of(damaged), 0, [])
    more = bytearray(data)
    struct.pack_into(">i", more, 57, 2)
    struct.pack_into(">I", more, 17, calc_crc32c(more[21:]))
    with pytest.raises(CorruptRecordException, match="offset 7: 2 records do not fit into it"):
        batches.records_of(batches.batches_of(bytes(more)), 0, [])
    with pytest.raises(CorruptRecordException, match="wanted format 2, got 1"):
        list(batches.batches_of(data[:16] + b"\x01" + data[17:]))


@given(st.binary(max_size=60) | st.lists(st.integers(0, 12), max_size=60).map(bytes), st.integers(0, 9), st.integers(0, 3))
def test_whatever_the_bytes_nothing_is_read_beyond_them(data, count, first):
    """Interpreted, where an index behind the end is an error; and compiled it says the same."""
    results = []
    for kernels in (None, batches):
        room = [np.zeros(len(data), np.uint8), np.zeros(count, np.int64), np.zeros(len(data), np.uint8), np.zeros(count, np.int64), np.zeros(count, bool)]
        with interpreted(*([kernels] if kernels else [])):
            results.append((batches.read_records(batches.buffer_of(data), count, first, *room), [one.tolist() for one in room]))
    assert results[0] == results[1]

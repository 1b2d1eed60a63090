"""A fetch as one run of columns is what the client's own parser gives, record by record: offset, time, key, value, headers."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from schemas.codes import NULL
from streams.kafka import batches, raw_run
from streams.kafka.batches import OlderFormat, batches_of
from streams.kafka.raw_run import RawRun, read_run
from streams.kafka.transport import KeptRecords, RunRecords, as_runs
from tests.engine.stage_bench import interpreted
from tests.kafka.test_batches import batch, log_of, made

APPENDED = 0x08
PLACE = TopicPartition("t", 0)


def by_client(data, position, aborted):
    """What the client reads, and where it goes on."""
    one = PartitionRecords(PLACE, MemoryRecords(data), aborted, position, None, None, True, READ_COMMITTED)
    return [(record.offset, record.timestamp, record.key, record.value, tuple(record.headers)) for record in one], one.next_fetch_offset


def listed(run):
    return [
        (offset, time, key, value, run.headers.get(offset, ()))
        for offset, time, key, value in zip(run.offsets.tolist(), run.timestamps.tolist(), run.keys, run.values, strict=True)
    ]


def stamped(data, newest):
    """A batch whose records have the time of the append."""
    data = bytearray(data)
    struct.pack_into(">h", data, 21, struct.unpack_from(">h", data, 21)[0] | APPENDED)
    struct.pack_into(">q", data, 35, newest)
    struct.pack_into(">I", data, 17, calc_crc32c(data[21:]))
    return bytes(data)


@given(made, st.integers(0, 8), st.integers(0, 40), st.integers(0, 12))
def test_records_are_those_of_the_client(made, position, cut, since):
    data, _, aborted = log_of(made)
    data = data[sum(len(one.data) for one in batches_of(data) if one.last < position) :]  # a broker begins with the batch that has the offset
    data = data[: max(len(data) - cut, 0)] if cut < 30 else data
    run, following = read_run(data, position, aborted)
    wanted, behind = by_client(data, position, aborted)
    assert (listed(run), following) == (wanted, behind)
    assert listed(run.since(since)) == [record for record in wanted if record[0] >= since]
    assert [run.keys[at] for at in range(len(run))] == [record[2] for record in wanted]


@given(st.integers(-1, 2**60), made)
def test_the_time_of_the_append_is_that_of_all_records_of_a_batch(newest, made):
    data = b"".join(stamped(one.data, newest) for one in batches_of(log_of(made)[0]) if not one.attributes & batches.CONTROL)
    assert listed(read_run(data, 0, [])[0]) == by_client(data, 0, [])[0]


def test_damaged_batches_are_refused():
    whole, _ = batch(7, 1, [(0, 0, (b"key", b"value", [("name", b"text"), ("other", None)])), (0, 9, (None, None, []))])
    for at in range(61, len(whole)):
        for change in (1, 0x80, 0x7F):
            damaged = bytearray(whole)
            damaged[at] ^= change
            with pytest.raises(CorruptRecordException, match="its CRC differs"):
                read_run(bytes(damaged), 0, [])
            struct.pack_into(">I", damaged, 17, calc_crc32c(damaged[21:]))
            try:
                wanted = by_client(bytes(damaged), 0, [])
            except Exception:  # the client refuses it in many ways
                wanted = None
            try:
                run, following = read_run(bytes(damaged), 0, [])
            except CorruptRecordException:
                continue
            assert wanted is None or (listed(run), following) == wanted


@given(st.binary(max_size=60) | st.lists(st.integers(0, 12), max_size=60).map(bytes), st.integers(0, 9), st.integers(0, 3))
def test_whatever_the_bytes_nothing_is_read_beyond_them(data, count, least):
    """Interpreted, where an index behind the end is an error; and compiled it says the same."""
    results = []
    for kernels in ([], [raw_run, batches]):
        with interpreted(*kernels), np.errstate(over="ignore"):
            out = np.zeros((7, count), np.int64)
            found = int(raw_run.read_batch(np.frombuffer(bytearray(data), np.uint8), 0, len(data), count, 0, 5, NULL, least, 0, out))
            results.append((found, out[:, : max(found, 0)].tolist()))
    assert results[0] == results[1]
    assert all(end <= len(data) for end in [*results[0][1][3], *results[0][1][5]])


def test_records_of_an_older_format_are_read_by_the_client():
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=10_000)
    for offset in range(3):
        builder.append(offset, timestamp=100 + offset, key=b"k%d" % offset, value=b"v")
    data = bytes(builder.build())
    with pytest.raises(OlderFormat, match="wanted format 2, got 1"):
        read_run(data, 0, [])
    records = RunRecords(PLACE, KeptRecords(data), None, 1, as_runs, None, True, READ_COMMITTED)
    (run,) = list(records)
    assert listed(run) == [(1, 101, b"k1", b"v", ()), (2, 102, b"k2", b"v", ())]
    assert records.next_fetch_offset == 3


def test_other_consumers_get_the_clients_records():
    data, _ = batch(4, 1, [(0, 3, (b"k", b"v", []))], transactional=False)
    one = RunRecords(PLACE, KeptRecords(data), None, 0, None, None, True, READ_COMMITTED)
    assert [(record.offset, record.key, record.topic) for record in one] == [(4, b"k", "t")]
    assert len(RawRun.of([])) == 0

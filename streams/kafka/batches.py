"""Fetched record batches (magic 2) as columns: keys and values of many records, without a Python object a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c

from streams.engine.kernels import kernel
from streams.engine.state.changes import Records
from streams.engine.state.packing import ByteStrings, Values, buffer_of
from streams.kafka.frames import BEHIND_CRC, BEHIND_LENGTH, HEADER, MAGIC, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

COMPRESSION, CONTROL = 0x07, 0x20
"""Of a batch's attributes."""
DECOMPRESSIONS: dict[int, Callable[[Any], bytes]] = {1: codec.gzip_decode, 2: codec.snappy_decode, 3: codec.lz4_decode, 4: codec.zstd_decode}
ABORTED = b"\0\0\0\0"
"""The key of the record of a control batch that ends an aborted transaction: version and kind."""


@kernel("UniTuple(int64, 2)(uint8[::1], int64)")
def read_varint(data: Any, at: int) -> tuple[int, int]:
    """A zigzag varint of at most five bytes, and where it ends; -1 where it does not."""
    value, shift = 0, 0
    while at < len(data) and shift < 35:
        byte: Any = np.int64(data[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
    return 0, -1


@kernel("int64(uint8[::1], int64)")
def behind_varint(data: Any, at: int) -> int:
    """Where a varint of any length ends."""
    while at < len(data) and data[at] >= 128:
        at += 1
    return at + 1


@kernel("int64(uint8[::1], int64, int64, uint8[::1], int64[::1], uint8[::1], int64[::1], boolean[::1])")
def read_records(data: Any, count: int, first: int, keys: Any, key_ends: Any, values: Any, value_ends: Any, gone: Any) -> int:
    """Read the records of a batch that have number `first` in it, or a greater one. Returns how many these are; -1 where the batch is damaged."""
    at, found, key_end, value_end = 0, 0, 0, 0
    for _ in range(count):
        size, at = read_varint(data, at)
        end = at + size
        if at < 0 or size < 1 or end > len(data):
            return -1
        number, at = read_varint(data, behind_varint(data, at + 1))
        if at < 0:
            return -1
        length, at = read_varint(data, at)
        length = max(length, 0)
        if at < 0 or at + length > end:
            return -1
        value, behind = read_varint(data, at + length)
        if behind < 0 or behind + max(value, 0) > end:
            return -1
        if number >= first:
            given, taken = data[at : at + length], keys[key_end : key_end + length]
            for k in range(length):
                taken[k] = given[k]
            key_end += length
            gone[found] = value < 0
            value = max(value, 0)
            given, taken = data[behind : behind + value], values[value_end : value_end + value]
            for k in range(value):
                taken[k] = given[k]
            value_end += value
            key_ends[found], value_ends[found] = key_end, value_end
            found += 1
        at = end
    return found


class OlderFormat(CorruptRecordException):  # type: ignore[misc]  # the client has no types
    """Record batches of a format before magic 2."""


class Batch(NamedTuple):
    """A record batch as it was fetched."""

    data: memoryview
    offset: int
    """Of its first record, which compaction may have removed."""
    last: int
    attributes: int
    producer: int
    held: int
    """How many records it has."""
    begun: int
    newest: int
    """The times of its first record and of its newest one, epoch ms."""

    def payload(self) -> bytes | memoryview:
        """Its records, decompressed. Raises CorruptRecordException."""
        if calc_crc32c(self.data[BEHIND_CRC:]) != int.from_bytes(self.data[BEHIND_CRC - 4 : BEHIND_CRC]):
            raise CorruptRecordException(f"the batch at offset {self.offset}: its CRC differs")
        payload, kind = self.data[HEADER.size :], self.attributes & COMPRESSION
        return DECOMPRESSIONS[kind](payload) if kind else payload

    def records(self, position: int) -> Records:
        """Its records from offset `position` on. Raises CorruptRecordException."""
        data = buffer_of(self.payload())
        keys, values, gone = np.empty(len(data), np.uint8), np.empty(len(data), np.uint8), np.empty(self.held, bool)
        key_ends, value_ends = np.empty(self.held, np.int64), np.empty(self.held, np.int64)
        found = read_records(data, self.held, position - self.offset, keys, key_ends, values, value_ends, gone)
        if found < 0:
            raise CorruptRecordException(f"the batch at offset {self.offset}: {self.held} records do not fit into it")
        key_ends, value_ends = key_ends[:found], value_ends[:found]
        sizes = [int(ends[-1]) if found else 0 for ends in (key_ends, value_ends)]
        return Records(ByteStrings(keys[: sizes[0]], key_ends), Values(ByteStrings(values[: sizes[1]], value_ends), gone[:found]))


def batches_of(data: bytes) -> Iterator[Batch]:
    """The whole batches in fetched bytes; the last one may be cut off. Raises OlderFormat."""
    whole, at = memoryview(data), 0
    while at + HEADER.size <= len(data):
        offset, length, _, magic, _, attributes, last, begun, newest, producer, _, _, count = HEADER.unpack_from(data, at)
        if magic != MAGIC:
            raise OlderFormat(f"the batch at offset {offset}: wanted format {MAGIC}, got {magic}")
        end = at + BEHIND_LENGTH + length
        if end > len(data):
            return
        yield Batch(whole[at:end], offset, offset + last, attributes, producer, count, begun, newest)
        at = end


class Committed:
    """Which batches of a fetch were committed: the fetch says from where on a producer's transaction is aborted, a control batch says where it ends."""

    def __init__(self, aborted: Sequence[tuple[int, int]] | None) -> None:
        self.begins = sorted(aborted or (), key=lambda one: one[1], reverse=True)
        self.open: set[int] = set()

    def holds(self, batch: Batch) -> bool:
        """Whether a batch, given in order, has records that count. Raises CorruptRecordException."""
        while self.begins and self.begins[-1][1] <= batch.offset:
            self.open.add(self.begins.pop()[0])
        if batch.attributes & CONTROL:
            if batch.held and batch.records(batch.offset).keys.listed()[0] == ABORTED:
                self.open.discard(batch.producer)
            return False
        return not (batch.attributes & TRANSACTIONAL and batch.producer in self.open)


def records_of(batches: Iterable[Batch], position: int, aborted: Sequence[tuple[int, int]] | None) -> Records:
    """The committed records of fetched batches from offset `position` on. Raises CorruptRecordException."""
    committed = Committed(aborted)
    return Records.chained([batch.records(position) for batch in batches if committed.holds(batch)])

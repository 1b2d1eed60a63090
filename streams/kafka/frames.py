"""Changelog records as finished record batches (magic 2): the client sends them as they are.

A batch stands where the client has its `BatchBuilder`: it gets the producer's epoch and its place in the sequence when it is sent.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from aiokafka import codec
from aiokafka.record.util import calc_crc32c

from streams.engine.kernels import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from streams.engine.state.changes import Records

HEADER = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last timestamp, producer id and epoch, sequence, count."""
BEHIND_LENGTH, BEHIND_CRC = 12, 21
"""Where the bytes begin that the length counts, and those that the CRC covers."""
CRC = struct.Struct(">I")
MAGIC = 2
TRANSACTIONAL = 0x10
COMPRESSIONS: dict[int, Callable[[bytes], bytes]] = {1: codec.gzip_encode, 2: codec.snappy_encode, 3: codec.lz4_encode, 4: codec.zstd_encode}


@kernel("int64(int64)")
def varint_length(value: int) -> int:
    """The bytes of a number that is not negative, as a zigzag varint."""
    n = 1
    while value >= 64:
        n, value = n + 1, value >> 7
    return n


@kernel("int64(int64, int64, uint8[::1])")
def write_varint(value: int, at: int, out: Any) -> int:
    """Write a number that is not negative as a zigzag varint. Returns where it ends."""
    value <<= 1
    while value >= 128:
        out[at] = 128 | (value & 127)
        at, value = at + 1, value >> 7
    out[at] = value
    return at + 1


@kernel("int64(int64, int64, int64, boolean)")
def body_length(number: int, key: int, value: int, gone: bool) -> int:  # a kernel has no names
    """The bytes of record `number` of its batch behind its own length, for a key and value of so many bytes."""
    return 3 + varint_length(number) + varint_length(key) + key + (1 if gone else varint_length(value) + value)


@kernel("int64(int64, int64, int64, int64[::1], int64[::1], boolean[::1], int64[::1])")
def fitting(first: int, number: int, most: int, key_ends: Any, value_ends: Any, gone: Any, size: Any) -> int:
    """How many records from `first` on fit into a batch that has `number` already and `size[0]` bytes of them: it stays below `most` bytes, or has one record."""
    i = first
    while i < len(key_ends):
        key, value = key_ends[i] - (key_ends[i - 1] if i > 0 else 0), value_ends[i] - (value_ends[i - 1] if i > 0 else 0)
        body = body_length(number + i - first, key, value, gone[i])
        need = varint_length(body) + body
        if number + i > first and size[0] + need >= most:
            break
        size[0] += need
        i += 1
    return i - first


@kernel("void(int64, int64, int64, uint8[::1], int64[::1], uint8[::1], int64[::1], boolean[::1], uint8[::1])")
def write_records(first: int, count: int, begun: int, keys: Any, key_ends: Any, values: Any, value_ends: Any, gone: Any, out: Any) -> None:
    """Write `count` records from `first` on, the first with number `begun`: length, no attributes, no time of their own, number, key, value (-1: a tombstone), no headers."""
    n = 0
    for i in range(first, first + count):
        number = begun + i - first
        key_begin, value_begin = (key_ends[i - 1] if i > 0 else 0), (value_ends[i - 1] if i > 0 else 0)
        key, value = key_ends[i] - key_begin, value_ends[i] - value_begin
        n = write_varint(body_length(number, key, value, gone[i]), n, out)
        out[n], out[n + 1] = 0, 0
        n = write_varint(key, write_varint(number, n + 2, out), out)
        given, taken = keys[key_begin : key_begin + key], out[n : n + key]
        for k in range(key):
            taken[k] = given[k]
        n += key
        if gone[i]:
            out[n] = 1
            n += 1
        else:
            n = write_varint(value, n, out)
            given, taken = values[value_begin : value_begin + value], out[n : n + value]
            for k in range(value):
                taken[k] = given[k]
            n += value
        out[n] = 0
        n += 1


class Frame:
    """A finished record batch of a transaction. The client calls it as it calls its own builders."""

    def __init__(self, records: memoryview, count: int, compression: int) -> None:
        self._compression, self._records = 0, records
        if compression and len(compressed := COMPRESSIONS[compression](bytes(records))) < len(records):
            self._compression, self._records = compression, memoryview(compressed)
        self._count, self._time = count, int(time.time() * 1000)
        self._producer = -1, -1, 0
        self._buffer: bytearray | None = None

    def record_count(self) -> int:
        """How many records it has."""
        return self._count

    def size(self) -> int:
        """Its bytes."""
        return HEADER.size + len(self._records)

    def closed(self) -> bool:
        """Nothing can be added to it."""
        return True

    def close(self) -> None:
        """It is closed."""

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer = producer_id, producer_epoch, base_sequence

    def _build(self) -> bytearray:
        if self._buffer is None:
            length, last, attributes = self.size() - BEHIND_LENGTH, self._count - 1, self._compression | TRANSACTIONAL
            header = HEADER.pack(0, length, -1, MAGIC, 0, attributes, last, self._time, self._time, *self._producer, self._count)
            self._buffer = bytearray(header) + self._records
            CRC.pack_into(self._buffer, BEHIND_CRC - CRC.size, calc_crc32c(memoryview(self._buffer)[BEHIND_CRC:]))
        return self._buffer


def frames_of(several: Iterable[Records], most: int, compression: int) -> Iterator[Frame]:
    """Record batches of less than `most` bytes before compression, as the client's builder makes them; one record that is larger has a batch of its own."""
    own: list[tuple[Records, int, int, int]] = []
    number, size = 0, np.zeros(1, np.int64)
    for records in several:
        keys, (values, gone) = records
        first = 0
        while first < len(keys.ends):
            count = fitting(first, number, most - HEADER.size, keys.ends, values.ends, gone, size)
            own.append((records, first, count, int(size[0])))
            first, number = first + count, number + count
            if first < len(keys.ends):
                yield written(own, number, compression)
                number, size[0] = 0, 0
                own.clear()
    if number:
        yield written(own, number, compression)


def written(parts: list[tuple[Records, int, int, int]], count: int, compression: int) -> Frame:
    """The batch of `count` records: of each part from a first one on so many, which end at so many bytes."""
    out, number, begin = np.empty(parts[-1][-1], np.uint8), 0, 0
    for (keys, (values, gone)), first, some, end in parts:
        write_records(first, some, number, keys.data, keys.ends, values.data, values.ends, gone, out[begin:end])
        number, begin = number + some, end
    return Frame(out.data, count, compression)

"""The records of a fetch as columns: read from the record batches (magic 2) by one compiled call a batch, without a Python object a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from aiokafka.errors import CorruptRecordException

from schemas.codes import NULL
from streams.engine.kernels import kernel
from streams.intake.raw import PADDING, Pieces, chained, pieces_of
from streams.kafka.batches import Committed, batches_of, behind_varint, read_varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints
    from streams.emit import Headers

LOG_APPEND = 0x08
"""Of a batch's attributes: its records have the time of the append, which is the batch's largest."""
OFFSET, TIME, KEY_BEGIN, KEY_END, VALUE_BEGIN, VALUE_END, HEADERS = range(7)
"""What is read of each record: rows of an array [7, records]. HEADERS: where their number is, 0 where there are none."""


@kernel("int64(uint8[::1], int64)")
def read_varlong(data: Any, at: int) -> int:
    """A zigzag varint of at most ten bytes."""
    value: Any = np.int64(0)
    shift: Any = np.int64(0)
    while at < len(data) and shift < 63:
        byte: Any = np.int64(data[at])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
    return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)


@kernel("int64(uint8[::1], int64, int64, int64, int64, int64, int64, int64, int64, int64[:, ::1])")
def read_batch(data: Any, at: int, end: int, count: int, base: int, first_time: int, append_time: int, least: int, found: int, out: Any) -> int:
    """Read the `count` records of a batch that lies between `at` and `end` of `data`, those from offset `least` on, to column `found` of `out` and the next ones.

    `append_time`: the time of all, where it is not NULL. Returns behind the last column; -1 where the batch is damaged.
    """
    last = -1
    for _ in range(count):
        size, at = read_varint(data, at)
        upto = at + size
        if at < 0 or size < 1 or upto > end:
            return -1
        delta = read_varlong(data, at + 1)
        number, at = read_varint(data, behind_varint(data, at + 1))
        if at < 0 or number <= last:
            return -1
        last = number
        key, key_begin = read_varint(data, at)
        if key_begin < 0 or key_begin + max(key, 0) > upto:
            return -1
        value, value_begin = read_varint(data, key_begin + max(key, 0))
        if value_begin < 0 or value_begin + max(value, 0) > upto:
            return -1
        behind = value_begin + max(value, 0)
        headers, at = read_varint(data, behind)
        if at < 0 or headers < 0:
            return -1
        for _ in range(2 * headers):
            length, at = read_varint(data, at)
            at += max(length, 0)
            if at < 0 or at > upto:
                return -1
        if at != upto:
            return -1
        if base + number >= least:
            out[0, found] = base + number
            out[1, found] = append_time if append_time != NULL else first_time + delta
            out[2, found], out[3, found] = key_begin, key_begin + key if key >= 0 else -1
            out[4, found], out[5, found] = value_begin, value_begin + value if value >= 0 else -1
            out[6, found] = behind if headers else 0
            found += 1
    return found if at == end else -1


@dataclass(frozen=True, slots=True)
class RawRun:
    """Raw records of a partition in offset order: offsets, timestamps (epoch ms), keys and values, and by offset the headers of those that have any."""

    offsets: Ints
    timestamps: Ints
    keys: Pieces
    values: Pieces
    headers: dict[int, Headers]

    def __len__(self) -> int:
        return len(self.offsets)

    def since(self, offset: int) -> RawRun:
        """Those from `offset` on."""
        first = int(self.offsets.searchsorted(offset))
        return self if not first else RawRun(self.offsets[first:], self.timestamps[first:], self.keys[first:], self.values[first:], self.headers)

    @classmethod
    def chained(cls, runs: Sequence[RawRun]) -> RawRun:
        """Runs that came one after the other, as one."""
        keys, values = chained([(run.keys, run.values) for run in runs])
        headers = {offset: one for run in runs for offset, one in run.headers.items()}
        return cls(np.concatenate([run.offsets for run in runs]), np.concatenate([run.timestamps for run in runs]), keys, values, headers)

    @classmethod
    def of(cls, records: Sequence[Any]) -> RawRun:
        """Records that another reader has read: objects with offset, timestamp, key, value and headers."""
        keys, values = pieces_of([record.key for record in records], [record.value for record in records])
        numbers = np.array([[record.offset, record.timestamp] for record in records], np.int64).reshape(-1, 2)
        headers = {record.offset: tuple(record.headers) for record in records if record.headers}
        return cls(np.ascontiguousarray(numbers[:, 0]), np.ascontiguousarray(numbers[:, 1]), keys, values, headers)


NOTHING = RawRun.of([])


def read_run(data: bytes, position: int, aborted: Sequence[tuple[int, int]] | None) -> tuple[RawRun, int]:
    """The committed records of a fetch from offset `position` on, and the position behind all that it has.

    Raises CorruptRecordException, OlderFormat for record batches of a format before magic 2.
    """
    batches = list(batches_of(data))
    committed = Committed(aborted)
    kept = [batch for batch in batches if committed.holds(batch)]
    payloads = [batch.payload() for batch in kept]
    whole = np.frombuffer(bytearray().join([*payloads, PADDING]), np.uint8)
    out = np.zeros((7, sum(batch.held for batch in kept)), np.int64)
    found = at = 0
    for batch, payload in zip(kept, payloads, strict=True):
        end = at + len(payload)
        append_time = batch.newest if batch.attributes & LOG_APPEND else NULL
        found = read_batch(whole, at, end, batch.held, batch.offset, batch.begun, append_time, position, found, out)
        if found < 0:
            raise CorruptRecordException(f"the batch at offset {batch.offset}: {batch.held} records do not fit into it")
        at = end
    out = out[:, :found]
    with_headers = out[HEADERS].nonzero()[0].tolist()
    headers = {int(out[OFFSET, one]): headers_of(whole, int(out[HEADERS, one])) for one in with_headers}
    keys, values = Pieces(whole, out[KEY_BEGIN], out[KEY_END]), Pieces(whole, out[VALUE_BEGIN], out[VALUE_END])
    return RawRun(out[OFFSET], out[TIME], keys, values, headers), max([position, *(batch.last + 1 for batch in batches)])


def headers_of(data: Any, at: int) -> Headers:
    """The headers of a record, whose number stands at `at`."""

    def text(at: int) -> tuple[bytes | None, int]:
        length, begin = read_varint(data, at)
        return (data[begin : begin + length].tobytes() if length >= 0 else None), begin + max(length, 0)

    count, at = read_varint(data, at)
    found = []
    for _ in range(count):
        name, at = text(at)
        value, at = text(at)
        found.append(((name or b"").decode(errors="replace"), value))
    return tuple(found)  # type: ignore[arg-type]  # a header's value may be null: dead letters carry it so


__all__ = ["NOTHING", "RawRun", "read_run"]

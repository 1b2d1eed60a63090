"""The names of records as they are packed to stay with timers: copied from the records' bytes, without a struct a record."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import msgpack

from streams.engine.kernels import borrowing
from streams.intake.compiled.hashing import U
from streams.intake.compiled.scan import LENGTH_BITS
from streams.intake.raw import pieces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Ints

LENGTHS = (1 << LENGTH_BITS) - 1
"""The bits of a name's length; the others are its first byte in the value. -1 is no name (`scan.NAMED`)."""
NOTHING, SHORT, ONE_BYTE, TWO_BYTES = 0xC0, 0xA0, 0xD9, 0xDA
"""How MessagePack begins nothing, a text of up to 31 bytes, of up to 255, and of up to 65,535."""


@borrowing("void(int64, int64[:,::1], int64[::1])")
def packed_ends(head: int, named: Any, ends: Any) -> None:
    """Where each packed record ends: behind `head` bytes and its names."""
    n = 0
    for i in range(len(named)):
        n += head
        for k in range(named.shape[1]):
            length = named[i, k] & LENGTHS
            n += 1 if named[i, k] < 0 else length + 1 if length < 32 else length + 2 if length < 256 else length + 3
        ends[i] = n


@borrowing("void(uint8[::1], uint8[::1], int64[::1], int64[:,::1], uint8[::1])")
def pack_names(head: Any, buf: Any, begins: Any, named: Any, out: Any) -> None:
    """Write each record: `head`, then its names, which are in `buf` from the record's `begins` on."""
    n = 0
    for i in range(len(named)):
        for k in range(len(head)):
            out[U(n + k)] = head[U(k)]
        n += len(head)
        for k in range(named.shape[1]):
            if named[i, k] < 0:
                out[U(n)] = NOTHING
                n += 1
                continue
            length, begin = named[i, k] & LENGTHS, begins[i] + (named[i, k] >> LENGTH_BITS)
            if length < 32:
                out[U(n)] = SHORT | length
            elif length < 256:
                out[U(n)], out[U(n + 1)] = ONE_BYTE, length
                n += 1
            else:
                out[U(n)], out[U(n + 1)], out[U(n + 2)] = TWO_BYTES, length >> 8, length & 255
                n += 2
            n += 1
            for step in range(length):
                out[U(n + step)] = buf[U(begin + step)]
            n += length


def packed_names(kind: str, values: Sequence[bytes | None], named: Ints) -> list[bytes]:
    """The identities of records of type `kind`, packed as `streams/engine/identity.py` does it. `named` [record, name]: where their names are in `values`.

    >>> from streams.engine.identity import unpack
    >>> value = b'{"a":"ocs-1","b":"r7","c":"C1"}'
    >>> unpack(packed_names("balance_change", [value], np.array([[6 << 12 | 5, 18 << 12 | 2, 27 << 12 | 2, -1, -1, -1]]))[0])
    Identity(record_type='balance_change', source_system='ocs-1', record_id='r7', customer_id='C1', account_id=None, subscription_id=None, msisdn=None)
    """
    if not len(values):
        return []
    head = np.frombuffer(bytearray([0x90 | (1 + named.shape[1])]) + msgpack.encode(kind), np.uint8)
    named = np.ascontiguousarray(named)
    ends = np.empty(len(values), np.int64)
    (pieces,) = pieces_of(values)
    packed_ends(len(head), named, ends)
    out = np.empty(int(ends[-1]), np.uint8)
    pack_names(head, pieces.data, pieces.begins, named, out)
    blob = out.tobytes()
    return [blob[begin:end] for begin, end in pairwise([0, *ends.tolist()])]


__all__ = ["packed_names"]

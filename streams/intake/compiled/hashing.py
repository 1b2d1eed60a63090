"""XXH3 in kernels: 64-bit hashes of pieces of a buffer, without an object a text; the numbers are those of the library xxhash."""

from __future__ import annotations

from typing import Any

import numpy as np

from streams.engine.kernels import borrowing

U = np.uint64
P1, P2, P3, P4, P5 = (U(prime) for prime in (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261))
Q1, Q2, Q3 = U(2654435761), U(2246822519), U(3266489917)
AVALANCHE, SHORT = U(0x165667919E3779F9), U(0x9FB21C651E98DF25)
LOW, TOP = U(0xFFFFFFFF), U(1 << 63)
ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN, EIGHT = (U(number) for number in range(1, 9))
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
"""The default secret of the specification."""
KEYS = np.array([int.from_bytes(SECRET[at : at + 8], "little") for at in range(len(SECRET) - 7)], np.uint64)
"""The 64 bits of the secret from each of its bytes on."""
STRIPES = 16
"""Stripes of 64 bytes in a block."""
SHORT_KEY = (KEYS[0] ^ KEYS[4]) & LOW


@borrowing("uint64(uint8[::1], int64)")
def word(buf: Any, at: int) -> Any:
    """Eight bytes from `at` on, the first one lowest."""
    i = U(at)
    return (
        U(buf[i])
        | U(buf[i + ONE]) << U(8)
        | U(buf[i + TWO]) << U(16)
        | U(buf[i + THREE]) << U(24)
        | U(buf[i + FOUR]) << U(32)
        | U(buf[i + FIVE]) << U(40)
        | U(buf[i + SIX]) << U(48)
        | U(buf[i + SEVEN]) << U(56)
    )


@borrowing("uint64(uint8[::1], int64)")
def half(buf: Any, at: int) -> Any:
    """Four bytes from `at` on, the first one lowest."""
    i = U(at)
    return U(buf[i]) | U(buf[i + ONE]) << U(8) | U(buf[i + TWO]) << U(16) | U(buf[i + THREE]) << U(24)


@borrowing("uint64(uint64)")
def swapped(x: Any) -> Any:
    """The bytes in the other order."""
    x = ((x << U(8)) & U(0xFF00FF00FF00FF00)) | ((x >> U(8)) & U(0x00FF00FF00FF00FF))
    x = ((x << U(16)) & U(0xFFFF0000FFFF0000)) | ((x >> U(16)) & U(0x0000FFFF0000FFFF))
    return (x << U(32)) | (x >> U(32))


@borrowing("uint64(uint64, uint64)")
def folded(a: Any, b: Any) -> Any:
    """The upper and the lower half of the 128-bit product, xor."""
    al, ah, bl, bh = a & LOW, a >> U(32), b & LOW, b >> U(32)
    ll, hl, lh = al * bl, ah * bl, al * bh
    cross = (ll >> U(32)) + (hl & LOW) + lh
    return ((hl >> U(32)) + (cross >> U(32)) + ah * bh) ^ ((cross << U(32)) | (ll & LOW))


@borrowing("uint64(uint64)")
def mixed(h: Any) -> Any:
    """The last mixing of longer texts."""
    h = (h ^ (h >> U(37))) * AVALANCHE
    return h ^ (h >> U(32))


@borrowing("uint64(uint64)")
def mixed64(h: Any) -> Any:
    """The last mixing of XXH64, for the shortest texts."""
    h = (h ^ (h >> U(33))) * P2
    h = (h ^ (h >> U(29))) * P3
    return h ^ (h >> U(32))


@borrowing("uint64(uint8[::1], int64, int64)")
def sixteen(buf: Any, at: int, key: int) -> Any:
    """Sixteen bytes from `at` on, mixed with the secret."""
    return folded(word(buf, at) ^ KEYS[key], word(buf, at + 8) ^ KEYS[key + 8])


@borrowing("uint64(uint8[::1], int64, int64)")
def up_to_16(buf: Any, at: int, n: int) -> Any:
    """The hash of 0 to 16 bytes."""
    if n > 8:
        low = word(buf, at) ^ (KEYS[24] ^ KEYS[32])
        high = word(buf, at + n - 8) ^ (KEYS[40] ^ KEYS[48])
        return mixed(U(n) + swapped(low) + high + folded(low, high))
    if n >= 4:
        h = (half(buf, at + n - 4) + (half(buf, at) << U(32))) ^ (KEYS[8] ^ KEYS[16])
        h ^= ((h << U(49)) | (h >> U(15))) ^ ((h << U(24)) | (h >> U(40)))
        h *= SHORT
        h = (h ^ ((h >> U(35)) + U(n))) * SHORT
        return h ^ (h >> U(28))
    if n > 0:
        both = U(buf[at]) << U(16) | U(buf[at + (n >> 1)]) << U(24) | U(buf[at + n - 1]) | U(n) << U(8)
        return mixed64(both ^ SHORT_KEY)
    return mixed64(KEYS[56] ^ KEYS[64])


@borrowing("uint64(uint8[::1], int64, int64, uint64[::1])")
def over_240(buf: Any, at: int, n: int, lanes: Any) -> Any:
    """The hash of more than 240 bytes; `lanes`: room for eight numbers."""
    lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5], lanes[6], lanes[7] = Q3, P1, P2, P3, P4, Q2, P5, Q1
    stripes = (n - 1) // 64
    for stripe in range(stripes + 1):
        begin, key = at + 64 * stripe, 8 * (stripe % STRIPES)
        if stripe == stripes:
            begin, key = at + n - 64, 121
        for lane in range(8):
            value = word(buf, begin + 8 * lane)
            mixed_in = value ^ KEYS[key + 8 * lane]
            lanes[lane ^ 1] += value
            lanes[lane] += (mixed_in & LOW) * (mixed_in >> U(32))
        if stripe < stripes and stripe % STRIPES == STRIPES - 1:
            for lane in range(8):
                lanes[lane] = (lanes[lane] ^ (lanes[lane] >> U(47)) ^ KEYS[128 + 8 * lane]) * Q1
    h = U(n) * P1
    for pair in range(4):
        h += folded(lanes[2 * pair] ^ KEYS[11 + 16 * pair], lanes[2 * pair + 1] ^ KEYS[19 + 16 * pair])
    return mixed(h)


@borrowing("uint64(uint8[::1], int64, int64, uint64[::1])")
def xxh3(buf: Any, at: int, n: int, lanes: Any) -> Any:
    """XXH3, 64 bits, of `n` bytes from `at` on. `buf` has eight bytes more; `lanes`: room for eight numbers."""
    if n <= 16:
        return up_to_16(buf, at, n)
    if n > 240:
        return over_240(buf, at, n, lanes)
    h, end = U(n) * P1, at + n
    if n <= 128:
        if n > 96:
            h += sixteen(buf, at + 48, 96) + sixteen(buf, end - 64, 112)
        if n > 64:
            h += sixteen(buf, at + 32, 64) + sixteen(buf, end - 48, 80)
        if n > 32:
            h += sixteen(buf, at + 16, 32) + sixteen(buf, end - 32, 48)
        return mixed(h + sixteen(buf, at, 0) + sixteen(buf, end - 16, 16))
    for part in range(8):
        h += sixteen(buf, at + 16 * part, 16 * part)
    h = mixed(h)
    for part in range(8, n // 16):
        h += sixteen(buf, at + 16 * part, 16 * (part - 8) + 3)
    return mixed(h + sixteen(buf, end - 16, 119))


@borrowing("uint64(uint8[::1], int64, int64, uint64[::1])")
def code_bits(buf: Any, at: int, n: int, lanes: Any) -> Any:
    """The bits of the code of a text (`schemas.codes`)."""
    h = (up_to_16(buf, at, n) if n <= 16 else xxh3(buf, at, n, lanes)) ^ TOP
    return h if h != U(0) else ONE


@borrowing("void(uint8[::1], int64[::1], int64[::1], uint64[::1], uint64[::1])")
def hash_all(buf: Any, begin: Any, end: Any, lanes: Any, out: Any) -> None:
    """The hash of each piece."""
    for at in range(len(begin)):
        out[at] = xxh3(buf, begin[at], end[at] - begin[at], lanes)


__all__ = ["U", "code_bits", "half", "hash_all", "word", "xxh3"]

"""Freed memory goes back to the system."""

from __future__ import annotations

import os
import platform

import pytest

from streams.kafka.freed import give_back
from tests.speed.testbed import memory_bytes

PIECE, COUNT = 50_000, 2_000


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives memory back by itself, or never")
def test_what_is_free_between_what_is_used_goes_back():
    pieces = [bytearray(b"x") * PIECE for _ in range(COUNT)]
    kept = pieces[::20]
    del pieces
    before = memory_bytes(os.getpid())[0]
    give_back()
    assert before - memory_bytes(os.getpid())[0] > 0.5 * PIECE * (COUNT - len(kept))

"""Freed memory goes back to the system: the allocator of glibc keeps what it can, so that a worker would hold for good what its restore took."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Return what is free, some ms; another C library decides by itself."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)

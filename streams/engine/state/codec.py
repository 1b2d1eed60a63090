"""The changelog codec: what a row's bytes mean, and how rows are keyed in the changelog."""

from __future__ import annotations

import struct
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np
import xxhash

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.engine.state.packing import ByteStrings

ColumnKind = Literal["int", "time", "text", "token", "flag", "digest", "moment"]
FORMATS: dict[ColumnKind, str] = {"int": "<i8", "time": "<i8", "text": "<i8", "token": "<i8", "flag": "<i8", "digest": "<u2", "moment": "<u4"}
LENGTH = struct.Struct("<H")
SEPARATOR = "\x1f"
"""Separates the parts of a key: no identifier may hold a control character."""


class StateRefused(KairosFault):
    """Stored state cannot be read by the installed definitions."""


class Layout(msgspec.Struct, frozen=True, dict=True):
    """The layout of a part's rows: columns in order, each with its name, kind and length; then named texts."""

    part: str
    columns: tuple[tuple[str, ColumnKind, int], ...]
    texts: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> bytes:
        """Four bytes that stand before every row written in this layout."""
        return xxhash.xxh32_digest(msgspec.json.encode(self))

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of one row."""
        return np.dtype([(name, FORMATS[kind], (length,)) if length > 1 else (name, FORMATS[kind]) for name, kind, length in self.columns])


Change = tuple[bytes, bytes | None]
"""A changelog record, key and value: None is a tombstone. Nothing but a tuple, because a batch makes several a record."""


def record_key(part: str, key: str) -> bytes:
    """The changelog key of the row `key` of `part`."""
    return f"{part}\x1e{key}".encode()


@cache
def key_start(part: str) -> bytes:
    """What the changelog keys of all rows of `part` begin with."""
    return record_key(part, "")


def split_key(key: bytes) -> tuple[str, str]:
    """Part and row key of a changelog key: what `record_key` joined."""
    part, _, name = key.decode().partition("\x1e")
    return part, name


class Entries(NamedTuple):
    """Keys within a part, and the value of each."""

    keys: ByteStrings
    values: ByteStrings

    def pairs(self) -> Iterator[tuple[str, bytes]]:
        """Each of them, where speed does not matter."""
        return zip(self.keys.texts(), self.values.listed(), strict=True)


def by_layout(entries: Entries) -> Iterator[tuple[bytes, Entries]]:
    """Rows by the fingerprint that they begin with."""
    if not len(entries.keys.ends):
        return
    fingerprints = entries.values.within(0, 4).data.view(np.int32)
    kinds = np.unique(fingerprints)
    for kind in kinds:
        own = (fingerprints == kind).nonzero()[0]
        yield kind.tobytes(), entries if len(kinds) == 1 else Entries(entries.keys.some(own), entries.values.some(own))

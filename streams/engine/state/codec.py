"""The changelog codec: what a row's bytes mean, and how rows are keyed in the changelog."""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import xxhash

from schemas.fault import KairosFault

ColumnKind = Literal["int", "time", "text", "token", "flag", "digest", "moment"]
FORMATS: dict[ColumnKind, str] = {"int": "<i8", "time": "<i8", "text": "<i8", "token": "<i8", "flag": "<i8", "digest": "<u2", "moment": "<u4"}
LENGTH = struct.Struct("<H")
SEPARATOR = "\x1f"
"""Separates the parts of a key: no identifier may hold a control character."""
CUT = "\x1d"
"""Never in a key, for the same reason."""


class StateRefused(KairosFault):
    """Stored state cannot be read by the installed definitions."""


class Layout(msgspec.Struct, frozen=True):
    """The layout of a part's rows: columns in order, each with its name, kind and length; then named texts."""

    part: str
    columns: tuple[tuple[str, ColumnKind, int], ...]
    texts: tuple[str, ...]

    @property
    def fingerprint(self) -> bytes:
        """Four bytes that stand before every row written in this layout."""
        return xxhash.xxh32_digest(msgspec.json.encode(self))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type of one row."""
        return np.dtype([(name, FORMATS[kind], (length,)) if length > 1 else (name, FORMATS[kind]) for name, kind, length in self.columns])


Change = tuple[bytes, bytes | None]
"""A changelog record, key and value: None is a tombstone. Nothing but a tuple, because a batch makes several a record."""


def record_key(part: str, key: str) -> bytes:
    """The changelog key of the row `key` of `part`."""
    return f"{part}\x1e{key}".encode()


def record_keys(part: str, keys: list[str]) -> list[bytes]:
    """The same for many rows: one text is encoded, and cut where a character stands that no identifier may hold."""
    begin = f"{part}\x1e"
    return (begin + f"{CUT}{begin}".join(keys)).encode().split(CUT.encode()) if keys else []


def split_key(key: bytes) -> tuple[str, str]:
    """Part and row key of a changelog key: what `record_key` joined."""
    part, _, name = key.decode().partition("\x1e")
    return part, name


class Entries(NamedTuple):
    """Keys within a part, and the value of each."""

    keys: list[str]
    values: list[bytes]


def by_part(pairs: dict[bytes, bytes | None]) -> dict[str, Entries]:
    """Changelog records by part, tombstones left out."""
    found: dict[bytes, Entries] = defaultdict(lambda: Entries([], []))
    for key, value in pairs.items():
        if value is not None:
            part, _, name = key.partition(b"\x1e")
            names, values = found[part]
            names.append(name.decode())
            values.append(value)
    return {part.decode(): entries for part, entries in found.items()}


def by_layout(entries: Entries) -> dict[bytes, Entries]:
    """Rows by the fingerprint that they begin with."""
    fingerprints = [value[:4] for value in entries.values]
    kinds = set(fingerprints)
    if len(kinds) == 1:
        return {fingerprints[0]: entries}
    found = {kind: Entries([], []) for kind in kinds}
    for fingerprint, key, value in zip(fingerprints, *entries, strict=True):
        found[fingerprint].keys.append(key)
        found[fingerprint].values.append(value)
    return found

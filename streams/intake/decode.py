"""Raw bytes to typed columns. Whatever is wrong with a record, it becomes a reject with a reason; its neighbours are not touched."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from schemas.codes import code_of
from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name
from streams.intake.columns import Columns
from streams.intake.times import INVALID

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = npt.NDArray[np.int64]
Fault = tuple[str, str]
"""A reason code, and the detail."""
OLDEST_MS = 946_684_800_000
"""2000-01-01T00:00:00Z: nothing real is older."""
NEWEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""
UNDERSTOOD_VERSION = 1


class Reject(msgspec.Struct, frozen=True):
    """A record that is not taken: a reason code, and what was wanted and got, without any personal value."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


NO_KIND = -1
KINDS = {record: number for number, record in enumerate(RECORD_TYPES)}
NAMES = {type_name(record): record for record in RECORD_TYPES}


def union_of(topic: str) -> Any:
    """The types that records of `topic` can have, as one tagged union."""
    members = tuple(record for record in RECORD_TYPES if record.topic == topic)
    union: Any = members[0]
    for member in members[1:]:
        union = union | member
    return union


DECODERS = {topic: msgspec.json.Decoder(union_of(topic)) for topic in TOPICS}


class Chunk:
    """What one fetch of a topic partition gave: its accepted records as columns by type, and its rejects."""

    def __init__(self, topic: str, partition: int, next_offset: int) -> None:
        self.topic, self.partition, self.next_offset = topic, partition, next_offset
        self.rank = TOPICS.index(topic)
        self.offset = self.event_time = self.id_hash = self.content_hash = np.zeros(0, np.int64)
        self.kind = np.zeros(0, np.int8)
        self.slot = np.zeros(0, np.int32)
        self.groups: dict[int, Columns] = {}
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.rejects: list[Reject] = []

    def __len__(self) -> int:
        return len(self.offset)


def decode_chunk(
    topic: str,
    partition: int,
    offsets: Sequence[int],
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    *,
    next_offset: int,
    latest_ms: int | None,
    max_bytes: int,
) -> Chunk:
    """Decode raw records in offset order. `latest_ms`: later event times are `future`. Larger values than `max_bytes` are not parsed."""
    chunk = Chunk(topic, partition, next_offset)
    records, faults = parse(topic, values, max_bytes)
    if faults or list(keys) != [record.customer_id.encode() for record in records]:
        faults |= {at: fault for at, key in enumerate(keys) if at not in faults and (fault := key_fault(key, records[at].customer_id))}
    kinds = np.fromiter((NO_KIND if at in faults else KINDS[type(record)] for at, record in enumerate(records)), np.int8, len(records))
    groups: dict[int, tuple[Ints, Columns]] = {}
    for kind in np.unique(kinds[kinds != NO_KIND]).tolist():
        places = np.flatnonzero(kinds == kind)
        groups[kind] = (places, Columns(RECORD_TYPES[kind], [records[at] for at in places.tolist()]))
    for kind, (places, columns) in groups.items():
        bad = judge(columns, latest_ms)
        if bad:
            faults |= {int(places[row]): fault for row, fault in bad.items()}
            good = np.array([row for row in range(len(places)) if row not in bad], np.int64)
            groups[kind] = (places[good], columns.keep(good))
    lay_out(chunk, groups, offsets, keys, values)
    for at in sorted(faults):
        reason, detail = faults[at]
        chunk.rejects.append(Reject(reason, f"{detail} ({topic}[{partition}]@{offsets[at]})", topic, partition, offsets[at], keys[at], values[at]))
    return chunk


def key_fault(key: bytes | None, customer_id: str) -> Fault | None:
    """What is wrong with the key of a record, if anything."""
    if key is None:
        return "null_key", "key: wanted the customer_id, got null"
    return None if key == customer_id.encode() else ("key_mismatch", "key: wanted the record's customer_id, got another text")


def lay_out(chunk: Chunk, groups: dict[int, tuple[Ints, Columns]], offsets: Sequence[int], keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
    """Lay the accepted records out in offset order."""
    groups = {kind: group for kind, group in groups.items() if len(group[0])}
    if not groups:
        return
    place = np.concatenate([places for places, _ in groups.values()])
    order = np.argsort(place, kind="stable")
    kept = place[order].tolist()
    everything = len(kept) == len(values)
    chunk.groups = {kind: columns for kind, (_, columns) in groups.items()}
    chunk.kind = np.concatenate([np.full(len(places), kind, np.int8) for kind, (places, _) in groups.items()])[order]
    chunk.slot = np.concatenate([np.arange(len(places), dtype=np.int32) for places, _ in groups.values()])[order]
    chunk.event_time = np.concatenate([columns.event_time for _, columns in groups.values()])[order]
    chunk.offset = np.asarray(offsets, np.int64)[kept] if not everything else np.asarray(offsets, np.int64)
    chunk.keys = list(keys) if everything else [keys[at] for at in kept]
    chunk.values = list(values) if everything else [values[at] for at in kept]
    identities = [[f"{r.source_system}\0{r.record_id}".encode() for r in columns.records] for _, columns in groups.values()]
    flat = [identity for group in identities for identity in group]
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, flat), np.uint64, len(flat)).view(np.int64)
    chunk.id_hash = hashes[order]
    chunk.content_hash = np.fromiter(map(xxhash.xxh3_64_intdigest, chunk.values), np.uint64, len(kept)).view(np.int64)  # type: ignore[arg-type]  # no None was accepted


# Parsing


def parse(topic: str, values: Sequence[bytes | None], max_bytes: int) -> tuple[list[Any], dict[int, Fault]]:
    """The decoded records, and by position what cannot be decoded. All at once when all are well."""
    decode = DECODERS[topic].decode
    try:
        if max(map(len, values), default=0) <= max_bytes:  # type: ignore[arg-type]  # a null value raises, as wanted
            return list(map(decode, values)), {}  # type: ignore[arg-type]  # as above
    except Exception:  # noqa: BLE001, S110  # then each is looked at by itself
        pass
    records: list[Any] = []
    faults: dict[int, Fault] = {}
    for at, value in enumerate(values):
        record, fault = parse_one(topic, value, max_bytes)
        records.append(record)
        if fault is not None:
            faults[at] = fault
    return records, faults


def parse_one(topic: str, value: bytes | None, max_bytes: int) -> tuple[Any, Fault | None]:
    """One decoded record, or what is wrong with it."""
    if value is None:
        return None, ("null_value", "value: wanted a JSON object, got null")
    if not value:
        return None, ("empty_value", "value: wanted a JSON object, got no bytes")
    if len(value) > max_bytes:
        return None, ("too_large", f"value: wanted at most {max_bytes} bytes, got {len(value)}")
    try:
        return DECODERS[topic].decode(value), None
    except Exception as error:  # noqa: BLE001  # msgspec raises RecursionError and UnicodeDecodeError too
        return None, diagnose(topic, value, error)


def diagnose(topic: str, value: bytes, error: Exception) -> Fault:
    """A reason code, and the error in words that hold no value of the record."""
    if isinstance(error, RecursionError):
        return "too_deep", "value: wanted nesting that can be read, got deeper"
    if isinstance(error, UnicodeDecodeError):
        return "bad_utf8", f"value: wanted UTF-8, got an invalid byte at {error.start}"
    if value.startswith(b"\xef\xbb\xbf"):
        return "bom", "value: wanted JSON, got a byte order mark before it"
    if not isinstance(error, msgspec.ValidationError):
        text = str(error)
        return ("bad_utf8" if "utf-8" in text.lower() else "bad_json"), f"value: wanted one JSON object: {bare(text)}"
    text = str(error)
    if "Invalid value" in text and "record_type" in text:
        return record_type_fault(topic, value)
    if "missing required field" in text:
        return "missing_field", bare(text)
    if text.startswith("Expected") and ", got" in text:
        return "wrong_type", bare(text)
    return "bad_value", bare(text)


def record_type_fault(topic: str, value: bytes) -> Fault:
    """Whether a record type is unknown, or one of another topic."""
    try:
        name = msgspec.json.decode(value).get("record_type")
    except Exception:  # noqa: BLE001  # it is refused already
        name = None
    record = NAMES.get(name) if isinstance(name, str) else None
    if record is None:
        return "unknown_record_type", f"record_type: wanted one of {', '.join(sorted(NAMES))}, got another text"
    return "wrong_topic", f"record_type: {name} belongs to {record.topic}, got it on {topic}"


def bare(text: str) -> str:
    """An error's text without quoted values, which may be personal; field names after `field` stay."""
    return re.sub(r"(?<!field )(?<!at )(['\"]).*?\1", "a value", text)


# Judging


def judge(columns: Columns, latest_ms: int | None) -> dict[int, Fault]:
    """By row, the first thing that is wrong with well-formed records."""
    bad: dict[int, Fault] = {}

    def fail(holds: npt.NDArray[np.bool_], reason: str, detail: str) -> None:
        if not holds.all():
            for row in np.flatnonzero(~holds).tolist():
                bad.setdefault(row, (reason, detail))

    record = columns.record_type
    fail(columns.schema_version == UNDERSTOOD_VERSION, "unsupported_version", f"schema_version: wanted {UNDERSTOOD_VERSION}, got another")
    for name, info in fields_of(record).items():
        if info.kind in ("time", "date") and (not info.nullable or any(value is not None for value in map(attrgetter(name), columns.records))):
            wanted = "RFC 3339 with offset and at most ms, or epoch ms" if info.kind == "time" else "YYYY-MM-DD"
            column = getattr(columns, name)
            fail(column != INVALID, "bad_time", f"{name}: wanted {wanted}, got another text")
    time = columns.event_time
    fail(time >= OLDEST_MS, "too_old", "event_time: wanted 2000-01-01 or later, got earlier")
    fail(time <= NEWEST_MS, "bad_time", "event_time: wanted a time before the year 10000, got later")
    if latest_ms is not None:
        fail(time <= latest_ms, "future", "event_time: wanted at most 300 s ahead of the wall clock, got later")
    for rule in record.RULES:  # type: ignore[attr-defined]  # every record type has rules
        fail(rule.holds(columns), "broken_rule", f"{rule.name}: wanted {rule.says}")
    fail(columns.action == code_of("new"), "correction", "action: wanted new; corrections and reversals are kept out of the rules")
    return bad

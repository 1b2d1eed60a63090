"""Raw bytes to typed columns. A record with any fault becomes a reject with a reason; its neighbours are not touched."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import reduce
from operator import attrgetter, or_
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from schemas.codes import NULL, code_of
from schemas.columns import DAY_MS, Ints
from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name
from schemas.raw.envelope import CONTROL, NEWEST_EVENT_MS, NEWEST_MS, OLDEST_MS
from streams.intake.columns import NOT_PLAIN, Columns, CompiledColumns
from streams.intake.compiled import reading
from streams.intake.compiled.layout import UNDERSTOOD_VERSION
from streams.intake.diagnose import diagnose
from streams.intake.raw import picked
from streams.intake.structs import DECODERS, repaired
from streams.intake.times import FIRST_DAY, INVALID, LAST_DAY, epoch_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.raw import Envelope
    from schemas.raw.reasons import Reason
    from streams.intake.diagnose import Fault

CENTURY_S = range(OLDEST_MS // 1000, (OLDEST_MS + 36_525 * DAY_MS) // 1000)
UNITS = {"seconds": 1, "microseconds": 10**6, "nanoseconds": 10**9}
"""Units and their number in a second: a time of this century in one of them is recognised, and is never a valid time in milliseconds."""


class Reject(msgspec.Struct, frozen=True):
    """A refused record: a reason code, and what was wanted and got, without any personal value."""

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


NO_KIND = -1
KINDS = {record: number for number, record in enumerate(RECORD_TYPES)}


def route_struct(record: type[Envelope]) -> Any:
    """The fields that routing needs."""
    return msgspec.defstruct(record.__name__, [("customer_id", Any, None)], tag_field="record_type", tag=type_name(record), namespace={"topic": record.topic})


ROUTE = msgspec.json.Decoder(reduce(or_, map(route_struct, RECORD_TYPES))).decode
"""Reads the fields that a producer needs, by the rules of the full decoders: escapes, nesting, doubled names."""


def route_of(value: bytes) -> tuple[str, bytes | None]:
    """Topic and key under which a producer would send a raw record. A record of unknown type goes to the first topic, to be refused there."""
    try:
        route = ROUTE(value)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # the full decoder says what is wrong with it
        return TOPICS[0], None
    return route.topic, route.customer_id.encode() if isinstance(route.customer_id, str) else None


class DecodedRun:
    """What one fetch of a topic partition gave: its accepted records as columns by type, and its rejects."""

    def __init__(self, topic: str, partition: int, next_offset: int) -> None:
        self.topic, self.partition, self.next_offset = topic, partition, next_offset
        self.read_at = 0.0
        """When its records were read from Kafka, seconds of the process's monotonic clock; 0 in a replay."""
        self.rank = TOPICS.index(topic)
        self.offset = self.event_time = self.id_hash = self.content_hash = np.zeros(0, np.int64)
        self.kind = np.zeros(0, np.int8)
        self.slot = np.zeros(0, np.int32)
        self.groups: dict[int, Columns] = {}
        self.keys: Sequence[bytes | None] = []
        self.values: Sequence[bytes | None] = []
        self.rejects: list[Reject] = []
        self.notes: Counter[str] = Counter()
        """What was odd about accepted records, counted."""
        self.places: Ints | None = None
        """Where the records belong in the merge, epoch ms, where that is not their event times."""
        self.marks: Ints | None = None
        """Of records that have waited, which stand in another order than that of their offsets: what is stored when each is the last (`Passed`)."""

    def __len__(self) -> int:
        return len(self.offset)


class Run(NamedTuple):
    """Raw records of one topic, side by side, and the limits they are checked against."""

    topic: str
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    latest_ms: int | None
    max_bytes: int

    def part(self, places: Sequence[int] | Ints) -> Run:
        """The records at `places`."""
        at = np.asarray(places, np.int64)
        return self._replace(keys=picked(self.keys, at), values=picked(self.values, at))


class Taken(NamedTuple):
    """A run: accepted columns by kind, each with its places in the run and the hashes of its ids, and the faults of the other records."""

    groups: dict[int, tuple[Ints, Columns, Ints]]
    faults: dict[int, Fault]
    notes: Counter[str]
    content: Ints | None = None
    """By place, the hashes of values that are known; 0 for others."""


WAYS = ("compiled", "msgspec")


class Way:
    """How records are decoded: `compiled` reads the plain ones and leaves the others to msgspec; `msgspec` reads all, and is the other's judge."""

    compiled = reading.COMPILED
    """Interpreted, the kernels are slow: without numba's compiler msgspec reads all."""


def decode_by(way: str) -> None:
    """Set the way of this process, one of WAYS."""
    Way.compiled = way == "compiled" and reading.COMPILED


def decode_chunk(
    topic: str,
    partition: int,
    offsets: Sequence[int] | Ints,
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    *,
    next_offset: int,
    latest_ms: int | None,
    max_bytes: int,
) -> DecodedRun:
    """Decode raw records in offset order. `latest_ms`: later event times are `future`. Larger values than `max_bytes` are not parsed.

    A record that causes an error, of any kind, becomes a reject. Raises MemoryError, and errors that no single record causes.
    """
    chunk = DecodedRun(topic, partition, next_offset)
    run = Run(topic, keys, values, latest_ms, max_bytes)
    taken = take_compiled(run) if Way.compiled else take_surely(run)
    chunk.notes = taken.notes
    lay_out(chunk, taken, offsets, keys, values)
    for at in sorted(taken.faults):
        reason, detail = taken.faults[at]
        chunk.rejects.append(Reject(reason, f"{detail} ({topic}[{partition}]@{offsets[at]})", topic, partition, int(offsets[at]), keys[at], values[at]))
    return chunk


def take_compiled(run: Run) -> Taken:
    """The run with its plain records by the compiled reader, and the others by msgspec."""
    try:
        plain = reading.read(*run)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # msgspec finds the record that it comes from
        return take_surely(run)
    if not len(plain.left):
        return Taken(dict(plain.groups), {}, plain.notes, plain.content)
    rest = take_surely(run.part(plain.left))
    groups: dict[int, tuple[Ints, Columns, Ints]] = {**plain.groups}
    for kind, (own, columns, ids) in rest.groups.items():
        places = plain.left[own]
        groups[kind] = (places, columns, ids) if kind not in plain.groups else joined(run.values, plain.groups[kind], (places, columns, ids))
    return Taken(dict(sorted(groups.items())), {int(plain.left[at]): fault for at, fault in rest.faults.items()}, plain.notes + rest.notes, plain.content)


def joined(values: Sequence[bytes | None], plain: tuple[Ints, CompiledColumns, Ints], rest: tuple[Ints, Columns, Ints]) -> tuple[Ints, Columns, Ints]:
    """The records of one type that were read in two ways, in the order of the run."""
    places = np.concatenate([plain[0], rest[0]])
    order = places.argsort()
    stored = {name: np.concatenate([getattr(plain[1], name), getattr(rest[1], name)])[order] for name in plain[1].stored()}
    named = np.concatenate([plain[1].named, np.full((len(rest[0]), plain[1].named.shape[1]), NOT_PLAIN)])[order]
    return places[order], CompiledColumns(plain[1].record_type, values, places[order], stored, None, named), np.concatenate([plain[2], rest[2]])[order]


def take_surely(run: Run) -> Taken:
    """The run by msgspec, without the records that cause an error."""
    try:
        return take(run)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  # it is narrowed to its records
        return take_without(run, culprits(run, range(len(run.values))))


def take(run: Run) -> Taken:
    """Parse, correct, and check the records of a run."""
    records, faults = parse(run.topic, run.values, run.max_bytes)
    if faults or list(run.keys) != [record.customer_id.encode() for record in records]:
        faults |= {at: fault for at, key in enumerate(run.keys) if at not in faults and (fault := key_fault(key, records[at].customer_id))}
    kinds = np.fromiter((NO_KIND if at in faults else KINDS[type(record)] for at, record in enumerate(records)), np.int8, len(records))
    groups: dict[int, tuple[Ints, Columns, Ints]] = {}
    notes: Counter[str] = Counter()
    for kind in np.unique(kinds[kinds != NO_KIND]).tolist():
        places = (kinds == kind).nonzero()[0]
        own = [records[at] for at in places.tolist()]
        for repair in RECORD_TYPES[kind].REPAIRS:
            own = repaired(own, repair, notes)
        columns = Columns(RECORD_TYPES[kind], own)
        bad = check(columns, run.latest_ms)
        if bad:
            faults |= {int(places[row]): fault for row, fault in bad.items()}
            good = np.array([row for row in range(len(places)) if row not in bad], np.int64)
            places, columns = places[good], columns.keep(good)
        for note in RECORD_TYPES[kind].NOTES:
            notes[note.counted] += int((~note.holds(columns)).sum())
        if len(places):
            groups[kind] = (places, columns, hashes_of([f"{record.source_system}\0{record.record_id}".encode() for record in columns.records]))
    return Taken(groups, faults, notes)


def culprits(run: Run, places: Sequence[int]) -> dict[int, Fault]:
    """By place, the records that an error outside the checks comes from: the run is halved until they are alone."""
    try:
        take(run.part(places))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # any error here belongs to a record
        if len(places) == 1:
            return {places[0]: ("undecodable", f"value: wanted a record that can be read, got {type(error).__name__} in the reader")}
        middle = len(places) // 2
        return culprits(run, places[:middle]) | culprits(run, places[middle:])
    return {}


def take_without(run: Run, faults: dict[int, Fault]) -> Taken:
    """The run without the records that have a fault already."""
    places = np.array([at for at in range(len(run.values)) if at not in faults], np.int64)
    rest = take(run.part(places.tolist()))
    groups = {kind: (places[own], columns, ids) for kind, (own, columns, ids) in rest.groups.items()}
    return Taken(groups, faults | {int(places[at]): fault for at, fault in rest.faults.items()}, rest.notes)


def key_fault(key: bytes | None, customer_id: str) -> Fault | None:
    """What is wrong with the key of a record, if anything."""
    if key is None:
        return "null_key", "key: wanted the customer_id, got null"
    return None if key == customer_id.encode() else ("key_mismatch", "key: wanted the record's customer_id, got another text")


def hashes_of(texts: Sequence[bytes | None]) -> Ints:
    """Their 64-bit hashes."""
    hashes: Ints = np.fromiter(map(xxhash.xxh3_64_intdigest, texts), np.uint64, len(texts)).view(np.int64)  # type: ignore[arg-type]  # no None was accepted
    return hashes


def lay_out(chunk: DecodedRun, taken: Taken, offsets: Sequence[int] | Ints, keys: Sequence[bytes | None], values: Sequence[bytes | None]) -> None:
    """Put the accepted records in offset order."""
    groups = taken.groups
    if not groups:
        return
    n = len(values)
    kind, slot, times, ids = np.full(n, NO_KIND, np.int8), np.zeros(n, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int64)
    for number, (places, columns, own_ids) in groups.items():
        kind[places], slot[places], times[places], ids[places] = number, np.arange(len(places)), columns.event_time, own_ids
    kept = (kind != NO_KIND).nonzero()[0]
    everything = len(kept) == n
    chunk.groups = {number: columns for number, (_, columns, _) in groups.items()}
    chunk.kind, chunk.slot, chunk.event_time, chunk.id_hash = kind[kept], slot[kept], times[kept], ids[kept]
    chunk.offset = np.asarray(offsets, np.int64)[kept] if not everything else np.asarray(offsets, np.int64)
    chunk.keys, chunk.values = (keys, values) if everything else (picked(keys, kept), picked(values, kept))
    if taken.content is None:
        chunk.content_hash = hashes_of(chunk.values)
        return
    chunk.content_hash = taken.content[kept]
    unknown = (chunk.content_hash == 0).nonzero()[0]
    chunk.content_hash[unknown] = hashes_of(picked(chunk.values, unknown))


# Parsing


def parse(topic: str, values: Sequence[bytes | None], max_bytes: int) -> tuple[list[Any], dict[int, Fault]]:
    """The decoded records, and by position what cannot be decoded. All at once when all are valid."""
    decode = DECODERS[topic].decode
    try:
        if max(map(len, values), default=0) <= max_bytes:  # type: ignore[arg-type]  # a null value raises, as wanted
            records = list(map(decode, values))  # type: ignore[arg-type]  # as above
            return records, control_faults(values, records)  # type: ignore[arg-type]  # as above
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001, S110  # then each is looked at by itself
        pass
    records = []
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
        record = DECODERS[topic].decode(value)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # msgspec raises RecursionError and UnicodeDecodeError too
        return None, diagnose(topic, value, error)
    return record, control_faults([value], [record]).get(0)


def control_faults(values: Sequence[bytes], records: list[Any]) -> dict[int, Fault]:
    """By position, the first text that holds a control character. In JSON these stand escaped, or are DEL: most runs have neither."""
    joined = b"\n".join(values)
    if b"\\" not in joined and b"\x7f" not in joined:
        return {}
    faults: dict[int, Fault] = {}
    for at, (value, record) in enumerate(zip(values, records, strict=True)):
        if ESCAPED.search(value):
            record_type: Any = type(record)
            for name, info in fields_of(record_type).items():
                text = getattr(record, name)
                if info.kind == "text" and name not in REPAIRED and isinstance(text, str) and CONTROL.search(text):
                    faults[at] = ("bad_value", f"{name}: wanted a text without control characters, got one with")
                    break
    return faults


ESCAPED = re.compile(rb"\\(?:[bfnrt]|u00[01]|u007[fF])|\x7f")
"""Matches a control character as JSON writes it."""
REPAIRED = frozenset(repair.field for record in RECORD_TYPES for repair in record.REPAIRS if repair.counted)
"""Fields in which a text that does not fit becomes null: they are corrected after this."""


# Checks


def check(columns: Columns, latest_ms: int | None) -> dict[int, Fault]:
    """By row, the first fault of well-formed records."""
    bad: dict[int, Fault] = {}

    def fail(holds: npt.NDArray[np.bool_], reason: Reason, detail: str) -> None:
        if not holds.all():
            for row in (~holds).nonzero()[0].tolist():
                bad.setdefault(row, (reason, detail))

    record = columns.record_type
    fail(columns.schema_version == UNDERSTOOD_VERSION, "unsupported_version", f"schema_version: wanted {UNDERSTOOD_VERSION}, got another")
    for name, info in fields_of(record).items():
        if info.kind in ("time", "date") and (not info.nullable or any(value is not None for value in map(attrgetter(name), columns.records))):
            column, (least, most) = getattr(columns, name), (FIRST_DAY, LAST_DAY) if info.kind == "date" else (OLDEST_MS, NEWEST_MS)
            most = NEWEST_EVENT_MS if name == "event_time" else most
            for row in ((column != NULL) & ((column < least) | (column > most))).nonzero()[0].tolist():
                raw = getattr(columns.records[row], name)
                bad.setdefault(row, date_fault(name) if info.kind == "date" else time_fault(name, raw, int(column[row])))
    if latest_ms is not None:
        latest = datetime.fromtimestamp(latest_ms // 1000, UTC).isoformat().replace("+00:00", "Z")
        fail(columns.event_time <= latest_ms, "future", f"event_time: wanted {latest} or earlier (the wall clock and the setting future_ms), got later")
    for rule in record.RULES:
        fail(rule.holds(columns), rule.reason, f"{rule.name}: wanted {rule.says}")
    fail(columns.action == code_of("new"), "correction", "action: wanted new; corrections and reversals are kept out of the rules")
    return bad


def date_fault(name: str) -> Fault:
    """What is wrong with a date."""
    return "bad_time", f"{name}: wanted a day YYYY-MM-DD from 1900 to 2200, got another text"


def time_fault(name: str, raw: int | str, ms: int) -> Fault:
    """What is wrong with a time, `ms` as far as it could be read."""
    wanted = f"{name}: wanted RFC 3339 with offset, or epoch ms"
    if isinstance(raw, str) and ms == INVALID:
        return "bad_time", f"{wanted}, got {'a time without offset' if epoch_ms([raw + 'Z'])[0] != INVALID else 'another text'}"
    if isinstance(raw, int):
        for unit, number in UNITS.items():
            if raw // number in CENTURY_S:
                return "bad_time", f"{wanted}, got a number that is a time of this century in {unit}: are these {unit}?"
    early = (raw if isinstance(raw, int) else ms) < OLDEST_MS
    if early and name == "event_time":
        return "too_old", "event_time: wanted 2000-01-01 or later, got earlier"
    return "bad_time", f"{name}: wanted a time from 2000-01-01 to the end of {'9998' if name == 'event_time' else '9999'}, got {'an earlier' if early else 'a later'} one"

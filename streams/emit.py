"""Detections as CloudEvents: the records that marketing consumers read (`docs/semantics.md` §1.6)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET

from schemas.event import CustomerEvent, EventData, RecordName
from streams.engine.detection import Detection, rfc3339
from streams.engine.time_texts import texts_of_times

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.engine.identity import Identity

PREFIX = "customer-events."
DEAD_LETTER = f"{PREFIX}dead-letter"
MISSED = f"{PREFIX}missed"
STALE, VALVE = "stale", "valve"
"""Why an event goes to the missed topic: too old to be published, or beyond the allowance of its day."""
ORIGINAL_TIME = "original_timestamp"
ORIGINAL_HEADER = "header."
CUT, CUT_HEADERS = "cut_from_bytes", "cut_headers_bytes"
"""Headers of a dead letter: the time of its record, the record's own headers behind a prefix, and the original size of what was cut."""
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
ENCODER = msgspec.json.Encoder()
MOST_FEW = 10_000

Headers = tuple[tuple[str, bytes], ...]


class Message(NamedTuple):
    """A record to be written to a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Slots(NamedTuple):
    """What differs between events of one definition, as JSON, in the order in which `CustomerEvent` has it: a column each."""

    id: Iterable[bytes]
    subject: Iterable[bytes]
    time: Iterable[bytes]
    partitionkey: Iterable[bytes]
    customer_id: Iterable[bytes]
    account_id: Iterable[bytes]
    subscription_id: Iterable[bytes]
    msisdn: Iterable[bytes]
    local_time: Iterable[bytes]
    touchpoint: Iterable[bytes]
    marketing_consent: Iterable[bytes]
    record_type: Iterable[bytes]
    source_system: Iterable[bytes]
    record_id: Iterable[bytes]
    parameters: Iterable[bytes]
    evidence: Iterable[bytes]
    detail: Iterable[bytes]


PLAIN = {"id", "time", "local_time"}
"""Texts that need no escapes: the frame has their quotes."""


def event_id(detection: Detection) -> str:
    """The first 32 hex digits of BLAKE2b over event id, key, definition version and dedup key.

    The dedup key is the trigger record; for timers the anchor record and the due time. A replay gives the same ids.
    """
    (found,) = event_ids(detection, [detection.key], [detection.who], [detection.time])
    return found


def event_ids(one: Detection, keys: Iterable[str], whos: Iterable[Identity], times: Iterable[int]) -> Iterator[str]:
    """The ids of detections of one definition and kind of trigger, of which `one` is one."""
    begin, version = hashlib.blake2b(f"{one.event}\n".encode(), digest_size=16), one.version
    for key, who, time in zip(keys, whos, times, strict=True):
        timed = f"\n{time}" if one.timed else ""
        whole = begin.copy()
        whole.update(f"{key}\n{version}\n{who.source_system}\n{who.record_id}{timed}".encode())
        yield whole.hexdigest()


@lru_cache(4096)
def frame_of(event: str, version: int, operator: str, settings_version: int, *, timed: bool) -> list[bytes]:
    """The JSON of an event of this definition: what stands before, between and behind its `Slots`."""
    hole: Any = {name: msgspec.Raw((f'"\0{name}\0"' if name in PLAIN else f"\0{name}\0").encode()) for name in Slots._fields}
    source = RecordName(hole["record_type"], hole["source_system"], hole["record_id"])
    record = CustomerEvent(
        specversion="1.0",
        id=hole["id"],
        source=f"/kairos/{operator}",
        type=f"customer.{event}.v1",
        subject=hole["subject"],
        time=hole["time"],
        datacontenttype="application/json",
        partitionkey=hole["partitionkey"],
        data=EventData(
            event=event,
            version=version,
            settings_version=settings_version,
            customer_id=hole["customer_id"],
            account_id=hole["account_id"],
            subscription_id=hole["subscription_id"],
            msisdn=hole["msisdn"],
            local_time=hole["local_time"],
            touchpoint=hole["touchpoint"],
            marketing_consent=hole["marketing_consent"],
            trigger=None if timed else source,
            anchor=source if timed else UNSET,
            parameters=hole["parameters"],
            evidence=hole["evidence"],
            detail=hole["detail"],
        ),
    )
    pieces = ENCODER.encode(record).split(b"\0")
    assert tuple(piece.decode() for piece in pieces[1::2]) == Slots._fields
    return pieces[::2]


class Few(dict["str | None", bytes]):
    """The JSON of texts of which there are few: types of records, source systems, touchpoints, consents."""

    def __missing__(self, text: str | None) -> bytes:
        if len(self) >= MOST_FEW:
            self.clear()
        found = self[text] = ENCODER.encode(text)
        return found


class Emitter:
    """Turns the detections of a shard into the records that are published."""

    def __init__(self, operator: str) -> None:
        self.operator, self.settings_version = operator, 0
        """The version of the settings that is in force: all events name it."""
        self._few = Few()

    def messages(self, detections: Sequence[Detection], wall_ms: int | None, allowed: Sequence[int | None] | None = None) -> list[tuple[Message, str | None]]:
        """The record of each detection, and why it goes to the `missed` topic, if it does: one of STALE and VALVE.

        It is stale when it is older than the event is valid for at `wall_ms`; without a wall clock nothing is stale. `allowed`: of each that
        is beyond the allowance of its day, this allowance.
        """
        common: Headers = (CONTENT_TYPE,) if wall_ms is None else (CONTENT_TYPE, ("ce_recordedtime", rfc3339(wall_ms).encode()))
        alike: defaultdict[tuple[str, int, bool, int], list[int]] = defaultdict(list)
        for place, one in enumerate(detections):  # all detections of a rule have one dictionary of parameters
            alike[one.event, one.version, one.timed, id(one.parameters)].append(place)
        found: list[Any] = [None] * len(detections)
        for places in alike.values():
            some = [detections[place] for place in places]
            topic = PREFIX + some[0].event.split(".", 1)[0]
            keys = [one.who.customer_id.encode() for one in some]
            for place, record in zip(places, map(Message._make, zip(repeat(topic), keys, self._values(some), repeat(common))), strict=True):  # repeat has no end
                found[place] = record, None
        for place, one in enumerate(detections) if wall_ms is not None or allowed is not None else ():
            stale, beyond = wall_ms is not None and wall_ms - one.time > one.valid_for_ms, allowed[place] if allowed else None
            if stale or beyond is not None:
                reason = STALE if stale else VALVE
                why = ("valid_for_ms", b"%d" % one.valid_for_ms) if stale else ("allowed_a_day", str(beyond).encode())
                record = found[place][0]
                found[place] = record._replace(topic=MISSED, headers=(*common, ("reason", reason.encode()), why, ("topic", record.topic.encode()))), reason
        return found

    def _values(self, some: Sequence[Detection]) -> list[bytes]:
        """The CloudEvents 1.0 records, as JSON, of detections of one definition, kind of trigger and dictionary of parameters."""
        one, columns, few, encode = some[0], dict(zip(Detection._fields, zip(*some, strict=True), strict=True)), self._few.__getitem__, ENCODER.encode
        keys, whos, times = columns["key"], columns["who"], np.array(columns["time"], np.int64)
        customers = [encode(who.customer_id) for who in whos]
        slots = Slots(
            id=map(str.encode, event_ids(one, keys, whos, columns["time"])),
            subject=map(encode, keys),
            time=map(str.encode, texts_of_times(times)),
            partitionkey=customers,
            customer_id=customers,
            account_id=[encode(who.account_id) for who in whos],
            subscription_id=[encode(who.subscription_id) for who in whos],
            msisdn=[encode(who.msisdn) for who in whos],
            local_time=map(str.encode, texts_of_times(times, np.array(columns["offset_ms"], np.int64))),
            touchpoint=map(few, columns["touchpoint"]),
            marketing_consent=map(few, columns["marketing_consent"]),
            record_type=[few(who.record_type) for who in whos],
            source_system=[few(who.source_system) for who in whos],
            record_id=[encode(who.record_id) for who in whos],
            parameters=repeat(encode(one.parameters)),
            evidence=map(encode, columns["evidence"]),
            detail=map(encode, columns["detail"]),
        )
        begin, *between = frame_of(one.event, one.version, self.operator, self.settings_version, timed=one.timed)
        pieces = [column for slot, behind in zip(slots, between, strict=True) for column in (slot, repeat(behind))]
        return list(map(b"".join, zip(repeat(begin), *pieces)))  # repeat has no end


def message(detection: Detection, operator: str, wall_ms: int | None, allowed: int | None = None, *, settings_version: int = 0) -> tuple[Message, str | None]:
    """The record of one detection; see `Emitter.messages`."""
    emitter = Emitter(operator)
    emitter.settings_version = settings_version
    return emitter.messages([detection], wall_ms, [allowed])[0]


def dead_letter(reason: str, detail: str, where: tuple[str, int, int], key: bytes | None, value: bytes | None) -> Message:
    """The record of a refused raw record: its bytes as they came, reason and coordinates (topic, partition, offset) in headers."""
    topic, partition, offset = where
    headers = (
        ("reason", reason.encode()),
        ("detail", detail.encode()),
        ("topic", topic.encode()),
        ("partition", str(partition).encode()),
        ("offset", str(offset).encode()),
    )
    return Message(DEAD_LETTER, key, value, headers)


def original_headers(timestamp_ms: int, headers: Headers) -> Headers:
    """The headers of a dead letter about its record: the record's time, and each of its headers behind `header.`."""
    return ((ORIGINAL_TIME, str(timestamp_ms).encode()), *((ORIGINAL_HEADER + name, value) for name, value in headers))

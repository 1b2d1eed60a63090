"""Detections as CloudEvents: the records that marketing consumers read (`docs/semantics.md` §1.6)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import UNSET

from schemas.event import CustomerEvent, EventData, RecordName
from streams.engine.detection import rfc3339

if TYPE_CHECKING:
    from streams.engine.detection import Detection

PREFIX = "customer-events."
DEAD_LETTER = f"{PREFIX}dead-letter"
MISSED = f"{PREFIX}missed"
ORIGINAL_TIME = "original_timestamp"
ORIGINAL_HEADER = "header."
CUT, CUT_HEADERS = "cut_from_bytes", "cut_headers_bytes"
"""Headers of a dead letter: the time of its record, the record's own headers behind a prefix, and the original size of what was cut."""
CONTENT_TYPE = ("content-type", b"application/cloudevents+json; charset=UTF-8")
ENCODER = msgspec.json.Encoder()

Headers = tuple[tuple[str, bytes], ...]


class Message(NamedTuple):
    """A record to be written to a topic."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Slots(NamedTuple):
    """What differs between two events of one definition, as JSON, in the order in which `CustomerEvent` has it."""

    id: bytes
    subject: bytes
    time: bytes
    partitionkey: bytes
    customer_id: bytes
    account_id: bytes
    subscription_id: bytes
    msisdn: bytes
    local_time: bytes
    touchpoint: bytes
    marketing_consent: bytes
    record_type: bytes
    source_system: bytes
    record_id: bytes
    parameters: bytes
    evidence: bytes
    detail: bytes


def event_id(detection: Detection) -> str:
    """The first 32 hex digits of BLAKE2b over event id, key, definition version and dedup key.

    The dedup key is the trigger record; for timers the anchor record and the due time. A replay gives the same ids.
    """
    who = detection.who
    parts = [detection.event, detection.key, str(detection.version), who.source_system, who.record_id]
    if detection.timed:
        parts.append(str(detection.time))
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


@lru_cache(4096)
def frame_of(event: str, version: int, operator: str, settings_version: int, *, timed: bool) -> bytes:
    """The JSON of an event of this definition, with `%b` where each of `Slots` goes."""
    hole: Any = {name: msgspec.Raw(f"\0{name}\0".encode()) for name in Slots._fields}
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
    pieces = ENCODER.encode(record).replace(b"%", b"%%").split(b"\0")
    assert tuple(piece.decode() for piece in pieces[1::2]) == Slots._fields
    return b"%b".join(pieces[::2])


def cloud_event(detection: Detection, operator: str, settings_version: int) -> bytes:
    """The CloudEvents 1.0 record of a detection, as JSON."""
    who, encode = detection.who, ENCODER.encode
    customer = encode(who.customer_id)
    return frame_of(detection.event, detection.version, operator, settings_version, timed=detection.timed) % (
        f'"{event_id(detection)}"'.encode(),
        encode(detection.key),
        f'"{rfc3339(detection.time)}"'.encode(),
        customer,
        customer,
        encode(who.account_id),
        encode(who.subscription_id),
        encode(who.msisdn),
        f'"{rfc3339(detection.time, detection.offset_ms)}"'.encode(),
        encode(detection.touchpoint),
        encode(detection.marketing_consent),
        encode(who.record_type),
        encode(who.source_system),
        encode(who.record_id),
        encode(detection.parameters),
        encode(detection.evidence),
        encode(detection.detail),
    )


def message(detection: Detection, operator: str, wall_ms: int | None, settings_version: int = 0) -> tuple[Message, bool]:
    """The record of a detection, and whether it is stale: older than the event is valid for when published at `wall_ms`.

    A stale one goes to the `missed` topic with the reason. Without a wall clock nothing is stale.
    """
    topic = PREFIX + detection.event.split(".", 1)[0]
    headers: Headers = (CONTENT_TYPE,)
    stale = wall_ms is not None and wall_ms - detection.time > detection.valid_for_ms
    if wall_ms is not None:
        headers += (("ce_recordedtime", rfc3339(wall_ms).encode()),)
    if stale:
        headers += (("reason", b"stale"), ("valid_for_ms", str(detection.valid_for_ms).encode()), ("topic", topic.encode()))
        topic = MISSED
    return Message(topic, detection.who.customer_id.encode(), cloud_event(detection, operator, settings_version), headers), stale


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

"""Detections as CloudEvents: the records that marketing consumers read (`docs/semantics.md` §1.6)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

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


def event_id(detection: Detection) -> str:
    """The first 32 hex digits of BLAKE2b over event id, key, definition version and dedup key.

    The dedup key is the trigger record; for timers the anchor record and the due time. A replay gives the same ids.
    """
    who = detection.who
    parts = [detection.event, detection.key, str(detection.version), who.source_system, who.record_id]
    if detection.timed:
        parts.append(str(detection.time))
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def cloud_event(detection: Detection, operator: str) -> CustomerEvent:
    """The CloudEvents 1.0 record of a detection."""
    who = detection.who
    source = RecordName(who.record_type, who.source_system, who.record_id)
    return CustomerEvent(
        specversion="1.0",
        id=event_id(detection),
        source=f"/kairos/{operator}",
        type=f"customer.{detection.event}.v1",
        subject=detection.key,
        time=rfc3339(detection.time),
        datacontenttype="application/json",
        partitionkey=who.customer_id,
        data=EventData(
            event=detection.event,
            version=detection.version,
            customer_id=who.customer_id,
            account_id=who.account_id,
            subscription_id=who.subscription_id,
            msisdn=who.msisdn,
            local_time=rfc3339(detection.time, detection.offset_ms),
            touchpoint=detection.touchpoint,
            marketing_consent=detection.marketing_consent,  # type: ignore[arg-type]  # the validity rule of the record admits these alone
            trigger=None if detection.timed else source,
            anchor=source if detection.timed else UNSET,
            parameters=detection.parameters,
            evidence=detection.evidence,
            detail=detection.detail,
        ),
    )


def message(detection: Detection, operator: str, wall_ms: int | None) -> tuple[Message, bool]:
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
    value = ENCODER.encode(cloud_event(detection, operator))
    return Message(topic, detection.who.customer_id.encode(), value, headers), stale


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

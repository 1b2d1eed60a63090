"""Detections as CloudEvents: the records that marketing consumers read (`docs/semantics.md` §1.6)."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET

from schemas.event import CustomerEvent, EventData, RecordName
from streams.engine.detection import rfc3339
from streams.engine.time_texts import texts_of_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.engine.detection import Detection

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


PLAIN = {"id", "time", "local_time"}
"""Texts that need no escapes: the frame has their quotes."""


def event_id(detection: Detection) -> str:
    """The first 32 hex digits of BLAKE2b over event id, key, definition version and dedup key.

    The dedup key is the trigger record; for timers the anchor record and the due time. A replay gives the same ids.
    """
    who = detection.who
    timed = f"\n{detection.time}" if detection.timed else ""
    name = f"{detection.event}\n{detection.key}\n{detection.version}\n{who.source_system}\n{who.record_id}{timed}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


@lru_cache(4096)
def frame_of(event: str, version: int, operator: str, settings_version: int, *, timed: bool) -> bytes:
    """The JSON of an event of this definition, with `%b` where each of `Slots` goes."""
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
    pieces = ENCODER.encode(record).replace(b"%", b"%%").split(b"\0")
    assert tuple(piece.decode() for piece in pieces[1::2]) == Slots._fields
    return b"%b".join(pieces[::2])


class Envelope(NamedTuple):
    """What the events of one definition and kind of trigger share."""

    topic: str
    frame: bytes
    of: dict[str, int]
    parameters: bytes
    """`of`, as JSON."""
    settings_version: int


class Emitter:
    """Turns the detections of a shard into the records that are published."""

    def __init__(self, operator: str) -> None:
        self.operator, self.settings_version = operator, 0
        """The version of the settings that is in force: all events name it."""
        self._envelopes: dict[tuple[str, int, bool], Envelope] = {}
        self._few: dict[str | None, bytes] = {}
        """The JSON of texts of which there are few: types of records, source systems, touchpoints, consents."""

    def messages(self, detections: Sequence[Detection], wall_ms: int | None, allowed: Sequence[int | None] | None = None) -> list[tuple[Message, str | None]]:
        """The record of each detection, and why it goes to the `missed` topic, if it does: one of STALE and VALVE.

        It is stale when it is older than the event is valid for at `wall_ms`; without a wall clock nothing is stale. `allowed`: of each that
        is beyond the allowance of its day, this allowance.
        """
        times = np.array([one.time for one in detections], np.int64)
        local = texts_of_times(times, np.array([one.offset_ms for one in detections], np.int64))
        common: Headers = (CONTENT_TYPE,) if wall_ms is None else (CONTENT_TYPE, ("ce_recordedtime", rfc3339(wall_ms).encode()))
        found: list[tuple[Message, str | None]] = []
        for one, utc, here, beyond in zip(detections, texts_of_times(times), local, allowed or [None] * len(detections), strict=True):
            envelope = self._envelope(one)
            value, key = self._value(one, envelope, utc.encode(), here.encode()), one.who.customer_id.encode()
            stale = wall_ms is not None and wall_ms - one.time > one.valid_for_ms
            if not stale and beyond is None:
                found.append((Message(envelope.topic, key, value, common), None))
                continue
            reason = STALE if stale else VALVE
            why = ("valid_for_ms", b"%d" % one.valid_for_ms) if stale else ("allowed_a_day", str(beyond).encode())
            found.append((Message(MISSED, key, value, (*common, ("reason", reason.encode()), why, ("topic", envelope.topic.encode()))), reason))
        return found

    def _value(self, one: Detection, envelope: Envelope, utc: bytes, local: bytes) -> bytes:
        """The CloudEvents 1.0 record of a detection, as JSON; `utc`, `local`: its time in RFC 3339."""
        who, encode, few = one.who, ENCODER.encode, self._one_of_few
        customer = encode(who.customer_id)
        return envelope.frame % (
            event_id(one).encode(),
            customer if one.key == who.customer_id else encode(one.key),
            utc,
            customer,
            customer,
            encode(who.account_id),
            encode(who.subscription_id),
            encode(who.msisdn),
            local,
            few(one.touchpoint),
            few(one.marketing_consent),
            few(who.record_type),
            few(who.source_system),
            encode(who.record_id),
            envelope.parameters,
            encode(one.evidence),
            encode(one.detail),
        )

    def _envelope(self, one: Detection) -> Envelope:
        """That of a detection; all detections of a rule have one dictionary of parameters."""
        key = one.event, one.version, one.timed
        found = self._envelopes.get(key)
        if found is None or found.of is not one.parameters or found.settings_version != self.settings_version:
            frame = frame_of(one.event, one.version, self.operator, self.settings_version, timed=one.timed)
            topic = PREFIX + one.event.split(".", 1)[0]
            found = self._envelopes[key] = Envelope(topic, frame, one.parameters, ENCODER.encode(one.parameters), self.settings_version)
        return found

    def _one_of_few(self, text: str | None) -> bytes:
        found = self._few.get(text)
        if found is None:
            if len(self._few) >= MOST_FEW:
                self._few.clear()
            found = self._few[text] = ENCODER.encode(text)
        return found


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

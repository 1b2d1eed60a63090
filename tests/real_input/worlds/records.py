"""What the worlds share: raw records in the order of their release, and their reference tables."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.real_input.adapters import Raw, envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

UTC, LONDON, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
RANK = {
    **dict.fromkeys(("balance_change", "bill_issued", "payment"), 0),
    **dict.fromkeys(("voice_usage", "message_usage", "data_usage"), 1),
    **dict.fromkeys(("state_change", "interaction", "trouble_ticket"), 2),
    "location_update": 3,
}
"""Records of one time are released in this order."""
Table = list[dict[str, Any]]


class World(NamedTuple):
    """Records in the order of their release, what they are joined to, and the parameters under which a data set has events."""

    records: list[Raw]
    reference: dict[str, Table]
    zone: str
    country: str
    parameters: dict[str, dict[str, Any]]
    until: str
    """The clock is moved on to here, RFC 3339."""


def released(records: Iterable[Raw]) -> list[Raw]:
    return sorted(records, key=lambda record: (record["event_time"], RANK[record["record_type"]]))


def instant(local: datetime, zone: ZoneInfo) -> int:
    return round(local.replace(tzinfo=zone).timestamp() * 1000)


def record(record_type: str, source: str, number: str, at: int, who: str, /, **fields: Any) -> Raw:
    return {**envelope(record_type, source, 0, at, who), "record_id": number, **fields}


def money(source: str, number: str, at: int, who: str, bucket: str, currency: str, operation: str, delta: int, after: int, **more: Any) -> Raw:
    fields = {"bucket_id": bucket, "bucket_kind": "money", "unit": "minor", "currency": currency, "operation": operation, "delta": delta, "balance_after": after}
    return record("balance_change", source, number, at, who, **fields, **more)


def call(source: str, number: str, end: int, who: str, seconds: int, **more: Any) -> Raw:
    start = end - seconds * 1000
    answered = {"answer_time": start, "outcome": "answered"} if seconds else {"outcome": "no_answer"}
    return record("voice_usage", source, number, end, who, start_time=start, duration_s=seconds, roaming=False, **{**answered, **more})


def session(source: str, number: str, at: int, who: str, size: int, **more: Any) -> Raw:
    volume = {"uplink_bytes": 0, "downlink_bytes": size, "total_bytes": size}
    return record("data_usage", source, number, at, who, session_id=number, start_time=at, duration_s=0, rat="4G", roaming=False, **volume, **more)

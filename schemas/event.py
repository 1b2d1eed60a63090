"""The output: a customer event as a CloudEvents 1.0 record in structured JSON (`docs/semantics.md` §1.6)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class RecordName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A raw record by name."""

    record_type: str
    source_system: str
    record_id: str


class EventData(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`data` of a customer event."""

    event: str
    """The event's id, such as `balance.low`."""
    version: int
    """Of the definition."""
    settings_version: int = 0
    """Of the settings that were changed while workers ran (`kairos settings history`), as the event was evaluated; 0: none was ever changed."""
    customer_id: str
    """TMF629 `Customer.id`."""
    account_id: str | None
    subscription_id: str | None
    """TMF637 `Product.id` of the line."""
    msisdn: str | None
    local_time: Moment
    """`time` with the offset of the zone of the key."""
    touchpoint: str | None
    """Channel of the trigger (TMF683 `channel`): where an offer can be shown at once."""
    marketing_consent: Literal["granted", "withdrawn", "unknown"]
    """TMF644: the last one known."""
    trigger: RecordName | None
    """The record that caused it; None for timers."""
    anchor: RecordName | UnsetType = UNSET
    """Timers only: the record that started the timer."""
    parameters: dict[str, int]
    """The values the definition's parameters had."""
    evidence: dict[str, Any]
    """The named parts of the rule, with the values they had."""
    detail: dict[str, Any]
    """The event's own payload; `kairos catalog EVENT` lists its fields."""


class CustomerEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A CloudEvents record; equal (`source`, `id`) are repeats. Kafka key = `partitionkey` = `customer_id`."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    """32 hex digits; a replay gives the same."""
    source: Annotated[str, Meta(pattern="^/kairos/")]
    """`/kairos/` and the operator."""
    type: str
    """`customer.`, the event's id, `.v1`."""
    subject: str
    """The key: subscription, account or customer."""
    time: Moment
    """When it happened: RFC 3339 UTC, ms."""
    datacontenttype: Literal["application/json"]
    partitionkey: str
    """CloudEvents extension `partitioning`."""
    data: EventData

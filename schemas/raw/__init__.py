"""The raw records: 15 types on four topics (`docs/records.md`)."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple, get_type_hints

import msgspec

from schemas.raw import envelope
from schemas.raw.billing import BalanceChange, BillIssued, Payment
from schemas.raw.envelope import Envelope, Rule
from schemas.raw.network import LocationUpdate, NetworkQuality
from schemas.raw.service import DeviceChange, Interaction, PageView, ProductOrder, StateChange, TroubleTicket
from schemas.raw.usage import DataUsage, MessageUsage, VasUsage, VoiceUsage

RECORD_TYPES: tuple[type[Envelope], ...] = (
    VoiceUsage,
    MessageUsage,
    DataUsage,
    VasUsage,
    BalanceChange,
    BillIssued,
    Payment,
    ProductOrder,
    StateChange,
    Interaction,
    TroubleTicket,
    PageView,
    DeviceChange,
    LocationUpdate,
    NetworkQuality,
)
TOPICS = ("raw.billing", "raw.usage", "raw.service", "raw.network")
"""In rank order: at equal event times records are merged in this order."""

FieldKind = Literal["int", "bool", "text", "time", "date", "map"]


class FieldInfo(NamedTuple):
    """One field of a record as a column: how it is read, its unit, and whether it may be missing."""

    name: str
    kind: FieldKind
    unit: str | None
    nullable: bool
    domain: tuple[str, ...] | None = None
    """The texts an enum field can have."""


def type_name(record: type[Envelope]) -> str:
    """The `record_type` of a struct."""
    return str(record.__struct_config__.tag)


@cache
def fields_of(record: type[Envelope]) -> dict[str, FieldInfo]:
    """The fields of a record type, by name, in order."""
    hints = get_type_hints(record, include_extras=True)
    return {name: field_info(name, hints[name]) for name in record.__struct_fields__}


def field_info(name: str, hint: Any) -> FieldInfo:
    """How one field is read as a column."""
    info: Any = msgspec.inspect.type_info(hint)
    arms = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    nullable = any(isinstance(arm, msgspec.inspect.NoneType) for arm in arms)
    text = str(hint)
    if str(envelope.Time) in text or "RFC 3339" in text:
        return FieldInfo(name, "time", "ms since 1970-01-01 UTC", nullable)
    if "YYYY-MM-DD" in text:
        return FieldInfo(name, "date", "days since 1970-01-01", nullable)
    (arm,) = (arm for arm in arms if not isinstance(arm, msgspec.inspect.NoneType))
    extra = {}
    if isinstance(arm, msgspec.inspect.Metadata):
        extra, arm = arm.extra_json_schema or {}, arm.type
    kinds: dict[type, FieldKind] = {msgspec.inspect.IntType: "int", msgspec.inspect.BoolType: "bool", msgspec.inspect.DictType: "map"}
    domain = tuple(map(str, arm.values)) if isinstance(arm, msgspec.inspect.LiteralType) else None
    return FieldInfo(name, kinds.get(type(arm), "text"), extra.get("unit"), nullable, domain)


__all__ = [
    "RECORD_TYPES",
    "TOPICS",
    "BalanceChange",
    "BillIssued",
    "DataUsage",
    "DeviceChange",
    "Envelope",
    "FieldInfo",
    "Interaction",
    "LocationUpdate",
    "MessageUsage",
    "NetworkQuality",
    "PageView",
    "Payment",
    "ProductOrder",
    "Rule",
    "StateChange",
    "TroubleTicket",
    "VasUsage",
    "VoiceUsage",
    "fields_of",
    "type_name",
]

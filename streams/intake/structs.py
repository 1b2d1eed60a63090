"""Raw records as structs, by msgspec: whole ones, and the few fields that say who a record is about."""

from __future__ import annotations

from functools import reduce
from operator import attrgetter, or_
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from schemas.raw import Envelope
    from schemas.raw.envelope import Repair


def union_of(topic: str) -> Any:
    """The types that records of `topic` can have, as one tagged union."""
    return reduce(or_, (record for record in RECORD_TYPES if record.topic == topic))


DECODERS = {topic: msgspec.json.Decoder(union_of(topic)) for topic in TOPICS}
NAMING = ("record_id", "source_system", "customer_id", "account_id", "subscription_id", "msisdn", "channel", "platform")
"""The fields that say who a record is about, and where it was made."""


def naming_struct(record: type[Envelope]) -> Any:
    """The fields of NAMING that a record type has, with its tag."""
    fields = [(name, Any, None) for name in NAMING if name in fields_of(record)]
    return msgspec.defstruct(record.__name__, fields, tag_field="record_type", tag=type_name(record), frozen=True)


NAMES = {record: msgspec.json.Decoder(naming_struct(record)) for record in RECORD_TYPES}


def whole(record: type[Envelope], values: Iterable[bytes]) -> list[Any]:
    """Accepted records of a type, decoded again, with their corrections."""
    records = list(map(DECODERS[record.topic].decode, values))
    for repair in record.REPAIRS:
        records = repaired(records, repair)
    return records


def names(record: type[Envelope], value: bytes) -> Any:
    """The fields of NAMING of an accepted record, with their corrections."""
    records = [NAMES[record].decode(value)]
    for repair in record.REPAIRS:
        if repair.field in NAMING:
            records = repaired(records, repair)
    return records[0]


def repaired(records: list[Any], repair: Repair, notes: Counter[str] | None = None) -> list[Any]:
    """The records with a field corrected; `notes` counts the texts that became null."""
    before = list(map(attrgetter(repair.field), records))
    after = repair.repaired(before)
    if after is before:
        return records
    if repair.counted is not None and notes is not None:
        notes[repair.counted] += after.count(None) - before.count(None)
    return [record if new == old else msgspec.structs.replace(record, **{repair.field: new}) for record, old, new in zip(records, before, after, strict=True)]


__all__ = ["DECODERS", "names", "repaired", "union_of", "whole"]

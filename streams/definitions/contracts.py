"""Contracts: JSON Schemas of raw records and events, and one AsyncAPI document, from the declarations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.event import CustomerEvent, EventData
from schemas.raw import RECORD_TYPES, type_name
from schemas.raw.reasons import MEANING
from streams.definitions.event import AMOUNT
from streams.emit import DEAD_LETTER, PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.raw import Envelope
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event, Field

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def field_schema(field: Field) -> dict[str, Any]:
    """The schema of one payload field."""
    schema = dict(field.shape.schema)
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
    return schema


def detail_schema(event: type[Event]) -> dict[str, dict[str, Any]]:
    """The schemas of the fields of an event's `detail`."""
    detail = {name: field_schema(field) for name, field in event.payload.items()}
    if event.has_money():
        unknown = all(field.nullable for field in event.payload.values() if field.shape is AMOUNT)
        detail["currency"] = {"type": ["string", "null"] if unknown else "string", "description": "ISO 4217"}
    return detail


def event_schema(event: type[Event]) -> dict[str, Any]:
    """The schema of an event's record: a CloudEvent whose `data.detail` is the event's own."""
    detail = detail_schema(event)
    (_,), shapes = msgspec.json.schema_components([CustomerEvent], ref_template="#/$defs/{name}")
    top, data = shapes.pop(CustomerEvent.__name__), shapes[EventData.__name__]
    data["properties"] |= {
        "event": {"const": event.id},
        "version": {"const": event.version},
        "parameters": {"type": "object", "properties": {name: {"type": "integer", "description": f"{p.doc} ({p.unit})"} for name, p in event.parameters.items()}},
        "detail": {"type": "object", "required": list(detail), "properties": detail, "additionalProperties": False},
    }
    top["properties"]["type"] = {"const": f"customer.{event.id}.v1"}
    return {"$schema": DIALECT, **top, "title": event.id, "description": event.doc(), "$defs": shapes}


READING = (
    "One JSON object is one Kafka value, in UTF-8, its key the customer_id. Unknown fields are ignored. Integers are written without fraction or exponent: "
    "500.0 is refused, although JSON Schema calls it an integer. Of a field that is named twice the last value counts, and each must be allowed; record_type twice "
    "with two values is refused. Formats are checked against the calendar, and fields against each other; what breaks a rule becomes a dead letter with a reason "
    "(asyncapi.json lists them)."
)
"""The rules for raw records that JSON Schema cannot express."""


def record_schema(record: type[Envelope]) -> dict[str, Any]:
    """The schema of a raw record."""
    return {"$schema": DIALECT, "description": READING, **msgspec.json.schema(record)}


def dead_letters() -> dict[str, Any]:
    """The channel of refused raw records: their bytes as they came, with the reason in a header."""
    reasons = {"type": "string", "enum": list(MEANING), "description": "; ".join(f"{reason}: {meaning}" for reason, meaning in MEANING.items())}
    headers = {"type": "object", "required": ["reason", "detail"], "properties": {"reason": reasons, "detail": {"type": "string"}}}
    letter = {"summary": "A raw record that was refused, key and value as they came.", "headers": headers}
    return {"address": DEAD_LETTER, "messages": {"dead-letter": letter}}


def contracts(catalogue: Catalogue) -> dict[str, Any]:
    """All contracts by file name, in order."""
    files: dict[str, Any] = {f"raw/{type_name(record)}.json": record_schema(record) for record in RECORD_TYPES}
    files |= {f"events/{event.id}.json": event_schema(event) for event in catalogue}
    files["asyncapi.json"] = asyncapi(catalogue)
    return files


def asyncapi(catalogue: Catalogue) -> dict[str, Any]:
    """The AsyncAPI 3.0 document of the output topics."""
    channels: dict[str, Any] = {}
    for family in catalogue.families:
        own = [event for event in catalogue if event.id.startswith(f"{family}.")]
        messages = {
            event.id: {"contentType": "application/cloudevents+json", "summary": event.doc().splitlines()[0], "payload": {"$ref": f"events/{event.id}.json"}} for event in own
        }
        channels[family] = {"address": PREFIX + family, "messages": messages}
    operations = {f"receive-{family}": {"action": "send", "channel": {"$ref": f"#/channels/{family}"}} for family in channels}
    channels["dead-letter"] = dead_letters()
    operations["receive-dead-letter"] = {"action": "send", "channel": {"$ref": "#/channels/dead-letter"}}
    return {"asyncapi": "3.0.0", "info": {"title": "Kairos customer events", "version": "1.0.0"}, "channels": channels, "operations": operations}


def rendered(contract: Any) -> str:
    """A contract as its file holds it."""
    return json.dumps(contract, indent=1, ensure_ascii=False) + "\n"


def write(catalogue: Catalogue, folder: Path) -> int:
    """Write all contracts. Returns how many."""
    files = contracts(catalogue)
    for name, contract in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered(contract), "utf-8")
    return len(files)


def differences(catalogue: Catalogue, folder: Path) -> list[str]:
    """Files of `folder` that differ from the declarations."""
    files = contracts(catalogue)
    wrong = [name for name, contract in files.items() if not (folder / name).is_file() or (folder / name).read_text("utf-8") != rendered(contract)]
    there = {str(path.relative_to(folder)) for path in folder.rglob("*.json")}
    return sorted([*wrong, *(there - files.keys())])

"""Pages of docs/ that are the declarations in Markdown: raw records, and the installed events."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.raw import RECORD_TYPES, TOPICS, type_name
from schemas.raw.envelope import DATE_UNIT, PRINTABLE, TIME_UNIT
from schemas.raw.reasons import MEANING
from streams.definitions.contracts import field_schema
from streams.engine.expression.quantities import shown

if TYPE_CHECKING:
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event

GENERATED = "<!-- Written by `kairos schemas --pages docs`; do not edit. -->"
ENVELOPE = "Every record"


def records_page() -> str:
    """docs/records.md: every raw record with its fields and validity rules."""
    common = fields_of_all()
    lines = [
        "# Raw records",
        GENERATED,
        "",
        "One JSON object a Kafka record, UTF-8. The Kafka key is the `customer_id`. Unknown fields are ignored. What breaks a rule below goes, as it came, to",
        "`customer-events.dead-letter` with a reason and its coordinates; its neighbours are not touched. JSON Schemas: `schemas/contracts/raw`.",
        "",
        "Times are RFC 3339 with an offset, or whole milliseconds since 1970 UTC, from 2000 to 9999 (`event_time` to 9998). What is finer than a millisecond is cut off; a",
        "blank for `T` and an offset without colon are read too; `:60` is `:59.999`. A number that would be a time of this century in seconds, micro- or nanoseconds is",
        "refused. Dates are `YYYY-MM-DD` from 1900 to 2200; money whole minor units with an ISO 4217 currency; volumes bytes; durations whole seconds. Identifiers are",
        "texts, never numbers; no text may hold a control character. Numbers have no fraction and no exponent: `500.0` is refused.",
        "",
        "A field that is named twice counts with its last value, if each of its values is allowed; `record_type` twice with two values is refused. `msisdn` is only shown: what",
        "is no E.164 number is read as null and counted (`kairos_unreadable_msisdns_total`). An IMEISV is read as the IMEI of its device. Lines of a bill that do not add up",
        "to its amount are counted (`kairos_differing_bill_lines_total`).",
        "",
        f"## {ENVELOPE}",
        "",
        *field_rows(RECORD_TYPES[0], only=common),
    ]
    for topic in TOPICS:
        lines += ["", f"## Topic `{topic}`"]
        for record in RECORD_TYPES:
            if record.topic == topic:
                lines += ["", f"### {record.code} `{type_name(record)}`", "", inspect.cleandoc(record.__doc__ or ""), "", *field_rows(record, without=common)]
                rules = [f"* {rule.name}: {rule.says}" for rule in record.RULES]
                lines += ["", "Rules:", "", *rules] if rules else []
    lines += [
        "",
        "## Why a record becomes a dead letter",
        "",
        "| reason | meaning |",
        "| --- | --- |",
        *(f"| `{reason}` | {cell(meaning)} |" for reason, meaning in MEANING.items()),
    ]
    return "\n".join(lines) + "\n"


def fields_of_all() -> set[str]:
    """The fields that every record type has, required alike."""
    shapes = [shape_of(record) for record in RECORD_TYPES]
    names = set.intersection(*(set(shape["properties"]) for shape in shapes))
    return {
        name
        for name in names
        if all(shape["properties"][name] == shapes[0]["properties"][name] and (name in shape["required"]) == (name in shapes[0]["required"]) for shape in shapes)
    }


def shape_of(record: Any) -> dict[str, Any]:
    """The JSON Schema of a record type, without its references."""
    _, shapes = msgspec.json.schema_components([record])
    shape = dict(shapes[record.__name__])
    shape["properties"] = {name: value for name, value in shape["properties"].items() if name != "record_type"}
    return shape


def field_rows(record: Any, *, only: set[str] | None = None, without: set[str] | None = None) -> list[str]:
    """A table of fields."""
    shape = shape_of(record)
    rows = ["| field | required | value |", "| --- | --- | --- |"]
    for name, field in shape["properties"].items():
        if (only is None or name in only) and (without is None or name not in without):
            rows.append(f"| `{name}` | {'yes' if name in shape['required'] else ''} | {value_of(field)} |")
    return rows


def value_of(field: dict[str, Any]) -> str:
    """What a field may be, as a phrase."""
    unit = str(field.get("unit", "1"))
    if unit in (TIME_UNIT, DATE_UNIT):
        return unit
    if "anyOf" in field:
        return " or ".join(value_of(arm) for arm in field["anyOf"] if arm.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"] if value is not None)
    words = {"integer": "number", "string": "text", "boolean": "true or false", "array": "list", "object": "object"}
    text = words.get(field.get("type", ""), str(field.get("type", "")))
    if "minimum" in field or "maximum" in field:
        text += f" {field.get('minimum', '')} … {field.get('maximum', '')}"
    if unit != "1":
        text += f" ({unit})"
    if "standard" in field:
        text += f", {field['standard']}"
    elif field.get("pattern", PRINTABLE) != PRINTABLE:
        text += f" `{cell(field['pattern'])}`"
    if "maxLength" in field:
        text += f", at most {field['maxLength']} characters"
    return text


def cell(text: str) -> str:
    """A text as part of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def catalogue_page(catalogue: Catalogue) -> str:
    """docs/catalogue.md: every installed event with its parameters and payload."""
    lines = [
        "# The events",
        GENERATED,
        "",
        f'{len(catalogue)} events, each one file: `events/FAMILY/NAME.py`. `kairos catalog EVENT` shows the rule as well. A parameter is set as `[events."FAMILY.NAME"]` in the',
        "settings, or by `--set FAMILY.NAME.PARAMETER=VALUE`.",
    ]
    for family in catalogue.families:
        lines += ["", f"## {family}"]
        for event in sorted((event for event in catalogue if event.id.startswith(f"{family}.")), key=lambda event: event.id):
            lines += ["", *event_rows(event)]
    return "\n".join(lines) + "\n"


def event_rows(event: type[Event]) -> list[str]:
    """One event."""
    lines = [f"### `{event.id}`, by {event.by}", "", event.doc()]
    if event.expected is not None:
        lines += ["", f"Usually {event.expected.text}."]
    if event.parameters:
        lines += ["", "| parameter | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {shown(p.value, p.unit)} | {cell(p.doc)} |" for name, p in event.parameters.items()]
    lines += ["", "| payload | type |", "| --- | --- |"]
    for name, field in event.payload.items():
        schema = field_schema(field)
        kinds = schema.get("type", "")
        lines.append(f"| `{name}` | {' or '.join(kinds) if isinstance(kinds, list) else kinds}{' (' + schema['description'] + ')' if 'description' in schema else ''} |")
    return lines

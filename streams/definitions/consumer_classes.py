"""Classes for consumers that are written in Python: one for the detail of each event, and the record around it."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from streams.definitions.contracts import detail_schema
from streams.definitions.payload_units import in_full, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event

HEAD = '''"""The customer events of Kairos as classes, for consumers.

`decode(value)` reads the value of a Kafka record; `event.data.detail` is then one of the classes below. Fields that this file does not know are ignored.

Written by `kairos schemas --python FILE`; do not edit.
"""

import datetime as dt
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import msgspec

Detail = TypeVar("Detail")
'''
ENVELOPE = '''class RecordName(msgspec.Struct, frozen=True):
    """A raw record by name."""

    record_type: str
    source_system: str
    record_id: str


class EventData(msgspec.Struct, Generic[Detail], frozen=True, kw_only=True):
    """`data` of a customer event."""

    event: str
    """The event's id, such as `balance.low`."""
    version: int
    """Of the definition."""
    settings_version: int = 0
    """Of the settings that were changed while workers ran, as the event was evaluated; 0: none was ever changed."""
    customer_id: str
    account_id: str | None
    subscription_id: str | None
    """Of the line."""
    msisdn: str | None
    local_time: dt.datetime
    """When it happened, with the offset of the customer's zone."""
    touchpoint: str | None
    """Channel of the trigger: where an offer can be shown at once."""
    marketing_consent: Literal["granted", "withdrawn", "unknown"]
    trigger: RecordName | None
    """The record that caused it; None for timers."""
    anchor: RecordName | None = None
    """Timers only: the record that started the timer."""
    parameters: dict[str, int]
    """The values that the parameters of the definition had, in the units that the event's class names."""
    evidence: dict[str, Any]
    """The named parts of the rule, with the values that they had."""
    detail: Detail


class CustomerEvent(msgspec.Struct, Generic[Detail], frozen=True, kw_only=True):
    """A CloudEvents record; equal (`source`, `id`) are repeats."""

    specversion: Literal["1.0"]
    id: str
    """32 hex digits; a replay gives the same."""
    source: str
    """`/kairos/` and the operator."""
    type: str
    """`customer.`, the event's id, `.v1`."""
    subject: str
    """The key: subscription, account or customer."""
    time: dt.datetime
    """When it happened, in UTC."""
    datacontenttype: Literal["application/json"]
    partitionkey: str
    """The customer, as in the Kafka key."""
    data: EventData[Detail]
'''
TAIL = '''class Head(msgspec.Struct, frozen=True):
    """What distinguishes one kind of event from another."""

    type: str


DECODERS: dict[str, msgspec.json.Decoder[CustomerEvent[Any]]] = {
    f"customer.{event}.v1": msgspec.json.Decoder(CustomerEvent[detail])  # type: ignore[valid-type]
    for event, detail in DETAILS.items()
}
HEADS = msgspec.json.Decoder(Head)


def decode(value: bytes) -> CustomerEvent[AnyDetail]:
    """Read the value of a Kafka record. Raises msgspec.DecodeError, and LookupError for an event that is younger than this file."""
    kind = HEADS.decode(value).type
    decoder = DECODERS.get(kind)
    if decoder is None:
        says = f"type: wanted one of {len(DECODERS)} events, got {kind}"
        raise LookupError(f"{says}: kairos schemas --python writes this file again")
    return decoder.decode(value)
'''
OWN = {"RecordName", "EventData", "CustomerEvent", "Head", "Detail", "AnyDetail", "Decimal", "Any", "Generic", "Literal", "TypeVar"}
TYPES = {"integer": "int", "string": "str", "boolean": "bool"}
FORMATS = {"date-time": "dt.datetime", "date": "dt.date"}


def consumer_module(catalogue: Catalogue) -> str:
    """The text of the module."""
    names = class_names(catalogue)
    classes = [class_of(event, names[event.id]) for event in catalogue]
    first, *others = names.values()
    union = "\n".join(["AnyDetail = (", f"    {first}", *(f"    | {name}" for name in others), ")"]) if others else f"AnyDetail = {first}"
    table = "\n".join(
        ["DETAILS: dict[str, type[msgspec.Struct]] = {", *(f'    "{event}": {name},' for event, name in names.items()), "}", '"""The class of the detail of each event."""']
    )
    return "\n\n".join([HEAD, ENVELOPE, *classes, f"{union}\n{table}\n", TAIL])


def class_names(catalogue: Catalogue) -> dict[str, str]:
    """The name of each event's class: `balance.low` is `BalanceLow`. No two are equal."""
    names: dict[str, str] = {}
    for event in catalogue:
        name = "".join(word[:1].upper() + word[1:] for word in event.id.replace(".", "_").split("_"))
        while name in OWN or name in names.values():
            name += "Detail"
        names[event.id] = name
    return names


def class_of(event: type[Event], name: str) -> str:
    """The class of an event's detail."""
    doc = [in_docstring(event.doc())] if event.doc() else [f"The detail of `{event.id}`."]
    doc += ["", f"`{event.id}`, by {event.by}, version {event.version}."]
    if event.parameters:
        units = {one: f" ({parameter_unit(parameter.unit)})" if parameter.unit != "1" else "" for one, parameter in event.parameters.items()}
        doc += ["", "Values in `data.parameters`:", *(f"    {one}: {in_docstring(parameter.doc)}{units[one]}" for one, parameter in event.parameters.items())]
    text = "\n".join(f"    {line}".rstrip() for part in doc for line in part.splitlines() or [""])
    return "\n".join([f"class {name}(msgspec.Struct, frozen=True, kw_only=True):", f'    """{text.lstrip()}', '    """', "", *fields_of(event)]).rstrip() + "\n"


def parameter_unit(unit: str) -> str:
    """The unit of a parameter's number, which the event gives."""
    return {"minor": "minor units of the currency", "factor": "ten-thousandths", "time of day": "milliseconds since 00:00", "ms": "milliseconds", "s": "seconds"}.get(
        unit, in_full(unit)
    )


def fields_of(event: type[Event]) -> Iterator[str]:
    """The fields of an event's detail, from the JSON Schema of each, with its unit."""
    for name, schema in detail_schema(event).items():
        safe = name + "_" if keyword.iskeyword(name) or name.startswith("_") else name
        yield f"    {safe}: {python_type(schema)}" + (f' = msgspec.field(name="{name}")' if safe != name else "")
        says = meaning(event, name, schema)
        if says:
            yield f'    """{in_docstring(says)}"""'


def meaning(event: type[Event], name: str, schema: dict[str, Any]) -> str:
    """What the value of a field is counted or written in; nothing for plain texts and numbers."""
    if "description" in schema:
        return f"{schema['description'][:1].upper()}{schema['description'][1:]}."
    field = event.payload.get(name)
    if field is None or field.shape.kind not in ("int", "ratio"):
        return {"date-time": "UTC.", "date": "A civil date."}.get(schema.get("format", ""), "")
    unit = unit_of(name, field.value.unit)
    return f"{in_full(unit).capitalize()}." if unit else ""


def python_type(schema: dict[str, Any]) -> str:
    """The type of a field from its JSON Schema.

    >>> python_type({"type": ["string", "null"], "format": "date"}), python_type({"type": "array", "items": {"type": "string"}})
    ('dt.date | None', 'list[str]')
    """
    several = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    (kind,) = (one for one in several if one != "null")
    match kind:
        case "array":
            text = f"list[{python_type(schema['items'])}]"
        case "object":
            text = f"dict[str, {python_type(schema['additionalProperties'])}]"
        case "string" if "format" in schema:
            text = FORMATS[schema["format"]]
        case "string" if "pattern" in schema:
            text = "Decimal"
        case _:
            text = TYPES[kind]
    return f"{text} | None" if "null" in several else text


def in_docstring(text: str) -> str:
    """A text as a docstring may hold it."""
    return text.replace("\\", "\\\\").replace('"', "'")

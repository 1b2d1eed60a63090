"""What an event's payload may hold: each field's value has the declared type, and is null only where that is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.definitions.event import PAYLOAD_TYPES, Amount, Flaw
from streams.engine.expression import KIND_WORDS, certain, may_be_unknown, measure
from streams.engine.features.absence import Absence, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.definitions.event import Event, Payload
    from streams.engine.expression import ValueKind
    from streams.engine.expression.certain import Keys

TYPE_OF: dict[ValueKind, str] = {"int": "int", "text": "str", "token": "str", "bool": "bool", "time": "Time", "date": "Date", "list": "list[str]"}


def payload_faults(event: type[Event]) -> Iterator[Flaw]:
    """The faults of the payload fields of a definition."""
    sure = known_at_a_match(event)
    for name, field in event.payload.items():
        yield from (Flaw(name, fault) for fault in field_faults(field, sure))


def known_at_a_match(event: type[Event]) -> Keys:
    """The keys of the nodes that are known whenever the event happens: its conditions hold then."""
    primitive, signal = event.signal.primitive, event.signal
    sure = certain(signal.condition)
    if not isinstance(primitive, Absence | Silence):  # a timer has no record for which the conditions hold
        sure |= certain(primitive.condition())
    predicate = getattr(primitive, "predicate", None)
    return sure if predicate is None else sure | certain(predicate)


def field_faults(field: Payload, sure: Keys) -> Iterator[str]:
    """The faults of one field."""
    value, wanted = field.value, field.shape.kind
    if (value.kind if value.kind != "token" else "text") != wanted:  # an id is shown as a text
        yield f"wanted {PAYLOAD_TYPES[field.type].says}, got {value} ({KIND_WORDS[value.kind]}); declare Field[{TYPE_OF[value.kind]}]"
        return
    if field.type is Amount and measure(value.unit) not in (None, "minor"):
        yield f"wanted money in minor units, got {value} in {value.unit}; declare Field[int]"
    if not field.nullable and may_be_unknown(value, sure):
        declared = "Amount" if field.type is Amount else TYPE_OF[value.kind]
        yield f"wanted a value that is always known, got {value}, which may be unknown; declare Field[{declared} | None], or say what else it is: .or_(...)"

"""What one event means, line by line: labels and texts."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from streams.cli.wording import PHRASES, amount, city_names, length, local, number_in_words, value_in_words, volume
from streams.definitions.money import OF_BUCKET, is_money
from streams.definitions.payload_units import unit_of
from streams.definitions.sentences import Sentences, spaced
from streams.definitions.tree import conditions_of
from streams.definitions.words import suggest
from streams.engine.detection import evidence_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from schemas.event import CustomerEvent, RecordName
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.engine.expression import Expr, Param

CITIES = {"city", "home_city", "from_city", "to_city", "home", "place", "place.home", "place.to", "cities"}
"""Fields with codes of cities, which are shown with their names."""
SHOWN_UNITS = {"s", "h", "ms", "km", "pct", "bytes"}
DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+")
MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{3}Z")
OF_BUCKETS = {"money": "minor", "credit": "minor", "data": "byte", "voice": "s"}
"""By kind of bucket, what its numbers count."""


def explanation(event: CustomerEvent, catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """What an event means. Of one that is not installed without its rule."""
    data = event.data
    definition = catalogue.by_id.get(data.event)
    values = EventValues(event, definition)
    yield "what happened", what(event, definition, values)
    yield "to whom", whom(event)
    yield "when", when(event)
    sentences = None if definition is None else Sentences(definition, in_force(event, definition, catalogue), values.number)
    if definition is None or sentences is None:
        hint = suggest(data.event, catalogue.by_id)
        yield "rule", f"{data.event} is not installed here{hint}, so its rule is not known, nor which numbers are money. Name the folder of its definition with --definitions"
    else:
        yield "rule", sentences.when()
        if data.version != definition.version:
            yield "version", f"The event is of version {data.version} of its definition, the rule above of version {definition.version}: it may have been another."
    yield from (("numbers", text) for text in numbers(event, definition, values))
    for name, value in data.evidence.items():
        part = values.parts.get(name)
        yield "evidence", f"{sentences.part(name, part) if sentences is not None and part is not None else label(name)}: {values.evidence(name, value)}"
    yield from (("detail", f"{label(name)}: {values.detail(name, value)}") for name, value in data.detail.items() if name != "currency" or not values.has_money)
    yield "caused by", cause(event)
    if sentences is not None:
        yield "comes again", sentences.armed_again()


def label(name: str) -> str:
    """A field's name as words, without the unit that its value shows."""
    words = name.strip("_").split("_")
    return " ".join(words[:-1] if len(words) > 1 and words[-1] in SHOWN_UNITS else words)


def what(event: CustomerEvent, definition: type[Event] | None, values: EventValues) -> str:
    """What happened, and why it matters."""
    data = event.data
    phrase = PHRASES.get(data.event)
    doc = definition.doc() if definition is not None else ""
    if phrase is None:
        return f"{doc or data.event} ({data.event})"
    try:
        said = phrase.format_map({name: values.plain(name, value) for name, value in data.detail.items()})
    except KeyError:  # the detail of another version
        return f"{doc or data.event} ({data.event})"
    return f"{data.customer_id} {said}. {doc} ({data.event})".replace("  ", " ")


def whom(event: CustomerEvent) -> str:
    """Everyone whom the event names."""
    data = event.data
    named = [("customer", data.customer_id), ("account", data.account_id), ("line", data.subscription_id), ("number", data.msisdn)]
    consent = "is not known" if data.marketing_consent == "unknown" else f"is {data.marketing_consent}"
    shown = f"; can be reached at once by {spaced(data.touchpoint)}" if data.touchpoint else ""
    return f"{', '.join(f'{word} {name}' for word, name in named if name)}; consent to marketing {consent}{shown}"


def when(event: CustomerEvent) -> str:
    """The local time, and that of UTC."""
    moment = local_time(event)
    return f"{moment:%A} {moment:%Y-%m-%d %H:%M:%S} local time (UTC{event.data.local_time[-6:].replace('Z', '')}); {event.time} in UTC"


def local_time(event: CustomerEvent) -> datetime:
    """The moment of an event with the offset of its customer's zone."""
    return datetime.fromisoformat(event.data.local_time)


def in_force(event: CustomerEvent, definition: type[Event], catalogue: Catalogue) -> Callable[[Param], int]:
    """The values of parameters when it happened; those of other events as they are installed here."""
    installed = catalogue.value_of()
    own, then = definition.parameters, event.data.parameters
    return lambda parameter: then[parameter.name] if own.get(parameter.name) is parameter and parameter.name in then else installed(parameter)


def numbers(event: CustomerEvent, definition: type[Event] | None, values: EventValues) -> Iterator[str]:
    """Each number that was in force, with what it is."""
    for name, number in event.data.parameters.items():
        parameter = definition.parameters.get(name) if definition is not None else None
        yield f"{name}: {number}" if parameter is None else f"{name}: {values.number(number, parameter.unit)}, {parameter.doc}"


def cause(event: CustomerEvent) -> str:
    """The record behind an event, or the timer and the record that started it."""
    trigger, anchor = event.data.trigger, event.data.anchor
    if trigger is not None:
        return f"the record {named(trigger)}"
    return f"a timer that the record {named(anchor)} started" if anchor else "a timer"


def named(record: RecordName) -> str:
    """A raw record by name."""
    return f"{record.record_id} of {record.source_system} ({spaced(record.record_type)})"


class Values:
    """Values as people write them. Units come from the definition; without one from the names.

    `conditions`: what holds where they were read, which says what is money. `bucket_kind`: what the numbers of a bucket count.
    """

    def __init__(self, zone: tzinfo | None, currency: str | None, conditions: Sequence[Expr] = (), bucket_kind: str | None = None) -> None:
        self.zone, self.currency, self.conditions, self.bucket_kind = zone, currency, conditions, bucket_kind
        self.cities = city_names()

    def number(self, number: int, unit: str) -> str:
        """A parameter or a constant of the rule."""
        return number_in_words(number, unit, self.currency)

    def value(self, name: str, value: Any, node: Expr | None) -> str:
        """Any value, by its definition or its name."""
        match value:
            case None:
                return "unknown"
            case bool():
                return "yes" if value else "no"
            case list():
                return ", ".join(self.value(name, one, None) for one in value) or "none"
            case dict():
                money = node is not None and is_money(node, self.conditions)
                return ", ".join(f"{spaced(key)} {amount(one, self.currency) if money and isinstance(one, int) else one}" for key, one in value.items()) or "none"
            case int():
                return self.count(name, value, node)
            case str() if node is None or node.kind == "time":
                return self.moment(value)
            case str() if node is not None and node.kind == "ratio" and DECIMAL.fullmatch(value):
                unit = unit_of(name, node.unit)
                return volume(float(value)) if unit == "byte" else length(int(1000 * float(value))) if unit == "s" else f"{value} %" if unit == "percent" else value
            case str() if name in CITIES and value in self.cities:
                return f"{self.cities[value]} ({value})"
        return str(value)

    def count(self, name: str, number: int, node: Expr | None) -> str:
        """A number with its unit."""
        if node is not None and is_money(node, self.conditions):
            return amount(number, self.currency)
        unit = unit_of(name, node.unit if node is not None else None)
        if unit is None and name == "gap":
            unit = "ms"
        if unit is None and node is not None and node.unit == OF_BUCKET:
            unit = OF_BUCKETS.get(str(self.bucket_kind))
        if unit == "byte":
            return volume(number)
        return number_in_words(number, unit or "1", self.currency)

    def moment(self, text: str) -> str:
        """A time as local time; another text as it is, a city with its name."""
        if MOMENT.fullmatch(text):
            return local(text, self.zone)
        return f"{self.cities[text]} ({text})" if text in self.cities else text


class EventValues(Values):
    """The values of an event."""

    def __init__(self, event: CustomerEvent, definition: type[Event] | None) -> None:
        data = event.data
        conditions = conditions_of(definition.when) if definition is not None else []
        super().__init__(local_time(event).tzinfo, data.detail.get("currency") or data.evidence.get("currency"), conditions, data.evidence.get("bucket_kind"))
        self.fields: dict[str, Expr] = {name: field.value for name, field in definition.payload.items()} if definition is not None else {}
        self.parts = evidence_of(definition) if definition is not None else {}
        self.has_money = definition is not None and definition.has_money()
        self.amounts = frozenset(name for name, field in definition.payload.items() if field.shape.name == "amount") if definition is not None else frozenset()

    def plain(self, name: str, value: Any) -> str:
        """A value of the detail for a phrase."""
        return value_in_words(name, value, self.currency, self.amounts, self.cities)

    def detail(self, name: str, value: Any) -> str:
        """A value of the detail."""
        return amount(value, self.currency) if name in self.amounts and isinstance(value, int) else self.value(name, value, self.fields.get(name))

    def evidence(self, name: str, value: Any) -> str:
        """A value of the evidence."""
        return self.value(name, value, self.parts.get(name))

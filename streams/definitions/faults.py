"""Faults of one definition that Python accepts: found from its tree, without running it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from schemas.raw import fields_of
from streams.definitions.currency import money_flaws
from streams.definitions.event import NOTHING, Case, Detail, Event, Flaw
from streams.definitions.money import equal_to, says_money
from streams.definitions.rearm_faults import rearm_flaws
from streams.definitions.tree import PARTS, conditions_of, events_in, is_behind, parts_of, placed, reads_of, used_by
from streams.definitions.units import UNITS
from streams.definitions.words import suggest
from streams.engine.expression import KIND_WORDS, Const, Expr, Known, Param, RecordField
from streams.engine.features.each_line import EachLineSource
from streams.engine.features.frame import Ever, Feature, Frame
from streams.engine.features.pair import PairSource
from streams.engine.features.place import AS_OF, PlaceReading
from streams.engine.features.session import Session
from streams.engine.features.stretch import Consecutive, stretch_faults
from streams.engine.readings import GATHERED
from streams.engine.rearm import Rearm
from streams.engine.sources import EventSource, Of, RecordSource, Source, UnionSource
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.definitions.tree import Read

KEYS = {"line": "subscription_id", "account": "account_id", "customer": "customer_id"}
"""Whom an event may be about, and the column of every record that says so."""
MISSPELT = ("when", "rearm", "detail", "valid_for", "expect", "version", "CASES")
KEPT = ("count", "sum", "latest", "first")
"""What is kept over the whole life of a key."""
DRAFT = "Fill in"
"""How the docstring and the titles of the cases begin that `kairos new` writes."""


def flaws_of(event: type[Event]) -> list[Flaw]:
    """All faults of `event` by itself."""
    found = [*event.flaws, *key_flaws(event)]
    if event.when is not NOTHING:
        found += [
            *read_flaws(event),
            *borrowed_flaws(event),
            *later_flaws(event),
            *life_flaws(event),
            *rearm_flaws(event),
            *money_flaws(event),
            *attribute_flaws(event),
            *parameter_flaws(event),
        ]
    return [*dict.fromkeys(found)]


# Names


def key_flaws(event: type[Event]) -> Iterator[Flaw]:
    """The key, and whether the events that the rule builds on go with it."""
    if not event.by:
        yield Flaw("", f'by: wanted one of {", ".join(KEYS)}, got none: class {event.__name__}(Event, by="line")')
    elif event.by not in KEYS:
        yield Flaw("", f"by: wanted one of {', '.join(KEYS)}, got {event.by!r}")
    spread = {key for part, _ in placed(event) if isinstance(part, EachLineSource) for key in parts_of(part.stream)}
    paired = {id(half.source) for part, _ in placed(event) if isinstance(part, PairSource) for half in part.inputs()}
    for part, at in placed(event):
        if isinstance(part, EachLineSource) and event.by != "line":
            yield Flaw(at, f"each_line: wanted an event by line, got one by {event.by}")
        if not isinstance(part, EventSource) or part.event.by == event.by or id(part) in spread:
            continue
        if event.by != "line":
            yield Flaw(at, f"wanted events by {event.by}, as this one is, got {part.event.id}, which is by {part.event.by}")
        elif part.event.by != "customer" or id(part) not in paired:  # in a pair it is of the line that its record names, or of the only one
            yield Flaw(at, f"wanted events by line, as this one is, got {part.event.id}, which is by {part.event.by}: write .each_line() behind it")


def attribute_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Attributes of the class without effect: misspelt words, and parts that nothing uses."""
    used = used_by(event)
    for name, value in vars(event).items():
        if name.startswith("_") or name in Event.__dict__ or name in Event.__annotations__ or isinstance(value, Param):
            continue
        if isinstance(value, Rearm) or (isinstance(value, tuple) and any(isinstance(part, Rearm) for part in value)):
            if not parts_of(value).keys() <= used.keys():
                yield Flaw(name, "wanted `rearm`, the name of the attribute for re-arm words")
        elif isinstance(value, Detail):
            yield Flaw(name, "wanted `detail`, the name of the attribute for what the event shows")
        elif isinstance(value, PARTS):
            if not is_used(value, used):
                yield Flaw(name, f"nothing uses it: wanted it in `when`, `rearm` or `detail`, such as Detail({name}=…), or no such line")
        elif suggest(name, MISSPELT).startswith(": did"):
            yield Flaw(name, f"no such word{suggest(name, MISSPELT)}")
    for name in vars(event).get("__annotations__", {}):
        if name not in vars(event):
            yield Flaw(name, "wanted a value, got none")


def is_used(value: object, used: dict[int, object]) -> bool:
    """Whether a part is one of `used`, or something of those was made from it."""
    match value:
        case Stream():
            return all(id(part) in used for part in (value.source, *value.conditions, *value.by_value)) and (bool(value.conditions or value.by_value) or has_source(value, used))
        case Session():
            return id(value.source) in used
        case Frame():
            return id(value.extent) in used
    return id(value) in used


def has_source(stream: Stream, used: dict[int, object]) -> bool:
    """Whether a stream without conditions is the beginning of one of `used`."""
    return any(isinstance(part, Stream) and part.source is stream.source for part in used.values())


def parameter_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Units, defaults, and parameters that are not used or not the event's."""
    used = used_by(event)
    for name, value in vars(event).items():
        if not isinstance(value, Param):
            continue
        if value.owner is not event:
            owner = getattr(value.owner, "__name__", "another class")
            yield Flaw(name, f"wanted a parameter of its own, got one of {owner}: read it in the rule as {owner}.{value.name}")
            continue
        if value.unit not in UNITS:
            yield Flaw(name, f"unit: wanted one of {', '.join(UNITS)}, got {value.unit!r}")
        if fault := value.fault(value.value):
            yield Flaw(name, fault)
        if event.parameters[value.name] is not value or sum(one is value for one in vars(event).values()) > 1:
            yield Flaw(name, f"wanted a name of its own, got {value.name!r} as another parameter has")
        if id(value) not in used:
            yield Flaw(name, "nothing uses this parameter: wanted it in `when`, `rearm` or `detail`, or no such line")
    for part, at in placed(event):
        if isinstance(part, Param) and not (isinstance(part.owner, type) and issubclass(part.owner, Event)):
            yield Flaw(at, f"Param({part.value}): wanted a parameter as an attribute of the class, such as {part.name or 'least'} = Param(…), so that an installation can set it")


def case_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Cases: some, of the right type, at least one that fires and one that does not."""
    if not isinstance(event.cases, list | tuple) or not all(isinstance(case, Case) for case in event.cases):
        yield Flaw("CASES", "wanted a list of Case(…), got something else")
    elif not event.cases:
        yield Flaw("CASES", "wanted at least one case that fires and one that does not, got none")
    elif all(case.details for case in event.cases):
        yield Flaw("CASES", "wanted a case that does not fire, Case(…, […], []), got none")
    elif not any(case.details for case in event.cases):
        yield Flaw("CASES", "wanted a case that fires, with the detail of its event, got none")
    elif drafts := [case.title for case in event.cases if case.title.startswith(DRAFT)]:
        yield Flaw("CASES", f"wanted stories of this event with titles of their own, got what `kairos new` wrote: {drafts[0]!r}")
    if event.doc().startswith(DRAFT):
        yield Flaw("", f"wanted a docstring that says what happened, got what `kairos new` wrote: {event.doc()!r}")


# What is read where


def read_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Columns and readings that are not there where they are read."""
    for read in reads_of(event):
        seen = set[str]()
        for part in read.node.walk():
            fault = fault_of(part, read)
            if fault and fault not in seen:
                seen.add(fault)
                yield Flaw(read.at, fault)


def borrowed_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Values of another event's detail that it gathers for its own key: this rule would gather them for another one."""
    places = {id(part): at for part, at in placed(event)}
    for other in events_in(event):
        for name, value in other.detail.values.items() if other.by != event.by else ():
            if id(value) in places and any(isinstance(part, GATHERED) for part in value.walk()):
                says = f"{other.__name__}.detail.{name}: wanted a value of the record behind {other.__name__}, got {value}, which is gathered by {other.by}; this rule is by {event.by}"
                yield Flaw(places[id(value)], f"{says}: leave it out, or declare a frame of its own here")


def later_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Values of another event's detail that it gathered, read when a wait for it, or for the second half of a pair, is over: they would be those of then."""
    facts = [value for value in getattr(sys.modules.get(event.__module__), "__dict__", {}).values() if isinstance(value, Expr)]  # of words.py, say: read here by their own names
    for read in reads_of(event):
        parts = {id(part) for part in read.node.walk()} - {id(fact) for fact in facts}
        for other in waited_for(read.source):
            for name, value in other.detail.values.items():
                if id(value) in parts and any(isinstance(part, GATHERED) for part in value.walk()):
                    says = (
                        f"{other.__name__}.detail.{name}: wanted a value of the record behind {other.__name__}, got {value}, which would be read again when the wait for it is over"
                    )
                    yield Flaw(read.at, f"{says}: leave it out, or declare a frame of its own here, as of then")


def waited_for(source: Source, *, waited: bool = False) -> Iterator[type[Event]]:
    """The events that happened some time before a happening of `source`: what set its timer, and the first half of a pair."""
    if isinstance(source, EventSource) and waited:
        yield source.event
    waited |= source.timed and not isinstance(source, EventSource | UnionSource)
    for inner in source.behind():
        yield from waited_for(inner, waited=waited)
    if isinstance(source, PairSource):
        yield from waited_for(source.first.source, waited=True)


def fault_of(part: Expr, read: Read) -> str | None:
    """Why `part` cannot be read at the happenings of a source."""
    match part:
        case Expr(kind="map") if part is read.node and read.word != "detail":
            return f"{part}: wanted a single value, got {KIND_WORDS[part.kind]}, which only a detail can show"
        case RecordField() if part.record not in read.source.records():
            return f"{part}: wanted a column of {names_of(read.source)}, got one of {part.record.__name__}{remedy(read)}"
        case Of() if not is_behind(part.source, read.source):
            return f"{part}: wanted what is known of {read.source}, got a column of {part.source}, which is not what `{read.word}` reads"
        case PlaceReading() if part.name not in AS_OF and not is_behind(part.place.source, read.source):
            return f"{part}: wanted what is known of a place at any time ({', '.join(AS_OF)}), got a column that only place.moved has"
        case Feature():
            for key in part.frame.stream.by_value if not part.at else ():
                for field in key.walk():
                    if isinstance(field, RecordField) and field.record not in read.source.records():
                        return f"{part}: is kept for each {key} of {field.record.__name__}, which {names_of(read.source)} does not have: read it where that is known, or leave same({key}) out"
    return None


def names_of(source: Source) -> str:
    """The types of record that may be behind a happening."""
    return " or ".join(record.__name__ for record in source.records()) or "no record"


def remedy(read: Read) -> str:
    """What to do about a column of another record."""
    if read.word == "where":
        return "; to go by a value of both use same(…) on both streams, to read the other use a frame of it, such as .within(…).latest(…)"
    if read.word in ("detail", "rearm"):
        return ", which is not behind `when`; a value of another stream is read by a frame of it, such as .within(…).latest(…)"
    return ""


def life_flaws(event: type[Event]) -> Iterator[Flaw]:
    """What is kept over the life of a key, and of a stretch."""
    for part, at in placed(event):
        if isinstance(part, Feature) and isinstance(part.frame.extent, Consecutive):
            yield from (Flaw(at, fault) for fault in stretch_faults(part))
        if isinstance(part, Feature) and type(part.frame.extent) is Ever and part.function not in KEPT:
            yield Flaw(at, f"{part}: wanted {', '.join(KEPT)}, got {part.function}, which is not kept over a life: use a frame such as .within('30d')")


# Warnings


def notices_of(event: type[Event]) -> Iterator[str]:
    """Warnings: what is allowed but may surprise."""
    named = set[str]()
    for part in used_by(event).values() if event.by != "line" else ():  # of a line rule they are the customer's only active line's
        if not isinstance(part, Stream) or not isinstance(part.source, RecordSource):
            continue
        record: type = part.source.record
        column = KEYS[event.by]
        if record.__name__ in named or not fields_of(record)[column].nullable or is_sure(part, column, event.by):
            continue
        named.add(record.__name__)
        yield f'by: {record.__name__} may come without {column}; by="{event.by}" leaves such records out, by="customer" counts them all'


def is_sure(stream: Stream, column: str, by: str) -> bool:
    """Whether every happening of a stream has the column of the key: it is asked for, or it is about a line or an amount of one."""
    conditions = conditions_of(stream)
    parts = [part for condition in conditions for part in condition.walk()]
    if any(isinstance(part, Known) and isinstance(part.inner, RecordField) and part.inner.name == column for part in conditions):
        return True
    assert isinstance(stream.source, RecordSource)  # the caller asks of no other
    of_lines = any(isinstance(part, Const) and str(part.value).startswith("line.") for part in parts)
    of_lines |= any(name == "bucket_kind" and "credit" not in values for condition in conditions for name, values in equal_to(condition))
    return by == "line" and (of_lines or says_money(stream.source.record, *conditions))


__all__ = ["KEYS", "case_flaws", "flaws_of", "notices_of"]

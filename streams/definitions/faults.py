"""Faults of one definition that Python accepts: found from its expressions, without running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.raw import fields_of
from streams.definitions.event import Amount, Case, Event, Flaw
from streams.definitions.money import money_flaws, says_money
from streams.definitions.payload import payload_faults
from streams.definitions.units import UNITS, Millis
from streams.definitions.words import Level, Stream, suggest
from streams.engine.batch import BASES
from streams.engine.expression import Const, Expr, Join, Logic, Not, Output, Param, RecordField
from streams.engine.features.day_total import DayTotal
from streams.engine.features.primitive import Primitive, Signal, Span
from streams.engine.features.window import Aggregate, Window
from streams.engine.rearm import Rearm, WindowWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARTS = (Expr, Primitive, Signal, Span, Rearm, Stream, Level)
"""The classes of a definition's parts: objects whose attributes are searched."""
MISSPELT = ("when", "rearm", "valid_for", "version", "CASES")


def flaws_of(event: type[Event]) -> list[Flaw]:
    """All faults of `event` by itself."""
    found = [*event.flaws, *key_flaws(event)]
    if event.signal.channel:
        found += [*stream_flaws(event), *predicate_flaws(event), *payload_flaws(event), *payload_faults(event), *rearm_flaws(event), *money_flaws(event)]
        found += [*attribute_flaws(event), *parameter_flaws(event), *logic_flaws(event)]
    return [*dict.fromkeys(found)]


def parts_of(*roots: object) -> dict[int, object]:
    """All objects inside `roots`, by identity."""
    seen: dict[int, object] = {}
    waiting = list(roots)
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, PARTS) and id(part) not in seen:
            seen[id(part)] = part
            waiting += vars(part).values()
    return seen


def used_by(event: type[Event]) -> dict[int, object]:
    """All parts of the rule, its re-arm words and its payload."""
    return parts_of(event.signal, event.words, [field.value for field in event.payload.values()])


# Names


def key_flaws(event: type[Event]) -> Iterator[Flaw]:
    """The key scope, and whether the primitive goes with it."""
    if not event.by:
        yield Flaw("", f'by: wanted one of {", ".join(BASES)}, got none: class {event.__name__}(Event, by="line")')
    elif event.by not in BASES:
        yield Flaw("", f"by: wanted one of {', '.join(BASES)}, got {event.by!r}")
    primitive = event.signal.primitive
    if event.signal.channel and primitive.by != event.by:
        yield Flaw("", f"by: wanted {primitive.by!r} as for {primitive.name}, whose state it reads, got {event.by!r}")
    after = primitive.after
    if after is not None and after.by != event.by:
        yield Flaw("", f"by: wanted {after.by!r} as {after.id} has, got {event.by!r}")


def attribute_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Attributes of the class without effect: misspelt words, and expressions that nothing uses."""
    used = used_by(event)
    for name, value in vars(event).items():
        if name.startswith("_") or name in Event.__dict__ or name in Event.__annotations__ or name in event.payload:
            continue
        if isinstance(value, Rearm) or (isinstance(value, tuple) and any(isinstance(part, Rearm) for part in value)):
            if not parts_of(value).keys() <= used.keys():
                yield Flaw(name, "wanted `rearm`, the name of the attribute for re-arm words")
        elif isinstance(value, Param):
            continue
        elif isinstance(value, Stream | Level):
            if any(id(condition) not in used for condition in (value.conditions if isinstance(value, Stream) else (value.before, value.after))):
                yield Flaw(name, "nothing uses it: wanted a stream that `when` starts from")
        elif isinstance(value, PARTS) and id(value) not in used:
            yield Flaw(name, f"nothing uses it: wanted `{name}: Field[…] = …` to show it in the payload, or no such line")
        elif not isinstance(value, PARTS) and suggest(name, MISSPELT).startswith(": did"):
            yield Flaw(name, f"no such word{suggest(name, MISSPELT)}")


def parameter_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Units, defaults, and parameters that are not used or not the event's."""
    used = used_by(event)
    for name, value in vars(event).items():
        if isinstance(value, Param):
            if value.unit not in UNITS:
                yield Flaw(name, f"unit: wanted one of {', '.join(UNITS)}, got {value.unit!r}")
            if value.unit == "ms" and not isinstance(value.value, Millis):
                yield Flaw(name, f"wanted a length of time such as hours(2) for a parameter in ms, got {value.value!r}: a bare number has no unit")
            elif fault := value.fault(value.value):
                yield Flaw(name, fault)
            if event.parameters[value.name] is not value:
                yield Flaw(name, f"wanted a name of its own, got {value.name!r} as another parameter has")
            if id(value) not in used:
                yield Flaw(name, "nothing uses this parameter: wanted it in `when`, `rearm` or the payload, or no such line")
    for part in used.values():
        if isinstance(part, Param) and part.owner is None:
            yield Flaw("when", f"Param({part.value}): wanted a parameter as an attribute of the class, under a name that no payload field or other attribute has")


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


# Expressions


def is_record(record: object) -> str:
    """The name of a record type."""
    return str(getattr(record, "__name__", "no record"))


def stream_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Conditions, values and `same` of the stream: they read the record and reference data alone."""
    primitive = event.signal.primitive
    own = {id(value) for value in vars(primitive).values() if isinstance(value, Output) and value.source is primitive}
    roots: list[object] = [value for name, value in vars(primitive).items() if name not in ("predicate", "aggregates", "after", "steps") and id(value) not in own]
    if isinstance(primitive, Window):
        roots.append([node.arguments for node in primitive.aggregates.values()])
    for part in expressions(roots):
        if isinstance(part, Output):
            yield Flaw("when", f"wanted conditions of a stream on fields of its record, got {part}, which is known only once a record has matched")
        elif isinstance(part, RecordField) and part.record is not primitive.records:
            yield Flaw("when", f"{part}: wanted a field of {is_record(primitive.records)}, got one of {is_record(part.record)}")
    if isinstance(primitive, DayTotal):
        if not primitive.steps:
            yield Flaw("when", "wanted what the total must pass or reach: .passes(…) or .reaches(…)")
        for part in expressions(primitive.steps):
            if isinstance(part, RecordField | Output | Join):
                yield Flaw("when", f"wanted steps of numbers and parameters, got {part}")


def logic_flaws(event: type[Event]) -> Iterator[Flaw]:
    """And, or, not, and the condition on a signal or window: of conditions."""
    roots = [event.signal.condition, getattr(event.signal.primitive, "predicate", None)]
    inner = [child for part in used_by(event).values() if isinstance(part, Logic | Not) for child in part.children()]
    for node in [*(root for root in roots if root is not None), *inner]:
        if node.kind != "bool":
            yield Flaw("when", f"wanted a condition, got the {node.kind} {node}")


def expressions(roots: Iterable[object]) -> Iterator[Expr]:
    """All expressions below `roots`, which may be of any kind."""
    for root in roots:
        if isinstance(root, Expr):
            yield from root.walk()
        elif isinstance(root, list | tuple):
            yield from expressions(root)


def predicate_flaws(event: type[Event]) -> Iterator[Flaw]:
    """The condition on a window reads its own aggregates, parameters and numbers."""
    window = event.signal.primitive
    for part in window.predicate.walk() if isinstance(window, Window) and window.predicate is not None else ():
        if isinstance(part, Join) or not (isinstance(part, Aggregate | Param | Const) or part.children()):
            yield Flaw("when", f"wanted numbers over the window and parameters in its condition, got {part}: put conditions on a record into .where(…) of the stream")


def known_flaws(at: str, node: Expr, event: type[Event]) -> Iterator[Flaw]:
    """Parts of an expression that are not known when the event is made."""
    primitive, timed = event.signal.primitive, event.signal.timed
    for part in node.walk():
        if isinstance(part, Output) and part.source is not primitive:
            yield Flaw(at, f"wanted something that this event's own `when` reports, got {part}")
        elif isinstance(part, RecordField) and timed:
            yield Flaw(at, f"{part}: a timer has no record; wanted what its primitive reports")
        elif isinstance(part, RecordField) and part.record is not primitive.records:
            yield Flaw(at, f"{part}: wanted a field of {is_record(primitive.records)}, got one of {is_record(part.record)}")


def payload_flaws(event: type[Event]) -> Iterator[Flaw]:
    """What the payload and the condition on the signal read."""
    for name, field in event.payload.items():
        yield from known_flaws(name, field.value, event)
        if name == "currency" and field.type is Amount:
            yield Flaw(name, "wanted a text as the currency, got an amount")
    yield from known_flaws("when", event.signal.condition, event)


def rearm_flaws(event: type[Event]) -> Iterator[Flaw]:
    """Re-arm words: of the right kind, and what they are counted for is known."""
    for word in event.words:
        if not isinstance(word, Rearm):
            yield Flaw("rearm", f"wanted cool(…), once(), per(…), per_day(), EDGE or RESET, got {word!r}")
        elif isinstance(word, WindowWord) and not isinstance(event.signal.primitive, Window):
            yield Flaw("rearm", "EDGE and RESET go with a window")
        else:
            for node in expressions([word.same, getattr(word, "value", ())]):
                yield from known_flaws("rearm", node, event)


def notices_of(event: type[Event]) -> Iterator[str]:
    """Warnings: what is allowed but may surprise."""
    primitive = event.signal.primitive
    if event.by != "line" or primitive.records is None or not fields_of(primitive.records)["subscription_id"].nullable:
        return
    of_lines = any(isinstance(part, Const) and str(part.value).startswith("line.") for part in primitive.condition().walk())
    if not of_lines and not says_money(primitive.records, primitive.condition()):
        yield f'by: {is_record(primitive.records)} may come without subscription_id; by="line" leaves such records out, by="customer" counts them all'

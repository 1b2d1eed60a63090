"""`kairos catalog`: the installed events."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from schemas.raw import type_name
from streams.engine.expression import Param

if TYPE_CHECKING:
    from rich.console import Console

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event


def catalog(
    event: Annotated[str | None, typer.Argument(help="An event id: show it in full.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="EVENT.PARAMETER=VALUE: show it with this value; may be given again.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """List the installed events, or show one with its rule, parameters, payload and cases.

    Example: kairos catalog balance.low
    """
    from rich.console import Console

    from streams import settings
    from streams.definitions.catalogue import Catalogue, CatalogueFault
    from streams.definitions.words import suggest

    chosen = settings.load({"definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}, config)
    installed = Catalogue.load(chosen.definitions, chosen.events, chosen.only, chosen.without)
    if event is not None and event not in installed.by_id:
        raise CatalogueFault(f"{event}: no such event{suggest(event, installed.by_id)}")
    if json:
        import orjson

        shown = {"events": [head_of(one) for one in installed]} if event is None else whole(installed, installed.by_id[event])
        typer.echo(orjson.dumps(shown).decode())
    elif event is None:
        show_all(Console(), installed)
    else:
        show_one(Console(), installed, installed.by_id[event])


def head_of(event: type[Event]) -> dict[str, Any]:
    """An event in short, as JSON has it."""
    from streams.emit import PREFIX

    primitive = event.signal.primitive
    return {
        "event": event.id,
        "version": event.version,
        "topic": PREFIX + event.id.split(".", 1)[0],
        "key": event.by,
        "primitive": primitive.code,
        "records": type_name(primitive.records) if primitive.records is not None else None,
        "valid_for_ms": int(event.valid_for_ms),
        "doc": event.doc(),
    }


def whole(installed: Catalogue, event: type[Event]) -> dict[str, Any]:
    """An event in full, as JSON has it: its rule as text, its parameters in their units."""

    def bound(value: object) -> str | int | None:
        return None if value is None else value.name if isinstance(value, Param) else int(value)  # type: ignore[call-overload]  # a number

    return {
        **head_of(event),
        "rule": dict(rule_of(installed, event)[1:]),
        "needs": list(installed.needs(event)),
        "parameters": [
            {
                "name": name,
                "value": installed.value(event, name),
                "default": int(one.value),
                "unit": one.unit,
                "ge": bound(one.ge),
                "le": bound(one.le),
                "doc": one.doc,
            }
            for name, one in event.parameters.items()
        ],
        "detail": [
            {"name": name, "type": field.type.__name__, "nullable": field.nullable, "from": with_values(str(field.value), installed, event)}
            for name, field in event.payload.items()
        ],
        "cases": [{"title": case.title, "records": len(case.records), "events": len(case.details)} for case in event.cases],
    }


def show_all(console: Console, installed: Catalogue) -> None:
    """One line for each event."""
    from rich.table import Table

    table = Table("event", "key", "from", "P", "what happened")
    for event in installed:
        records = event.signal.primitive.records
        table.add_row(event.id, event.by, getattr(records, "code", ""), event.signal.primitive.code, event.doc().splitlines()[0])
    console.print(table)
    console.print(f"{len(installed)} events; kairos catalog EVENT shows one in full")


PARTS = {
    "wanted": "records",
    "unless": "unless",
    "after": "after",
    "value": "value",
    "old": "before",
    "initially": "at first",
    "enter": "enters",
    "release": "armed again",
    "same": "for each",
    "span": "within",
    "least": "days at least",
    "of_days": "of days",
    "ordinals": "ordinals",
    "steps": "steps",
    "predicate": "condition",
}
"""The parts of a primitive, in the order in which they are shown."""


def show_one(console: Console, installed: Catalogue, event: type[Event]) -> None:
    """One event in full."""
    from rich.table import Table

    from streams.definitions.units import shown

    for label, text in rule_of(installed, event):
        console.print(f"[bold]{label:<13}[/bold] {escape(text)}", highlight=False)
    console.print()
    if event.parameters:
        table = Table("parameter", "value", "default", "unit", "bounds", "what it is", title="parameters")
        for name, parameter in event.parameters.items():
            low, high = (bound.name if isinstance(bound, Param) else "" if bound is None else str(int(bound)) for bound in (parameter.ge, parameter.le))
            values = [
                shown(value, parameter.unit) if parameter.unit in ("ms", "civil days", "byte") else str(value) for value in (installed.value(event, name), int(parameter.value))
            ]
            table.add_row(name, *values, parameter.unit, f"{low} … {high}", parameter.doc)
        console.print(table)
    table = Table("field", "type", "null", "from", title="detail")
    for name, field in event.payload.items():
        table.add_row(name, field.type.__name__, "may be" if field.nullable else "", with_values(str(field.value), installed, event))
    console.print(table)
    for case in event.cases:
        console.print(f"- {case.title}: {len(case.records)} records, {len(case.details)} events", highlight=False)


def rule_of(installed: Catalogue, event: type[Event]) -> list[tuple[str, str]]:
    """What an event is, line by line: its key, what it listens to, thresholds, spans, ordinals, re-arm words, with the values installed."""
    primitive = event.signal.primitive
    key = " and ".join([event.by, *map(str, primitive.same)])
    lines = [
        (event.id, event.doc()),
        ("version", f"{event.version}; {type(primitive).__name__.lower()} ({primitive.code}) of {getattr(primitive.records, '__name__', 'no record')}"),
        ("key", key),
        ("when", event.signal.channel + ("" if str(event.signal.condition) == "True" else f", where {event.signal.condition}")),
    ]
    for name, label in PARTS.items():
        value = vars(primitive).get(name)
        if value is not None and not (isinstance(value, tuple) and not value):
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else getattr(value, "id", None) or str(value)
            lines.append((label, "all" if text == "True" else text))
    lines.append(("re-arm", "; ".join(map(str, event.words)) or "each"))
    lines.append(("valid for", f"{int(event.valid_for_ms)}ms"))
    lines += [("builds on", ", ".join(installed.needs(event)))] if installed.needs(event) else []
    return [(label, with_values(text, installed, event)) for label, text in lines]


def with_values(text: str, installed: Catalogue, event: type[Event]) -> str:
    """`text` with the values of this installation in place of the parameters' defaults."""
    from streams.definitions.units import shown

    for one in (event, *(installed.by_id[name] for name in installed.needs(event))):
        for name, parameter in one.parameters.items():
            spans = (f"{parameter}ms", f"{parameter}d") if parameter.unit in ("ms", "civil days") else ()
            for written in (*spans, str(parameter)):
                text = text.replace(written, f"{shown(installed.value(one, name), parameter.unit)} ({name})")
    return re.sub(r"([0-9]+)ms\b", lambda found: shown(int(found[1]), "ms"), text)

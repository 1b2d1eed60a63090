"""`kairos catalog`: the installed events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from schemas.raw import type_name
from streams.engine.expression import Param
from streams.engine.expression.quantities import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event
    from streams.definitions.rates import Rate


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
    from streams.promises import promises

    chosen = settings.load({"definitions": tuple(definitions or ()), "events": settings.parameter_overrides(set_ or [])}, config)
    installed = Catalogue.load(chosen.definitions, chosen.events, chosen.only, chosen.without)
    rates = promises(installed, chosen.expect)
    if event is not None and event not in installed.by_id:
        raise CatalogueFault(f"{event}: no such event{suggest(event, installed.by_id)}")
    if json:
        import orjson

        shown = {"events": [head_of(one, rates) for one in installed]} if event is None else whole(installed, installed.by_id[event], rates)
        typer.echo(orjson.dumps(shown).decode())
    elif event is None:
        show_all(Console(), installed)
    else:
        show_one(Console(), installed, installed.by_id[event], rates)


def head_of(event: type[Event], rates: Mapping[str, Rate]) -> dict[str, Any]:
    """An event in short, as JSON has it."""
    from streams.emit import PREFIX

    return {
        "event": event.id,
        "version": event.version,
        "topic": PREFIX + event.id.split(".", 1)[0],
        "key": event.by,
        "source": event.when.source.word,
        "records": [type_name(record) for record in event.when.source.records()],
        "valid_for_ms": event.valid_for_ms,
        "expect": rate.text if (rate := rates.get(event.id)) is not None else None,
        "doc": event.doc(),
    }


def whole(installed: Catalogue, event: type[Event], rates: Mapping[str, Rate]) -> dict[str, Any]:
    """An event in full, as JSON has it: its rule as text, its parameters in their units."""
    from streams.definitions.in_words import Words

    def bound(value: object) -> str | int | None:
        return None if value is None else value.name if isinstance(value, Param) else int(value)  # type: ignore[call-overload]  # a number

    words = Words(event, installed.value_of())
    return {
        **head_of(event, rates),
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
        "detail": [{"name": name, "type": field.shape.name, "nullable": field.nullable, "from": words.bare(field.value)} for name, field in event.payload.items()],
        "cases": [{"title": case.title, "records": len(case.records), "events": len(case.details)} for case in event.cases],
    }


def show_all(console: Console, installed: Catalogue) -> None:
    """One line for each event."""
    from rich.table import Table

    table = Table("event", "key", "from", "when", "what happened")
    for event in installed:
        source = event.when.source
        table.add_row(event.id, event.by, " ".join(getattr(record, "code", "") for record in source.records()), source.word, event.doc().splitlines()[0])
    console.print(table)
    console.print(f"{len(installed)} events; kairos catalog EVENT shows one in full")


def show_one(console: Console, installed: Catalogue, event: type[Event], rates: Mapping[str, Rate]) -> None:
    """One event in full."""
    from rich.table import Table

    from streams.definitions.in_words import Words

    words = Words(event, installed.value_of())
    for label, text in rule_of(installed, event):
        console.print(f"[bold]{label:<13}[/bold] {escape(text)}", highlight=False)
    if event.id in rates:
        console.print(f"[bold]{'usually':<13}[/bold] {rates[event.id].text}", highlight=False)
    console.print()
    if event.parameters:
        table = Table("parameter", "value", "default", "bounds", "what it is", title="parameters")
        for name, parameter in event.parameters.items():
            low, high = (bound.name if isinstance(bound, Param) else "" if bound is None else shown(bound, parameter.unit) for bound in (parameter.ge, parameter.le))
            values = (shown(value, parameter.unit) for value in (installed.value(event, name), parameter.value))
            table.add_row(name, *values, f"{low} … {high}", parameter.doc)
        console.print(table)
    table = Table("field", "type", "null", "from", title="detail")
    for name, field in event.payload.items():
        table.add_row(name, field.shape.name, "may be" if field.nullable else "", escape(words.bare(field.value)))
    console.print(table)
    for case in event.cases:
        console.print(f"- {case.title}: {len(case.records)} records, {len(case.details)} events", highlight=False)


def rule_of(installed: Catalogue, event: type[Event]) -> list[tuple[str, str]]:
    """What an event is, line by line, with the values installed."""
    from streams.definitions.in_words import Words

    lines = [(event.id, event.doc()), ("version", str(event.version)), *Words(event, installed.value_of()).rule()]
    lines.append(("valid for", shown(event.valid_for_ms, "ms")))
    return [*lines, ("builds on", ", ".join(installed.needs(event)))] if installed.needs(event) else lines

"""`kairos catalog`: the installed events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event


def catalog(
    event: Annotated[str | None, typer.Argument(help="An event id: show it in full.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """List the installed events, or show one with its rule, parameters, payload and cases.

    Example: kairos catalog balance.low
    """
    from rich.console import Console

    from streams import settings
    from streams.definitions.catalogue import Catalogue, CatalogueFault
    from streams.definitions.words import suggest

    chosen = settings.load({"definitions": tuple(definitions or ())}, config)
    installed = Catalogue.load(chosen.definitions, chosen.events)
    console = Console()
    if event is None:
        show_all(console, installed)
    elif event in installed.by_id:
        show_one(console, installed, installed.by_id[event])
    else:
        raise CatalogueFault(f"{event}: no such event{suggest(event, installed.by_id)}")


def show_all(console: Console, installed: Catalogue) -> None:
    """A line an event."""
    from rich.table import Table

    table = Table("event", "key", "from", "P", "what happened")
    for event in installed:
        records = event.signal.primitive.records
        table.add_row(event.id, event.by, getattr(records, "code", ""), event.signal.primitive.code, event.doc().splitlines()[0])
    console.print(table)
    console.print(f"{len(installed)} events; kairos catalog EVENT shows one in full")


def show_one(console: Console, installed: Catalogue, event: type[Event]) -> None:
    """One event in full."""
    from rich.table import Table

    primitive = event.signal.primitive
    console.print(f"[bold]{event.id}[/bold]  version {event.version}, by {event.by}, {type(primitive).__name__.lower()} ({primitive.code})")
    console.print(event.doc())
    console.print(
        f"\n[bold]when[/bold]   {event.signal.channel}: {primitive.condition()}" + ("" if str(event.signal.condition) == "True" else f" and {event.signal.condition}"),
        highlight=False,
    )
    predicate = getattr(primitive, "predicate", None)
    if predicate is not None:
        console.print(f"       {predicate}", highlight=False)
    console.print(f"[bold]re-arm[/bold] {'; '.join(map(str, event.words)) or 'each'}", highlight=False)
    if event.parameters:
        table = Table("parameter", "value", "default", "unit", "bounds", "what it is", title="parameters")
        for name, parameter in event.parameters.items():
            bounds = f"{'' if parameter.ge is None else parameter.ge} … {'' if parameter.le is None else parameter.le}"
            table.add_row(name, str(installed.value(event, name)), str(parameter.value), parameter.unit, bounds, parameter.doc)
        console.print(table)
    table = Table("field", "type", "null", "from", title="detail")
    for name, field in event.payload.items():
        table.add_row(name, field.type.__name__, "may be" if field.nullable else "", str(field.value))
    console.print(table)
    for case in event.cases:
        console.print(f"- {case.tells}: {len(case.records)} records, {len(case.details)} events", highlight=False)

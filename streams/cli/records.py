"""`kairos records`: the raw record types and their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from types import ModuleType

    from rich.console import Console

    from schemas.raw import Envelope
    from streams.definitions.described import Column

FAR = 10**9


def records(
    record: Annotated[str | None, typer.Argument(help="A letter or a name, such as B or balance_change: show its columns.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
) -> None:
    """List the types of raw records, or show the columns of one: what a rule can read.

    Example: kairos records B
    """
    from rich.console import Console

    from schemas.raw import RECORD_TYPES
    from streams.definitions.described import record_of

    chosen = record_of(record) if record is not None else None
    if json:
        import orjson

        typer.echo(orjson.dumps({"records": [head_of(one) for one in RECORD_TYPES]} if chosen is None else whole(chosen)).decode())
    elif chosen is None:
        show_all(Console())
    else:
        show_one(Console(), chosen)


def head_of(record: type[Envelope]) -> dict[str, Any]:
    """A record type in short, as JSON has it."""
    from schemas.raw import type_name
    from streams.definitions.described import summary

    return {"record": type_name(record), "letter": record.code, "topic": record.topic, "doc": summary(record)}


def whole(record: type[Envelope]) -> dict[str, Any]:
    """A record type with its columns, as JSON has it."""
    from streams.definitions.described import columns_of, other_rules

    return {**head_of(record), "columns": [column._asdict() for column in columns_of(record)], "rules": other_rules(record)}


def show_all(console: Console) -> None:
    """One line for each record type."""
    from rich.table import Table

    from schemas.raw import RECORD_TYPES, type_name
    from streams.definitions.described import summary

    table = Table("letter", "record", "topic", "what it says")
    for record in RECORD_TYPES:
        table.add_row(record.code, type_name(record), record.topic, summary(record))
    console.print(table)
    console.print("kairos records LETTER shows the columns of one")


def show_one(console: Console, record: type[Envelope]) -> None:
    """One record type with its columns, those that all records have last."""
    from rich.markup import escape
    from rich.table import Table

    from schemas.raw import type_name
    from streams.definitions.described import columns_of, other_rules, summary

    console.print(f"[bold]{record.code}[/bold] {type_name(record)}, topic {record.topic}: {summary(record)}", highlight=False)
    table = Table("column", "holds", "unknown", "meaning")
    own = [column for column in columns_of(record) if not column.of_all]
    for column in columns_of(record):
        table.add_row(f"{record.code}.{column.name}", escape(holds(column)), "may be" if column.unknown else "", escape(meaning(column)), end_section=column is own[-1])
    console.print(table)
    for rule in other_rules(record):
        console.print(f"- {rule}", highlight=False)
    if names := streams_of(record):
        console.print(
            f"Ready streams of it: {', '.join(names)}. They are in {beside('words').__file__}; records for cases in {beside('stories').__file__}", highlight=False, soft_wrap=True
        )


def beside(name: str) -> ModuleType:
    """A module that stands beside the built-in events: the engine names none of them."""
    from importlib import import_module

    from streams.definitions.loading import BUILT_IN

    return import_module(f"{BUILT_IN}.{name}")


def streams_of(record: type[Envelope]) -> list[str]:
    """The names of the streams in `events/words.py` whose happenings are records of this type."""
    from streams.engine.sources import RecordSource
    from streams.engine.streams import Stream

    found = {name: one.source for name, one in vars(beside("words")).items() if isinstance(one, Stream) and not (len(name) == 1 and name.isupper())}
    return [name for name, source in found.items() if isinstance(source, RecordSource) and source.record is record]


def holds(column: Column) -> str:
    """What a column can be: its values, or its kind, unit, standard and bounds; a bound that nothing real comes near is left out."""
    if column.values:
        return ", ".join(column.values)
    least = f"from {column.least:,}" if column.least is not None and column.least > -FAR else ""
    most = f"to {column.most:,}" if column.most is not None and column.most < FAR else ""
    return ", ".join(filter(None, [column.kind, column.unit, column.standard, " ".join(filter(None, [least, most]))]))


def meaning(column: Column) -> str:
    """What a column says, what else must be true of it, and what it is where a record leaves it out."""
    rules = "; ".join(column.rules)
    return " ".join(filter(None, [column.means, f"Rule: {rules}." if rules else "", f"Left out: {column.left_out}." if column.left_out is not None else ""]))

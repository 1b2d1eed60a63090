"""`kairos schemas`: the contracts of input and output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schemas(
    out: Annotated[Path | None, typer.Option(help="Write all contracts into this folder.")] = None,
    pages: Annotated[Path | None, typer.Option(help="Write records.md and catalogue.md into this folder.")] = None,
    columns: Annotated[Path | None, typer.Option(help="Write the columns of records for editors and type checkers: streams/definitions/columns.py.")] = None,
    python: Annotated[str | None, typer.Option(help="Write typed classes of all events for consumers, one module; - is stdout.")] = None,
    check: Annotated[Path | None, typer.Option(help="Compare this folder with the declarations; exit 1 when they differ.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
) -> None:
    """JSON Schemas of raw records and events, and an AsyncAPI document. Without options they are listed.

    Example: kairos schemas --out contracts

    Example: kairos schemas --python customer_events.py
    """
    from streams.cli.output import STDOUT, Output
    from streams.definitions import contracts
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.column_types import columns_module
    from streams.definitions.consumer_classes import consumer_module
    from streams.definitions.pages import catalogue_page, records_page

    catalogue = Catalogue.load(definitions or ())
    if pages is not None:
        (pages / "records.md").write_text(records_page(), "utf-8")
        (pages / "catalogue.md").write_text(catalogue_page(catalogue), "utf-8")
        typer.echo(f"records.md and catalogue.md written to {pages}")
    if columns is not None:
        columns.write_text(columns_module(), "utf-8")
        typer.echo(f"the columns of records written to {columns}")
    if out is not None:
        typer.echo(f"{contracts.write(catalogue, out)} contracts written to {out}")
    if python is not None:
        with Output("--python", python, ()) as module:
            module.write([consumer_module(catalogue).rstrip().encode()])
            module.keep()
        if python != STDOUT:
            typer.echo(f"{len(catalogue)} classes written to {python}")
    if check is not None:
        wrong = contracts.differences(catalogue, check)
        for name in wrong:
            typer.echo(f"{check / name}: differs from the declarations")
        if wrong:
            raise typer.Exit(1)
        typer.echo("all contracts are as declared")
    if pages is None and columns is None and python is None and out is None and check is None:
        for name in contracts.contracts(catalogue):
            typer.echo(name)

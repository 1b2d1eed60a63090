"""`kairos schemas`: the contracts of what comes in and goes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schemas(
    out: Annotated[Path | None, typer.Option(help="Write all contracts into this folder.")] = None,
    check: Annotated[Path | None, typer.Option(help="Compare this folder with the declarations; exit 1 when they differ.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
) -> None:
    """JSON Schemas of raw records and events, and an AsyncAPI document. Without options they are listed.

    Example: kairos schemas --out contracts
    """
    from streams.definitions import contracts
    from streams.definitions.catalogue import Catalogue

    catalogue = Catalogue.load(definitions or ())
    if out is not None:
        typer.echo(f"{contracts.write(catalogue, out)} contracts written to {out}")
    elif check is not None:
        wrong = contracts.differences(catalogue, check)
        for name in wrong:
            typer.echo(f"{check / name}: differs from the declarations")
        if wrong:
            raise typer.Exit(1)
        typer.echo("all contracts are as declared")
    else:
        for name in contracts.contracts(catalogue):
            typer.echo(name)

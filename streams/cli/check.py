"""`kairos check`: whether the definitions are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def check(
    folders: Annotated[list[str] | None, typer.Argument(metavar="[FOLDER]...", help="Folders of family/event.py files, or packages; none: the built-in definitions.")] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables that the cases are run with; default: that of the built-in stories.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002  # a switch
) -> None:
    """Load definitions, run every rule on synthetic records, run all cases: faults with file and line.

    Exit code 0 when all is well, 1 when something is wrong: for CI.

    Example: kairos check ./mine
    """
    from schemas.reference import Reference
    from streams.tools import check as checking

    report = checking.check(folders or [], Reference.load(Path(reference)) if reference else None)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=1, ensure_ascii=False))
    else:
        for notice in report.notices:
            typer.echo(f"notice: {notice}")
        for fault in report.faults:
            typer.echo(fault)
        said = f"{report.definitions} definitions, {report.cases} cases"
        typer.echo(f"{said}: {len(report.faults)} faults" if report.faults else f"{said}: all is well")
    if report.faults:
        raise typer.Exit(1)

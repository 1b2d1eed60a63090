"""`kairos check`: whether the definitions are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def check(
    folders: Annotated[
        list[str] | None, typer.Argument(metavar="[FOLDER]...", help="Folders of family/event.py files, or packages; none: the built-in definitions. With --mutants event ids too.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Folder of reference tables that the cases are run with; default: that of the built-in stories.")] = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="Change each number, operator, word and condition of the rules: a case must see it.")] = False,  # noqa: FBT002  # a switch
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,  # noqa: FBT002  # a switch
) -> None:
    """Load definitions, run every rule on synthetic records, run all cases: faults with file and line.

    With --mutants, once all is well: every rule with one change (a threshold or a length one step off, > for >=, a condition or a word left out) is run on
    its cases. Printed is each change that no case sees, as file:line: was → became: write the case that does. A change that means the same as the rule is
    waived by a comment on the line of the rule or above it: # survives: was → became: why.

    Exit code 0 when all is well, 1 when something is wrong: for CI.

    Examples: kairos check ./mine; kairos check ./mine --mutants; kairos check --mutants balance.low topup.large
    """
    from schemas.reference import Reference
    from streams.tools import check as checking
    from streams.tools import mutation

    places, ids = mutation.places_and_ids(folders or []) if mutants else (folders or [], [])
    tables = Reference.load(Path(reference)) if reference else None
    report = checking.check(places, tables)
    results = mutation.results(places, ids, tables) if mutants and not report.faults else iter(())
    if as_json:
        tried = [*results]
        typer.echo(json.dumps(report.as_json() | ({"mutants": [one.as_json() for one in tried]} if mutants else {}), indent=1, ensure_ascii=False))
    else:
        for notice in report.notices:
            typer.echo(f"notice: {notice}")
        for fault in report.faults:
            typer.echo(fault)
        said = f"{report.definitions} definitions, {report.cases} cases"
        typer.echo(f"{said}: {len(report.faults)} faults" if report.faults else f"{said}: all is well")
        tried = []
        for result in results:
            tried.append(result)
            typer.echo(str(result))
            for fault in result.faults:
                typer.echo(f"  {fault}")
        if mutants and not report.faults:
            typer.echo(mutation.summed(tried))
            if any(result.faults for result in tried):
                typer.echo("Each change listed wants another case, one that it breaks; or, where it means the same, '# survives: WAS → BECAME: why' on its line.")
    if report.faults or any(result.faults for result in tried):
        raise typer.Exit(1)

"""The command line: `kairos COMMAND`; one file a command, imported when it is called."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from schemas.fault import KairosFault

COMMANDS = (
    "worker",
    "demo",
    "replay",
    "convert",
    "map",
    "ingest",
    "catalog",
    "records",
    "new",
    "explain",
    "why-not",
    "check",
    "plan",
    "backfill",
    "repartition",
    "backup",
    "restore",
    "erase",
    "dead-letters",
    "status",
    "page",
    "topics",
    "schemas",
    "reference",
    "simulate",
    "settings",
    "size",
    "wait-ready",
)
USAGE = 2
"""Exit code of a call, a setting, a definition or an input that cannot be used."""
UNFORESEEN = 70
"""Exit code of an unexpected error (EX_SOFTWARE of sysexits.h)."""


class Commands(TyperGroup):
    """The commands by name; only the called one is imported, so that a start is quick."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All commands, in the order of the help page."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command `cmd_name`, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        found = getattr(importlib.import_module(f"streams.cli.{name}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)


app = typer.Typer(name="kairos", cls=Commands, no_args_is_help=True, add_completion=False)


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        typer.echo(f"kairos {version('kairos')}")
        raise typer.Exit


@app.callback()
def options(
    show: Annotated[bool, typer.Option("--version", help="Show the version.", callback=show_version, is_eager=True)] = False,  # noqa: FBT002  # a switch
) -> None:
    """Detect customer events in a telecom operator's raw logs, the moment they happen."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KairosFault as fault:
        print(f"kairos: {fault}", file=sys.stderr)
        sys.exit(USAGE)
    except Exception as error:  # noqa: BLE001  # every error is reported in one line
        from streams.logs import unexpected

        print(unexpected(error), file=sys.stderr)
        sys.exit(UNFORESEEN)

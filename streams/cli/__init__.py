"""The command line: `kairos COMMAND`; one file a command."""

from __future__ import annotations

import importlib
import sys

import typer

COMMANDS = ("worker", "demo", "replay", "catalog", "plan", "erase", "topics", "schemas")
KNOWN = {
    "SettingsError",
    "CatalogueFault",
    "DefinitionFault",
    "ReferenceFault",
    "TopicFault",
    "BrokerUnreachable",
    "UnknownZone",
    "UnsupportedVersion",
    "StateRefused",
    "InputFault",
}
"""Errors that say all there is to say: printed without a traceback, exit code 2."""
app = typer.Typer(name="kairos", help="Detect customer events in a telecom operator's raw logs, the moment they happen.", no_args_is_help=True, add_completion=False)


def main() -> None:
    """Run the command line."""
    wanted = [name for name in COMMANDS if name in sys.argv[1:]][:1] or list(COMMANDS)
    for name in COMMANDS if len(wanted) != 1 else wanted:
        try:
            module = importlib.import_module(f"streams.cli.{name}")
        except ModuleNotFoundError:
            continue
        app.command(name)(getattr(module, name))
    if len(wanted) == 1:
        app.callback()(lambda: None)
    try:
        app()
    except Exception as error:
        if type(error).__name__ not in KNOWN:
            raise
        print(f"kairos: {error}", file=sys.stderr)  # this is the command line
        sys.exit(2)

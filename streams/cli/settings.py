"""`kairos settings`: every setting and where it comes from; and what is switched while workers run: set, off, on, history, rollback."""

from __future__ import annotations

import asyncio
import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streams.builder import ShardBuilder
    from streams.settings import Settings
    from streams.switches import History, Version

Brokers = Annotated[str | None, typer.Option(help="Kafka brokers, HOST:PORT,… [KAIROS_BROKERS]")]
App = Annotated[str | None, typer.Option(help="Application id; its control topic is APP.control. [KAIROS_APP]")]
Definitions = Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package, as the workers have them.")]
Config = Annotated[str | None, typer.Option(help="TOML file of settings, as the workers have it. [KAIROS_CONFIG]")]
Why = Annotated[str, typer.Option(help="Why: it stays in the history.")]
By = Annotated[str | None, typer.Option(help="Who; the user of this system when not given.")]

settings = typer.Typer(name="settings", add_completion=False, invoke_without_command=True)


@settings.callback()
def show(
    context: typer.Context,
    example: Annotated[bool, typer.Option("--example", help="A settings file with every setting, commented out.")] = False,  # noqa: FBT002  # a switch
    brokers: Brokers = None,
    app: App = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Show the settings that are in force here and where each comes from, or an annotated settings file.

    Where the broker answers, also what was switched while workers run. The commands below change that.

    Example: kairos settings --example > kairos.toml
    """
    from streams import settings as declared

    if context.invoked_subcommand:
        return
    if example:
        typer.echo(declared.example(), nl=False)
        return
    chosen = declared.load({"brokers": brokers, "app": app}, config)
    origins = declared.origins(config) | {name: "command line" for name, value in (("brokers", brokers), ("app", app)) if value is not None}
    for name in declared.HINTS:
        typer.echo(f"{declared.shown(name)} = {getattr(chosen, name)!r}  ({origins.get(name, 'default')})")
    show_switched(chosen)


def show_switched(chosen: Settings) -> None:
    """What the control topic says, a line each; why it was not read where it was not."""
    from streams.kafka.topics import TopicFault

    try:
        history = read(chosen)
    except TopicFault as fault:
        typer.echo(f"{chosen.control} was not read: {fault}", err=True)
        return
    if not history.versions:
        return
    newest = history.versions[-1]
    since = {change.what: version.version for version in history.versions for change in version.changes}
    for event in newest.off:
        typer.echo(f"{event} is off  ({chosen.control}, version {since.get(f'event:{event}', newest.version)})")
    for event, own in newest.parameters.items():
        for name, value in own.items():
            typer.echo(f"{event}.{name} = {value}  ({chosen.control}, version {since.get(f'parameter:{event}.{name}', newest.version)})")


@settings.command("set")
def set_(
    values: Annotated[list[str], typer.Argument(metavar="EVENT.PARAMETER=VALUE…", help="One or several, changed together.")],
    why: Why,
    by: By = None,
    brokers: Brokers = None,
    app: App = None,
    definitions: Definitions = None,
    config: Config = None,
) -> None:
    """Change parameters of events in all running workers, without a restart. Checked and rehearsed before it is written.

    Example: kairos settings set balance.low.low=500 --why "too many messages in May"
    """
    from streams.kafka import control
    from streams.settings import parameter_overrides

    chosen, builder = installation(brokers, app, definitions, config)
    tell(asyncio.run(control.change(builder, chosen, parameters=parameter_overrides(values), why=why, by=user(by))))


@settings.command()
def off(
    events: Annotated[list[str], typer.Argument(help="Events by name.")],
    why: Why,
    by: By = None,
    brokers: Brokers = None,
    app: App = None,
    definitions: Definitions = None,
    config: Config = None,
) -> None:
    """Publish these events no more, in all running workers; they are still evaluated, so that nothing is lost for the events that build on them.

    Example: kairos settings off voice.missed_calls --why "the campaign is over"
    """
    from streams.kafka import control

    chosen, builder = installation(brokers, app, definitions, config)
    tell(asyncio.run(control.change(builder, chosen, off=events, why=why, by=user(by))))


@settings.command()
def on(
    events: Annotated[list[str], typer.Argument(help="Events by name.")],
    why: Why,
    by: By = None,
    brokers: Brokers = None,
    app: App = None,
    definitions: Definitions = None,
    config: Config = None,
) -> None:
    """Publish events again that are off. What was detected meanwhile is not published any more.

    Example: kairos settings on voice.missed_calls --why "a new campaign"
    """
    from streams.kafka import control

    chosen, builder = installation(brokers, app, definitions, config)
    tell(asyncio.run(control.change(builder, chosen, on=events, why=why, by=user(by))))


@settings.command()
def rollback(
    version: Annotated[int, typer.Argument(help="As of this version; 0: as installed.", min=0)],
    why: Why,
    by: By = None,
    brokers: Brokers = None,
    app: App = None,
    definitions: Definitions = None,
    config: Config = None,
) -> None:
    """Write a new version in which everything is as it was as of an earlier one.

    Example: kairos settings rollback 3 --why "version 4 was too strict"
    """
    from streams.kafka import control

    chosen, builder = installation(brokers, app, definitions, config)
    tell(asyncio.run(control.rollback(builder, chosen, version, why=why, by=user(by))))


@settings.command()
def history(
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,  # noqa: FBT002  # a switch
    brokers: Brokers = None,
    app: App = None,
    config: Config = None,
) -> None:
    """List what was switched: each version with when, who, what from what to what, and why.

    Example: kairos settings history --brokers 127.0.0.1:9092 --app kairos
    """
    from streams import settings as declared

    chosen = declared.load({"brokers": brokers, "app": app}, config)
    found = read(chosen)
    if json:
        typer.echo(as_json(found))
        return
    for version in found.versions:
        tell(version)
    for sentence in found.ignored:
        typer.echo(f"ignored: {sentence}", err=True)
    if not found.versions:
        typer.echo(f"{chosen.control}: nothing was ever changed")


def as_json(found: History) -> str:
    """The history as one document (`docs/json.md`)."""
    import msgspec
    import orjson

    return orjson.dumps({"version": found.newest, "versions": [msgspec.to_builtins(version) for version in found.versions], "ignored": found.ignored}).decode()


def tell(version: Version) -> None:
    """Print a version."""
    from streams.engine.detection import rfc3339
    from streams.switches import in_words

    typer.echo(f"{version.version}  {rfc3339(version.at)}  {version.by}  {'; '.join(in_words(version))}  ({version.why})")


def read(chosen: Settings) -> History:
    """What was switched. Raises TopicFault."""
    from streams.kafka import control

    without_traces()
    return asyncio.run(control.read(chosen))


def installation(brokers: str | None, app: str | None, definitions: list[str] | None, config: str | None) -> tuple[Settings, ShardBuilder]:
    """The settings and the definitions of the workers. Raises SettingsError, CatalogueFault, ReferenceFault."""
    from streams import settings as declared
    from streams.builder import shard_builder

    without_traces()
    given: dict[str, Any] = {"brokers": brokers, "app": app, "definitions": tuple(definitions or ())}
    chosen = declared.load(given, config)
    return chosen, shard_builder(chosen)[0]


def without_traces() -> None:
    """What the client logs is reported in one sentence."""
    import logging

    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def user(by: str | None) -> str:
    """Who changes something."""
    return by if by is not None else getpass.getuser()

"""`kairos explain`: one published event in plain words."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.event import CustomerEvent

STDIN = "-"
SHOWN = 60
"""So much of a wrong input is quoted."""


class ExplainFault(KairosFault):
    """The input has no event that can be explained."""


def explain(
    file: Annotated[str, typer.Argument(help="A file with one event, or with one event a line where --id says which; - is stdin.")] = STDIN,
    id_: Annotated[str | None, typer.Option("--id", help="The event with this id, of a file with one event a line.")] = None,
    definitions: Annotated[list[str] | None, typer.Option(help="Further definitions: a folder or a package.")] = None,
    config: Annotated[str | None, typer.Option(help="TOML file of settings. [KAIROS_CONFIG]")] = None,
) -> None:
    """Say in plain words what one event means: what happened to whom and when, by which rule and numbers, what caused it, and when it may come again.

    Example: kairos explain event.json

    Example: kairos explain events.jsonl --id 31d10be3c92275c9ae496b4234b41fb0
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from streams import settings
    from streams.cli.explanation import explanation
    from streams.definitions.catalogue import Catalogue

    event = chosen_event(file, id_)
    wanted = settings.load({"definitions": tuple(definitions or ())}, config)
    catalogue = Catalogue.load(wanted.definitions)
    table = Table.grid("", "", padding=(0, 2, 0, 0))
    before = ""
    for label, text in explanation(event, catalogue):
        table.add_row(Text(label if label != before else "", "bold"), Text(text))
        before = label
    Console(highlight=False).print(table)


def chosen_event(file: str, wanted: str | None) -> CustomerEvent:
    """The event of a file, or that of its lines which has the id `wanted`. Raises ExplainFault."""
    with opened(file) as source:
        if wanted is None:
            return event_of(source.read(), file)
        number = 0
        for number, line in enumerate(source, 1):
            if wanted.encode() in line:
                event = event_of(line, f"{file}:{number}")
                if event.id == wanted:
                    return event
    raise ExplainFault(f"{file}: wanted an event with the id {wanted}, got none in {number:,} lines: is it the file that kairos replay --out wrote?")


@contextmanager
def opened(file: str) -> Iterator[BinaryIO]:
    """A file to read, or stdin. Raises ExplainFault."""
    if file == STDIN:
        yield sys.stdin.buffer
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115  # closed below
    except OSError as error:
        raise ExplainFault(f"{file}: wanted a readable file, got {error.strerror}: name the file of the event, or - for stdin") from None
    with source:
        yield source


def event_of(text: bytes, where: str) -> CustomerEvent:
    """An event from its JSON. Raises ExplainFault."""
    import msgspec

    from schemas.event import CustomerEvent

    lines = sum(1 for line in text.splitlines() if line.strip())
    try:
        event = msgspec.json.decode(text, type=CustomerEvent)
    except msgspec.ValidationError as error:
        raise ExplainFault(f"{where}: wanted an event as Kairos publishes it (CloudEvents 1.0, type customer.FAMILY.NAME.v1), got other JSON: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if lines > 1 and starts_as_lines(text):
            raise ExplainFault(f"{where}: wanted one event, got {lines:,} lines with one each: pick one with --id EVENT_ID") from None
        got = repr(text[:SHOWN].decode("utf-8", "replace").strip()) if text.strip() else "nothing"
        raise ExplainFault(f"{where}: wanted one event as JSON, got {got} ({error}): give the record's value as it is on the topic") from None
    if not has_offset(event.data.local_time):
        raise ExplainFault(f"{where}: data.local_time: wanted a time with its offset, such as 2026-05-02T04:33:11.004+08:00, got {event.data.local_time!r}")
    return event


def has_offset(text: str) -> bool:
    """Whether a text is a time with its offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def starts_as_lines(text: bytes) -> bool:
    """Whether the first line alone is a JSON object."""
    import msgspec

    first = next(line for line in text.splitlines() if line.strip())
    try:
        return isinstance(msgspec.json.decode(first), dict)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False

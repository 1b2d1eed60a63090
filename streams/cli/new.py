"""`kairos new`: the first file of an event."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.fault import KairosFault

if TYPE_CHECKING:
    from streams.definitions.catalogue import Catalogue

BUILT_IN_FOLDER = "events"


class NewFault(KairosFault):
    """The file of a new event cannot be written."""


def new(
    event: Annotated[str, typer.Argument(metavar="FAMILY.NAME", help="The id of the event: its family is its topic, its name is the file.")],
    start: Annotated[str, typer.Option("--from", metavar="RECORD", help="The record type that it starts from: a letter or a name, such as B (kairos records).")],
    folder: Annotated[str, typer.Option("--folder", "--definitions", help="Folder of family/event.py files: the built-in one, or your own.")] = BUILT_IN_FOLDER,
    by: Annotated[str | None, typer.Option(help="Whom it is about: line, account or customer; default: as most events from such records.")] = None,
    new_family: Annotated[bool, typer.Option("--new-family", help="The family is new: a topic of its own.")] = False,  # noqa: FBT002  # a switch
) -> None:
    """Write the file of a new event: a rule that loads, and cases that fail until they are filled in.

    Example: kairos new balance.forfeited --from B --folder mine
    """
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.described import record_of
    from streams.definitions.draft import draft_of, key_of
    from streams.definitions.faults import KEYS

    family, name = parts_of(event)
    record = record_of(start, "--from")
    if by is not None and by not in KEYS:
        raise NewFault(f"--by: wanted one of {', '.join(KEYS)}, got {by!r}: name one of them")
    built_in = Catalogue.load()
    root = root_of(folder, built_in)
    file = root / family / f"{name}.py"
    refuse_taken(event, file, built_in)
    refuse_family(event, families_of(root, built_in), new_family=new_family)
    text = draft_of(event, record, by or key_of(record, built_in))
    begun = not file.parent.is_dir()
    make_family(file.parent)
    file.write_text(text, "utf-8")
    own = root.resolve() != home_of(built_in)
    typer.echo(f"{Path(folder) / family / file.name}: written. Fill in the docstring, the rule and both cases, then")
    typer.echo(f"  kairos check{f' {folder}' if own else ''}")
    typer.echo(f"  kairos catalog {event}{f' --definitions {folder}' if own else ''}")
    if begun and new_family:
        typer.echo(f"Before it goes live: kairos topics --create{f' --definitions {folder}' if own else ''} makes the topic customer-events.{family}")


def parts_of(event: str) -> tuple[str, str]:
    """Family and name of an id. Raises NewFault."""
    from streams.definitions.loading import NAME

    parts = event.split(".")
    if len(parts) != 2 or not all(NAME.fullmatch(part) for part in parts):
        raise NewFault(f"FAMILY.NAME: wanted two names of small letters, digits and _ that begin with a letter, got {event!r}: write it such as balance.forfeited")
    if words := [part for part in parts if keyword.iskeyword(part)]:
        raise NewFault(f"FAMILY.NAME: wanted names that other definitions can import, got {words[0]!r}, a word of Python: choose another one, such as {words[0]}_seen")
    return parts[0], parts[1]


def home_of(built_in: Catalogue) -> Path:
    """The folder of the built-in definitions."""
    return next(iter(built_in.sources.values())).file.resolve().parent.parent


def root_of(folder: str, built_in: Catalogue) -> Path:
    """The folder of definitions to write to: the built-in one, or one that is there or can be made. Raises NewFault."""
    root = Path(folder)
    if root.resolve() == home_of(built_in):
        return root
    if root.name == BUILT_IN_FOLDER:
        raise NewFault(
            f"--folder: wanted the built-in definitions ({home_of(built_in)}) or a folder of your own, got {folder}: work in a checkout, or name your own: --folder mine"
        )
    if root.exists() and not root.is_dir():
        raise NewFault(f"--folder: wanted a folder, got the file {folder}: name the folder that holds FAMILY/NAME.py")
    if not root.resolve().parent.is_dir():
        raise NewFault(f"--folder: wanted a folder in one that is there, got {folder}: make {root.parent} first")
    return root


def make_family(folder: Path) -> None:
    """The folder of a family; in a package it is one too."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.parent.joinpath("__init__.py").is_file() and not folder.joinpath("__init__.py").exists():
        folder.joinpath("__init__.py").write_text(f'"""{folder.name.capitalize()}."""\n', "utf-8")


def refuse_taken(event: str, file: Path, built_in: Catalogue) -> None:
    """Raises NewFault where the file or the id is there."""
    if file.exists():
        raise NewFault(f"{event}: wanted a new file, got {file}, which is there: edit it, or choose another name")
    if event in built_in.by_id:
        raise NewFault(f"{event}: wanted a new id, got that of {built_in.at(built_in.by_id[event])}: choose another name; to change its numbers use --set")


def families_of(root: Path, built_in: Catalogue) -> list[str]:
    """The families of the built-in definitions, and those of an own folder."""
    own = {file.parent.name for file in root.glob("*/*.py") if not file.stem.startswith("_")}
    return sorted({*built_in.families, *own})


def refuse_family(event: str, families: list[str], *, new_family: bool) -> None:
    """Raises NewFault for a family that is not there, unless it shall be new, and for a new one that is there."""
    from streams.definitions.words import suggest

    family = event.split(".", maxsplit=1)[0]
    if family not in families and not new_family:
        close = suggest(family, families)
        near = f"{close[2:]} There are" if close.startswith(": did") else "there are"
        raise NewFault(f"{event}: wanted a family that is there, got {family!r}: {near} {', '.join(families)}; --new-family begins it, with the topic customer-events.{family}")
    if family in families and new_family:
        raise NewFault(f"{event}: --new-family: wanted a family that is not there yet, got {family!r}: leave the option out")

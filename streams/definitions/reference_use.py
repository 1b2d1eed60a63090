"""Which events need which reference tables: what is silent, or says less, where a table is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.reference import TABLES
from streams.definitions.first_ever import silent_lines
from streams.definitions.tree import found_once, parts_of
from streams.engine.expression import Join
from streams.engine.features.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event


def warnings(catalogue: Catalogue, reference: Reference, *, history: bool = False) -> list[str]:
    """Warnings about the reference data before a start: odd files, events that lack a table, and with `history_from` (`history`) lines without a beginning."""
    silent = silent_lines(catalogue, reference) if history else None
    return [*reference.warnings, *missing_tables(catalogue, reference), *([silent] if silent else [])]


def missing_tables(catalogue: Catalogue, reference: Reference) -> Iterator[str]:
    """A sentence for each table that is neither given nor built in and that some event reads."""
    files = {table.name: table.file for table in TABLES}
    for name in reference.missing():
        silent = [event.id for event in catalogue if name in needed(event)]
        poorer = [event.id for event in catalogue if name not in needed(event) and name in shown(event)]
        parts = [f"silent without it: {', '.join(silent)}"] if silent else []
        parts += [f"fields unknown without it: {', '.join(poorer)}"] if poorer else []
        if parts:
            yield f"reference: no {files[name]}.csv; {'; '.join(parts)}"


@found_once
def needed(event: type[Event]) -> set[str]:
    """The tables without which an event cannot happen. Read only."""
    parts = parts_of(event.when).values()
    return {part.table for part in parts if isinstance(part, Join)} | {"cell" for part in parts if isinstance(part, Place)}


@found_once
def shown(event: type[Event]) -> set[str]:
    """The tables that an event's detail reads. Read only."""
    return {part.table for part in parts_of(event.detail.values).values() if isinstance(part, Join)}

"""Which events need which reference tables: what is silent, or says less, where a table is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.reference import TABLES
from streams.engine.expression import Expr, Join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue
    from streams.definitions.event import Event


def warnings(catalogue: Catalogue, reference: Reference) -> list[str]:
    """Warnings about the reference data before a start: odd files, and events that lack a table."""
    return [*reference.warnings, *missing_tables(catalogue, reference)]


def missing_tables(catalogue: Catalogue, reference: Reference) -> Iterator[str]:
    """A sentence for each table that is neither given nor built in and that some event reads."""
    files = {table.name: table.file for table in TABLES}
    for name in reference.missing():
        silent = [event.id for event in catalogue if name in needed(event)]
        poorer = [event.id for event in catalogue if name not in needed(event) and name in joined(field.value for field in event.payload.values())]
        parts = [f"silent without it: {', '.join(silent)}"] if silent else []
        parts += [f"fields unknown without it: {', '.join(poorer)}"] if poorer else []
        if parts:
            yield f"reference: no {files[name]}.csv; {'; '.join(parts)}"


def needed(event: type[Event]) -> set[str]:
    """The tables without which an event cannot happen."""
    primitive = event.signal.primitive
    return {*primitive.tables, *joined((event.signal.condition, primitive.condition()))}


def joined(nodes: Iterable[Expr]) -> set[str]:
    """The tables that expressions join to."""
    return {part.table for node in nodes for part in node.walk() if isinstance(part, Join)}

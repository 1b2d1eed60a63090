"""The columns of the reference tables as Markdown, for `docs/reference-data.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.reference.table import Column

if TYPE_CHECKING:
    from schemas.reference.table import ReferenceTable

KINDS = {"text": "text", "int": "whole number", "float": "number", "bool": "true or false", "date": "date YYYY-MM-DD", "list": "texts separated by `;`"}


def columns_of(table: type[ReferenceTable]) -> str:
    """The columns of one table: name, other names, what a cell may be, whether it must be there, and what it says."""
    columns = {**table.columns, "valid_from": Column("text", about="from when the row is valid; none: always")}
    rows = [
        f"| `{name}` | {', '.join(f'`{alias}`' for alias in column.aliases)} | {wanted(name, column)} | {presence(table, name, column)} | {column.about} |"
        for name, column in columns.items()
    ]
    return "\n".join(["| column | also | cells | must be there | says |", "| --- | --- | --- | --- | --- |", *rows])


def wanted(name: str, column: Column) -> str:
    """What a cell may be."""
    if name == "valid_from":
        return "RFC 3339 time, or date (its midnight UTC)"
    if column.rule is None:
        return KINDS[column.kind]
    whole = "whole number" if column.kind == "int" else "number"
    return column.rule.wanted.replace("a number", whole)


def presence(table: type[ReferenceTable], name: str, column: Column) -> str:
    """Whether the column, and a value in each of its cells, must be there."""
    if name == table.key or column.required:
        return "in each row"
    return "as a column" if column.needed else ""

"""Writes `streams/definitions/columns.py`: the columns of raw records as attributes that editors and type checkers know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.raw import RECORD_TYPES, fields_of, type_name
from streams.engine.expression import KIND_WORDS

if TYPE_CHECKING:
    from schemas.raw import FieldInfo

HEAD = '''"""The columns of raw records, one class for each type: `B = columns.BalanceChange()`.

Written by `kairos schemas --columns streams/definitions/columns.py`; do not edit.
"""

from schemas import raw
from streams.definitions.words import Records
from streams.engine.expression import RecordField
'''
COMMON = '''class Columns(Records):
    """What every record has."""

    def __init__(self) -> None:
        super().__init__(getattr(raw, type(self).__name__))

'''
SHOWN = 90
"""So long a list of values is shown whole."""


def columns_module() -> str:
    """The text of the module."""
    common = [field for name, field in fields_of(RECORD_TYPES[0]).items() if all(fields_of(record).get(name) == field for record in RECORD_TYPES)]
    shared = {field.name for field in common}
    blocks = [HEAD, COMMON + "\n".join(map(line, common)) + "\n"]
    for record in RECORD_TYPES:
        own = [field for name, field in fields_of(record).items() if name not in shared]
        lines = [f"class {record.__name__}(Columns):", f'    """Columns of `{type_name(record)}` ({getattr(record, "code", "")})."""', "", *map(line, own)]
        blocks.append("\n".join(lines) + "\n")
    return "\n\n".join(blocks)


def line(field: FieldInfo) -> str:
    """A column with what it is."""
    return f"    {field.name}: RecordField  # {says(field)}"


def says(field: FieldInfo) -> str:
    """What a column is, in a line."""
    values = ", ".join(field.domain or ())
    text = KIND_WORDS[field.kind]
    if values:
        text = values if len(values) <= SHOWN else f"{values[:SHOWN].rsplit(', ', 1)[0]}, …"
    elif field.kind == "int" and field.unit not in (None, "1"):
        text = f"{text}, {field.unit}"
    return f"{text}; may be unknown" if field.nullable else text

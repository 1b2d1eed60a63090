"""What an author sees of a raw record type: its columns with their meaning, all of it read from the declarations in `schemas/raw`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import NODEFAULT
from msgspec.structs import fields

from schemas.fault import KairosFault
from schemas.raw import RECORD_TYPES, Envelope, fields_of, type_name
from streams.definitions.pages import fields_of_all, shape_of
from streams.definitions.words import suggest
from streams.engine.expression import KIND_WORDS

if TYPE_CHECKING:
    from schemas.raw import FieldInfo

LETTERS = {record.code: record for record in RECORD_TYPES}
NAMES = {type_name(record): record for record in RECORD_TYPES}


class UnknownRecord(KairosFault):
    """There is no such type of record."""


class Column(NamedTuple):
    """One column of a record type."""

    name: str
    kind: str
    """In words, such as `a whole number`."""
    unit: str | None
    """None: none, or a bare count."""
    values: tuple[str, ...] | None
    """The texts that it can have; None: any."""
    least: int | None
    most: int | None
    """Bounds of a whole number."""
    standard: str | None
    """Of a code, such as ISO 4217."""
    unknown: bool
    """Whether it may be unknown."""
    left_out: str | None
    """What a record that leaves it out is read with; None: it must be given, or is unknown then."""
    of_all: bool
    """Whether every type of record has it."""
    means: str
    rules: tuple[str, ...]
    """What else must be true of it, for a record to be valid."""


def record_of(word: str, what: str = "RECORD") -> type[Envelope]:
    """The record type of a letter or a name. Raises UnknownRecord."""
    found = LETTERS.get(word.upper()) or NAMES.get(word.lower())
    if found is None:
        close = suggest(word.lower(), NAMES)
        near = close[2:] if close.startswith(": did") else "`kairos records` lists them"
        raise UnknownRecord(f"{what}: wanted a letter or a name of a record type, such as B or balance_change, got {word!r}: {near}")
    return found


def summary(record: type[Envelope]) -> str:
    """What a record is, in a sentence."""
    return inspect.cleandoc(record.__doc__ or "").splitlines()[0]


@cache
def columns_of(record: type[Envelope]) -> tuple[Column, ...]:
    """The columns of a record type, its own ones first."""
    common, shapes, meanings = fields_of_all(), shape_of(record)["properties"], meanings_of(record)
    defaults = {field.name: field.default for field in fields(record)}
    found = [column(info, shapes[name], defaults[name], meanings.get(name, ""), record, of_all=name in common) for name, info in fields_of(record).items()]
    return tuple(sorted(found, key=lambda one: one.of_all))


def column(info: FieldInfo, shape: dict[str, Any], default: Any, means: str, record: type[Envelope], *, of_all: bool) -> Column:
    """One column."""
    shape = next((arm for arm in shape.get("anyOf", ()) if arm.get("type") != "null"), shape) if info.kind not in ("time", "date") else {}
    rules = tuple(rule.says for rule in record.RULES if rule.name == info.name)
    return Column(
        name=info.name,
        kind=KIND_WORDS[info.kind],
        unit=info.unit if info.kind in ("int", "map") and info.unit != "1" else None,
        values=info.domain,
        least=shape.get("minimum"),
        most=shape.get("maximum"),
        standard=shape.get("standard"),
        unknown=info.nullable,
        left_out=None if default is NODEFAULT or default is None else str(default).lower() if isinstance(default, bool) else str(default),
        of_all=of_all,
        means=means,
        rules=tuple(rule for rule in rules if rule != shape.get("standard")),
    )


def other_rules(record: type[Envelope]) -> list[str]:
    """Rules over several columns, which are named after none of them."""
    return [f"{rule.name}: {rule.says}" for rule in record.RULES if rule.name not in fields_of(record)]


def meanings_of(record: type[Envelope]) -> dict[str, str]:
    """By column, the sentence that stands under it in the declaration, also of those that are inherited."""
    found: dict[str, str] = {}
    for owner in reversed(record.__mro__):
        if not issubclass(owner, Envelope):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(tree, ast.ClassDef)  # it is the source of a class
        for node, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                found[node.target.id] = " ".join(str(below.value.value).split())
    return found

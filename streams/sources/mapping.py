"""A mapping as it is declared in `[sources.NAME]`: what each key may be, and how it becomes a checked `Source`."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_type_hints

import msgspec

from schemas.fault import KairosFault
from schemas.raw import RECORD_TYPES, FieldInfo, fields_of, type_name
from streams.sources.lookup import Lookup, LookupSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.raw import Envelope

NAMES = {type_name(record): record for record in RECORD_TYPES}
Format = Literal["csv", "json", "fixed", "avro", "protobuf"]
Order = Literal["as-is", "sorted", "newest-first", "by-node"]
GIVEN = frozenset(("record_id", "schema_version", "source_system"))
"""Fields of a record that the mapping gives by keys of its own, or that are always the same."""


class MappingError(KairosFault):
    """A mapping cannot be used: file, key, wanted, got and what to do; one line a fault."""


class Place(NamedTuple):
    """Where in which file a key stands."""

    file: str
    key: str

    def at(self, *keys: str) -> Place:
        """A key below this one."""
        return Place(self.file, ".".join((self.key, *keys)))

    def fault(self, wanted: str, got: str, remedy: str) -> str:
        """One fault as a line."""
        return f"{self.file}: {self.key}: wanted {wanted}, got {got}: {remedy}"


class FieldSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from", "other": "else"}):
    """How one field is filled."""

    from_: str | list[str] | None = None
    """The column; of several the texts are joined with a blank."""
    value: Any = msgspec.UNSET
    """A constant."""
    formula: str | None = None
    """A sum or difference of other fields of the record; written as a text that begins with `=`."""
    time: str | None = None
    """Format of a time."""
    zone: str | None = None
    unit: str | None = None
    """Of the file's number; our field's own is known."""
    round: bool = False
    """Money finer than its minor unit is rounded half up."""
    map: dict[str, Any] | Literal["same"] | None = None
    """Words of the file to ours; `same`: they are ours."""
    other: Any = msgspec.UNSET
    """For words that `map`, and keys that `lookup`, does not have."""
    lookup: str | None = None
    column: str | None = None
    """Of the lookup's table."""
    match: str | None = None
    """A pattern: its first group is taken; nothing where it does not match."""
    e164: str | None = None
    """Country code of national telephone numbers."""
    hash: bool = False
    """A keyed hash is written instead."""
    default: Any = msgspec.UNSET
    """Where the column has no value."""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"not_": "not"}):
    """A condition on one column."""

    among: list[str] | None = None
    not_: str | list[str] | None = None
    given: bool | None = None
    above: int | None = None
    differs: str | None = None
    """From this other column."""
    known: str | None = None
    """Whether this lookup has it as a key."""


class RecordSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record that a row becomes."""

    record: str
    when: dict[str, Any] = {}
    id: list[str] | None = None
    constants: dict[str, Any] = {}
    fields: dict[str, Any] = {}


class SourceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of `[sources.NAME]`."""

    format: Format = "csv"
    record: str | None = None
    records: list[Any] = []
    when: dict[str, Any] = {}
    id: list[str] | None = None
    constants: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    lookups: dict[str, LookupSpec] = {}
    source_system: str | None = None
    zone: str | None = None
    order: Order = "as-is"
    empty: list[str] = []
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    decimals: int | None = None
    hash_key_file: str | None = None
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    skip_lines: int = 0
    header: bool = True
    columns: Any = None
    last_line: Literal["reject", "whole"] = "reject"
    descriptor: str | None = None
    message: str | None = None
    topic: str | None = None
    """An own topic, which `kairos ingest` reads instead of files."""
    registry: str | None = None
    """Address of the schema registry of its messages."""


class Field(NamedTuple):
    """A checked field: its place, how it is filled, and what it becomes."""

    name: str
    place: Place
    spec: FieldSpec
    info: FieldInfo
    private: bool
    """A helper of formulas, which is not written."""
    terms: tuple[tuple[int, str], ...] = ()
    """Of a formula: sign and field."""

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        given = self.spec.from_
        return [] if given is None else [given] if isinstance(given, str) else given


class Record(NamedTuple):
    """A checked record of a source: type, condition, id, and fields in an order in which formulas find what they read."""

    type: type[Envelope]
    when: dict[str, When]
    id: tuple[str, ...]
    fields: tuple[Field, ...]


class Source(NamedTuple):
    """A checked mapping."""

    name: str
    place: Place
    spec: SourceSpec
    records: tuple[Record, ...]
    lookups: Mapping[str, Lookup]
    hash_key: bytes

    @property
    def system(self) -> str:
        """The `source_system` of its records."""
        return self.spec.source_system or self.name

    @property
    def empty(self) -> frozenset[str]:
        """Texts that stand for no value."""
        return frozenset(("", *self.spec.empty))

    @property
    def columns(self) -> list[str]:
        """The columns of the file that it reads, each once, without `@file` and `@line`."""
        named = [name for record in self.records for name in (*record.id, *record.when, *(c.differs for c in record.when.values() if c.differs), *named_by(record))]
        return [name for name in dict.fromkeys(named) if not name.startswith("@")]


def named_by(record: Record) -> Iterable[str]:
    """The columns that fields of a record read."""
    return (column for field in record.fields for column in field.columns)


def spec_of(table: Any, kind: Any, place: Place, faults: list[str]) -> Any:
    """A table as `kind`, or None with a fault for each of its keys."""
    hints = {info.encode_name: info for info in msgspec.structs.fields(kind)}
    if not isinstance(table, dict):
        faults.append(place.fault("a table", shown(table), "see docs/sources.md"))
        return None
    before = len(faults)
    values: dict[str, Any] = {}
    types = get_type_hints(kind)
    for key, value in table.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, 1)
            faults.append(place.fault(f"a key of {', '.join(hints)}", shown(key), f"did you mean {near[0]}?" if near else "remove it"))
            continue
        inner = get_args(types[hints[key].name])[1:]
        if isinstance(value, dict) and inner and isinstance(inner[0], type) and issubclass(inner[0], msgspec.Struct):
            values[hints[key].name] = {own: spec_of(one, inner[0], place.at(key, own), faults) for own, one in value.items()}
            continue
        try:
            values[hints[key].name] = msgspec.convert(value, types[hints[key].name])
        except msgspec.ValidationError as error:
            literal = [arm for arm in get_args(types[hints[key].name]) if isinstance(arm, str)]
            wanted = f"one of {', '.join(map(repr, literal))}" if literal else str(error).replace("Expected ", "").partition(", got")[0]
            faults.append(place.at(key).fault(wanted, shown(value), "correct it"))
    missing = [name for name, info in hints.items() if info.required and name not in table]
    faults += [place.at(name).fault("a value", "none", f"add {name} = …") for name in missing]
    return kind(**values) if len(faults) == before else None


def shown(value: Any) -> str:
    """A value for people."""
    return repr(value)[:80]


def source_of(name: str, table: Any, file: str, reference: str | None = None) -> Source:
    """The checked mapping `[sources.NAME]` of a file; `reference`: the folder of reference tables. Raises MappingError with all faults."""
    from streams.sources.checks import records_of

    place = Place(file, f"sources.{name}")
    faults: list[str] = []
    spec: SourceSpec | None = spec_of(table, SourceSpec, place, faults)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        faults.append(place.fault("a name of 1 to 64 letters, figures, _ or -", shown(name), "rename the table"))
    if spec is None:
        raise MappingError("\n".join(faults))
    lookups = {own: found for own, one in spec.lookups.items() if (found := lookup_of(one, place.at("lookups", own), reference, spec.zone, faults)) is not None}
    key = hash_key(spec, place, faults)
    records = records_of(spec, place, frozenset(spec.lookups), lookups, faults)
    if faults:
        raise MappingError("\n".join(dict.fromkeys(faults)))
    return Source(name, place, spec, records, lookups, key)


def load_source(name: str, tables: Mapping[str, Any], file: str | None, reference: str | None = None) -> Source:
    """The mapping `name` of the settings' `sources`, or of the file that its only key `file` names. Raises MappingError."""
    if name not in tables:
        near = difflib.get_close_matches(name, tables, 1)
        remedy = (
            f"did you mean {near[0]}?" if near else f"there are {', '.join(tables)}" if tables else "name the file with --config; 'kairos map --sample FILE' proposes a mapping"
        )
        raise MappingError(f"--source: wanted a table [sources.{name}] in {file or 'the settings'}, got none: {remedy}")
    table, place = tables[name], file or "settings"
    if set(table) == {"file"}:
        path = beside(place, str(table["file"]))
        try:
            table, place = tomllib.loads(path.read_text("utf-8")), str(path)
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise MappingError(f"{place}: sources.{name}.file: wanted a TOML file, got {path}: {error}: correct it") from error
        table = table.get("sources", {}).get(name, table)
    return source_of(name, table, place, reference)


def beside(file: str, path: str) -> Path:
    """A path that a mapping names: as from the folder of the mapping's own file."""
    return Path(file).parent / path


def lookup_of(spec: LookupSpec, place: Place, reference: str | None, zone: str | None, faults: list[str]) -> Lookup | None:
    """The table of a lookup, beside the mapping or in the folder of reference tables."""
    path = beside(place.file, spec.file)
    if not path.is_file() and reference is not None and (Path(reference) / spec.file).is_file():
        path = Path(reference) / spec.file
    before = len(faults)
    found = Lookup.read(path, spec, zone, lambda wanted, got, remedy: faults.append(place.fault(wanted, got, remedy)))
    return found if len(faults) == before else None


def hash_key(spec: SourceSpec, place: Place, faults: list[str]) -> bytes:
    """The key of hashes: the first line of its file."""
    if spec.hash_key_file is None:
        return b""
    path = beside(place.file, spec.hash_key_file)
    try:
        key = path.read_bytes().splitlines()[0].strip()
    except (OSError, IndexError):
        key = b""
    if not 16 <= len(key) <= 64:
        faults.append(place.at("hash_key_file").fault("a file whose first line has 16 to 64 bytes", f"{len(key)} in {path}", "write a random key there and keep it"))
    return key


def fields_in(record: type[Envelope]) -> dict[str, FieldInfo]:
    """The fields of a record type that a mapping may fill."""
    return {name: info for name, info in fields_of(record).items() if name not in GIVEN}

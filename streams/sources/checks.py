"""The checks of a mapping when it is loaded: every mistake that can be seen without a file is a line with a remedy."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.raw import TOPICS, FieldInfo, fields_of, type_name
from schemas.reference.values import ZONE
from streams.sources.clock import format_fault, has_offset
from streams.sources.mapping import NAMES, Field, FieldSpec, Place, Record, RecordSpec, When, fields_in, shown, spec_of
from streams.sources.rows import FILE, LINE
from streams.sources.values import CLOCK, FACTORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.raw import Envelope
    from streams.sources.lookup import Lookup
    from streams.sources.mapping import SourceSpec

TERM = re.compile(r"\s*([+-])?\s*([A-Za-z_][A-Za-z0-9_]*)\s*")
ANY_UNIT = "`unit`"
BUCKET_UNITS = {"minor": "minor", "byte": "byte", "second": "s"}
"""By `unit` of a balance, our unit of its amounts."""


def records_of(spec: SourceSpec, place: Place, named: frozenset[str], lookups: Mapping[str, Lookup], faults: list[str]) -> tuple[Record, ...]:
    """The checked records of a source. `named`: its lookups, those that cannot be read included."""
    check_source(spec, place, faults)
    if spec.record is not None and not spec.records:
        parts = [(place, RecordSpec(record=spec.record))]
    else:
        found = [(place.at(f"records[{number}]"), spec_of(table, RecordSpec, place.at(f"records[{number}]"), faults)) for number, table in enumerate(spec.records, 1)]
        parts = [(at, part) for at, part in found if part is not None]
        if spec.record is not None or not spec.records:
            faults.append(
                place.at("record").fault("the record type of its rows, or [[records]] for several", "both" if spec.record else "neither", f"name one of {', '.join(NAMES)}")
            )
    records = []
    for at, part in parts:
        if part.record not in NAMES:
            near = difflib.get_close_matches(part.record, NAMES, 1)
            faults.append(at.at("record").fault(f"one of {', '.join(NAMES)}", shown(part.record), f"did you mean {near[0]}?" if near else "'kairos records' lists them"))
            continue
        records.append(RecordCheck(spec, place, at, part, named, lookups, faults).record())
    if parts:
        own = [NAMES[part.record] for _, part in parts if part.record in NAMES]
        for kind in ("fields", "constants"):
            strange = [name for name in getattr(spec, kind) if own and not name.startswith("_") and not any(name in fields_of(record) for record in own)]
            faults += [no_field(place.at(kind, name), name, own[0]) for name in strange]
    return tuple(records)


def check_source(spec: SourceSpec, place: Place, faults: list[str]) -> None:
    """Keys of the source alone."""
    if spec.zone is not None and not ZONE.fits(spec.zone):
        faults.append(place.at("zone").fault(ZONE.wanted, shown(spec.zone), (ZONE.hint(spec.zone) if ZONE.hint else "") or "correct it"))
    signs = [name for name in ("delimiter", "quote") if len(getattr(spec, name)) > 1 or (name == "delimiter" and not spec.delimiter)]
    faults += [place.at(name).fault("one character", shown(getattr(spec, name)), 'a tab is "\\t"') for name in signs]
    if spec.thousands == spec.decimal:
        faults.append(place.at("thousands").fault("another sign than that of decimals", shown(spec.thousands), "correct one of them"))
    try:
        "".encode(spec.encoding)
    except LookupError:
        faults.append(place.at("encoding").fault("a known encoding such as utf-8 or cp1252", shown(spec.encoding), "correct it"))
    if spec.format == "csv" and not spec.header and not (isinstance(spec.columns, list) and spec.columns and all(isinstance(name, str) for name in spec.columns)):
        faults.append(place.at("columns").fault("the names of the columns, since header = false", shown(spec.columns), 'write columns = ["a", "b", …], in the order of the file'))
    if spec.format == "fixed" and not fixed_columns(spec.columns):
        faults.append(place.at("columns").fault("first and last character of each column, from 1", shown(spec.columns), "write columns = { number = [1, 12], … }"))
    if spec.registry is not None and not re.fullmatch(r"https?://[^\s@?#]+", spec.registry):
        faults.append(place.at("registry").fault("an http or https address without a password", shown(spec.registry), "correct it"))
    if spec.topic is not None and spec.topic in TOPICS:
        faults.append(place.at("topic").fault("a topic of your own", shown(spec.topic), "it is a topic that records are written to"))
    if spec.format == "protobuf" and (spec.descriptor is None or spec.message is None):
        faults.append(
            place.at("descriptor").fault("a descriptor and the name of a message", "none", "write descriptor = FILE (protoc --descriptor_set_out) and message = PACKAGE.NAME")
        )


def fixed_columns(columns: Any) -> bool:
    """Whether columns are first and last characters by name."""
    return (
        isinstance(columns, dict)
        and bool(columns)
        and all(isinstance(pair, list) and len(pair) == 2 and all(type(at) is int for at in pair) and 1 <= pair[0] <= pair[1] for pair in columns.values())
    )


def no_field(place: Place, name: str, record: type[Envelope]) -> str:
    """The fault of a name that is no field."""
    names = fields_in(record)
    near = difflib.get_close_matches(name, names, 1)
    remedy = f"did you mean {near[0]}?" if near else f"'kairos records {type_name(record)}' lists them; a helper of formulas begins with _"
    return place.fault(f"a field of {type_name(record)}", shown(name), remedy)


class RecordCheck:
    """Builds one record of a source, and notes its faults."""

    def __init__(self, spec: SourceSpec, source: Place, place: Place, part: RecordSpec, named: frozenset[str], lookups: Mapping[str, Lookup], faults: list[str]) -> None:
        self.spec, self.source, self.place, self.part, self.named, self.lookups, self.faults = spec, source, place, part, named, lookups, faults
        self.type = NAMES[part.record]
        self.infos = fields_of(self.type)
        self.constants = {**spec.constants, **part.constants}

    def record(self) -> Record:
        """The record; where there are faults it is not used."""
        given: dict[str, tuple[Place, Any]] = {}
        for place, part, several in ((self.source, self.spec, bool(self.spec.records)), (self.place, self.part, False)):
            for kind in ("constants", "fields"):
                for name, value in getattr(part, kind).items():
                    at = place.at(kind, name)
                    if name in self.infos or name.startswith("_"):
                        given[name] = (at, {"value": value} if kind == "constants" else value)
                    elif part is self.part and not several:
                        self.faults.append(no_field(at, name, self.type))
        fields = {name: field for name, (at, value) in given.items() if (field := self.field(name, at, value)) is not None}
        for field in fields.values():
            self.dimensions(field, fields)
        for name in required(self.type):
            if name not in given:
                why = "its Kafka key" if name == "customer_id" else self.infos[name].unit or "a required field"
                self.faults.append(self.place.at("fields", name).fault(f"a column or constant for it ({why})", "none", f'add {name} = "COLUMN" to [{self.source.key}.fields]'))
        when = self.when()
        identity = self.part.id or self.spec.id
        if not identity:
            self.faults.append(
                self.place.at("id").fault("the columns that make a row the same when it is delivered twice", "none", "add id = [\"COLUMN\", …], such as a call's or payment's id")
            )
        return Record(self.type, when, tuple(identity or ()), self.ordered(fields))

    def when(self) -> dict[str, When]:
        """The conditions by column."""
        result = {}
        for column, given in {**self.spec.when, **self.part.when}.items():
            at = self.place.at("when", column)
            if isinstance(given, dict):
                found = spec_of(given, When, at, self.faults)
            elif isinstance(given, (list, str, int, bool)):
                among = [word(one) for one in given] if isinstance(given, list) else [word(given)]
                found = When(among=among)
            else:
                self.faults.append(at.fault("a text, a list of texts, or a table", shown(given), "see docs/sources.md"))
                found = None
            if found is not None:
                result[column] = found
                if found.known is not None and found.known not in self.named:
                    self.faults.append(
                        at.at("known").fault(f"a lookup of {', '.join(sorted(self.named)) or 'the source, which has none'}", shown(found.known), "add lookups.NAME = { file, key }")
                    )
        return result

    def ordered(self, fields: dict[str, Field]) -> tuple[Field, ...]:
        """The fields, those first that formulas read; lookups by time come behind event_time."""
        done: dict[str, Field] = {}

        def take(name: str, above: tuple[str, ...]) -> None:
            field = fields[name]
            if name in above:
                self.faults.append(field.place.fault("a formula that does not need itself", " → ".join((*above, name)), "read a column in one of them"))
                return
            for _, term in field.terms:
                if term in fields and term not in done:
                    take(term, (*above, name))
            done.setdefault(name, field)

        waiting = [name for name in fields if (spec := fields[name].spec).lookup is not None or (spec.unit == "major" and "currency" in fields)]
        for name in (*(name for name in fields if name not in waiting), *waiting):
            if name not in done:
                take(name, ())
        return tuple(done.values())

    def field(self, name: str, place: Place, given: Any) -> Field | None:
        """One checked field; None with a fault."""
        before = len(self.faults)
        if isinstance(given, str):
            given = {"formula": given[1:]} if given.startswith("=") else {"from": given}
        spec: FieldSpec | None = spec_of(given, FieldSpec, place, self.faults)
        if spec is None:
            return None
        private = name.startswith("_")
        info = private_info(name, spec) if private else self.infos[name]
        ways = sum((spec.from_ is not None, spec.value is not msgspec.UNSET, spec.formula is not None))
        if ways != 1:
            self.faults.append(place.fault("one of from, value and a formula", f"{ways} of them", "keep one"))
            return None
        field = Field(name, place, spec, info, private)
        if spec.formula is not None:
            field = field._replace(terms=self.terms(field))
        elif spec.value is not msgspec.UNSET:
            self.constant(field)
        else:
            self.conversion(field)
        return field if len(self.faults) == before else None

    def fault(self, field: Field, wanted: str, got: str, remedy: str, *keys: str) -> None:
        """Note a fault of a field."""
        self.faults.append((field.place.at(*keys) if keys else field.place).fault(wanted, got, remedy))

    def constant(self, field: Field) -> None:
        """A constant must be a value of the field."""
        if not fits(self.type, field, field.spec.value):
            self.fault(field, wanted_of(field.info), shown(field.spec.value), "correct the constant")

    def terms(self, field: Field) -> tuple[tuple[int, str], ...]:
        """Sign and field of each term of a formula."""
        text = field.spec.formula or ""
        found: list[tuple[int, str]] = []
        at = 0
        while (term := TERM.match(text, at)) and (term[1] or not found):
            found.append((-1 if term[1] == "-" else 1, term[2]))
            at = term.end()
        if at != len(text) or not found:
            self.fault(field, "fields with + and - between, such as = start_time + duration_s", shown("=" + text), "correct it")
        if field.info.kind not in ("int", "time"):
            self.fault(field, "a formula for a number or a time", f"one for {wanted_of(field.info)}", "take a column")
        known = {**self.infos, **dict.fromkeys((*self.spec.fields, *self.part.fields))}
        given = {*self.spec.fields, *self.part.fields, *self.constants}
        for _, name in found:
            if name not in known or name not in given:
                self.fault(field, "fields that this mapping fills", shown(name), f"add {name} to the fields, or _{name.strip('_')} as a helper")
        return tuple(found)

    def dimensions(self, field: Field, fields: dict[str, Field]) -> None:
        """What a formula adds must be alike: moments and lengths of time, or numbers of one unit."""
        moments = 0
        for sign, name in field.terms:
            if name not in fields:
                continue
            term = fields[name]
            moments += sign * (term.info.kind == "time")
            if dimension(term, self.constants) != dimension(field, self.constants):
                self.fault(
                    field,
                    f"terms in {dimension(field, self.constants)}, as {field.name} is",
                    f"{name} in {dimension(term, self.constants)}",
                    "give the helper a unit, or take another field",
                )
                return
        if field.terms and dimension(field, self.constants) == "time" and moments != (field.info.kind == "time"):
            self.fault(field, "a moment for a time, and lengths or the distance of two moments for a length", f"{moments} moments", "correct the formula")

    def conversion(self, field: Field) -> None:
        """How a column is converted must fit the field."""
        spec, info = field.spec, field.info
        for column in field.columns:
            if column.startswith("@") and column not in (FILE, LINE):
                self.fault(field, f"a column, {FILE} or {LINE}", shown(column), "correct it", "from")
        if spec.lookup is not None or spec.column is not None:
            self.lookup(field)
        if spec.hash and not self.spec.hash_key_file:
            self.fault(field, "a key for hashes: without one a number is found by trying all", "none", f"add hash_key_file to [{self.source.key}]", "hash")
        for key, needs in (("hash", "text"), ("e164", "text")):
            if getattr(spec, key) and info.kind != needs:
                self.fault(field, f"{key} for a text", f"one for {wanted_of(info)}", "remove it", key)
        if spec.e164 is not None and not re.fullmatch("[1-9][0-9]{0,3}", spec.e164):
            self.fault(field, "a country code such as 49", shown(spec.e164), "correct it", "e164")
        if spec.match is not None:
            try:
                re.compile(spec.match)
            except re.error as error:
                self.fault(field, "a regular expression", f"{spec.match!r} ({error})", "correct it", "match")
        if spec.default is not msgspec.UNSET and not field.private and not fits(self.type, field, spec.default):
            self.fault(field, wanted_of(info), shown(spec.default), "correct it", "default")
        self.time(field)
        self.unit(field)
        self.words(field)

    def lookup(self, field: Field) -> None:
        """A lookup must be there, with the column."""
        spec = field.spec
        if spec.lookup not in self.named or spec.column is None:
            self.fault(
                field,
                f"a lookup of {', '.join(sorted(self.named)) or 'the source, which has none'}, and a column",
                f"{spec.lookup}, {spec.column}",
                "add lookups.NAME = { file, key }",
            )
        elif spec.lookup in self.lookups and spec.column not in self.lookups[spec.lookup].columns:
            self.fault(field, f"a column of {', '.join(self.lookups[spec.lookup].columns)}", shown(spec.column), "correct it", "column")

    def time(self, field: Field) -> None:
        """Times need a format and a zone."""
        spec, info = field.spec, field.info
        timed = info.kind in ("time", "date")
        if not timed and not field.private and (spec.time is not None or spec.zone is not None):
            self.fault(field, "a time format for a time or date alone", shown(spec.time or spec.zone), f"remove it: {field.name} is {wanted_of(info)}", "time")
        if timed and spec.lookup is None and spec.map is None:
            if spec.time is None:
                self.fault(field, "how its times are written", "no format", 'add time = "iso" or time = "%d/%m/%Y %H:%M:%S"', "time")
                return
            if wanted := format_fault(spec.time, day_only=info.kind == "date"):
                self.fault(field, wanted, shown(spec.time), "correct it", "time")
            elif spec.zone is None and self.spec.zone is None and not has_offset(spec.time) and spec.time != "iso" and info.kind == "time":
                self.fault(field, "the zone of times without offset", "none", f'add zone = "Europe/Berlin" or so to [{self.source.key}]', "zone")
        if spec.zone is not None and not ZONE.fits(spec.zone):
            self.fault(field, ZONE.wanted, shown(spec.zone), (ZONE.hint(spec.zone) if ZONE.hint else "") or "correct it", "zone")

    def unit(self, field: Field) -> None:
        """Numbers with a unit need the file's."""
        spec, own = field.spec, own_unit(field, self.constants)
        if field.private:
            if spec.unit is not None and own is None:
                self.fault(field, f"one of {', '.join(units())}", shown(spec.unit), "correct it", "unit")
            return
        if own is None:
            if spec.unit is not None:
                self.fault(field, f"no unit: {field.name} has none", shown(spec.unit), "remove it", "unit")
            return
        allowed = [*FACTORS[own], *(["major"] if own == "minor" else []), *([CLOCK] if own in ("s", "ms") else [])]
        if spec.unit is None and spec.lookup is None and spec.map is None:
            self.fault(field, f"the file's unit: one of {', '.join(allowed)}", "none", f'add unit = "{allowed[0]}" (ours) or the file\'s', "unit")
        elif spec.unit is not None and spec.unit not in allowed:
            self.fault(field, f"one of {', '.join(allowed)}", shown(spec.unit), f"our {field.name} is in {own}", "unit")
        if spec.unit == "major" and self.spec.decimals is None and not ({"currency"} & {*self.constants, *self.spec.fields, *self.part.fields}):
            self.fault(field, "the currency, for its decimals", "none", "add currency to constants or fields, or decimals = 2 to the source", "unit")

    def words(self, field: Field) -> None:
        """Enums need a map to our words."""
        spec, info = field.spec, field.info
        if info.domain is not None and spec.map is None and spec.lookup is None:
            self.fault(field, f"a map of the file's words to {', '.join(info.domain)}", "none", 'add map = { "THEIRS" = "ours", … }, or map = "same" where they are ours', "map")
        if not isinstance(spec.map, dict):
            return
        targets = {**spec.map, **({"else": spec.other} if spec.other is not msgspec.UNSET else {})}
        for word_, target in targets.items():
            if target != "" and not field.private and not fits(self.type, field, target):
                self.fault(field, wanted_of(info), shown(target), 'correct it; "" stands for no value', "map" if word_ != "else" else "else", *([word_] if word_ != "else" else []))


def word(value: Any) -> str:
    """A word as readers give it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def required(record: type[Envelope]) -> list[str]:
    """The fields without which a record is refused, but for those that Kairos gives."""
    return [info.name for info in msgspec.structs.fields(record) if info.required and info.name in fields_in(record)]


def units() -> list[str]:
    """All units of files."""
    return [*dict.fromkeys(unit for own in FACTORS.values() for unit in own), "major", CLOCK]


def private_info(name: str, spec: FieldSpec) -> FieldInfo:
    """What a helper is: a time, or a number in the unit of ours that its own belongs to."""
    if spec.time is not None:
        return FieldInfo(name, "time", None, nullable=True)
    own = "minor" if spec.unit == "major" else "s" if spec.unit == CLOCK else next((own for own, factors in FACTORS.items() if spec.unit in factors), None)
    return FieldInfo(name, "int", own, nullable=True)


def own_unit(field: Field, constants: Mapping[str, Any]) -> str | None:
    """Our unit of a field, where it has one that files write in others: money, bytes, times, speeds."""
    unit = field.info.unit
    if field.info.kind != "int" or unit is None:
        return None
    if unit == ANY_UNIT:
        return BUCKET_UNITS.get(str(constants.get("unit")))
    unit = "minor" if unit.startswith("minor unit") else unit
    return unit if unit in FACTORS else None


def dimension(field: Field, constants: Mapping[str, Any]) -> str:
    """What a field counts, as formulas compare it."""
    unit = own_unit(field, constants)
    return "time" if field.info.kind == "time" or unit in ("s", "ms") else unit or "numbers without unit"


def wanted_of(info: FieldInfo) -> str:
    """What a field may be, as a phrase."""
    if info.domain is not None:
        return f"one of {', '.join(info.domain)}"
    kinds = {"int": "a whole number", "bool": "true or false", "text": "a text", "time": "a time", "date": "a day YYYY-MM-DD", "map": "a table of whole numbers"}
    return kinds[info.kind] + (f" ({info.unit})" if info.unit and info.kind == "int" and info.unit != "1" else "")


def fits(record: type[Envelope], field: Field, value: Any) -> bool:
    """Whether a constant is a value that the field can have."""
    if field.private:
        return type(value) is int
    try:
        msgspec.convert(value, next(info.type for info in msgspec.structs.fields(record) if info.name == field.name))
    except msgspec.ValidationError:
        return False
    return True

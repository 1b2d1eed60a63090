"""Rows to raw records, a column at a time: what a mapping says, then the validity rules of the records themselves."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from schemas.raw import fields_of, type_name
from schemas.raw.envelope import CONTROL
from streams.intake.columns import Columns
from streams.intake.compiled.layout import UNDERSTOOD_VERSION
from streams.intake.decode import check
from streams.sources.batch import Bad, Batch, Converted, Fault
from streams.sources.checks import own_unit, wanted_of, word
from streams.sources.clock import TimeReader
from streams.sources.kinds import Skipped, columns_of
from streams.sources.rows import cleaned
from streams.sources.values import BAD, Memo, e164, e164_column, exact, hashed, joined, money_memo, number_memo, part_of, texts, truth, word_memo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.raw import Envelope
    from streams.sources.mapping import Field, Record, Source, When
    from streams.sources.rows import Rows

ID_SEPARATOR = "|"
MOST_ID = 64
ENCODE = msgspec.json.Encoder().encode
ENCODE_LINES = msgspec.json.Encoder().encode_lines


class Converter:
    """Converts rows as a source says; remembers converted values from rows to rows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.skipped = Skipped(columns_of(source))
        """The rows that no record took."""
        several = len(source.records) > 1
        self.records = [RecordConverter(source, record, f"-{number}" if several and number > 1 else "") for number, record in enumerate(source.records, 1)]

    def convert(self, rows: Rows) -> Converted:
        """Rows to records."""
        columns = {name: cleaned(rows.column(name), self.source.empty) for name in self.source.columns}
        rows = rows._replace(columns=columns)
        bad = [Bad(rows.file, one.line, None, "row", one.wanted, one.got, one.raw, "bad_row") for one in rows.bad]
        found: list[tuple[list[int], Batch]] = []
        taken = np.zeros(len(rows.lines), bool)
        for record in self.records:
            chosen = record.chosen(rows)
            taken |= chosen
            found.append(record.convert(rows, chosen, bad))
        if not taken.all():
            named = [rows.column(name) for name in self.skipped.columns]
            self.skipped.take(tuple(column[at] for column in named) for at in (~taken).nonzero()[0].tolist())
        bad.sort(key=lambda one: one.line)
        return Converted(found[0][1] if len(found) == 1 else woven(found), bad)


def woven(parts: list[tuple[list[int], Batch]]) -> Batch:
    """Records of several types in the order of their rows."""
    order = np.argsort(np.concatenate([np.array(places, np.int64) for places, _ in parts]), kind="stable").tolist()
    return Batch.joined([batch for _, batch in parts]).at(order)


class RecordConverter:
    """Converts rows to records of one type."""

    def __init__(self, source: Source, record: Record, suffix: str) -> None:
        self.source, self.record, self.suffix = source, record, suffix
        self.name = type_name(record.type)
        self.constants = {field.name: field.spec.value for field in record.fields if field.spec.value is not msgspec.UNSET}
        self.filled = {field.name for field in record.fields}
        self.steps = [(field, self.step(field)) for field in record.fields]
        self.shape, self.order = shape_of(record)
        mapped = {field.name for field in record.fields if field.spec.value is msgspec.UNSET}
        self.same = frozenset(fields_of(record.type)) - mapped - {"record_id"}
        self.conditions = {column: condition(when, source) for column, when in record.when.items()}

    def chosen(self, rows: Rows) -> Any:
        """Which rows become a record, [n] truth values."""
        holds = np.ones(len(rows.lines), bool)
        for column, (when, test) in self.conditions.items():
            values = rows.column(column)
            others = rows.column(when.differs) if when.differs else values
            holds &= np.fromiter(map(test, values, others), bool, len(values))
        return holds

    def convert(self, rows: Rows, chosen: Any, bad: list[Bad]) -> tuple[list[int], Batch]:
        """The records of the chosen rows and their places among the rows; rows that cannot be used go to `bad`."""
        places = list(range(len(rows.lines))) if chosen.all() else chosen.nonzero()[0].tolist()
        if not places:
            return [], Batch([], [], [], [], [])
        part = (
            rows
            if len(places) == len(rows.lines)
            else rows._replace(lines=[rows.lines[at] for at in places], columns={n: [v[at] for at in places] for n, v in rows.columns.items()})
        )
        faults: dict[int, Fault] = {}
        values = self.values(part, faults)
        ids = self.ids(part, faults)
        columns = [ids if name == "record_id" else values[name] for name in self.order]
        if faults:
            kept = [row for row in range(len(places)) if row not in faults]
            columns = [[column[row] for row in kept] for column in columns]
        else:
            kept = list(range(len(places)))
        built = list(map(self.shape, *columns))
        for at, (reason, detail) in sorted(check(Filled(self.record.type, built, self.same), None).items(), reverse=True):
            field, _, wanted = detail.partition(": wanted ")
            wanted, _, got = wanted.partition(", got ")
            faults[kept[at]] = Fault(field, wanted, got or ENCODE(getattr(built[at], field, None)).decode(), reason)
            del kept[at], built[at]
        for row in sorted(faults):
            fault = faults[row]
            bad.append(Bad(rows.file, part.lines[row], self.name, fault.field, fault.wanted, "nothing" if fault.got is None else str(fault.got)[:200], part.raw(row), fault.reason))
        keys, times = [one.customer_id for one in built], [one.event_time for one in built]
        lines = part.lines if len(kept) == len(part.lines) else [part.lines[row] for row in kept]
        return [places[row] for row in kept], Batch([self.record.type.topic] * len(built), keys, ENCODE_LINES(built).split(b"\n")[:-1], times, lines)

    def values(self, rows: Rows, faults: dict[int, Fault]) -> dict[str, list[Any]]:
        """The values of each field; rows without one that they need get a fault."""
        size = len(rows.lines)
        done: dict[str, list[Any]] = {"schema_version": [UNDERSTOOD_VERSION] * size, "source_system": [self.source.system] * size}
        required = {info.name for info in msgspec.structs.fields(self.record.type) if info.required}
        defaults = {info.name: info.default for info in msgspec.structs.fields(self.record.type) if not info.required}
        for field, step in self.steps:
            result = step(rows, done)
            done[field.name] = result
            if field.spec.value is not msgspec.UNSET:
                continue
            if BAD in result:
                raw = joined([rows.column(column) for column in field.columns]) if field.columns else result
                for row, value in enumerate(result):
                    if value is BAD:
                        faults.setdefault(row, Fault(field.name, wanted_here(field), raw[row]))
            if None in result:
                if field.name in required:
                    for row, value in enumerate(result):
                        if value is None:
                            faults.setdefault(row, Fault(field.name, wanted_of(field.info), None))
                elif (default := defaults.get(field.name)) is not None:
                    result = [default if value is None else value for value in result]
            done[field.name] = result
        return done

    def ids(self, rows: Rows, faults: dict[int, Fault]) -> list[str]:
        """The `record_id` of each row: the columns of `id`, or their hash where these are too long or could be read in two ways."""
        columns = [list(map(str, column)) if None not in column else column for column in map(rows.column, self.record.id)]
        for name, column in zip(self.record.id, columns, strict=True):
            if None in column:
                for row in (row for row, value in enumerate(column) if value is None):
                    faults.setdefault(row, Fault("id", f"a value in {name}", None))
        columns = [column if None not in column else [str(value) for value in column] for column in columns]
        result = columns[0] if len(columns) == 1 else list(map(ID_SEPARATOR.join, zip(*columns, strict=True)))
        together = "".join(result)
        if max(map(len, result)) + len(self.suffix) > MOST_ID or together.count(ID_SEPARATOR) != len(result) * (len(columns) - 1) or UNFIT_ID.search(together):
            result = [self.short(row, one, columns) for row, one in enumerate(result)]
        return [one + self.suffix for one in result] if self.suffix else list(result)

    def short(self, row: int, one: str, columns: list[list[str]]) -> str:
        """The id of one row."""
        if len(one) + len(self.suffix) <= MOST_ID and one.count(ID_SEPARATOR) == len(columns) - 1 and not UNFIT_ID.search(one):
            return one
        exact = "".join(f"{len(column[row])}:{column[row]}" for column in columns)
        return hashlib.blake2b(exact.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    # One conversion a field

    def step(self, field: Field) -> Callable[[Rows, dict[str, list[Any]]], list[Any]]:
        """How the values of a field come from rows and from the fields before it."""
        spec = field.spec
        if spec.value is not msgspec.UNSET:
            return lambda rows, _: [spec.value] * len(rows.lines)
        if spec.formula is not None:
            return partial(formula, field, self.factors(field), bounds(self.record.type, field))
        converts = self.conversions(field)

        def run(rows: Rows, done: dict[str, list[Any]]) -> list[Any]:
            values = joined([rows.column(column) for column in field.columns])
            for convert in converts:
                values = convert(values, done)
            if spec.default is not msgspec.UNSET:
                values = [spec.default if value is None else value for value in values]
            return values

        return run

    def conversions(self, field: Field) -> list[Callable[[list[Any], dict[str, list[Any]]], list[Any]]]:
        """The conversions of a column, one behind the other."""
        spec, source = field.spec, self.source.spec
        memos: list[Memo] = []
        if spec.match is not None:
            memos.append(Memo(partial(part_of, pattern=re.compile(spec.match))))
        if spec.e164 is not None:
            memos.append(Memo(partial(e164, country_code=spec.e164)))
        steps = [plain(memo) for memo in memos]
        if spec.e164 is not None:
            steps[-1] = partial(e164_column, memos[-1], spec.e164)
        if spec.lookup is not None:
            steps.append(self.looked_up(field))
        if isinstance(spec.map, dict):
            steps.append(plain(word_memo({key: None if value == "" else value for key, value in spec.map.items()}, BAD if spec.other is msgspec.UNSET else spec.other)))
            return steps
        if spec.hash:
            steps.append(plain(Memo(partial(hashed, key=self.source.hash_key))))
        steps.append(self.typed(field, source.decimal, source.thousands))
        return steps

    def typed(self, field: Field, comma: str, thousands: str) -> Callable[[list[Any], dict[str, list[Any]]], list[Any]]:
        """The conversion to the type and unit of a field."""
        spec, info = field.spec, field.info
        if info.kind in ("time", "date"):
            reader = TimeReader(spec.time or "iso", spec.zone or self.source.spec.zone, day_only=info.kind == "date")
            return lambda values, _: reader.column(values)
        if info.kind == "bool":
            return plain(Memo(truth))
        if info.kind == "int":
            own = own_unit(field, self.constants)
            span = bounds(self.record.type, field)
            if spec.unit == "major":
                memo = money_memo(self.source.spec.decimals, comma, thousands, span, rounded=spec.round)
                constant = self.constants.get("currency")
                if constant is not None or "currency" not in self.filled:
                    fixed = Memo(lambda amount: memo.convert((amount, constant)))
                    return lambda values, _: fixed.column(values)
                return lambda values, done: memo.column(list(zip(values, done["currency"], strict=True)))
            memo = number_memo(spec.unit or "", own or "", comma, thousands, span, rounded=spec.round or own not in (None, "minor"))
            return lambda values, _: memo.column(values)
        if (domain := info.domain) is not None:
            return plain(Memo(lambda value: value if value in domain else BAD))
        if field.private:
            return plain(Memo(str))
        length = next(one.type for one in msgspec.structs.fields(self.record.type) if one.name == field.name)
        fits = Memo(lambda value: msgspec.convert(value, length))
        least, most = lengths(length)
        if "pattern" in str(length).replace("extra_json_schema={'pattern'", ""):
            return lambda values, _: fits.column(texts(values, most, least))
        return lambda values, _: texts(values, most, least)

    def looked_up(self, field: Field) -> Callable[[list[Any], dict[str, list[Any]]], list[Any]]:
        """The lookup of a field, at the time of each record."""
        spec = field.spec
        assert spec.lookup is not None  # the caller has looked
        assert spec.column is not None  # the checks have
        table = self.source.lookups[spec.lookup]
        place = table.place(spec.column)

        def one(key: Any, ms: Any) -> Any:
            if key is None:
                return None
            try:
                return table.at(str(key), place, ms if ms is not BAD else None)
            except LookupError:
                return BAD if spec.other is msgspec.UNSET else spec.other

        return lambda values, done: list(map(one, values, done["event_time"] if table.timed else values))

    def factors(self, field: Field) -> list[int]:
        """By term of a formula, how many ms it counts; 1 where all count alike."""
        fields = {one.name: one for one in self.record.fields}
        return [self.milliseconds(fields[name]) for _, name in field.terms] + [self.milliseconds(field)]

    def milliseconds(self, field: Field) -> int:
        """Ms in what a field counts, if that is time."""
        return 1000 if own_unit(field, self.constants) == "s" else 1


class Filled(Columns):
    """Converted records as columns; fields that are the same in all of them are read once."""

    def __init__(self, record_type: type, records: list[Any], same: frozenset[str]) -> None:
        super().__init__(record_type, records)
        self.same = same

    def __getattr__(self, name: str) -> Any:
        if name not in self.__dict__.get("same", ()) or not self.records:
            return super().__getattr__(name)
        column = np.repeat(getattr(Columns(self.record_type, self.records[:1]), name), len(self.records))
        self.__dict__[name] = column
        return column


UNFIT_ID = re.compile(CONTROL.pattern[:-1] + "\ud800-\udfff]")


def plain(memo: Memo) -> Callable[[list[Any], dict[str, list[Any]]], list[Any]]:
    """A conversion that looks at no other field. What is BAD already stays so."""
    memo[BAD] = BAD
    return lambda values, _: memo.column(values)


def formula(field: Field, factors: list[int], span: tuple[int, int], _: Rows, done: dict[str, list[Any]]) -> list[Any]:
    """Sums and differences of fields; None where a term is, BAD where one is."""
    terms = [(sign * factor, done[name]) for (sign, name), factor in zip(field.terms, factors[:-1], strict=True)]
    own, (least, most) = factors[-1], span
    result: list[Any] = []
    for values in zip(*(column for _, column in terms), strict=True):
        if BAD in values:
            result.append(BAD)
        elif None in values:
            result.append(None)
        else:
            total = sum(factor * value for (factor, _), value in zip(terms, values, strict=True)) // own
            result.append(total if least <= total <= most else BAD)
    return result


def bounds(record: type[Envelope], field: Field) -> tuple[int, int]:
    """The least and the greatest number that a field can have."""
    least, most = -(2**62), 2**62
    if field.private:
        return least, most
    info: Any = msgspec.inspect.type_info(next(one.type for one in msgspec.structs.fields(record) if one.name == field.name))
    for arm in inner(info):
        if isinstance(arm, msgspec.inspect.IntType):
            least, most = arm.ge if arm.ge is not None else least, arm.le if arm.le is not None else most
    return least, most


def lengths(hint: Any) -> tuple[int, int]:
    """The least and the greatest length of a text."""
    for arm in inner(msgspec.inspect.type_info(hint)):
        if isinstance(arm, msgspec.inspect.StrType):
            return arm.min_length or 0, arm.max_length or 10_000
    return 0, 10_000


def inner(info: Any) -> Sequence[Any]:
    """The arms of a type, without what is said about them."""
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        return [arm for one in info.types for arm in inner(one)]
    return [info]


def wanted_here(field: Field) -> str:
    """What a cell must be to fill a field, as a phrase."""
    spec = field.spec
    if isinstance(spec.map, dict):
        return f"one of {', '.join(spec.map)}"
    if spec.lookup is not None:
        return f"a key that the lookup {spec.lookup} has at the record's time"
    if spec.time is not None:
        return f"a time as {spec.time}"
    if spec.unit == "major":
        return "an amount, not finer than the currency"
    if spec.unit is not None:
        return f"a number of {spec.unit} within the field's range"
    return wanted_of(field.info) + (" of its length, without control characters" if field.info.kind == "text" else "")


def condition(when: When, source: Source) -> tuple[When, Callable[[Any, Any], bool]]:
    """A condition as a function of a value and of the one that it is compared with."""
    unwanted = {when.not_} if isinstance(when.not_, str) else set(when.not_ or ())
    among = None if when.among is None else set(when.among)
    known = source.lookups[when.known].rows if when.known is not None else None

    def above(value: Any) -> bool:
        try:
            return value is not None and exact(value, ".", "") > (when.above or 0)
        except (ValueError, ArithmeticError):
            return True  # its field says what is wrong with it

    def test(value: Any, other: Any) -> bool:
        text = None if value is None else word(value)
        return (
            (among is None or text in among)
            and text not in unwanted
            and (known is None or text in known)
            and (when.given is None or (value is not None) == when.given)
            and (when.above is None or above(value))
            and (when.differs is None or value != other)
        )

    return when, test


def shape_of(record: Record) -> tuple[Any, list[str]]:
    """A struct with the fields of a record type, those that are filled first, and their order; defaults are left out of its JSON."""
    infos = {info.name: info for info in msgspec.structs.fields(record.type)}
    filled = {field.name for field in record.fields if not field.private}
    needed = ["record_id", *(name for name, info in infos.items() if info.required and name in filled)]
    optional = [name for name, info in infos.items() if not info.required and name in filled]
    rest = {name: info.default for name, info in infos.items() if not info.required and name not in filled}
    fields: list[Any] = [(name, Any) for name in ("schema_version", "source_system", *needed)]
    fields += [(name, Any, infos[name].default) for name in optional] + [(name, Any, default) for name, default in rest.items()]
    tag = type_name(record.type)
    return msgspec.defstruct(tag, fields, tag_field="record_type", tag=tag, omit_defaults=True, gc=False, frozen=True), ["schema_version", "source_system", *needed, *optional]

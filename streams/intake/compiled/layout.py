"""What the compiled reader knows of a topic, as arrays: the names, bounds, labels and defaults of its records, from their structs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import inspect

from schemas.codes import NULL, UNSURE, keep
from schemas.raw import RECORD_TYPES, fields_of, type_name
from schemas.raw.envelope import NEWEST_EVENT_MS, NEWEST_MS, OLDEST_MS
from streams.intake.columns import WANTED
from streams.intake.compiled import scan as of
from streams.intake.compiled.tokens import STEP
from streams.intake.times import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from schemas.raw import Envelope, FieldInfo

FIRST_NAMES = ("record_type", "customer_id", "source_system", "record_id")
"""Numbers 0 to 3: see `scan.RECORD_TYPE` and the others."""
WORDS = 4
"""A name and the quote behind it, in words of eight bytes."""
SLOTS = 1024
LONGEST_TEXT = 1000
"""Longer texts are read by msgspec."""
UNDERSTOOD_VERSION = 1
FORMS = {"e164": of.E164, "not 16 digits": of.NOT_16_DIGITS}
NONE_OF = {"bool": UNSURE, "text": 0, "map": 0}
"""No value, by kind of field; NULL for the others."""


def arms_of(field: Any) -> tuple[list[Any], bool]:
    """The types that a field's value can have, and whether it can be null."""
    arms = field.types if isinstance(field, inspect.UnionType) else (field,)
    bare = [arm.type if isinstance(arm, inspect.Metadata) else arm for arm in arms]
    return [arm for arm in bare if not isinstance(arm, inspect.NoneType)], any(isinstance(arm, inspect.NoneType) for arm in bare)


def bare(kind: Any) -> Any:
    """A type without the metadata around it."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


class Topic:
    """The arrays of a topic that the kernels read; `scan` says what stands where. `room(n)` gives those that they write."""

    def __init__(self, topic: str) -> None:
        self.records: list[type[Envelope]] = [record for record in RECORD_TYPES if record.topic == topic]
        names = dict.fromkeys([*FIRST_NAMES, *(name for record in self.records for name in fields_of(record))])
        self.names = {name: number for number, name in enumerate(names)}
        self._spell([*names, *map(type_name, self.records)])
        self.follow = np.full((len(self.records) + 1, len(names) + 1), -1, np.int64)
        self.tokens = np.zeros((len(names), 5), np.int64)
        labels: list[int] = []
        rows: list[list[int]] = []
        self.types = np.zeros((len(self.records), 3), np.int64)
        for number, record in enumerate(self.records):
            self.types[number, of.FIRST_FIELD] = len(rows)
            rows += [self._field(record, field, labels) for field in inspect.type_info(record).fields]  # type: ignore[attr-defined]  # of structs
            self.types[number, of.FIELDS_END] = len(rows)
        self.fields = np.array(rows, np.int64)
        self.labels = np.array(labels, np.int64)
        self.wanted = 0
        """How many columns something has asked for."""
        self.columns: list[dict[str, int]] = []
        """By type, the columns that something reads: their rows in what the kernels write."""
        self.height = self.texts = 0
        """How many columns of all types are stored, and at most how many texts of one."""
        self.lay_out()

    def _spell(self, words: list[str]) -> None:
        """Names, and then the types' names, with the quotes behind them; and where names are found."""
        self.words = np.zeros((len(words), WORDS), np.uint64)
        self.masks = np.zeros((len(words), WORDS), np.uint64)
        self.lengths = np.array([len(word) for word in words], np.int64)
        self.slots = np.full(SLOTS, -1, np.int64)
        for number, word in enumerate(words):
            for array, text in ((self.words, word.encode() + b'"'), (self.masks, b"\xff" * (len(word) + 1))):
                array[number] = np.frombuffer(text.ljust(8 * WORDS, b"\0"), np.uint64)
            if number < len(self.names):
                first = int.from_bytes(word.encode()[:8], "little")
                at = (((first ^ len(word)) * int(STEP)) % 2**64 >> 40) & (SLOTS - 1)
                while self.slots[at] >= 0:
                    at = (at + 1) & (SLOTS - 1)
                self.slots[at] = number

    def _field(self, record: type[Envelope], field: Any, labels: list[int]) -> list[int]:
        """How one field is read."""
        info = fields_of(record)[field.name]
        arms, nullable = arms_of(bare(field.type))
        none = NONE_OF.get(info.kind, NULL)
        missing = none if field.required or field.default is None else keep(field.default) if isinstance(field.default, str) else int(field.default)
        row = [0] * (of.NAMING + 1)
        row[of.NAME], row[of.OPTIONAL], row[of.NULLABLE], row[of.MISSING], row[of.NONE] = self.names[field.name], not field.required, nullable, missing, none
        row[of.READ], row[of.LEAST], row[of.MOST] = self._read(info, arms)
        row[of.NAMING] = of.IDENTITY.index(field.name) if field.name in of.IDENTITY else -1
        row[of.LABELS] = len(labels)
        if row[of.READ] == of.ENUM:
            labels += map(keep, ("new",) if field.name == "action" else info.domain or ())
        row[of.LABELS_END] = len(labels)
        for repair in record.REPAIRS:
            if repair.field == field.name:
                row[of.FORM] = FORMS[repair.keeps] if repair.keeps else of.ANY_FORM
                row[of.READ] = row[of.READ] if repair.keeps else of.OTHER
        return row

    @staticmethod
    def _read(info: FieldInfo, arms: list[Any]) -> tuple[int, int, int]:
        """How a field of a kind is read, and its bounds; OTHER for what is not understood."""
        if info.kind == "time":
            return of.TIME, OLDEST_MS, NEWEST_EVENT_MS if info.name == "event_time" else NEWEST_MS
        if info.kind == "date":
            return of.DATE, FIRST_DAY, LAST_DAY
        match arms:
            case [inspect.IntType(gt=None, ge=int(least), lt=None, le=int(most), multiple_of=None)]:
                return (of.INT, UNDERSTOOD_VERSION, UNDERSTOOD_VERSION) if info.name == "schema_version" else (of.INT, least, most)
            case [inspect.BoolType()]:
                return of.BOOL, 0, 1
            case [inspect.LiteralType(values=values)] if all(isinstance(value, str) for value in values):
                return of.ENUM, 0, 0
            case [inspect.StrType(pattern=None, min_length=shortest, max_length=longest)]:
                return of.PLAIN_TEXT, shortest or 0, min(longest or LONGEST_TEXT, LONGEST_TEXT)
        return of.OTHER, 0, 0

    def lay_out(self) -> None:
        """Give each column that something reads a row, and the types their first ones."""
        self.wanted = sum(len(WANTED[record]) for record in self.records)
        self.columns, self.height = [], 0
        for number, record in enumerate(self.records):
            self.types[number, of.FIRST_COLUMN] = self.height
            self.height += of.OTHERS
            columns: dict[str, int] = {}
            first = int(self.types[number, of.FIRST_FIELD])
            for place, name in enumerate(fields_of(record)):
                self.fields[first + place, of.COLUMN] = -1
                if name in WANTED[record]:
                    self.fields[first + place, of.COLUMN] = columns[name] = self.height
                    self.height += 1
            self.columns.append(columns)
        kinds = [self.fields[first:end] for first, end, _ in self.types]
        self.texts = max(int(((own[:, of.COLUMN] >= 0) & (own[:, of.READ] == of.PLAIN_TEXT)).sum()) for own in kinds)

    def ready(self, latest_ms: int | None) -> None:
        """Take up columns that were asked for since, and the latest event time."""
        if self.wanted != sum(len(WANTED[record]) for record in self.records):
            self.lay_out()
        latest = NEWEST_EVENT_MS if latest_ms is None else min(latest_ms, NEWEST_EVENT_MS)
        self.fields[self.fields[:, of.NAME] == self.names["event_time"], of.MOST] = latest

    def bit(self, number: int, name: str) -> int:
        """The bit of a field in the first column of type `number`."""
        return list(fields_of(self.records[number])).index(name)


@cache
def topic_of(topic: str) -> Topic:
    """The arrays of a topic."""
    return Topic(topic)

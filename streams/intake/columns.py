"""Decoded records of one type as columns: what the engine reads of a record."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from msgspec.json import encode

from schemas.codes import NULL, UNSURE, carry, code_of, generation, stale
from schemas.columns import Ints
from schemas.raw import RECORD_TYPES, FieldInfo, fields_of, type_name
from streams.engine.identity import pack
from streams.intake import structs
from streams.intake.compiled.names import packed_names
from streams.intake.raw import picked
from streams.intake.times import epoch_days, epoch_ms

if TYPE_CHECKING:
    from collections.abc import Sequence


class Columns:
    """The records of one type, column by column; a column is built when it is first asked for.

    Numbers, times (epoch ms), dates (days since 1970) and text codes are int64, truth values bool. Unknown numbers, times and
    dates are NULL, unknown texts 0; a map is a text, as JSON has it.
    """

    def __init__(self, record_type: Any, records: list[Any] | None) -> None:
        self.record_type, self._records, self.built_at = record_type, records, generation()

    def __len__(self) -> int:
        return len(self.records)

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        info = fields_of(self.__dict__["record_type"]).get(name)
        if info is None:
            raise AttributeError(f"{self.record_type.__name__} has no field {name!r}")
        column = BUILDERS[info.kind](self.records, info)
        self.__dict__[name] = column
        return column

    @property
    def records(self) -> list[Any]:
        """The decoded records."""
        assert self._records is not None
        return self._records

    def record(self, row: int) -> Any:
        """One decoded record."""
        return self.records[row]

    def names(self, row: int) -> Any:
        """Of one record at least the fields that say who it is about (`structs.NAMING`)."""
        return self.records[row]

    def packed(self, rows: Ints) -> list[bytes]:
        """The identities of records, packed."""
        return [pack(self.records[row]) for row in rows.tolist()]

    def stores(self, name: str) -> bool:
        """Whether a column is there without its records."""
        return name in self.__dict__

    def refresh(self) -> None:
        """Make sure that the texts behind the columns are known: the cache may have forgotten them while the records waited."""
        if not stale(self.built_at):
            return
        self.built_at = generation()
        built = {name: info for name, info in fields_of(self.record_type).items() if info.kind in ("text", "map") and name in self.__dict__}
        if not all(carry(self.__dict__[name]) for name in built):
            for info in built.values():
                BUILDERS[info.kind](self.records, info)

    def objects(self, name: str) -> list[Any]:
        """The decoded values of a field of any kind."""
        return list(map(attrgetter(name), self.records))

    def has(self, name: str) -> npt.NDArray[np.bool_]:
        """Where a field has a value."""
        return np.fromiter((value is not None for value in map(attrgetter(name), self.records)), bool, len(self))

    def keep(self, rows: Ints) -> Columns:
        """The records `rows`, with the columns built so far."""
        kept = Columns(self.record_type, [self.records[row] for row in rows.tolist()])
        self._hand_on(kept, rows)
        return kept

    def _hand_on(self, kept: Columns, rows: Ints) -> None:
        kept.built_at = self.built_at
        kept.__dict__.update({name: value[rows] for name, value in self.__dict__.items() if isinstance(value, np.ndarray)})


class CompiledColumns(Columns):
    """Records that the compiled reader has read, with the columns that something has asked for before; `values`: their bytes, at `places` of a run.

    Other columns, and the records themselves, are decoded from the bytes when they are asked for.
    """

    def __init__(self, record_type: Any, values: Sequence[bytes | None], places: Ints, stored: dict[str, npt.NDArray[Any]], given: Ints | None, named: Ints) -> None:
        super().__init__(record_type, None)
        self.values, self.places = values, places
        self.given = given
        """Which fields have a value, as bits, where no record has a map; None where that is not known."""
        self.named = named
        """[record, name]: where in its value each name of the record is (`compiled/names.py`); NOT_PLAIN for those that msgspec reads."""
        self.__dict__.update(stored)

    def __len__(self) -> int:
        return len(self.places)

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        column = super().__getattr__(name)
        WANTED[self.record_type].add(name)
        return column

    def stores(self, name: str) -> bool:
        """Whether a column is there; of later runs it will be."""
        WANTED[self.record_type].add(name)
        return super().stores(name)

    def stored(self) -> list[str]:
        """The names of the columns that are there."""
        return [name for name in fields_of(self.record_type) if name in self.__dict__]

    @property
    def records(self) -> list[Any]:
        """The decoded records, all of them."""
        if self._records is None:
            self._records = structs.whole(self.record_type, [self._value(row) for row in range(len(self))])
        return self._records

    def _value(self, row: int) -> bytes:
        value = self.values[self.places[row]]
        assert value is not None
        return value

    def record(self, row: int) -> Any:
        if self._records is not None:
            return self._records[row]
        (found,) = structs.whole(self.record_type, [self._value(row)])
        return found

    def names(self, row: int) -> Any:
        return self._records[row] if self._records is not None else structs.names(self.record_type, self._value(row))

    def packed(self, rows: Ints) -> list[bytes]:
        named = self.named[rows]
        odd = named[:, 0] == NOT_PLAIN
        if odd.any():
            found = {row: pack(self.names(row)) for row in rows[odd].tolist()}
            found.update(zip(rows[~odd].tolist(), self.packed(rows[~odd]), strict=True))
            return [found[row] for row in rows.tolist()]
        return packed_names(type_name(self.record_type), picked(self.values, self.places[rows]), named)

    def keep(self, rows: Ints) -> CompiledColumns:
        kept = CompiledColumns(self.record_type, self.values, self.places, {}, self.given, self.named)
        self._hand_on(kept, rows)
        return kept

    def objects(self, name: str) -> list[Any]:
        return super().objects(name) if self.given is None or fields_of(self.record_type)[name].kind != "map" else [None] * len(self)

    def has(self, name: str) -> npt.NDArray[np.bool_]:
        if self.given is None:
            return super().has(name)
        bit = list(fields_of(self.record_type)).index(name)
        return np.asarray(self.given >> bit & 1 == 1)


NOT_PLAIN = -2
WANTED: dict[type, set[str]] = {record: {"event_time", "customer_id"} for record in RECORD_TYPES}
"""By type, the columns that something has asked for: the compiled reader stores them from then on. Others are checked alone."""


def int_column(records: list[Any], info: FieldInfo) -> Ints:
    """Numbers; None is NULL."""
    values = map(attrgetter(info.name), records)
    if info.nullable:
        return np.array([NULL if value is None else value for value in values], np.int64)
    return np.fromiter(values, np.int64, len(records))


def bool_column(records: list[Any], info: FieldInfo) -> npt.NDArray[Any]:
    """Truth values: bool, or int8 with None as UNSURE where they may be missing."""
    if info.nullable:
        values = map(attrgetter(info.name), records)
        return np.array([UNSURE if value is None else value for value in values], np.int8)
    return np.fromiter(map(attrgetter(info.name), records), bool, len(records))


def text_column(records: list[Any], info: FieldInfo) -> Ints:
    """Codes of texts; None is 0."""
    return np.fromiter(map(code_of, map(attrgetter(info.name), records)), np.int64, len(records))


def time_column(records: list[Any], info: FieldInfo) -> Ints:
    """Epoch ms; None is NULL, other texts are INVALID."""
    return epoch_ms(list(map(attrgetter(info.name), records)))


def date_column(records: list[Any], info: FieldInfo) -> Ints:
    """Days since 1970; None is NULL, other texts are INVALID."""
    return epoch_days(list(map(attrgetter(info.name), records)))


def map_column(records: list[Any], info: FieldInfo) -> Ints:
    """Codes of their JSON texts; None is 0."""
    values = map(attrgetter(info.name), records)
    return np.fromiter((code_of(None if value is None else encode(value).decode()) for value in values), np.int64, len(records))


BUILDERS: dict[str, Any] = {
    "int": int_column,
    "bool": bool_column,
    "text": text_column,
    "time": time_column,
    "date": date_column,
    "map": map_column,
}

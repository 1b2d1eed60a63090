"""Decoded records of one type as columns: what the engine reads of a record."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec.json import encode

from schemas.codes import NULL, UNSURE, code_of, generation, stale
from schemas.columns import Ints
from schemas.raw import FieldInfo, fields_of
from streams.intake.times import epoch_days, epoch_ms


class Columns:
    """The records of one type, column by column; a column is built when it is first asked for.

    Numbers, times (epoch ms), dates (days since 1970) and text codes are int64, truth values bool. Unknown numbers, times and
    dates are NULL, unknown texts 0; a map is a text, as JSON has it.
    """

    def __init__(self, record_type: type, records: list[Any]) -> None:
        self.record_type, self.records, self.built_at = record_type, records, generation()

    def __len__(self) -> int:
        return len(self.records)

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        info = fields_of(self.__dict__["record_type"]).get(name)
        if info is None:
            raise AttributeError(f"{self.record_type.__name__} has no field {name!r}")
        column = BUILDERS[info.kind](self.records, info)
        self.__dict__[name] = column
        return column

    def refresh(self) -> None:
        """Make sure that the texts behind the columns are known: the cache may have forgotten them while the records waited."""
        if not stale(self.built_at):
            return
        self.built_at = generation()
        for name, info in fields_of(self.record_type).items():
            if info.kind in ("text", "map") and name in self.__dict__:
                BUILDERS[info.kind](self.records, info)

    def objects(self, name: str) -> list[Any]:
        """The decoded values of a field of any kind."""
        return list(map(attrgetter(name), self.records))

    def keep(self, rows: Ints) -> Columns:
        """The records `rows`, with the columns built so far."""
        kept = Columns(self.record_type, [self.records[row] for row in rows.tolist()])
        kept.built_at = self.built_at
        kept.__dict__.update({name: value[rows] for name, value in self.__dict__.items() if isinstance(value, np.ndarray)})
        return kept


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

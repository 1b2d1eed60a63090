"""The vocabulary of rules: records by their types, reference data, times, re-arm words. `docs/authors.md` explains all of it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from schemas.raw import fields_of
from streams.engine.expression import DefinitionFault, Expr, Join, LargestEntry, Param, RecordField, ValueKind, maximum
from streams.engine.expression.periods import cycle, day, month, year
from streams.engine.expression.week import Week
from streams.engine.features.line_count import active_lines, own_lines
from streams.engine.features.place import Place
from streams.engine.features.seen import first_seen
from streams.engine.features.session import Session
from streams.engine.rearm import cool, each, edge, once, once_per, reset
from streams.engine.sources import RecordSource
from streams.engine.streams import Stream, any_of, event_time


class Records:
    """A raw record type; its fields are attributes: `B.balance_after`; and the stream of all its records."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self._fields = fields_of(record)

    if not TYPE_CHECKING:  # a type checker knows the columns by streams/definitions/columns.py

        def __getattr__(self, name: str) -> RecordField:
            info = self._fields.get(name)
            if info is None:
                raise AttributeError(f"{self._record.__name__} has no column {name!r}{suggest(name, self._fields)}")
            return RecordField(self._record, name, info.kind, nullable=info.nullable, unit=info.unit, domain=info.domain)

    @property
    def all(self) -> Stream:
        """Every record of the type."""
        return Stream(RecordSource(self._record))

    def where(self, *conditions: Expr) -> Stream:
        """The records for which all of `conditions` are true."""
        return self.all.where(*conditions)

    def same(self, *values: Expr | Session) -> Stream:
        """Every record of the type, split by `values`."""
        return self.all.same(*values)


def largest_entry(records: Records, name: str) -> LargestEntry:
    """The key with the greatest number in a field that maps texts to numbers: `largest_entry(I, "lines")`. Raises DefinitionFault."""
    fields = vars(records)["_fields"] if isinstance(records, Records) else {}
    if name not in fields or fields[name].kind != "map":
        raise DefinitionFault(f"largest_entry: wanted records and the name of a field that maps texts to numbers, such as (I, 'lines'), got ({records!r}, {name!r})")
    return LargestEntry(vars(records)["_record"], name)


def suggest(word: str, words: Any) -> str:
    """': did you mean …?', or the list of names."""
    close = difflib.get_close_matches(word, list(words), 3)
    return f": did you mean {' or '.join(close)}?" if close else f": there are {', '.join(sorted(words)) or 'none'}"


week = Week(day)
"""The Monday of the event's ISO week."""


class Reference:
    """A reference table in rules: `ref.device.brand(X.new_tac)` is the column of the row valid at the event time, or unknown.

    Columns are declared by the kinds of their keys and their own: `distance_km="text text -> int"`; a `!` behind: never unknown; or its unit.
    """

    def __init__(self, table: str, **columns: str) -> None:
        self._table, self._columns = table, columns

    def __getattr__(self, column: str) -> Callable[..., Join]:
        declared = self._columns.get(column)
        if declared is None:
            raise AttributeError(f"ref.{self._table} has no column {column!r}{suggest(column, self._columns)}")
        wanted, _, kind = declared.partition("-> ")

        def join(*keys: Expr) -> Join:
            got = " ".join(getattr(key, "kind", type(key).__name__) for key in keys)
            if got != wanted.strip():
                raise DefinitionFault(f"ref.{self._table}.{column}({', '.join(map(str, keys))}): wanted keys of the kinds ({wanted.strip()}), got ({got})")
            of, _, unit = kind.partition(" ")
            return Join(self._table, column, cast("ValueKind", of.rstrip("!")), *keys, nullable=not of.endswith("!"), unit=unit or None)

        return join


class References:
    """The reference tables in rules, by name."""

    device = Reference("device", brand="text -> text", model="text -> text", is_5g="text -> bool")
    cell = Reference("cell", city="text -> text")
    city = Reference("city", names="text -> text", country="text -> text", tourist="text -> bool", distance_km="text text -> int", has_tourist_city="text -> bool")
    plmn = Reference("plmn", country="text -> text", home="text -> bool", home_country="-> text!", roam_zone="text -> text")
    holiday = Reference("holiday", holiday="text date -> text", is_holiday="text date -> bool")
    line = Reference("line", zone="text -> text", home_city="text -> text", activation_date="text -> date", payment_type="text -> text", bill_cycle_day="text -> int")

    offering = Reference("offering", zone="text -> text", auto_renew="text -> bool", rank="text -> int", price_rise="text text -> int minor", price_currency="text text -> text")
    tier = Reference("tier", rank="text -> int")

    def __getattr__(self, table: str) -> Reference:
        raise AttributeError(f"ref has no table {table!r}{suggest(table, [name for name in vars(References) if not name.startswith('_')])}")


ref = References()
"""The reference tables: `ref.city.tourist(place.to)`."""


__all__ = [
    "DefinitionFault",
    "Param",
    "Place",
    "Records",
    "Stream",
    "active_lines",
    "any_of",
    "cool",
    "cycle",
    "day",
    "each",
    "edge",
    "event_time",
    "first_seen",
    "largest_entry",
    "maximum",
    "month",
    "once",
    "once_per",
    "own_lines",
    "ref",
    "reset",
    "week",
    "year",
]

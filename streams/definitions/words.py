"""The vocabulary of rules: records, streams of them, levels, windows, lengths of time, re-arm words, reference data.

`event.py` has the base class of definitions, the payload and the cases; `docs/authors.md` explains all of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, cast

from schemas.raw import fields_of
from streams.definitions.units import Millis, elapsed, span_of
from streams.engine.expression import DefinitionFault, EventDay, EventTime, Expr, Join, Operand, Param, RecordField, Unknown, ValueKind, both, condition, maximum
from streams.engine.features.absence import Silence
from streams.engine.features.change import Change
from streams.engine.features.cross import Cross
from streams.engine.features.day_total import DayTotal
from streams.engine.features.nth import Nth
from streams.engine.features.place import Place
from streams.engine.features.primitive import Days, Span
from streams.engine.features.window import Window
from streams.engine.rearm import Cool, Per, PerDay, PerLatest, Rearm, WindowWord

Length = Millis | Span | Param | Expr | str
"""A length of time: `hours(2)`, `days(7)`, `"2h"`, or a parameter in ms or civil days."""


# Lengths of time


def seconds(n: int) -> Millis:
    """`n` s of elapsed time."""
    return elapsed("seconds", n, 1_000)


def minutes(n: int) -> Millis:
    """`n` min of elapsed time."""
    return elapsed("minutes", n, 60_000)


def hours(n: int) -> Millis:
    """`n` h of elapsed time; 24 of them are not always a day."""
    return elapsed("hours", n, 3_600_000)


def days(n: int | Param) -> Span:
    """`n` civil days in the zone of the key: as a window, today and the n - 1 days before; as a delay, the same civil time n days later."""
    if isinstance(n, Param):
        if n.unit != "civil days":
            raise DefinitionFault(f"days: wanted a parameter in civil days, got one in {n.unit}")
        return Span(n, civil=True)
    if not isinstance(n, int) or isinstance(n, bool):
        raise DefinitionFault(f"days: wanted a whole number, got {n!r}")
    return Span(Days(n), civil=True)


# Records and streams of them


class Records:
    """A raw record type; its fields are attributes: `B.balance_after`."""

    def __init__(self, record: Any) -> None:
        self._record = record
        self._fields = fields_of(record)

    def __getattr__(self, name: str) -> RecordField:
        info = self._fields.get(name)
        if info is None or info.kind == "object":
            raise AttributeError(f"{self._record.__name__} has no column {name!r}{suggest(name, [one for one, of in self._fields.items() if of.kind != 'object'])}")
        return RecordField(self._record, name, info.kind, nullable=info.nullable, unit=info.unit, domain=info.domain)

    @property
    def all(self) -> Stream:
        """Every record of the type."""
        return Stream(self._record)

    def where(self, *conditions: Expr) -> Stream:
        """The records for which all of `conditions` hold."""
        return self.all.where(*conditions)


class Stream:
    """Records of one type for which some conditions hold; `same` splits them by the values of expressions."""

    def __init__(self, record: Any, conditions: tuple[Expr, ...] = (), same: tuple[Expr, ...] = ()) -> None:
        self.record, self.conditions, self.by_value = record, conditions, same

    def where(self, *conditions: Expr) -> Stream:
        """Only those for which all of `conditions` hold too."""
        return Stream(self.record, (*self.conditions, *map(condition, conditions)), self.by_value)

    def same(self, *values: Expr) -> Stream:
        """Split: windows and counts are kept for each combination of `values`."""
        return Stream(self.record, self.conditions, (*self.by_value, *values))

    @property
    def wanted(self) -> Expr:
        """All conditions as one."""
        return both(self.conditions)

    def level(self, *, before: Expr, after: Expr) -> Level:
        """A level that each record changes (P2)."""
        self._refuse_same("level")
        return Level(self, before, after)

    def within(self, span: Length) -> Window:
        """The records of the last `span` (P3)."""
        return Window(self.record, self.wanted, self.by_value, span_of("within", span))

    def day_total(self, value: Expr) -> DayTotal:
        """The sum of `value` over the civil day so far (P3)."""
        return DayTotal(self.record, self.wanted, self.by_value, value)

    def nth(self, *ordinals: int) -> Nth:
        """The n-th such record in the life of the key (P5). Raises DefinitionFault."""
        if not ordinals or min(ordinals) < 1:
            raise DefinitionFault(f"nth: wanted ordinals from 1, got {', '.join(map(str, ordinals)) or 'none'}")
        return Nth(self.record, self.wanted, self.by_value, ordinals)

    def silent(self, span: Length, *, given: tuple[int, int]) -> Silence:
        """No further such record within `span` (P7), `given=active_days(least, of=...)`."""
        self._refuse_same("silent")
        least, of_days = given
        return Silence(self.record, self.wanted, span_of("silent", span), least, of_days)

    def changes(self, value: Expr, *, old: Expr | None = None, initially: Expr | None = None, remember: bool = True) -> Change:
        """`value` differs from the value before (P10)."""
        self._refuse_same("changes")
        return Change(self.record, self.wanted, value, old=old, initially=initially, remember=remember)

    def _refuse_same(self, word: str) -> None:
        if self.by_value:
            raise DefinitionFault(f"{word}: wanted a stream without same({', '.join(map(str, self.by_value))}): {word} keeps one state for the key; windows and nth can be split")


def suggest(word: str, words: Any) -> str:
    """': did you mean …?', or the list of names."""
    close = difflib.get_close_matches(word, list(words), 3)
    return f": did you mean {' or '.join(close)}?" if close else f": there are {', '.join(sorted(words)) or 'none'}"


def active_days(least: int, *, of: int) -> tuple[int, int]:
    """At least `least` of the last `of` civil days had such a record, today included."""
    return least, of


class Level:
    """A level that each record changes from `before` to `after`."""

    def __init__(self, stream: Stream, before: Expr, after: Expr) -> None:
        self.stream, self.before, self.after = stream, before, after

    def falls_below(self, mark: Operand, *, rearm: Operand) -> Cross:
        """From `mark` or more to less; armed again at `rearm` or more."""
        return self.crosses((self.before >= mark) & (self.after < mark), release=self.after >= rearm)

    def falls_to(self, mark: Operand) -> Cross:
        """From more than `mark` to `mark` or less; armed again above it."""
        return self.crosses((self.before > mark) & (self.after <= mark), release=self.after > mark)

    def crosses(self, enter: Expr, *, release: Expr) -> Cross:
        """`enter` holds; armed again when `release` holds on a later record."""
        return Cross(self.stream.record, self.stream.wanted, enter, release)


# Re-arm words


def cool(span: Length, *, per: Expr | None = None) -> Rearm:
    """After an emission none for `span`; `per`: counted for each value of it."""
    return Cool(span_of("cool", span), () if per is None else (per,))


def once() -> Rearm:
    """At most one in the life of the key."""
    return Per()


def per(*values: Expr) -> Rearm:
    """At most one for each combination of `values`."""
    return Per(values)


def per_trip(trip: Expr, *, and_: Expr, unknown: Rearm) -> Rearm:
    """At most one for each trip and value of `and_`; without a trip, `unknown` decides, for each value."""
    if not isinstance(unknown, Cool):
        raise TypeError("unknown: wanted cool(...)")
    return PerLatest(trip, unknown, (and_,))


def per_day() -> Rearm:
    """At most one a civil day."""
    return PerDay()


EDGE = WindowWord("edge")
"""Windows: fires when the condition becomes true; armed again once it was false without the new member."""
RESET = WindowWord("reset")
"""Windows: an emission empties the window."""


event_time = EventTime()
unknown = Unknown()
"""A payload value that this kind of record never carries."""
today = EventDay()


class Reference:
    """A reference table in rules: `device.brand(X.new_tac)` is the column of the row valid at the event time, or unknown.

    Columns are declared by the kinds of their keys and their own: `distance_km="text text -> int"`; a `!` behind: never unknown.
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
                raise DefinitionFault(f"{self._table}.{column}({', '.join(map(str, keys))}): wanted keys of the kinds ({wanted.strip()}), got ({got})")
            return Join(self._table, column, cast("ValueKind", kind.rstrip("!")), *keys, nullable=not kind.endswith("!"))

        return join


device = Reference("device", brand="text -> text", model="text -> text", is_5g="text -> bool")
city = Reference("city", names="text -> text", country="text -> text", tourist="text -> bool", distance_km="text text -> int", has_tourist_city="text -> bool")
plmn = Reference("plmn", country="text -> text", home="text -> bool", home_country="-> text!")
holiday = Reference("holiday", holiday="text date -> text", is_holiday="text date -> bool")
line = Reference("line", zone="text -> text", home_city="text -> text", activation_date="text -> date", payment_type="text -> text", bill_cycle_day="text -> int")

__all__ = [
    "EDGE",
    "RESET",
    "DefinitionFault",
    "Level",
    "Param",
    "Place",
    "Records",
    "Stream",
    "active_days",
    "city",
    "cool",
    "days",
    "device",
    "event_time",
    "holiday",
    "hours",
    "line",
    "maximum",
    "minutes",
    "once",
    "per",
    "per_day",
    "per_trip",
    "plmn",
    "seconds",
    "today",
    "unknown",
]

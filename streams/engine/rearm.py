"""Re-arm words: when a rule that has fired may fire again (`docs/semantics.md` §1.4). Several words apply together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.primitive import DAY_MS, LATE_LIMIT_MS, Home, Scope, Span
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    import numpy.typing as npt

    from streams.engine.batch import Matches
    from streams.engine.expression import Expr
    from streams.engine.state.tables import Rows

PER_VALUE_DAYS = 400
"""`per` remembers a value this long after it was last met."""


class Rearm:
    """One re-arm word, as declared."""

    def __init__(self) -> None:
        self.same: tuple[Expr, ...] = ()

    def bind(self, home: Home, name: str, scope: Scope) -> RearmColumns | None:
        """Its state for rule `name`, whose matches have rows of `scope`; None for words that a window heeds itself."""
        raise NotImplementedError


class RearmColumns:
    """A re-arm word at work: `scope` refines the rule's own when the word has `same`."""

    def __init__(self, word: Rearm, scope: Scope, fine: Scope) -> None:
        self.word, self.base, self.scope = word, scope, fine

    def rows(self, matches: Matches) -> Rows:
        """The rows of this word's state."""
        if self.scope is self.base:
            return matches.rows
        return self.scope.refine(matches.rows, [matches.values(node) for node in self.scope.same], matches.times)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which matches may be emitted."""
        raise NotImplementedError

    def emitted(self, matches: Matches, rows: Rows) -> None:
        """An event was emitted for all of `matches`."""
        raise NotImplementedError


def fine_scope(home: Home, scope: Scope, same: tuple[Expr, ...]) -> Scope:
    """`scope` itself, or its refinement by `same`."""
    if not same:
        return scope
    name = f"{scope.table.name}({','.join(map(str, same))})"
    return Scope(scope.by, same, scope.table, home.state.table(name))


class Cool(Rearm):
    """After an emission at t a new one needs time >= t + span; for civil days: a civil date that many days later."""

    def __init__(self, span: Span, same: tuple[Expr, ...] = ()) -> None:
        super().__init__()
        self.span, self.same = span, same

    def bind(self, home: Home, name: str, scope: Scope) -> CoolColumns:
        return CoolColumns(self, home, name, fine_scope(home, scope, self.same), scope)

    def __str__(self) -> str:
        return f"cool {self.span}" + (f" per {', '.join(map(str, self.same))}" if self.same else "")


class CoolColumns(RearmColumns):
    """State: when it was last emitted."""

    def __init__(self, word: Cool, home: Home, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, scope, fine)
        self.world, self.span = home.world, word.span
        self.last = fine.table.column(f"{name}.emitted", "time")
        home.state.remembers(self.last.place, Memory(span_ms=self.span.longest_ms(home.world)))
        fine.table.matters_for(self.span.longest_ms(home.world) + DAY_MS + LATE_LIMIT_MS)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        last = self.last.values[rows]
        if self.span.civil:
            calendar = self.world.calendar
            rested = calendar.day(matches.times, matches.zones) >= calendar.day(last, matches.zones) + self.span.number(self.world)
        else:
            rested = matches.times >= last + self.span.number(self.world)
        return (last == 0) | rested

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.last.values[rows] = matches.times
        self.last.part.touch(rows)


class Per(Rearm):
    """At most one emission for each value of `same`; without any: one in the life of the key."""

    def __init__(self, same: tuple[Expr, ...] = ()) -> None:
        super().__init__()
        self.same = same

    def bind(self, home: Home, name: str, scope: Scope) -> PerColumns:
        return PerColumns(self, name, fine_scope(home, scope, self.same), scope)

    def __str__(self) -> str:
        return f"per {', '.join(map(str, self.same))}" if self.same else "once"


class PerColumns(RearmColumns):
    """State: whether it was emitted."""

    def __init__(self, word: Per, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, scope, fine)
        self.done = fine.table.column(f"{name}.emitted_once", "flag")
        fine.table.matters_for(PER_VALUE_DAYS * DAY_MS if word.same else None)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        del matches
        return np.asarray(self.done.values[rows] == 0)

    def emitted(self, matches: Matches, rows: Rows) -> None:
        del matches
        self.done.values[rows] = 1
        self.done.part.touch(rows)


class PerLatest(Rearm):
    """At most one emission while `value` stays what it was at the last one; an unknown value falls back on `otherwise`."""

    def __init__(self, value: Expr, otherwise: Cool, same: tuple[Expr, ...]) -> None:
        super().__init__()
        self.value, self.otherwise, self.same = value, otherwise, same

    def bind(self, home: Home, name: str, scope: Scope) -> PerLatestColumns:
        fine = fine_scope(home, scope, self.same)
        return PerLatestColumns(self, home, name, fine, scope)

    def __str__(self) -> str:
        return f"per {self.value}+{', '.join(map(str, self.same))}; unknown: {self.otherwise}"


class PerLatestColumns(RearmColumns):
    """State: the value at the last emission, and its time for the fallback."""

    def __init__(self, word: PerLatest, home: Home, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, scope, fine)
        self.value = word.value
        self.latest = fine.table.column(f"{name}.latest", "token")
        self.cool = CoolColumns(word.otherwise, home, name, fine, scope)
        fine.table.matters_for(PER_VALUE_DAYS * DAY_MS)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        value = matches.values(self.value)
        return np.where(value != 0, self.latest.values[rows] != value, self.cool.allows(matches, rows))

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.latest.values[rows] = matches.values(self.value)
        self.cool.emitted(matches, rows)


class PerDay(Rearm):
    """At most one emission a civil day of the event time."""

    def bind(self, home: Home, name: str, scope: Scope) -> PerDayColumns:
        return PerDayColumns(self, home, name, scope)

    def __str__(self) -> str:
        return "per day"


class PerDayColumns(RearmColumns):
    """State: the civil day of the last emission."""

    def __init__(self, word: PerDay, home: Home, name: str, scope: Scope) -> None:
        super().__init__(word, scope, scope)
        self.world = home.world
        self.day = scope.table.column(f"{name}.emitted_day", "int")
        scope.table.matters_for(2 * DAY_MS + LATE_LIMIT_MS)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        return np.asarray(self.world.calendar.day(matches.times, matches.zones) > self.day.values[rows])

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.day.values[rows] = self.world.calendar.day(matches.times, matches.zones)
        self.day.part.touch(rows)


class WindowWord(Rearm):
    """`edge` and `reset`: heeded by the window itself."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def bind(self, home: Home, name: str, scope: Scope) -> None:
        return None

    def __str__(self) -> str:
        return self.word

"""Re-arm words: when a rule that has fired may fire again (`docs/semantics.md` §1.4). Several words apply together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.columns import DAY_MS
from streams.engine.expression import known
from streams.engine.features.primitive import Home, Scope, Span
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    import numpy.typing as npt

    from schemas.columns import Ints
    from streams.engine.batch import Matches
    from streams.engine.expression import Expr
    from streams.engine.state.tables import Rows

PER_VALUE_MS = 400 * DAY_MS
"""`per` remembers a value this long after its emission."""


class Rearm:
    """One re-arm word, as declared."""

    def __init__(self) -> None:
        self.same: tuple[Expr, ...] = ()

    def bind(self, home: Home, name: str, scope: Scope) -> RearmRuntime | None:
        """Its state for rule `name`, whose matches have rows of `scope`; None for EDGE and RESET, which the window applies itself."""
        raise NotImplementedError


class RearmRuntime:
    """A re-arm word at work: `scope` refines the rule's own when the word has `same`."""

    def __init__(self, word: Rearm, home: Home, scope: Scope, fine: Scope) -> None:
        self.word, self.base, self.scope, self.jump_ms = word, scope, fine, home.jump_ms

    def rows(self, matches: Matches) -> Rows:
        """The rows of this word's state."""
        if self.scope is self.base:
            return matches.rows
        return self.scope.refine(matches.base_rows(), [matches.values(node) for node in self.scope.same], matches.times)

    def misdated(self, last: Ints, times: Ints) -> npt.NDArray[np.bool_]:
        """Where the last emission is so far ahead that its record must have been misdated: it suppresses nothing."""
        return last > times + self.jump_ms

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which matches may be emitted."""
        raise NotImplementedError

    def emitted(self, matches: Matches, rows: Rows) -> None:
        """Called when an event was emitted for all of `matches`."""
        raise NotImplementedError


def fine_scope(home: Home, scope: Scope, same: tuple[Expr, ...]) -> Scope:
    """`scope` itself, or the refinement of its base by its own values and those of `same`.

    Always from the base, whose rows are never freed: a row of a finer table may be freed and pass to another customer.
    """
    return home.scope(scope.by, (*scope.same, *same), scope.rank) if same else scope


class Cool(Rearm):
    """After an emission at t a new one needs time >= t + span; for civil days: a civil date that many days later."""

    def __init__(self, span: Span, same: tuple[Expr, ...] = ()) -> None:
        super().__init__()
        self.span, self.same = span, same

    def bind(self, home: Home, name: str, scope: Scope) -> CoolRuntime:
        return CoolRuntime(self, home, name, fine_scope(home, scope, self.same), scope)

    def __str__(self) -> str:
        return f"cool {self.span}" + (f" per {', '.join(map(str, self.same))}" if self.same else "")


class CoolRuntime(RearmRuntime):
    """State: when it was last emitted."""

    def __init__(self, word: Cool, home: Home, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, home, scope, fine)
        self.world, self.span = home.world, word.span
        self.last = fine.table.column(f"{name}.emitted", "time")
        home.state.remembers(self.last.place, Memory(span_ms=self.span.longest_ms(home.world)))
        home.matters_for(fine.table, self.span.longest_ms(home.world))

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        last = self.last.values[rows]
        if self.span.civil:
            calendar = self.world.calendar
            rested = calendar.day(matches.times, matches.zones) >= calendar.day(last, matches.zones) + self.span.number(self.world)
        else:
            rested = matches.times >= last + self.span.number(self.world)
        return (last == 0) | rested | self.misdated(last, matches.times)

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.last.values[rows] = matches.times
        self.last.part.touch(rows)


class Per(Rearm):
    """At most one emission for each value of `same`, remembered for 400 days; without any: one in the life of the key."""

    def __init__(self, same: tuple[Expr, ...] = ()) -> None:
        super().__init__()
        self.same = same

    def bind(self, home: Home, name: str, scope: Scope) -> PerRuntime:
        return PerRuntime(self, home, name, fine_scope(home, scope, self.same), scope)

    def __str__(self) -> str:
        return f"per {', '.join(map(str, self.same))}" if self.same else "once"


class PerRuntime(RearmRuntime):
    """State: when it was emitted."""

    def __init__(self, word: Per, home: Home, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, home, scope, fine)
        self.last = fine.table.column(f"{name}.emitted_at", "time")
        self.last.lifelong = not word.same
        home.matters_for(fine.table, PER_VALUE_MS if word.same else None)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        last = self.last.values[rows]
        if self.last.lifelong:
            return np.asarray(last == 0)
        return (last == 0) | (matches.times >= last + PER_VALUE_MS) | self.misdated(last, matches.times)

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.last.values[rows] = matches.times
        self.last.part.touch(rows)


class PerLatest(Rearm):
    """At most one emission while `value` stays what it was at the last one; for an unknown value `otherwise` decides."""

    def __init__(self, value: Expr, otherwise: Cool, same: tuple[Expr, ...]) -> None:
        super().__init__()
        self.value, self.otherwise, self.same = value, otherwise, same

    def bind(self, home: Home, name: str, scope: Scope) -> PerLatestRuntime:
        fine = fine_scope(home, scope, self.same)
        return PerLatestRuntime(self, home, name, fine, scope)

    def __str__(self) -> str:
        return f"per {self.value}+{', '.join(map(str, self.same))}; unknown: {self.otherwise}"


class PerLatestRuntime(RearmRuntime):
    """State: the value at the last emission, and its time for the fallback."""

    def __init__(self, word: PerLatest, home: Home, name: str, fine: Scope, scope: Scope) -> None:
        super().__init__(word, home, scope, fine)
        self.value = word.value
        self.latest = fine.table.column(f"{name}.latest", "token")
        self.cool = CoolRuntime(word.otherwise, home, name, fine, scope)
        home.matters_for(fine.table, PER_VALUE_MS)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        value, last = matches.values(self.value), self.cool.last.values[rows]
        another = (self.latest.values[rows] != value) | (matches.times >= last + PER_VALUE_MS) | self.misdated(last, matches.times)
        return np.where(known(self.value, value), another, self.cool.allows(matches, rows))

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.latest.values[rows] = matches.values(self.value)
        self.cool.emitted(matches, rows)


class PerDay(Rearm):
    """At most one emission a civil day of the event time."""

    def bind(self, home: Home, name: str, scope: Scope) -> PerDayRuntime:
        return PerDayRuntime(self, home, name, scope)

    def __str__(self) -> str:
        return "per day"


class PerDayRuntime(RearmRuntime):
    """State: the civil day of the last emission."""

    def __init__(self, word: PerDay, home: Home, name: str, scope: Scope) -> None:
        super().__init__(word, home, scope, scope)
        self.world = home.world
        self.day = scope.table.column(f"{name}.emitted_day", "int")
        home.matters_for(scope.table, DAY_MS)

    def allows(self, matches: Matches, rows: Rows) -> npt.NDArray[np.bool_]:
        today, last = self.world.calendar.day(matches.times, matches.zones), self.day.values[rows]
        return (today > last) | (last > today + self.jump_ms // DAY_MS)

    def emitted(self, matches: Matches, rows: Rows) -> None:
        self.day.values[rows] = self.world.calendar.day(matches.times, matches.zones)
        self.day.part.touch(rows)


class WindowWord(Rearm):
    """`edge` and `reset`: the window applies them itself."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word

    def bind(self, home: Home, name: str, scope: Scope) -> None:
        return None

    def __str__(self) -> str:
        return self.word

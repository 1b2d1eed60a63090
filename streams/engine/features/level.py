"""P2 cross: a level falls below a mark, or reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression import Expr, Operand, canonical, expr
from streams.engine.streams import Of, Source, Stream

if TYPE_CHECKING:
    from streams.engine.streams import ValueOf


class Level:
    """A level that each happening of `stream` changes from `before` to `after`."""

    def __init__(self, stream: Stream, before: Expr, after: Expr) -> None:
        self.stream, self.before, self.after = stream, before, after

    def falls_below(self, mark: Operand, *, rearm: Operand | None = None) -> Stream:
        """From `mark` or more to less. With `rearm`: not again before a later one has left it at `rearm` or more."""
        below = (self.before >= mark) & (self.after < mark)
        return self._crossing(below, None if rearm is None else self.after >= rearm)

    def falls_to(self, mark: Operand) -> Stream:
        """From more than `mark` to `mark` or less. Not again before a later one has left it above."""
        return self._crossing((self.before > mark) & (self.after <= mark), self.after > mark)

    def reaches(self, *marks: Operand) -> Crossings:
        """From less than a mark to the mark or more; `.step` is the highest mark reached."""
        steps = tuple(expr(mark) for mark in marks)
        reached = [(self.before < step) & (self.after >= step) for step in steps]
        any_reached = reached[0]
        for one in reached[1:]:
            any_reached = any_reached | one
        return self._crossing(any_reached, None, steps)

    def _crossing(self, enter: Expr, release: Expr | None, steps: tuple[Expr, ...] = ()) -> Crossings:
        return Crossings(CrossingSource(self, enter, release, steps), (), self.stream.by_value)


class Crossings(Stream):
    """A stream of crossings."""

    @property
    def step(self) -> Expr:
        """The highest mark reached."""
        assert isinstance(self.source, CrossingSource)  # made by Level
        return self.source.step


class CrossingSource(Source):
    """`enter` holds on a record; with `release` only while armed: un-armed by it until `release` holds on a later record.

    A record is late for the level where a newer one of the key was taken in before: it neither enters, releases nor is an event
    then. As a part of a pair or an absence every crossing counts, late or un-armed ones too (`docs/semantics.md` §1.8).
    """

    word = "crossing"

    def __init__(self, level: Level, enter: Expr, release: Expr | None, steps: tuple[Expr, ...]) -> None:
        self.level, self.enter, self.release, self.steps = level, enter, release, steps
        self.step: Expr = Of(self, "step", "int", unit=level.after.unit)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.level.stream,)

    def expressions(self) -> tuple[object, ...]:
        return (self.enter, self.release, *self.steps)

    def canonical(self, value_of: ValueOf) -> str:
        release = "" if self.release is None else f" until {canonical(self.release, value_of)}"
        return f"[{self.level.stream.canonical(value_of)}] crosses {canonical(self.enter, value_of)}{release}"

"""P10 change: a value differs from the last one known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression import Expr, canonical
from streams.engine.streams import Of, Source, Stream

if TYPE_CHECKING:
    from streams.engine.streams import ValueOf


class Moves(Stream):
    """A stream of moves of a value."""

    source: MoveSource

    @property
    def was(self) -> Expr:
        """The value before."""
        return self.source.was

    @property
    def to(self) -> Expr:
        """The new value."""
        return self.source.value


class MoveSource(Source):
    """`value` of a happening differs from the value before: from `old` where known, else the last one, else `initially`.

    Unknown values change nothing, and late ones neither move nor are remembered.
    """

    word = "moves"

    def __init__(self, stream: Stream, value: Expr, old: Expr | None, initially: Expr | None, *, remember: bool) -> None:
        self.stream, self.value, self.old, self.initially, self.remember = stream, value, old, initially, remember
        self.was: Expr = Of(self, "was", value.kind, nullable=initially is not None, unit=value.unit, domain=value.domain)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"was": self.was, "to": self.value}

    def expressions(self) -> tuple[object, ...]:
        return (self.value, self.old, self.initially, self.remember)

    def canonical(self, value_of: ValueOf) -> str:
        parts = [canonical(one, value_of) if one is not None else "-" for one in (self.value, self.old, self.initially)]
        return f"[{self.stream.canonical(value_of)}] moves {', '.join(parts)}{' remembered' if self.remember else ''}"

"""P7 absence: something did not happen in time after something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.features.pair import shared_keys
from streams.engine.streams import Source

if TYPE_CHECKING:
    from streams.engine.expression import Expr
    from streams.engine.spans import Span
    from streams.engine.streams import Stream, ValueOf


class AbsenceSource(Source):
    """No happening of `awaited` in (t_A, t_A + span] after an A of `first`: due at the end of the span, with the time of that end.

    While one A is waited on, other A's change nothing. One of `awaited` at exactly the end calls it off; at the time of A only one of
    another topic does (A counts as before it). A late A begins no timer where an awaited one in its span is already known.
    """

    word = "absence"
    timed = True

    def __init__(self, first: Stream, awaited: Stream, span: Span) -> None:
        self.first, self.awaited, self.span = first, awaited, span
        shared_keys(first, awaited, first)

    def keys_of(self, stream: Stream) -> tuple[Expr, ...]:
        """The values of one of the two streams by which they go together."""
        return shared_keys(self.first, self.awaited, stream)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first, self.awaited)

    def origins(self) -> tuple[Stream, ...]:
        return (self.first,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.first.time}

    def expressions(self) -> tuple[object, ...]:
        return (self.span,)

    def canonical(self, value_of: ValueOf) -> str:
        return f"[{self.first.canonical(value_of)}] without [{self.awaited.canonical(value_of)}]"

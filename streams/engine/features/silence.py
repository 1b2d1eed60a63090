"""P7 silence: nothing more of a stream for a while, after it was lively."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression import canonical
from streams.engine.expression import condition as checked
from streams.engine.streams import Source

if TYPE_CHECKING:
    from streams.engine.expression import Expr
    from streams.engine.spans import Span
    from streams.engine.streams import Stream, ValueOf


class SilenceSource(Source):
    """No further happening of `stream` for `span` after the last one; only if `given` was true at that one.

    Each happening sets the timer of its key again, never to an earlier moment; a late one that is not the newest changes nothing.
    """

    word = "silence"
    timed = True

    def __init__(self, stream: Stream, span: Span, given: Expr | None) -> None:
        self.stream, self.span = stream, span
        self.given = None if given is None else checked(given)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.stream,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.stream.time}

    def expressions(self) -> tuple[object, ...]:
        return (self.span, self.given)

    def canonical(self, value_of: ValueOf) -> str:
        given = "" if self.given is None else f" given {canonical(self.given, value_of)}"
        return f"[{self.stream.canonical(value_of)}] silent{given}"

"""P6 sequence: B after A, within a time or however long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.engine.expression import DefinitionFault, Expr, RecordField
from streams.engine.streams import Of, Source, Stream

if TYPE_CHECKING:
    from streams.engine.spans import Span
    from streams.engine.streams import ValueOf


def shared_keys(first: Stream, second: Stream, stream: Stream) -> tuple[Expr, ...]:
    """The values of `stream` by which two streams go together: by place, as far as both go. Raises DefinitionFault."""
    for one, other in zip(first.by_value, second.by_value, strict=False):
        if one.kind != other.kind or (isinstance(one, RecordField) and isinstance(other, RecordField) and one.record is other.record and one.name != other.name):
            raise DefinitionFault(
                f"same: wanted values that go together at the same place of both streams, got {one} and {other}: name them in one order, .same(B.currency, B.bucket_id)"
            )
    return stream.by_value[: min(len(first.by_value), len(second.by_value))]


class Pair(Stream):
    """A stream of pairs."""

    source: PairSource

    @property
    def gap(self) -> Expr:
        """The time between the two, ms."""
        return self.source.gap


class PairSource(Source):
    """A happening of `second` after one of `first` (t_B <= t_A + within). One A serves one B; the latest free A before B counts.

    Each side may come late: the trigger is the second one by time, whichever arrives last. At equal times of two topics A counts as before B.
    """

    word = "pair"

    def __init__(self, first: Stream, second: Stream, within: Span | None) -> None:
        self.first, self.second, self.within = first, second, within
        shared_keys(first, second, first)
        self.gap: Expr = Of(self, "gap", "int", unit="ms")

    def keys_of(self, stream: Stream) -> tuple[Expr, ...]:
        """The values of one of the two streams by which they go together."""
        return shared_keys(self.first, self.second, stream)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first, self.second)

    def origins(self) -> tuple[Stream, ...]:
        return (self.second,)

    def evidence(self) -> dict[str, Expr]:
        return {"gap": self.gap}

    def expressions(self) -> tuple[object, ...]:
        return (self.within,)

    def canonical(self, value_of: ValueOf) -> str:
        return f"[{self.first.canonical(value_of)}] then [{self.second.canonical(value_of)}]"

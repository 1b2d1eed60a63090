"""P8 deadline: a moment that a record names or implies has come: a date, a time, or so long after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.expression import Expr, canonical
from streams.engine.features.absence import UNKNOWN, AwaitedSource, AwaitedStage
from streams.engine.features.pair import KEPT_MS
from streams.engine.features.reading import coded
from streams.engine.spans import Span

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.flow import Flow
    from streams.engine.sources import ValueOf
    from streams.engine.streams import Stream


class DeadlineSource(AwaitedSource):
    """The moment that each happening of `first` names has come: due then, with that time; one of `awaited` until then calls it off.

    A later one of its key that names a moment moves the timer, an unknown moment changes nothing. A moment before the one at which it
    is learnt is past: no timer; with `until` it comes at once, as long as it is learnt before `until`.

    `moment`: a time, or how long after.
    """

    word = "deadline"

    def __init__(self, first: Stream, moment: Expr | Span, *, awaited: Stream | None = None, until: Expr | None = None) -> None:
        super().__init__(first, awaited, latest=True)
        self.moment, self.until = moment, until

    def expressions(self) -> tuple[object, ...]:
        return (self.moment, self.until)

    def read(self) -> list[Expr]:
        """What is read of a happening that names a moment."""
        return [one for one in (self.moment, self.until) if isinstance(one, Expr)]

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        moment = f"after {self.moment.canonical(mark_of)}" if isinstance(self.moment, Span) else f"at {canonical(self.moment, mark_of)}"
        until = "" if self.until is None else f" at once until {canonical(self.until, mark_of)}"
        return f"[{self.first.canonical(value_of)}] {moment}{until}{'' if self.awaited is None else f' unless [{self.awaited.canonical(value_of)}]'}"


class DeadlineStage(AwaitedStage):
    """Moments that have come."""

    source: DeadlineSource

    def waits(self) -> tuple[int, int]:
        moment = self.source.moment
        return 0, moment.longest_ms(self.home.world.value_of) if isinstance(moment, Span) else KEPT_MS

    def moments(self, flow: Flow) -> Ints:
        moment, until = self.source.moment, self.source.until
        found = self.after(moment, flow) if isinstance(moment, Span) else coded(moment, flow)
        if until is not None:
            ends = coded(until, flow)
            found = np.where((found != UNKNOWN) & (ends != UNKNOWN) & (found < flow.time) & (flow.time < ends), flow.time, found)
        return found


__all__ = ["DeadlineSource", "DeadlineStage"]

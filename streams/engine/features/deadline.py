"""P8 deadline: a moment that a record names or implies has come: a date, a time, or so long after."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.expression import Expr, by_name, canonical
from streams.engine.features.absence import UNKNOWN, AbsenceStage
from streams.engine.features.pair import KEPT_MS, shared_keys
from streams.engine.spans import Span
from streams.engine.stage import read_for
from streams.engine.streams import Source

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.flow import Flow
    from streams.engine.streams import Stream, ValueOf


class DeadlineSource(Source):
    """The moment that each happening of `first` names has come: due then, with that time; one of `awaited` until then calls it off.

    A later one of its key that names a moment moves the timer, an unknown moment changes nothing. A moment before the one at which it
    is learnt is past: no timer; with `until` it comes at once, as long as it is learnt before `until`.

    `moment`: a time, or how long after.
    """

    word = "deadline"
    timed = True
    latest = True

    def __init__(self, first: Stream, moment: Expr | Span, *, awaited: Stream | None = None, until: Expr | None = None) -> None:
        self.first, self.moment, self.until = first, moment, until
        self.awaited = awaited
        self.keys_of(first)

    def keys_of(self, stream: Stream) -> tuple[Expr, ...]:
        """The values of one of the two streams by which they go together."""
        return stream.by_value if self.awaited is None else shared_keys(self.first, self.awaited, stream)

    def inputs(self) -> tuple[Stream, ...]:
        return (self.first,) if self.awaited is None else (self.first, self.awaited)

    def origins(self) -> tuple[Stream, ...]:
        return (self.first,)

    def evidence(self) -> dict[str, Expr]:
        return {"since": self.first.time}

    def expressions(self) -> tuple[object, ...]:
        return (self.moment, self.until)

    def read(self) -> list[Expr]:
        """What is read of a happening that names a moment."""
        return [one for one in (self.moment, self.until) if isinstance(one, Expr)]

    def canonical(self, value_of: ValueOf) -> str:
        return self._text(value_of, value_of)

    def gathered(self, value_of: ValueOf) -> str:
        return self._text(value_of, by_name)

    def _text(self, value_of: ValueOf, moment_of: ValueOf) -> str:
        moment = f"after {self.moment.canonical(moment_of)}" if isinstance(self.moment, Span) else f"at {canonical(self.moment, moment_of)}"
        until = "" if self.until is None else f" at once until {canonical(self.until, moment_of)}"
        return f"[{self.first.canonical(value_of)}] {moment}{until}{'' if self.awaited is None else f' unless [{self.awaited.canonical(value_of)}]'}"


class DeadlineStage(AbsenceStage):
    """Moments that have come. State: as of an absence."""

    source: DeadlineSource

    def waits(self) -> tuple[int, int]:
        if isinstance(self.source.moment, Span):
            return 0, self.source.moment.longest_ms(self.home.world.value_of)
        return 0, KEPT_MS

    def moments(self, flow: Flow) -> Ints:
        source, world = self.source, self.home.world
        if isinstance(source.moment, Span):
            return source.moment.after(world.value_of, world.calendar, flow.time, flow.zones(self.by) if source.moment.civil else 0)
        found = named(source.moment, flow)
        if source.until is not None:
            until = named(source.until, flow)
            found = np.where((found != UNKNOWN) & (until != UNKNOWN) & (found < flow.time) & (flow.time < until), flow.time, found)
        return found


def named(moment: Expr, flow: Flow) -> Ints:
    """The moments that happenings name; UNKNOWN where they name none."""
    values, known = read_for(moment, flow)
    return values.astype(np.int64) if known is None else np.where(known, values.astype(np.int64), UNKNOWN)


__all__ = ["DeadlineSource", "DeadlineStage"]

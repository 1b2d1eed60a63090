"""Sources of streams: records of a type, events, several streams as one; what primitives find is in `features/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.engine.expression import Expr, Reading, by_name
from streams.engine.spans import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.engine.expression import Param, ValueKind
    from streams.engine.streams import Stream

    ValueOf = Callable[[Param], object]


class Source:
    """Where a stream comes from."""

    timed = False
    """Whether its happenings are moments of timers, behind which stands an earlier record: the anchor."""
    word = "source"
    """What messages and the names of its state call it."""

    def inputs(self) -> tuple[Stream, ...]:
        """The streams it is made of; what is behind a happening is behind one of these."""
        return ()

    def origins(self) -> tuple[Stream, ...]:
        """Those of its streams whose happening is the trigger (or the anchor) of its own."""
        return self.inputs()

    def behind(self) -> tuple[Source, ...]:
        """The sources of those."""
        return tuple(stream.source for stream in self.origins())

    def records(self) -> tuple[type, ...]:
        """The types that the record behind may have."""
        return tuple(dict.fromkeys(record for source in self.behind() for record in source.records()))

    def evidence(self) -> dict[str, Expr]:
        """What an event shows of such a happening, by name."""
        return {}

    def expressions(self) -> tuple[object, ...]:
        """What else it is made of: for `key`."""
        return ()

    def key(self) -> object:
        """Equal for sources that mean the same in one process: such are run once."""
        found = self.__dict__.get("_key")
        if found is None:
            parts = [part.key() if isinstance(part, Expr | Span) else str(part) for part in self.expressions()]
            found = self.__dict__["_key"] = (type(self).__name__, *(stream.key() for stream in self.inputs()), *parts)
        return found

    def canonical(self, value_of: ValueOf) -> str:
        """What it is, the same in every process."""
        raise NotImplementedError

    def gathered(self, value_of: ValueOf) -> str:
        """What its own state is gathered for, and named by: marks and waits that are parameters count by their names, so that it is carried when they are set again."""
        return self.canonical(value_of)

    def __str__(self) -> str:
        return self.word


class Marked(Source):
    """A source with marks, waits or dates of its own: its state is carried when the parameters in them are set to something else."""

    def canonical(self, value_of: ValueOf) -> str:
        return self.text(value_of, value_of)

    def gathered(self, value_of: ValueOf) -> str:
        return self.text(value_of, by_name)

    def text(self, value_of: ValueOf, mark_of: ValueOf) -> str:
        """What it is; `mark_of` says what stands for a parameter in a mark, wait or date."""
        raise NotImplementedError


class Of(Reading):
    """A column of a source's happening, by name: its `time`, the `gap` of a pair, the `step` of a crossing, the `name` in an any_of."""

    def __init__(self, source: Source, name: str, kind: ValueKind, *, nullable: bool = False, unit: str | None = None, domain: tuple[str, ...] | None = None) -> None:
        self.source, self.name, self.kind, self.nullable, self.unit, self.domain = source, name, kind, nullable, unit, domain

    def key(self) -> object:
        return ("Of", self.source.key(), self.name)

    def canonical(self, value_of: ValueOf) -> str:
        return f"{self.source.canonical(value_of)}.{self.name}"

    def __str__(self) -> str:
        return f"{self.source}.{self.name}"


class RecordSource(Source):
    """Every record of a raw type."""

    word = "record"

    def __init__(self, record: type[Any]) -> None:
        self.record = record

    def records(self) -> tuple[type, ...]:
        return (self.record,)

    def expressions(self) -> tuple[object, ...]:
        return (self.record.__name__,)

    def canonical(self, value_of: ValueOf) -> str:
        return self.record.__name__

    def __str__(self) -> str:
        return self.record.__name__


class EventSource(Source):
    """The events of a definition, published or not; what is behind an event is behind its trigger. The split of its rule is forgotten."""

    word = "event"

    def __init__(self, event: Any) -> None:
        self.event = event

    def behind(self) -> tuple[Source, ...]:
        return (self.event.when.source,)

    def expressions(self) -> tuple[object, ...]:
        return (f"{self.event.__module__}.{self.event.__qualname__}",)

    @property
    def timed(self) -> bool:  # type: ignore[override]  # as its rule
        """Whether a timer causes the event."""
        return bool(self.event.when.source.timed)

    def canonical(self, value_of: ValueOf) -> str:
        return f"event {self.event.id}"

    def __str__(self) -> str:
        return str(self.event.id)


class UnionSource(Source):
    """Happenings of several streams, in their order; `name` says which."""

    word = "any_of"

    def __init__(self, parts: dict[str, Stream]) -> None:
        self.parts = parts

    @property
    def timed(self) -> bool:  # type: ignore[override]  # as its parts
        """Whether a timer may be among its causes."""
        return any(part.source.timed for part in self.parts.values())

    def inputs(self) -> tuple[Stream, ...]:
        return tuple(self.parts.values())

    def expressions(self) -> tuple[object, ...]:
        return tuple(self.parts)

    def canonical(self, value_of: ValueOf) -> str:
        return f"any_of({', '.join(f'{name}={part.canonical(value_of)}' for name, part in self.parts.items())})"


__all__ = ["EventSource", "Marked", "Of", "RecordSource", "Source", "UnionSource"]

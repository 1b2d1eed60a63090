"""What a definition is made of, as one tree: streams with their sources, frames, features, re-arm words, parameters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from streams.engine.expression import Expr, Known, certain
from streams.engine.features.frame import Extent, Feature, Frame
from streams.engine.features.level import Level
from streams.engine.features.moves import MoveSource
from streams.engine.features.place import Place
from streams.engine.features.stretch import Consecutive
from streams.engine.rearm import Cool, OncePer, Rearm
from streams.engine.sources import EventSource, Of, Source
from streams.engine.spans import Span
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.definitions.event import Event

Found = TypeVar("Found")
PARTS = (Expr, Stream, Source, Frame, Extent, Span, Rearm, Level, Place)
"""The classes of a definition's parts: objects whose attributes are searched. Other events are not entered."""
KEPT = 512
"""Of so many definitions the parts are kept."""


def found_once(find: Callable[[type[Event]], Found]) -> Callable[[type[Event]], Found]:
    """`find` with its last answers kept: a definition does not change."""
    return lru_cache(KEPT)(find)  # type: ignore[return-value]  # mypy asks whether a definition's objects can be hashed; the class can


def parts_of(*roots: object) -> dict[int, object]:
    """All parts inside `roots`, themselves included, by identity; each before what it is made of."""
    seen: dict[int, object] = {}
    waiting = [*reversed(roots)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += reversed(part)
        elif isinstance(part, dict):
            waiting += reversed(part.values())
        elif isinstance(part, PARTS) and id(part) not in seen:
            seen[id(part)] = part
            waiting += reversed(inside(part))
    return seen


def inside(part: object) -> list[object]:
    """What a part is made of. What a place can tell is no part of it, nor are the columns of a source's own happenings."""
    if isinstance(part, Place):
        return [part.stream]
    return [value for name, value in vars(part).items() if not name.startswith("_") and name != "same_as" and not (isinstance(value, Of) and value.source is part)]


@found_once
def used_by(event: type[Event]) -> dict[int, object]:
    """All parts of the rule, its re-arm words and its detail. Read only."""
    return parts_of(event.when, event.words, event.detail.values)


def events_in(event: type[Event]) -> list[type[Event]]:
    """The events whose happenings the rule reads, or whose parameters, each once."""
    found: list[type[Event]] = [part.event for part in used_by(event).values() if isinstance(part, EventSource)]
    return [*dict.fromkeys(one for one in found if one is not event)]


def chain(source: Source) -> Iterator[Source]:
    """A source, and all sources whose happening may be the trigger or the anchor of its own."""
    yield source
    for inner in source.behind():
        yield from chain(inner)


def is_behind(wanted: Source, source: Source) -> bool:
    """Whether a happening of `wanted` may be behind one of `source`, so that its columns can be read there."""
    return any(wanted.key() == one.key() for one in chain(source))


class Read(NamedTuple):
    """An expression, and at whose happenings it is read."""

    at: str
    """The name in the class that it stands in: `when`, `rearm`, `detail.spent`, or the attribute that has it."""
    word: str
    """What it is read for: `where`, `same`, `sum(…)`, `detail`."""
    node: Expr
    source: Source


def reads_of(event: type[Event]) -> Iterator[Read]:
    """All expressions of a definition, each once, with where they are read."""
    yield from (Read(f"detail.{name}", "detail", value, event.when.source) for name, value in event.detail.values.items())
    for part, at in placed(event):
        yield from (Read(at, word, node, source) for word, node, source in own_reads(part, event))


@found_once
def placed(event: type[Event]) -> list[tuple[object, str]]:
    """All parts of a definition, each with the name in the class that it stands in: the first attribute that has it. Read only."""
    named = {name: parts_of(value) for name, value in vars(event).items() if isinstance(value, PARTS) and name not in ("when", "rearm")}
    seen: set[int] = set()
    found: list[tuple[object, str]] = []
    for at, root in (("when", event.when), ("rearm", event.words), *((f"detail.{name}", value) for name, value in event.detail.values.items())):
        for key, part in parts_of(root).items():
            if key not in seen:
                seen.add(key)
                found.append((part, next((name for name, parts in named.items() if key in parts), at)))
    return found


def own_reads(part: object, event: type[Event]) -> Iterator[tuple[str, Expr, Source]]:
    """The expressions that a part has itself."""
    match part:
        case Stream():
            yield from (("where", node, part.source) for node in part.conditions)
            yield from (("same", node, part.source) for node in part.by_value)
        case Feature():
            yield from ((str(part), node, part.frame.stream.source) for node in part.arguments)
            if isinstance(part.frame.extent, Consecutive):
                yield "stretch", part.frame.extent.holds, part.frame.stream.source
        case Cool() | OncePer():
            yield from (("rearm", node, event.when.source) for node in part.per)
        case Source():
            yield from ((part.word, node, part) for value in inside(part) for node in (value if isinstance(value, tuple) else (value,)) if isinstance(node, Expr))


def features_in(node: Expr) -> Iterator[Feature]:
    """The features that an expression reads."""
    yield from (part for part in node.walk() if isinstance(part, Feature))


def streams_behind(source: Source) -> tuple[Stream, ...]:
    """The streams one of whose happenings is the trigger, or the anchor, of a source's own: of a pair the second one alone."""
    return (source.event.when,) if isinstance(source, EventSource) else source.origins()


def conditions_of(stream: Stream) -> list[Expr]:
    """All conditions that are true of the record behind a happening, from its source on; of an any_of those that all of its streams have."""
    parts = [conditions_of(inner) for inner in streams_behind(stream.source)]
    shared = [one for one in parts[0] if all(any(one.key() == other.key() for other in part) for part in parts[1:])] if parts else []
    known = [*stream.by_value, *getattr(stream.source, "known", ()), *([stream.source.value] if isinstance(stream.source, MoveSource) else [])]
    return [*stream.conditions, *map(Known, known), *shared]


def known_behind(stream: Stream) -> frozenset[object]:
    """The keys of the nodes that are known wherever a stream's happening is: what its conditions ask for, and what splits it."""
    return frozenset[object]().union(*map(certain, conditions_of(stream)))


def has_member(frame: Frame, when: Stream) -> bool:
    """Whether the record behind a happening of `when` is surely one of a frame's own stream."""
    source, known = when.source, {one.key() for one in conditions_of(when)}
    wanted = {one.key() for one in conditions_of(frame.stream)} - {Known(value).key() for value in frame.stream.by_value}
    return wanted <= known and is_behind(frame.stream.source, source)

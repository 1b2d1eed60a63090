"""A happening as a rule sees it: what expressions read of it."""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

from streams.engine.features.active import Active
from streams.engine.features.frame import Feature
from streams.engine.features.line_count import LineCount
from streams.engine.features.past import Past
from streams.engine.features.place import AS_OF, PlaceReading
from tests.reference.civil import later
from tests.reference.frames import Row, added_up, covered, within
from tests.reference.happening import Happening
from tests.reference.past import added_up_before
from tests.reference.values import value


class View:
    """A happening as a rule sees it: what expressions read."""

    def __init__(self, rule: Any, on: Happening, reading: Any, *, without_own: bool = False) -> None:
        self.rule, self.on, self.reading, self.without_own = rule, on, reading, without_own
        self.reference, self.time, self.kind, self.fields, self.outputs = reading.reference, on.time, on.kind, on.fields, on.outputs

    @cached_property
    def zone(self) -> str:
        """That of the rule's key; of no rule's record that of its line."""
        return self.reading.line_zone(self.on.line, self.on.time) if self.rule is None else self.reading.zone_of(self.rule.event.by, self.on)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.on, name)

    def without(self) -> View:
        """The same without the happening itself in the frames."""
        return View(self.rule, self.on, self.reading, without_own=True)

    def parameter(self, node: Any) -> int:
        return self.reading.parameter(node)

    def value(self, node: Any) -> Any:
        return value(node, self)

    def length(self, span: Any) -> int:
        """ms, or civil days."""
        return span.length if isinstance(span.length, int) else self.parameter(span.length)

    def end_of(self, span: Any) -> int:
        """The moment this long after the happening."""
        length = self.length(span)
        return later(self.on.time, length, self.zone) if span.civil else self.on.time + length

    def row(self, frame: Any, at: Any = ()) -> Row:
        """The row of a frame that the happening reads, by its own values or those of `at`; empty where one is unknown."""
        values = [value(one, self) for one in at or frame.stream.by_value]
        self.rule.update(frame)
        key = self.rule.key(self.on)
        return self.rule.table(place_of(frame), key).get((key, *values)) or Row()

    def feature(self, node: Feature) -> Any:
        frame = node.frame
        if isinstance(frame.extent, Past):
            return added_up_before(node, self.row(frame), self, self.first_seen())
        without = frame.without_own or self.without_own
        if isinstance(frame.extent, Active):
            members = within(frame.extent, self.row(frame), self, without_own=frame.without_own)
            return covered(members, value(node.at[0], self)) if node.function == "cover" else added_up(node.function, argument_of(node), members, frame.extent)
        members = within(frame.extent, self.row(frame, node.at), self, without_own=without and not node.at)
        return added_up(node.function, argument_of(node), members, frame.extent)

    def lines(self, node: LineCount) -> int:
        """How many lines the key has."""
        lines = self.reading.owned.active(self.on.customer, self.on.time, ended=None if node.active else False)
        return len(lines) if self.rule.event.by == "customer" else sum(account == self.on.account for account in lines.values())

    def whole_life(self) -> bool:
        """Whether all that ever happened to the key is there."""
        return self.reading.history_from is None or self.reading.owned.begun_since(self.rule.event.by, self.on, self.reading.history_from, self.reading.default_zone)

    def first_seen(self) -> int | None:
        """When the key was first seen."""
        return self.reading.first_seen.get((self.rule.event.by, self.rule.key(self.on)))

    def place(self, node: PlaceReading) -> Any:
        """At a move as of that move, elsewhere as it stands; at a timer what any record may read as it stands then."""
        machine = self.reading.places[id(node.place)]
        said = self.on.moved.get(id(node.place))
        if said is None or (self.on.timed and node.name in AS_OF):
            return machine.as_of(node.name, self.on)
        return said[node.name]

    def session(self, source: Any) -> Any:
        """The id of the session that the happening is of; a timer that one of the same source set has that of its anchor."""
        sessions = self.rule.scalars[id(source)]
        self.rule.happen(source)
        said = self.on.sessions.get((id(source), self.rule.event.by))
        if said is not None and said[0] in (self.on.mark, self.on.anchor):
            return said[1]
        return sessions.of(self.on)

    def reads_own(self, condition: Any) -> bool:
        """Whether a condition reads a frame of which the happening is a member."""
        return any(self.row(node.frame).own(self.on) for node in features_of(condition) if not isinstance(node.frame.extent, Active | Past))

    def late_in(self, expressions: Any) -> bool:
        """Whether the happening came late into a frame that these read, and that evaluates late ones never."""
        return any(self.row(node.frame).late(self.on) for node in ordered_in(tuple(expressions)))


def place_of(frame: Any) -> Any:
    return (id(frame.stream), id(frame.extent))


def argument_of(node: Feature) -> Any:
    return tuple(one.key() for one in node.arguments)


@cache
def ordered_in(expressions: tuple[Any, ...]) -> list[Feature]:
    """Of these, those that evaluate late members never."""
    return [node for one in expressions for node in features_of(one) if node.frame.extent.ordered]


@cache
def features_of(expression: Any) -> list[Feature]:
    return [node for node in expression.walk() if isinstance(node, Feature)]


__all__ = ["View", "argument_of", "features_of", "place_of"]

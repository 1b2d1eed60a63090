"""The rule of an event as sentences, with the numbers that were in force when it happened: what `kairos explain` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.definitions.in_words import Words, listed
from streams.engine.expression import Const, Expr, Join, Not, Nth, OrElse, Param, TruthKey
from streams.engine.expression.nodes import Binary, Guarded, In
from streams.engine.features.absence import AbsenceSource
from streams.engine.features.each_line import EachLineSource
from streams.engine.features.frame import Feature
from streams.engine.features.level import CrossingSource
from streams.engine.features.moves import MoveSource
from streams.engine.features.pair import PairSource
from streams.engine.features.place import PlaceReading, PlaceSource
from streams.engine.features.silence import SilenceSource
from streams.engine.rearm import Cool, Each, Edge, OncePer, Rearm, Reset
from streams.engine.sources import RecordSource, Source
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.definitions.event import Event
    from streams.engine.spans import Span

SIGNS = {"==": "is", "!=": "is not", ">=": "is at least", "<=": "is at most", ">": "is over", "<": "is under", "&": "and", "|": "or", "-": "minus", "+": "plus", "*": "times"}
FUNCTIONS = {
    "distinct": "number of different",
    "sum": "sum of",
    "first": "first",
    "latest": "latest",
    "largest": "largest",
    "smallest": "smallest",
    "top": "most frequent",
    "earlier": "earlier",
}
"""What a function of a frame gives, before its argument."""

PLACES = {
    "place.home": "the home",
    "place.to": "the new place",
    "place.was": "the place before",
    "place.came_home": "the line came home",
    "place.left_home": "the line left home",
    "place.domestic": "the new place is in the home country",
    "place.trip.id": "the trip",
    "place.trip.length": "the length of the trip",
}
"""What the values of a change of place are."""


def spaced(name: str) -> str:
    """`bucket_kind` as words; a type of record too: `BalanceChange` is `balance change`."""
    if "_" not in name and name[:1].isupper():
        name = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    return name.strip("_").replace("_", " ")


def a_or_an(word: str) -> str:
    """`a line`, `an account`."""
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


class Sentences(Words):
    """Texts of the parts of one event in plain words; `written` shows the value of a parameter."""

    def __init__(self, event: type[Event], value_of: Callable[[Param], int], written: Callable[[int, str], str]) -> None:
        super().__init__(event, value_of)
        self.written = written

    def when(self) -> str:
        """When the event happens, as one or two sentences."""
        stream: Stream = self.event.when
        first = f"This happens for {a_or_an(self.event.by)} when {self.source(stream.source)}"
        first += f", and {self.all(stream.conditions)}" if stream.conditions else ""
        split = [self.expr(value) for value in stream.by_value]
        first += f"; each {listed(split)} is looked at alone" if split else ""
        frames = [f"{spaced(name)} means: {text}" for name, text in self.frames()]
        return ". ".join([first, *(one[:1].upper() + one[1:] for one in ["; ".join(frames)] if one)]) + "."

    def armed_again(self) -> str:
        """What must happen before the same can be an event again."""
        source = self.event.when.source
        own = ""
        match source:
            case CrossingSource() if source.release is not None:
                own = f"Not again until {self.bare(source.release)}"
            case SilenceSource():
                own = f"Not again until the next [{self.stream(source.stream)}]; from it on time is counted again"
            case AbsenceSource():
                own = f"The next [{self.stream(source.first)}] starts the wait again"
        words = "; ".join([*filter(None, [own]), *map(self.rearm, self.event.words)]) or "Nothing has to: each time that this is so is an event"
        return f"{words[:1].upper()}{words[1:]}. Counted for each {self.key()}."

    def part(self, name: str, node: Expr | None) -> str:
        """A named part of the rule, which is `node`."""
        return self.bare(node).removeprefix("the ") if node is not None and str(node) == name else spaced(name)

    def key(self) -> str:
        return listed([self.event.by, *map(self.expr, self.event.when.by_value)])

    def source(self, source: Source) -> str:
        match source:
            case RecordSource():
                return f"a record comes: {spaced(source.record.__name__)}"
            case CrossingSource():
                once = f", once for each {listed([*map(self.expr, source.per)])}" if source.per else "" if source.per is None else ", once"
                if source.steps:
                    return f"[{self.stream(source.level.stream)}] lifts {self.bare(source.level.after)} to {', '.join(map(self.expr, source.steps))}{once}"
                return f"[{self.stream(source.level.stream)}] brings it about that {self.bare(source.enter)}{once}"
            case PlaceSource():
                return "the place where the line stays has changed"
            case EachLineSource():
                return f"[{self.stream(source.stream)}], for each active line"
            case MoveSource():
                return f"[{self.stream(source.stream)}] changes {self.expr(source.value)}"
            case PairSource():
                within = f" within {self.span(source.within)}" if source.within is not None else ""
                return f"[{self.stream(source.first)}] is followed by [{self.stream(source.second)}]{within}"
        return super().source(source)

    def stream(self, stream: Stream) -> str:
        source = stream.source
        text = spaced(source.record.__name__) if isinstance(source, RecordSource) else self.source(source)
        text += f" with {self.all(stream.conditions)}" if stream.conditions else ""
        return text + (f", for each {listed([*map(self.expr, stream.by_value)])}" if stream.by_value else "")

    def expr(self, node: Expr) -> str:
        match node:
            case Param():
                return self.written(self.value_of(node), node.unit)
            case PlaceReading() if str(node) in PLACES:
                return PLACES[str(node)]
            case Join():
                keys = [*map(self.expr, node.keys)]
                return f"{spaced(node.name)}{f' of {listed(keys)}' if keys else ''} in the table {node.table}"
            case TruthKey():
                return f"whether {self.bare(node.inner)}"
            case Nth():
                return self.expr(node.inner)
            case Guarded():
                return f"({self.expr(node.inner)} where {self.bare(node.condition)})"
            case Const():
                return super().expr(node)
            case Not(inner=In() as inner):
                return f"{self.expr(inner.inner)} is none of {', '.join(map(str, inner.values))}"
            case In():
                return f"{self.expr(node.inner)} is one of {', '.join(map(str, node.values))}"
            case Binary() if not isinstance(node, OrElse) and node.sign in SIGNS and not (node.sign == "-" and isinstance(node.left, Const) and node.left.value == 0):
                return f"({self.expr(node.left)} {SIGNS[node.sign]} {self.expr(node.right)})"
            case Feature(function="count"):
                return f"the number of {spaced(self.name(node.frame))}{' before' if node.frame.without_own else ''}"
            case Feature(function=function) if function in FUNCTIONS and len(node.arguments) == 1:
                return f"the {FUNCTIONS[function]} {self.expr(node.arguments[0])} of {spaced(self.name(node.frame))}{' before' if node.frame.without_own else ''}"
        return super().expr(node).replace("_", " ")

    def span(self, span: Span) -> str:
        number = self.value_of(span.length) if isinstance(span.length, Param) else span.length
        return self.written(number, "civil days" if span.civil else "ms")

    def rearm(self, word: Rearm) -> str:
        per = ", ".join(map(self.expr, word.per))
        match word:
            case Cool():
                return f"not again for {self.span(word.span)}" + (f", counted per {per}" if per else "")
            case OncePer():
                return f"once for each {per}" + (f"; where that is unknown, {self.rearm(word.otherwise)}" if word.otherwise is not None else "")
            case Edge():
                return "not again until this has not been so in between"
            case Reset():
                return "what was counted for it is counted from nothing again"
            case Each():
                return "each time"
        return super().rearm(word)

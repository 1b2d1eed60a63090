"""A rule as text, with the values of an installation: what `kairos catalog EVENT` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.definitions.tree import used_by
from streams.engine.expression import Arithmetic, CivilDay, Const, Expr, Join, Known, Logic, MonthsLater, Not, Nth, OnDay, OrElse, Param, WrittenDate
from streams.engine.expression.nodes import Binary, In
from streams.engine.expression.quantities import shown
from streams.engine.features.absence import AbsenceSource
from streams.engine.features.deadline import DeadlineSource
from streams.engine.features.each_line import EachLineSource
from streams.engine.features.frame import Ever, Feature, Frame, PeriodFrame, Within
from streams.engine.features.level import CrossingSource
from streams.engine.features.moves import MoveSource
from streams.engine.features.pair import PairSource
from streams.engine.features.past import Past
from streams.engine.features.place import PlaceSource
from streams.engine.features.previous import Previous
from streams.engine.features.reach import ReachSource
from streams.engine.features.session import Closed, OfSession, SessionId
from streams.engine.features.silence import SilenceSource
from streams.engine.features.streak import Streak
from streams.engine.features.stretch import Consecutive
from streams.engine.features.week_closes import WeekCloseSource
from streams.engine.features.yearly import YearlySource
from streams.engine.rearm import Cool, OncePer, Rearm
from streams.engine.sources import Of, Source, UnionSource
from streams.engine.spans import Span
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.definitions.event import Event

WHOLE = {1_000: "seconds", 60_000: "minutes", 3_600_000: "hours", 86_400_000: "days"}


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


class Words:
    """Texts of the parts of one event. A frame that an attribute of the class holds goes by its name."""

    def __init__(self, event: type[Event], value_of: Callable[[Param], int]) -> None:
        self.event, self.value_of = event, value_of
        frames = [(name, part.frame if isinstance(part, Feature) else part) for name, part in vars(event).items() if isinstance(part, Frame | Feature)]
        self.names = {id(frame.extent): name for name, frame in frames if name not in ("when", "rearm")}
        """Names of frames by their extents, which `before()` keeps."""

    def rule(self) -> list[tuple[str, str]]:
        """What the event is, line by line."""
        event = self.event
        when: Stream = event.when
        lines = [("key", self.key()), ("when", self.source(when.source))]
        lines += [("where", self.all(when.conditions))] if when.conditions else []
        lines += [(name, text) for name, text in self.frames()]
        words = "; ".join(map(self.rearm, event.words))
        return [*lines, ("re-arm", f"{words}, per {self.key()}" if words else "each")]

    def key(self) -> str:
        """For whom and for which values of the record state and re-arm words are kept: `line, currency and bucket_id`."""
        return listed([self.event.by, *map(self.expr, self.event.when.by_value)])

    def frames(self) -> list[tuple[str, str]]:
        """The frames that the rule reads, by name."""
        found: dict[str, str] = {}
        for part in used_by(self.event).values():
            if isinstance(part, Feature):
                found.setdefault(self.name(part.frame), f"{self.stream(part.frame.stream)}, {self.extent(part.frame)}")
        return [*found.items()]

    def name(self, frame: Frame) -> str:
        """The name of a frame: that of an attribute, or its stretch of time where none has it."""
        own = self.names.get(id(frame.extent))
        if own is None:
            others = [part.frame.extent for part in used_by(self.event).values() if isinstance(part, Feature) and id(part.frame.extent) not in self.names]
            numbers = [*dict.fromkeys(map(id, others))]
            own = "frame" if len(numbers) < 2 else f"frame {numbers.index(id(frame.extent)) + 1}"
        return own

    def extent(self, frame: Frame) -> str:
        """The stretch of time of a frame."""
        if isinstance(frame, Streak):
            return f"in a row with {self.bare(frame.condition)}"
        match frame.extent:
            case OfSession():
                return "so far"
            case Within():
                return f"within {self.span(frame.extent.span)}"
            case Previous(n=n):
                return f"the last {self.expr(n) if isinstance(n, Param) else n} before it{'' if frame.extent.ordered else ' in the order of release'}"
            case Ever() if isinstance(frame, PeriodFrame):
                return "so far"
            case Ever():
                return "over the life of the key"
            case Consecutive():
                return f"one after the other with {self.bare(frame.extent.holds)}"
            case Past(ago=Const(value=0)) as past:
                return f"the {self.expr(past.number)} {past.period}s before, at least {self.expr(past.least)}"
            case Past() as past:
                return f"the {self.expr(past.number)} {past.period}s before the last {self.expr(past.ago)}, at least {self.expr(past.least)}"
        return str(frame.extent)

    def stream(self, stream: Stream) -> str:
        """A stream with its conditions and what splits it."""
        text = self.source(stream.source)
        text += f" where {self.all(stream.conditions)}" if stream.conditions else ""
        return text + (f", for each {listed([*map(self.expr, stream.by_value)])}" if stream.by_value else "")

    def source(self, source: Source) -> str:
        """What happens in a source."""
        match source:
            case CrossingSource():
                again = f", armed again when {self.bare(source.release)}" if source.release is not None else ""
                level = f"[{self.stream(source.level.stream)}] lifts {self.expr(source.level.after)} to" if source.steps else ""
                enter = ", ".join(map(self.expr, source.steps)) if source.steps else f"[{self.stream(source.level.stream)}] crosses {self.bare(source.enter)}"
                once = "" if source.per is None else f", each once per {', '.join(map(self.expr, source.per))}" if source.per else ", each once"
                return f"{level} {enter}{again}{once}".strip()
            case ReachSource():
                return f"[{self.stream(source.feature.frame.stream)}] lifts {self.expr(source.feature)} to {', '.join(map(self.expr, source.steps))}"
            case PairSource():
                within = f" within {self.span(source.within)}" if source.within is not None else ""
                start = f" from its {self.expr(source.start)} on" if source.start is not None else ""
                return f"[{self.stream(source.first)}] then [{self.stream(source.second)}]{start}{within}"
            case AbsenceSource():
                return f"[{self.stream(source.first)}] and no [{self.stream(source.awaited)}] within {self.span(source.span)}{' after the latest' if source.latest else ''}"
            case DeadlineSource():
                moment = f"{self.span(source.moment)} after" if isinstance(source.moment, Span) else f"{self.expr(source.moment)} of"
                until = f", at once until {self.expr(source.until)}" if source.until is not None else ""
                unless = f", unless [{self.stream(source.awaited)}]" if source.awaited is not None else ""
                return f"{moment} [{self.stream(source.first)}]{until}{unless}"
            case YearlySource():
                clock = shown(source.clock.value, "time of day") if isinstance(source.clock, Const) and isinstance(source.clock.value, int) else self.expr(source.clock)
                return f"each year on the day of {self.expr(source.day)} of [{self.stream(source.first)}] at {clock}"
            case Closed():
                return f"a session of [{self.stream(source.stream)}] ends, {self.span(source.span)} after the last"
            case SilenceSource():
                given = f", given {self.bare(source.given)} at the last one" if source.given is not None else ""
                return f"no [{self.stream(source.stream)}] for {self.span(source.span)}{given}"
            case WeekCloseSource():
                return f"the close of a week with [{self.stream(source.stream)}], and of the weeks behind it, {self.expr(source.number)} in all"
            case MoveSource():
                before = [f", before: {self.expr(source.old)}"] if source.old is not None else []
                first = [f", at first {self.expr(source.initially)}"] if source.initially is not None else []
                return f"[{self.stream(source.stream)}] moves {self.expr(source.value)}{''.join([*before, *first])}"
            case PlaceSource():
                return f"[{self.stream(source.place.stream)}] moves the stable place"
            case EachLineSource():
                return f"[{self.stream(source.stream)}] for each active line"
            case UnionSource():
                return f"any of {', '.join(f'{name}: [{self.stream(part)}]' for name, part in source.parts.items())}"
        return str(source)

    def all(self, conditions: Iterable[Expr]) -> str:
        """Several conditions that all must be true."""
        return " and ".join(self.expr(one) if isinstance(one, Logic) and one.sign == "|" else self.bare(one) for one in conditions)

    def bare(self, node: Expr) -> str:
        """An expression that stands alone, without the parentheses around it."""
        return self.expr(node)[1:-1] if isinstance(node, Binary) and not isinstance(node, OrElse) and node.sign != "//" and self.expr(node)[0] == "(" else self.expr(node)

    def expr(self, node: Expr) -> str:
        """An expression with the values of parameters."""
        match node:
            case Param():
                return f"{shown(self.value_of(node), node.unit)} ({node.name})"
            case Feature(function="streak"):
                return f"{self.name(node.frame)}.{'before().' if node.frame.without_own else ''}length"
            case Feature():
                arguments = ", ".join(map(self.expr, node.arguments))
                return f"{self.name(node.frame)}.{'before().' if node.frame.without_own else ''}{node.function}({arguments})"
            case Nth():
                return self.expr(node.inner)
            case Of():
                return node.name
            case SessionId():
                return f"session with gaps of {self.span(node.source.gap)}"
            case Join():
                return f"{node.table}.{node.name}({', '.join(map(self.expr, node.keys))})"
            case Arithmetic(sign="-", left=Const(value=0)):
                return f"-{self.expr(node.right)}"
            case Arithmetic(sign="//", left=Expr(unit="ms"), right=Const(value=int() as ms)) if ms in WHOLE:
                return f"{self.expr(node.left)} in {WHOLE[ms]}"
            case OnDay():
                clock = shown(node.clock.value, "time of day") if isinstance(node.clock, Const) and isinstance(node.clock.value, int) else self.expr(node.clock)
                return f"{self.expr(node.day)} at {clock}"
            case CivilDay():
                return f"date of {self.expr(node.moment)}"
            case MonthsLater():
                return f"({self.expr(node.day)} + {self.expr(node.months)}{'' if isinstance(node.months, Param) else ' months'})"
            case WrittenDate():
                return f"date in {self.expr(node.text)}"
            case OrElse():
                return f"{self.expr(node.left)} or else {self.expr(node.right)}"
            case Binary():
                sign = {"&": "and", "|": "or"}.get(node.sign, node.sign)
                return f"({self.expr(node.left)} {sign} {self.expr(node.right)})"
            case Not(inner=Known() as known):
                return f"{self.expr(known.inner)} unknown"
            case Not():
                return f"not {self.expr(node.inner)}"
            case Known():
                return f"{self.expr(node.inner)} known"
            case In():
                return f"{self.expr(node.inner)} in ({', '.join(map(str, node.values))})"
        return str(node)

    def span(self, span: Span) -> str:
        """A length of time."""
        return self.expr(span.length) if isinstance(span.length, Param) else str(span)

    def rearm(self, word: Rearm) -> str:
        """A re-arm word."""
        per = ", ".join(map(self.expr, word.per))
        match word:
            case Cool():
                return f"cool {self.span(word.span)}" + (f" per {per}" if per else "")
            case OncePer():
                return f"once per {per}" + (f", if unknown {self.rearm(word.otherwise)}" if word.otherwise is not None else "")
        return str(word)

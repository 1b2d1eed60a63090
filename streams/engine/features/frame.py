"""P3 window: what the happenings of a stream add up to, over a stretch of time (a frame), read at a record or timer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from streams.engine.expression import KIND_WORDS, DefinitionFault, Expr, Reading, ValueKind, canonical
from streams.engine.expression import condition as checked

if TYPE_CHECKING:
    from streams.engine.expression import Operand
    from streams.engine.features.reach import Reaches
    from streams.engine.sources import ValueOf
    from streams.engine.spans import Span
    from streams.engine.streams import Stream

Function = Literal["count", "sum", "distinct", "largest", "smallest", "latest", "first", "top", "list", "any", "cover", "streak", "periods", "falls"]
ARGUMENTS: dict[Function, tuple[tuple[ValueKind, ...], ...]] = {
    "count": (),
    "sum": (("int",),),
    "distinct": (("int", "text", "time", "date", "token"),),
    "largest": (("int", "time", "date"),),
    "smallest": (("int", "time", "date"),),
    "latest": (("int", "bool", "text", "time", "date", "token"),),
    "first": (("int", "bool", "text", "time", "date", "token"),),
    "top": (("text",), ("int",)),
    "list": (("text",),),
    "any": (("bool",),),
    "cover": (),
    "streak": (("bool",),),
    "periods": (),
    "falls": (("int",),),
}
OF_NOTHING: dict[Function, int] = {"count": 0, "sum": 0, "distinct": 0, "any": 0, "cover": 0, "streak": 0}
"""What a function gives where there is no member; the others are unknown."""


class Extent:
    """Which stretch of time a frame covers."""

    ordered = True
    """Whether a late member is no reason to evaluate a rule. Else every member is evaluated, with those of its stretch known so far."""
    functions: tuple[Function, ...] | None = None
    """What can be read of its members; None: what a frame has words for."""
    may_be_unknown = False
    """Whether even counts and sums may be unknown: for want of history."""
    asks: tuple[Expr, ...] = ()
    """What it reads where the frame is read."""

    def kept(self, value_of: ValueOf) -> str:
        """What the state of its members goes by beside their stream."""
        del value_of
        return ""

    def expressions(self) -> list[Expr]:
        """What it reads of each member."""
        return []

    def key(self) -> object:
        """Equal for extents that mean the same."""
        return type(self).__name__

    def canonical(self, value_of: ValueOf) -> str:
        """What it is, the same in every process."""
        return type(self).__name__.lower()


class Within(Extent):
    """(t - span, t]; of civil days today and the days before."""

    def __init__(self, span: Span) -> None:
        self.span = span

    def key(self) -> object:
        return ("within", self.span.key())

    def canonical(self, value_of: ValueOf) -> str:
        return f"within {self.span.canonical(value_of)}"

    def __str__(self) -> str:
        return f"within {self.span}"


class Today(Extent):
    """The civil day up to t."""

    ordered = False

    def __str__(self) -> str:
        return "today"


class Between(Extent):
    """All behind `since` and up to `until`, moments that the reader names, of the last 400 days; none where one is unknown.

    Without `until` those behind the reader's own time count too, as far as the late limit.
    """

    ordered = False

    def __init__(self, since: Expr | None, until: Expr | None) -> None:
        for word, one in (("since", since), ("until", until)):
            if one is not None and (not isinstance(one, Expr) or one.kind != "time"):
                raise DefinitionFault(f"{word}: wanted a moment such as event_time, got {one!r}")
        self.since, self.until = since, until
        self.asks = tuple(one for one in (since, until) if one is not None)

    def key(self) -> object:
        return ("between", *(None if one is None else one.key() for one in (self.since, self.until)))

    def canonical(self, value_of: ValueOf) -> str:
        return " ".join(f"{word} {canonical(one, value_of)}" for word, one in (("since", self.since), ("until", self.until)) if one is not None)

    def __str__(self) -> str:
        return " ".join(f"{word} {one}" for word, one in (("since", self.since), ("until", self.until)) if one is not None)


class Ever(Extent):
    """The whole life of the key, in the order of release."""

    ordered = False

    def __str__(self) -> str:
        return "ever"


class Frame:
    """The happenings of `stream` in an extent; `before()` leaves the trigger's own record out."""

    functions: tuple[Function, ...] = tuple(ARGUMENTS)
    """What can be asked of it."""

    def __init__(self, stream: Stream, extent: Extent, *, without_own: bool = False) -> None:
        self.stream, self.extent, self.without_own = stream, extent, without_own

    def before(self) -> Frame:
        """The same frame without the trigger's own record."""
        return Frame(self.stream, self.extent, without_own=True)

    def until(self, moment: Expr) -> Frame:
        """Of a frame `.since(…)`: those up to `moment`. Raises DefinitionFault."""
        if not isinstance(self.extent, Between) or self.extent.until is not None:
            raise DefinitionFault(f"until: wanted a frame such as payments.since(…), got one of {self.extent}")
        return Frame(self.stream, Between(self.extent.since, moment), without_own=self.without_own)

    def count(self) -> Feature:
        """How many; 0 for none."""
        return Feature(self, "count")

    def sum(self, value: Expr) -> Feature:
        """The sum of the known values; 0 for none."""
        return Feature(self, "sum", value)

    def mean(self, value: Expr) -> Expr:
        """The mean of the known values; unknown where there are none."""
        members = type(self)(self.stream.where(value.known()), self.extent, without_own=self.without_own) if value.nullable else self
        return self.sum(value) / members.count()

    def distinct(self, value: Expr) -> Feature:
        """How many different known values."""
        return Feature(self, "distinct", value)

    def largest(self, value: Expr) -> Feature:
        """The largest known value."""
        return Feature(self, "largest", value)

    def smallest(self, value: Expr) -> Feature:
        """The smallest known value."""
        return Feature(self, "smallest", value)

    def latest(self, value: Expr) -> Feature:
        """The known value of the latest one by time."""
        return Feature(self, "latest", value)

    def first(self, value: Expr) -> Feature:
        """The known value of the first one by time."""
        return Feature(self, "first", value)

    def top(self, value: Expr, *, by: Expr) -> Feature:
        """The value with the largest sum of `by`; of equal ones the first in the alphabet."""
        return Feature(self, "top", value, by)

    def list(self, value: Expr) -> Feature:
        """The distinct known values, in order of appearance, at most 32."""
        return Feature(self, "list", value)

    def any(self, condition: Expr) -> Feature:
        """Whether `condition` is true for one of them."""
        return Feature(self, "any", checked(condition))

    def __str__(self) -> str:
        return f"{self.stream} {self.extent}{' before' if self.without_own else ''}"

    def __repr__(self) -> str:
        return f"<Frame {self}>"


class PeriodFrame(Frame):
    """The happenings of a month or cycle, which splits the stream: added up as they are released, and not kept one by one."""

    functions = ("count", "sum", "latest")

    def before(self) -> PeriodFrame:
        """The same frame without the trigger's own record."""
        return PeriodFrame(self.stream, self.extent, without_own=True)


class Feature(Reading):
    """What the members of a frame add up to; its arguments are columns of the members. Raises DefinitionFault."""

    def __init__(self, frame: Frame, function: Function, *arguments: Expr, at: tuple[Expr, ...] = ()) -> None:
        text = f"{function}({', '.join(map(str, arguments))})"
        if frame.extent.functions is not None and function not in frame.extent.functions:
            raise DefinitionFault(f"{text}: of {frame} wanted one of {', '.join(frame.extent.functions)}, got {function}")
        for argument, kinds in zip(arguments, ARGUMENTS[function], strict=True):
            if not isinstance(argument, Expr) or argument.kind not in kinds:
                got = f"{argument} ({KIND_WORDS[argument.kind]})" if isinstance(argument, Expr) else repr(argument)
                raise DefinitionFault(f"{text}: wanted {' or '.join(KIND_WORDS[kind] for kind in kinds)}, got {got}")
            if function != "streak" and any(isinstance(part, Feature) for part in argument.walk()):
                raise DefinitionFault(f"{text}: wanted a column of the members, got {argument}, which is added up itself: declare it as a condition behind the frame")
        if function not in frame.functions:
            raise DefinitionFault(f"{text}: wanted {', '.join(frame.functions)} of a month or cycle, whose members are not kept; take .within(…) for others")
        self.frame, self.function, self.arguments, self.at = frame, function, arguments, at
        of = arguments[0] if arguments and function not in ("distinct", "any", "streak") else None
        self.kind = "bool" if function in ("any", "cover") else "list" if function == "list" else of.kind if of is not None else "int"
        self.unit, self.domain = (of.unit, of.domain) if of is not None else (None, None)
        self.nullable = frame.extent.may_be_unknown or (function not in OF_NOTHING and function != "list")
        if function == "cover":
            self.nullable = at[0].nullable
        else:
            self.finds_by = at

    def __getitem__(self, values: Expr | tuple[Expr, ...]) -> Feature:
        """The same for other values of what splits the stream: `paid[I.bill_id]` at a bill, of payments `.same(P.bill_id)`. Raises DefinitionFault."""
        at, split = values if isinstance(values, tuple) else (values,), self.frame.stream.by_value
        if not isinstance(self.frame.extent, Ever | Between | Within) or self.at:
            raise DefinitionFault(
                f"{self}[…]: wanted a value over the life of a key, such as payments.same(P.bill_id).sum(…), or of a frame such as .within('7d'), got one of {self.frame.extent}"
            )
        if len(at) != len(split) or not all(isinstance(one, Expr) and one.kind == own.kind for one, own in zip(at, split, strict=True)):
            raise DefinitionFault(f"{self}[{', '.join(map(str, at))}]: wanted a value for each that splits the stream: {', '.join(map(str, split)) or 'none does'}")
        return Feature(self.frame, self.function, *self.arguments, at=at)

    def children(self) -> tuple[Expr, ...]:
        return (*self.at, *self.frame.extent.asks)

    def before(self) -> Feature:
        """The same without the trigger's own record."""
        return Feature(self.frame.before(), self.function, *self.arguments, at=self.at)

    def reaches(self, *steps: Operand) -> Reaches:
        """A member lifts the count or sum from below a step to the step or above; `.step` is the highest step reached. Raises DefinitionFault."""
        from streams.engine.features.reach import Reaches, ReachSource

        return Reaches(ReachSource(self, steps), (), self.frame.stream.by_value)

    def key(self) -> object:
        found = self.__dict__.get("_key")
        if found is None:
            frame = self.frame
            found = self.__dict__["_key"] = ("Feature", frame.stream.key(), frame.extent.key(), frame.without_own, self.function, *(one.key() for one in self.arguments))
            if self.at:
                found = self.__dict__["_key"] = (*found, "at", *(one.key() for one in self.at))
        return found

    def canonical(self, value_of: ValueOf) -> str:
        arguments = ", ".join(canonical(one, value_of) for one in self.arguments)
        at = f" at {', '.join(canonical(one, value_of) for one in self.at)}" if self.at else ""
        return f"{self.function}({arguments}) of [{self.frame.stream.canonical(value_of)}] {self.frame.extent.canonical(value_of)}{' before' if self.frame.without_own else ''}{at}"

    def __str__(self) -> str:
        text = f"{self.function}({', '.join(map(str, self.arguments))})" if self.arguments else self.function
        return f"{text}[{', '.join(map(str, self.at))}]" if self.at else text

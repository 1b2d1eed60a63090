"""Streams: things that happen, each with a moment and columns. Rules are made of them (`docs/authors.md`).

A stream has a source (records of a type, events, what a primitive finds), conditions that its happenings meet, and values that
split it. Streams are declarations without state: `streams/engine/plan.py` makes stages of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from streams.engine.expression import Const, DefinitionFault, EventTime, Expr, Nth, OnDay, Operand, WholeLife, canonical, condition, expr
from streams.engine.expression.periods import LineId, cycle, month
from streams.engine.expression.quantities import quantity
from streams.engine.expression.types import KIND_WORDS, check_value
from streams.engine.sources import EventSource, Of, UnionSource
from streams.engine.spans import Span, span_of

if TYPE_CHECKING:
    from streams.engine.expression import Param
    from streams.engine.features.active import ActiveSet
    from streams.engine.features.frame import Feature, Frame
    from streams.engine.features.level import Level
    from streams.engine.features.moves import Moves
    from streams.engine.features.pair import Pair
    from streams.engine.features.past import PastFrame
    from streams.engine.features.previous import Order
    from streams.engine.features.session import Session
    from streams.engine.features.streak import Streak
    from streams.engine.features.stretch import Stretch
    from streams.engine.features.yearly import Anniversaries
    from streams.engine.sources import Source, ValueOf

    Length = str | Param | Span
    """A length of time: `"2h"`, `"7d"`, or a parameter with such a value."""


class Stream:
    """Happenings of a source for which conditions hold. `by_value`: the values that split it."""

    def __init__(self, source: Source, conditions: tuple[Expr, ...] = (), by_value: tuple[Expr, ...] = ()) -> None:
        self.source, self.conditions, self.by_value = source, conditions, by_value

    # Which happenings

    def where(self, *conditions: Expr) -> Self:
        """Only those for which all of `conditions` are true."""
        return type(self)(self.source, (*self.conditions, *map(condition, conditions)), self.by_value)

    def same(self, *keys: Expr | Session) -> Self:
        """Split: windows, timers, pairs and re-arm words are kept for each combination of values. A happening with an unknown value is left out."""
        values = [key_of(one) for one in keys]
        for value in values:
            if not isinstance(value, Expr):
                raise DefinitionFault(f"same: wanted a column such as B.currency, got {value!r}")
        known = {one.key() for one in self.by_value}
        return type(self)(self.source, self.conditions, (*self.by_value, *(value for value in values if value.key() not in known)))

    # Their columns

    @property
    def time(self) -> Expr:
        """When it happened; of what a timer was set for, when that was."""
        return Of(self.source, "time", "time")

    @property
    def subscription_id(self) -> Expr:
        """The line that it is of; of a timer the line of its anchor."""
        return LineId()

    @property
    def name(self) -> Expr:
        """Of an any_of: which of its streams it was."""
        if not isinstance(self.source, UnionSource):
            raise DefinitionFault(f"{self}.name: wanted a stream made by any_of, got one of {self.source}")
        return Of(self.source, "name", "text", domain=tuple(self.source.parts))

    # Frames, and what is added up without one

    def within(self, span: Length) -> Frame:
        """Those of the last `span`: (t - span, t], or of civil days today and the days before."""
        from streams.engine.features.frame import Frame, Within

        return Frame(self, Within(span_of("within", span)))

    def today(self) -> Frame:
        """Those of the civil day so far."""
        from streams.engine.features.frame import Frame, Today

        return Frame(self, Today())

    def previous(self, n: int | Param, *, order: Order = "time") -> Frame:
        """The last `n` before the trigger's own, at most 32: by time, or with `order="release"` in the order of release, so that a late one is evaluated like any other."""
        from streams.engine.features.previous import previous

        return previous(self, n, order)

    def streak(self, condition: Expr) -> Streak:
        """Those in a row, up to the latest one, for which `condition` is true, in the order of release; `.length` is how many."""
        from streams.engine.features.streak import Streak

        return Streak(self, condition)

    def until(self, moment: Expr) -> Frame:
        """Those up to `moment`, which is read where the frame is; of at most 400 days."""
        from streams.engine.features.frame import Between, Frame

        return Frame(self, Between(None, moment))

    def since(self, moment: Expr) -> Frame:
        """Those behind `moment`, which is read where the frame is; of at most 400 days."""
        from streams.engine.features.frame import Between, Frame

        return Frame(self, Between(moment, None))

    def stretch(self, holds: Expr) -> Stretch:
        """Those one after the other for which `holds` is true: of the stretch that is open, else of the last one; `.start` is when it began."""
        from streams.engine.features.stretch import Stretch

        return Stretch.of(self, holds)

    def this_month(self) -> Frame:
        """Those of the civil month so far, in the order of release."""
        return self._period(month)

    def this_cycle(self) -> Frame:
        """Those of the line's bill cycle so far, in the order of release; where its day is unknown there are none."""
        return self._period(cycle)

    def _period(self, period: Expr) -> Frame:
        from streams.engine.features.frame import Ever, PeriodFrame

        return PeriodFrame(self.same(period), Ever())

    def daily(self, n: Operand, *, least: Operand = 1, ago: Operand = 0) -> PastFrame:
        """Those of the `n` complete civil days before the day at hand, as far as they are after the day on which the key was first seen.

        Days without any are 0. Unknown where fewer than `least` such days are. `ago`: so many of the newest days are left out.
        """
        from streams.engine.features.past import Past, PastFrame

        return PastFrame(self, Past("day", n, least, ago))

    def weekly(self, n: Operand, *, least: Operand = 1, ago: Operand = 0) -> PastFrame:
        """The same of complete ISO weeks before the week at hand; a week counts if the key was seen before its Monday."""
        from streams.engine.features.past import Past, PastFrame

        return PastFrame(self, Past("week", n, least, ago))

    def _ever(self) -> Frame:
        from streams.engine.features.frame import Ever, Frame

        return Frame(self, Ever())

    def count(self) -> Feature:
        """How many there have been in the life of the key."""
        return self._ever().count()

    def nth(self) -> Nth:
        """Which one it is in the life of the key, 1 for the first; unknown for keys that began before `history_from` or the count itself, or whose beginning is not known."""
        count = self.count()
        return Nth(count, WholeLife(count))

    def sum(self, value: Expr) -> Feature:
        """The sum of the known values so far."""
        return self._ever().sum(value)

    def latest(self, value: Expr) -> Feature:
        """The value of the latest one by time; unknown values change nothing."""
        return self._ever().latest(value)

    def first(self, value: Expr) -> Feature:
        """The first known value, in the order of release."""
        return self._ever().first(value)

    def active(self, *item: Expr, holds: Expr, since: Expr | None = None, until: Expr | None = None, covers: Expr | None = None, together: Expr | None = None) -> ActiveSet:
        """What is in force, as these say it: packs, agreements, lines. See `ActiveSet`."""
        from streams.engine.features.active import Active, ActiveSet

        return ActiveSet(self, Active(item, holds, since, until, covers, together))

    # Other streams made of it

    def level(self, *, before: Expr, after: Expr) -> Level:
        """A level that each one changes from `before` to `after`."""
        from streams.engine.features.level import Level

        return Level(self, expr(before), expr(after))

    def moves(self, value: Expr, *, old: Operand | None = None, initially: Operand | None = None, remember: bool = True) -> Moves:
        """`value` differs from the value before; `.was` and `.to` are the two.

        The value before is what the record itself names (`old`), else the last one seen (unless `remember` is off), else
        `initially`, which is assumed: `.was` is unknown then. A first value without any of them is no move.
        """
        from streams.engine.features.moves import Moves, MoveSource

        before, assumed = (None if one is None else expr(one) for one in (old, initially))
        for word, one in (("old", before), ("initially", assumed)):
            if one is not None and one.kind != value.kind and not (one.kind == "text" and value.kind == "token"):
                raise DefinitionFault(f"moves: {word}: wanted {KIND_WORDS[value.kind]}, as {value} is, got {one} ({KIND_WORDS[one.kind]})")
            if one is not None and isinstance(one.literal, str):
                check_value(f"moves: {word}", value, one.literal)
        return Moves(MoveSource(self, value, before, assumed, remember=remember), (), self.by_value)

    def then(self, other: Any, *, within: Length | None = None, start: Expr | None = None, every: bool = False) -> Pair:
        """One of `other` after one of these, within `within`; `.gap` is the time between. Each serves once; the latest free one counts.

        With `start`, a column of the other, it is from then on that the other counts: it begins after one of these, and within that time.
        With `every` one of these serves every one of `other` behind it, until a later one comes.
        """
        from streams.engine.features.pair import Pair, PairSource

        second = stream_of("then", other)
        source = PairSource(self, second, None if within is None else span_of("then", within), start=start, every=every)
        return Pair(source, (), second.by_value[: len(source.keys_of(second))])

    def without(self, other: Any, *, within: Length) -> Absences:
        """None of `other` within `within` after one of these: happens at the end of that time.

        While one is waited on, others change nothing; with `.latest` behind it the wait starts again with each.
        """
        from streams.engine.features.absence import AbsenceSource

        source = AbsenceSource(self, stream_of("without", other), span_of("without", within))
        return Absences(source, (), self.by_value[: len(source.keys_of(self))])

    def on(self, day: Expr, *, at: str | Param = "00:00", catch_up_until: Expr | None = None) -> Deadlines:
        """The civil day `day` that one of these names has come, at the time of day `at` in the zone of the key.

        A later one that names a day moves it. A moment that is past when it is learnt is skipped, or comes at once as long as that is before
        the civil day `catch_up_until`.
        """
        from streams.engine.features.deadline import DeadlineSource

        if not isinstance(day, Expr) or day.kind != "date":
            raise DefinitionFault(f"on: wanted a civil date such as I.due_date - '3d', or of a moment its .date, got {day!r}")
        midnight = None if catch_up_until is None else OnDay(catch_up_until, Const(0))
        return Deadlines(DeadlineSource(self, OnDay(day, clock_of("on", at)), until=midnight), (), self.by_value)

    def at(self, moment: Expr) -> Deadlines:
        """The moment that one of these names has come. A later one that names a moment moves it; one that is past when it is learnt is skipped."""
        from streams.engine.features.deadline import DeadlineSource

        if not isinstance(moment, Expr) or moment.kind != "time":
            raise DefinitionFault(f"at: wanted a moment such as T.expected_resolution_date, got {moment!r}; for a civil date use .on(...)")
        return Deadlines(DeadlineSource(self, moment), (), self.by_value)

    def after(self, span: Length) -> Deadlines:
        """So long after the latest one of these."""
        from streams.engine.features.deadline import DeadlineSource

        return Deadlines(DeadlineSource(self, span_of("after", span)), (), self.by_value)

    def week_closes(self, n: Operand) -> Stream:
        """Each Monday 00:00, in the zone of the key, that ends a week with one of these or one of the `n` - 1 weeks behind it."""
        from streams.engine.features.week_closes import WeekCloseSource

        return Stream(WeekCloseSource(self, n), (), self.by_value)

    def yearly(self, day: Expr, *, at: str | Param = "00:00") -> Anniversaries:
        """Every year the month and day of `day` have come (29 February on the 28th in common years), at the time of day `at` in the zone of the key.

        The first anniversary that is not past when `day` is learnt, and those that follow; a later one that names another day sets it again. `.years`: which it is.
        """
        from streams.engine.features.yearly import Anniversaries, YearlySource

        if not isinstance(day, Expr) or day.kind != "date":
            raise DefinitionFault(f"yearly: wanted a civil date such as ref.line.activation_date(…), or L.new_value.as_date(), got {day!r}")
        return Anniversaries(YearlySource(self, day, clock_of("yearly", at)), (), self.by_value)

    def session(self, *, gap: Length, start: Expr | None = None) -> Session:
        """The stretch of time of those that follow each other at most `gap` apart; from the end of one to the `start` of the next, where they last."""
        from streams.engine.features.session import session_of

        return session_of(self, span_of("gap", gap), start)

    def silent(self, span: Length, *, given: Expr | None = None) -> Stream:
        """None of these for `span` after the last one, `given` a condition at that one."""
        from streams.engine.features.silence import SilenceSource

        return Stream(SilenceSource(self, span_of("silent", span), given), (), self.by_value)

    def each_line(self) -> Stream:
        """What happens to a customer or an account, once for each of its lines that is active then. Raises DefinitionFault."""
        from streams.engine.features.each_line import EachLineSource

        return Stream(EachLineSource(self))

    # What it is

    def key(self) -> object:
        """Equal for streams that mean the same in one process."""
        return self._key

    @cached_property
    def _key(self) -> object:
        return (self.source.key(), frozenset(one.same_as for one in self.conditions), tuple(one.same_as for one in self.by_value))

    def canonical(self, value_of: ValueOf) -> str:
        """What it is, the same in every process."""
        parts = [self.source.canonical(value_of)]
        parts += [f"where {text}" for text in sorted(canonical(one, value_of) for one in self.conditions)]
        parts += [f"same {canonical(one, value_of)}" for one in self.by_value]
        return "; ".join(parts)

    def __str__(self) -> str:
        text = str(self.source)
        text += f".where({', '.join(map(str, self.conditions))})" if self.conditions else ""
        return text + (f".same({', '.join(map(str, self.by_value))})" if self.by_value else "")

    def __repr__(self) -> str:
        return f"<Stream {self}>"

    def __bool__(self) -> bool:
        raise DefinitionFault(f"{self}: a stream has no truth value; use .where(...) for conditions and any_of(...) for several streams")


class Absences(Stream):
    """A stream of absences."""

    @property
    def latest(self) -> Stream:  # type: ignore[override]  # of what did not happen nothing is added up
        """The same where the wait starts again with each happening."""
        from streams.engine.features.absence import AbsenceSource

        source = self.source
        assert isinstance(source, AbsenceSource)  # made by `without`
        return Stream(AbsenceSource(source.first, source.awaited, source.span, latest=True), self.conditions, self.by_value)


class Deadlines(Stream):
    """A stream of moments that have come."""

    def unless(self, other: Any) -> Stream:
        """One of `other` before the moment, or at it, calls it off."""
        from streams.engine.features.deadline import DeadlineSource

        source = self.source
        assert isinstance(source, DeadlineSource)  # made by `on`, `at` or `after`
        made = DeadlineSource(source.first, source.moment, awaited=stream_of("unless", other), until=source.until)
        return Stream(made, self.conditions, self.by_value[: len(made.keys_of(source.first))])


def clock_of(word: str, clock: str | Param) -> Expr:
    """A time of day as a rule writes it, in ms since 00:00: a text such as `10:00`, or a parameter with one. Raises DefinitionFault."""
    from streams.engine.expression import Param

    if isinstance(clock, Param) and clock.unit == "time of day":
        return clock
    if isinstance(clock, str):
        number, unit = quantity(clock)
        if unit == "time of day":
            return Const(number)
    raise DefinitionFault(f"{word}: wanted a time of day such as '10:00', got {clock!r}")


def key_of(value: Expr | Session) -> Expr:
    """What a value is as part of a key: a session stands for its id."""
    found: Any = getattr(value, "as_key", value)
    return found


def stream_of(word: str, value: Any) -> Stream:
    """A stream, a record type's stream, or an event's. Raises DefinitionFault."""
    found = getattr(value, "all", value)
    if isinstance(found, Stream):
        return found
    if isinstance(value, type) and hasattr(value, "when"):
        return Stream(EventSource(value))
    raise DefinitionFault(f"{word}: wanted a stream or an event, got {value!r}")


def any_of(*streams: Any, **named: Any) -> Stream:
    """Happenings of any of several streams; unnamed ones must be events (of each line), whose ids are their names."""
    from streams.engine.features.each_line import EachLineSource

    parts: dict[str, Stream] = {}
    for one in streams:
        stream = stream_of("any_of", one)
        source = stream.source.stream.source if isinstance(stream.source, EachLineSource) else stream.source
        if not isinstance(source, EventSource):
            raise DefinitionFault(f"any_of: wanted a name for {stream}: any_of(name=…); events alone go without one")
        parts[str(source)] = stream
    parts |= {name: stream_of("any_of", one) for name, one in named.items()}
    if len(parts) < 2:
        raise DefinitionFault(f"any_of: wanted at least two streams, got {len(parts)}")
    return Stream(UnionSource(parts))


event_time = EventTime()
__all__ = ["Absences", "Deadlines", "Operand", "Stream", "any_of", "event_time", "stream_of"]

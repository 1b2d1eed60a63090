"""Where happenings come from other happenings: crossings, moves, pairs. One row for each key, in dicts."""

from __future__ import annotations

from typing import Any

from schemas.codes import code
from streams.engine.features.frame import Feature
from tests.reference.happening import Happening, Newest, before, misdated, numbers
from tests.reference.values import fires, value

KEPT_MS = 400 * 86_400_000


class Scalar:
    """A source of one rule. `source` is declared; `id` names what it says in a happening."""

    timed = False

    def __init__(self, source: Any, rule: Any) -> None:
        self.source, self.rule, self.id = source, rule, id(source)

    def row(self, place: Any, new: Any) -> Any:
        rows = self.rule.table(self.id, place[0])
        if place not in rows:
            rows[place] = new()
        return rows[place]

    def place(self, on: Happening, values: Any) -> Any:
        """The row of a happening: the rule's key and the values that split it."""
        view = self.rule.view(on)
        return (self.rule.key(on), *(value(one, view) for one in values))

    def happen(self, cause: Happening) -> list[Happening]:
        """What happens because of `cause`. Called once for each cause."""
        raise NotImplementedError


class Mark:
    """The row of a level."""

    def __init__(self) -> None:
        self.newest, self.armed = Newest(), True


class Crossing(Scalar):
    """`live`: not late, and armed where there is a release; only those are events. Elsewhere every crossing counts."""

    def happen(self, cause: Happening) -> list[Happening]:
        source = self.source
        found = []
        for on in self.rule.of(source.level.stream):
            view = self.rule.view(on)
            mark = self.row(self.place(on, source.level.stream.by_value), Mark)
            late = mark.newest.take(on.time, self.rule.reading.clock) and not self.by_period()
            entered, live = fires(source.enter, view), False
            if not late and mark.armed and entered:
                live, mark.armed = True, source.release is None
            elif not late and not mark.armed and fires(source.release, view):
                mark.armed = True
            if entered:
                before_, after = value(source.level.before, view), value(source.level.after, view)
                reached = [step for step in (value(step, view) for step in source.steps) if step is not None and before_ < step <= after]
                if live and source.per is not None:
                    live = self.is_first(on, view, before_, after)
                found.append(on.said(self.id, step=max(reached, default=None), live=live))
        return found

    def is_first(self, on: Happening, view: Any, lower: Any, upper: Any) -> bool:
        """Whether the highest step was not reached before for these values. Steps are known by their numbers: two of one height are two."""
        passed = self.row((*self.place(on, (*self.source.level.stream.by_value, *self.source.per)), "reached"), dict)
        here = [(step, -number) for number, step in enumerate(value(step, view) for step in self.source.steps) if step is not None and lower < step <= upper]
        fresh = [one for one in here if one[1] not in passed or on.time >= passed[one[1]] + KEPT_MS or misdated(passed[one[1]], on.time)]
        passed |= {number: on.time for _, number in fresh}
        return max(here) in fresh

    def by_period(self) -> bool:
        """A running value of a period or of the key's life: late ones are evaluated too, with all that is known of it (semantics §1.2, `spend.day_step`)."""
        frames = [node.frame for node in self.source.enter.walk() if isinstance(node, Feature)]
        return bool(frames) and self.source.release is None and not any(frame.extent.ordered for frame in frames)


class Reach(Scalar):
    """Every member is evaluated, late ones too, each with the frame of its own time."""

    def happen(self, cause: Happening) -> list[Happening]:
        feature = self.source.feature
        found = []
        for on in self.rule.of(feature.frame.stream):
            view = self.rule.view(on)
            lower, upper = view.without().feature(feature), view.feature(feature)
            reached = [step for step in (value(step, view) for step in self.source.steps) if step is not None and lower < step <= upper]
            if reached:
                found.append(on.said(self.id, step=max(reached)))
        return found


class EachLine(Scalar):
    """Once for each line that is active then: of the customer, or of the account."""

    def happen(self, cause: Happening) -> list[Happening]:
        rule, source = self.rule, self.source
        rule.spreading = True
        causes = rule.of(source.stream)
        rule.spreading = False
        found = []
        for on in causes:
            lines = rule.reading.owned.active(on.customer, on.time)
            for line in sorted(lines, key=code):
                if source.of == "customer" or lines[line] == on.account:
                    other = on.of_line(line, lines[line] or on.account).said(self.id)
                    other.mark = next(numbers)
                    other.own = on.own | {other.mark}
                    found.append(other)
        return found


class Last:
    """The row of a value that moves."""

    def __init__(self) -> None:
        self.newest, self.value = Newest(), None


class Moves(Scalar):
    def happen(self, cause: Happening) -> list[Happening]:
        source = self.source
        found = []
        for on in self.rule.of(source.stream):
            view = self.rule.view(on)
            now = value(source.value, view)
            last = self.row(self.place(on, source.stream.by_value), Last)
            newest = last.newest.time
            if now is None or last.newest.take(on.time, self.rule.reading.clock):
                continue
            remembered = last.value if source.remember else None
            last.value = now
            named = value(source.old, view) if source.old is not None else None
            was = named if named is not None else remembered
            assumed = value(source.initially, view) if source.initially is not None else None
            compared = was if was is not None else assumed
            if compared is not None and now not in (compared, remembered):
                found.append(on.said(self.id, was=was, gap=None if newest is None or newest > on.time else on.time - newest))
        return found


class Sides:
    """The row of a pair: what is free."""

    def __init__(self) -> None:
        self.first: list[Happening] = []
        self.second: list[Happening] = []


class Pair(Scalar):
    """Either side may come late. An A that comes late serves the first free B behind it, which it would have met in order; without a span none waits for it."""

    def happen(self, cause: Happening) -> list[Happening]:
        source = self.source
        found = []
        for on in self.rule.of(source.second):  # a record is not behind itself
            if self.counted(on) is None:
                continue
            sides = self.row(self.place(on, source.keys_of(source.second)), Sides)
            free = [one for one in sides.first if self.fits(one, on)]
            if free:
                first = max(free, key=lambda one: (one.time, one.number))
                if not source.every:
                    sides.first.remove(first)
                found.append(self.paired(first, on))
            else:
                sides.second.append(on)
        for on in self.rule.of(source.first):
            sides = self.row(self.place(on, source.keys_of(source.first)), Sides)
            free = [one for one in sides.second if self.fits(on, one)] if source.within is not None else []
            for second in sorted(free, key=lambda one: (self.counted(one), one.number))[: None if source.every else 1]:
                sides.second.remove(second)
                found.append(self.paired(on, second))
            if source.every or not free:
                sides.first.append(on)
        return found

    def fits(self, first: Happening, second: Happening) -> bool:
        within = self.source.within
        end = first.time + KEPT_MS if within is None else self.rule.view(first).end_of(within)
        moment = self.counted(second)
        return (before(first, second) if self.source.start is None else first.time < moment) and moment <= end

    def counted(self, second: Happening) -> Any:
        """The moment from which the gap to the first half is counted; None: it says none."""
        start = self.source.start
        return second.time if start is None else value(start, self.rule.view(second))

    def paired(self, first: Happening, second: Happening) -> Happening:
        return second.said(self.id, gap=self.counted(second) - first.time, first=first)

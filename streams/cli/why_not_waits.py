"""What a rule waits for, or why it does not wait: timers that run, waits that were called off, halves of pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.cli.why_not_clauses import at, moment, record
from streams.engine.features.absence import AbsenceSource, AwaitedSource
from streams.engine.features.deadline import DeadlineSource
from streams.engine.features.moves import MoveSource
from streams.engine.features.pair import PairSource
from streams.engine.features.place import PlaceSource
from streams.engine.features.silence import SilenceSource

if TYPE_CHECKING:
    from streams.cli.why_not_clauses import Clauses
    from streams.tools.watch import Happening, Watched
    from streams.tools.why_not import Seen


class Waits:
    """The waits of one stream for one key (`row` None: for the whole customer)."""

    def __init__(self, watched: Watched, seen: Seen, row: int | None, clauses: Clauses) -> None:
        self.watched, self.seen, self.row, self.clauses = watched, seen, row, clauses
        self.words = clauses.words(None)

    def mine(self, child: Watched | None) -> list[Happening]:
        """What passed in one of the streams behind it."""
        return [one for one in child.happenings if one.passed and self.row in (None, one.row)] if child is not None else []

    def pending(self) -> list[str]:
        """The timers that run, and the first halves that may still find a second."""
        source, found = self.watched.stream.source, []
        behind = f", and only if {self.words.all(self.watched.stream.conditions)}" if self.watched.stream.conditions else ""
        for row, timer in sorted(self.watched.timers(self.seen.watch.row), key=lambda one: one[1].due):
            if self.row in (None, row):
                started = f"started by {timer.who.record_id} at {at(timer.since, timer.offset_ms)}"
                if not timer.due:
                    found.append(f"a timer rests while the line is terminated ({started})")
                    continue
                found.append(f"a timer fires at {at(timer.due, timer.offset_ms)}{self.unless()}{behind} ({started})")
        if isinstance(source, PairSource) and source.within is not None and not any(self.row in (None, one.row) for one in self.watched.happenings):
            firsts = self.mine(self.watched.children["first"])
            until = self.seen.watch.after(source.within, firsts[-1]) if firsts else 0
            if firsts and until >= self.seen.now:
                second = self.words.stream(source.second)
                found.append(f"[{second}] until {at(until, firsts[-1].offset_ms)} makes a pair with {record(firsts[-1])} of {moment(firsts[-1])}")
        return found

    def unless(self) -> str:
        """What calls a timer off."""
        source = self.watched.stream.source
        if isinstance(source, AwaitedSource) and source.awaited is not None:
            return f" unless [{self.words.stream(source.awaited)}] comes by then"
        if isinstance(source, SilenceSource):
            return f" unless another [{self.words.stream(source.stream)}] comes before"
        return ""

    def notes(self) -> list[str]:
        """Why there was no happening although the streams behind it had some."""
        source, children = self.watched.stream.source, self.watched.children
        if self.pending():
            return []
        if isinstance(source, AwaitedSource):
            return self.called_off(source, self.mine(children["first"]))
        if isinstance(source, PairSource):
            return self.unpaired(source, self.mine(children["first"]), self.mine(children["second"]))
        mine = self.mine(children.get("of"))
        if isinstance(source, PlaceSource) and mine and self.row is not None:
            return self.unconfirmed(mine[-1])
        if isinstance(source, SilenceSource) and mine:
            return [f"no timer runs: the last one came at {moment(mine[-1])} ({record(mine[-1])})"]
        if isinstance(source, MoveSource) and mine:
            values = self.clauses.operand(source.value, None, mine[-1])
            before = [one.values.get(source.value.key()) for one in mine[:-1]]
            same = "as before" if mine[-1].values.get(source.value.key()) in before else "and nothing was known before it, which is no change"
            return [f"{self.words.expr(source.value)} was {values} at the last one, {moment(mine[-1])} ({record(mine[-1])}), {same}"]
        return []

    def unconfirmed(self, last: Happening) -> list[str]:
        """Where a line stays, and why what else was seen of it is no change."""
        assert self.row is not None  # places are of lines
        stays, seen, first = self.watched.place(self.row)
        values = self.clauses.values(last)
        found = [f"the line stays at {values.value('place', stays, None)}" if stays else "no place of the line is confirmed yet, and the first one is no change"]
        if seen and seen != stays:
            found.append(f"{values.value('place', seen, None)} was first seen at {at(first, last.offset_ms)}, and is not confirmed")
        return [*found, "a place is confirmed by two records of it at least 30 min apart and at most 12 h, with no other place between them"]

    def called_off(self, source: AwaitedSource, firsts: list[Happening]) -> list[str]:
        """Why no timer of an absence or a deadline has fired."""
        if not firsts:
            return []
        last = firsts[-1]
        if isinstance(source, DeadlineSource):
            named = source.moment
            key = getattr(named, "key", None)
            value = last.values.get(key()) if key is not None and key() in last.values else "?"
            if value is None:
                return [f"{record(last)} of {moment(last)} names no moment"]
        keys = [value.key() for value in source.keys_of(source.first)]
        theirs = [value.key() for value in source.keys_of(source.awaited)] if source.awaited is not None else []
        same = [last.values.get(key) for key in keys]
        for one in self.mine(self.watched.children.get("awaited")):
            if one.time >= last.time and [one.values.get(key) for key in theirs] == same:
                return [f"the wait that {record(last)} of {moment(last)} started was called off at {moment(one)} by {record(one)} ({one.who.record_type})"]
        if isinstance(source, AbsenceSource):
            return [f"no timer runs for {record(last)} of {moment(last)}: it came late, or the wait was called off"]
        return [f"no timer runs for {record(last)} of {moment(last)}: its moment was past when it was learnt, or the wait was called off"]

    def unpaired(self, source: PairSource, firsts: list[Happening], seconds: list[Happening]) -> list[str]:
        """Why there was no pair."""
        if not firsts or not seconds:
            return []
        behind = [(first, second) for first in firsts for second in seconds if second.time >= first.time and first is not second]
        if not behind:
            return [f"none of the second came after one of the first (at {moment(firsts[-1])}, {record(firsts[-1])})"]
        first, second = min(behind, key=lambda pair: pair[1].time - pair[0].time)
        written = self.clauses.values(second).number
        gap, until = written(second.time - first.time, "ms"), self.seen.watch.after(source.within, first) if source.within is not None else second.time
        late = f", {written(second.time - until, 'ms')} more than {self.words.span(source.within)}" if source.within is not None and until < second.time else ""
        return [f"the nearest two are {gap} apart{late}: {record(first)} at {moment(first)} and {record(second)} at {moment(second)}"]


__all__ = ["Waits"]

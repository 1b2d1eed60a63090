"""What came lately, counted as it comes: events by minute, dead letters by hour. Bounded, whatever comes."""

from __future__ import annotations

from collections import Counter
from heapq import heappush, heapreplace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec

from streams.emit import MISSED

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE, HOUR = 60, 3600
LATEST = 20
"""So many events of a kind, and letters of a reason, are kept."""
LARGEST = 65_536
"""A larger value is counted, not kept."""
KINDS = 300
"""Kinds of events, and reasons, that are counted although they are not installed here."""
TYPE_BEGIN, TYPE_END = "customer.", ".v1"


class Typed(msgspec.Struct):
    """The type of an event."""

    type: str


TYPE_OF = msgspec.json.Decoder(Typed).decode


class Ring:
    """Counts of the last `spans` spans of `span_s` seconds each; times in seconds since 1970."""

    def __init__(self, spans: int, span_s: int) -> None:
        self.spans, self.span_s = spans, span_s
        self.counts = [0] * spans
        self.newest = 0

    def add(self, at_s: float) -> None:
        """Count one at a moment; one before the ring is left out."""
        if (place := self._place(at_s)) is not None:
            self.counts[place] += 1

    def highest(self, at_s: float, number: int) -> None:
        """Keep the highest number of each span instead."""
        if (place := self._place(at_s)) is not None:
            self.counts[place] = max(self.counts[place], number)

    def _place(self, at_s: float) -> int | None:
        """Where a moment is counted; the ring moves on to it."""
        span = int(at_s // self.span_s)
        if span > self.newest:
            for passed in range(max(self.newest + 1, span - self.spans + 1), span + 1):
                self.counts[passed % self.spans] = 0
            self.newest = span
        return span % self.spans if span > self.newest - self.spans else None

    def series(self, now_s: float) -> list[int]:
        """The counts up to now, the oldest first; the last span is not over yet."""
        last = int(now_s // self.span_s)
        return [self.counts[span % self.spans] if self.newest - self.spans < span <= self.newest else 0 for span in range(last - self.spans + 1, last + 1)]


Held = TypeVar("Held")


class Newest(Generic[Held]):
    """The newest `LATEST` of what came, by the time that each has, in whatever order it came: at the start partitions are read one after the other."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Held]] = []
        self.came = 0

    def add(self, at_s: float, held: Held) -> None:
        """Keep it, and let go of the oldest where there are too many."""
        self.came += 1
        entry = at_s, self.came, held
        if len(self.heap) < LATEST:
            heappush(self.heap, entry)
        elif at_s >= self.heap[0][0]:
            heapreplace(self.heap, entry)

    def newest_first(self) -> list[Held]:
        """What is kept."""
        return [held for _, _, held in sorted(self.heap, reverse=True)]


class Kept(NamedTuple):
    """An event as it was published. `at_s`: when it was appended, seconds since 1970."""

    at_s: float
    value: bytes


class Flow:
    """The events of one definition: published and missed ones of the last hour by minute, and the latest published ones."""

    def __init__(self) -> None:
        self.published, self.missed = Ring(60, MINUTE), Ring(60, MINUTE)
        self.latest: Newest[Kept] = Newest()


class LetterPlace(NamedTuple):
    """Where a refused record is. `at_s`: when it was dead-lettered, seconds since 1970."""

    at_s: float
    topic: str
    partition: int
    offset: int


class Refusals:
    """Dead letters of one reason: those of the last day by hour, all by raw topic, and the places of the latest."""

    def __init__(self) -> None:
        self.hours = Ring(24, HOUR)
        self.topics: Counter[str] = Counter()
        self.latest: Newest[LetterPlace] = Newest()


class Live:
    """All of it."""

    def __init__(self, installed: Iterable[str]) -> None:
        self.flows = {name: Flow() for name in installed}
        self.most = len(self.flows) + KINDS
        self.refusals: dict[str, Refusals] = {}
        self.strange = 0
        """Records of the events topics that are no events, or of more kinds than are counted."""

    def event(self, topic: str, value: bytes | None, at_s: float) -> None:
        """Count a record of an events topic, or of the missed one."""
        try:
            kind = TYPE_OF(value or b"").type
        except (msgspec.DecodeError, UnicodeDecodeError):
            kind = ""
        name = kind.removeprefix(TYPE_BEGIN).removesuffix(TYPE_END)
        if not kind.startswith(TYPE_BEGIN) or len(name) > 200 or (name not in self.flows and len(self.flows) >= self.most):
            self.strange += 1
            return
        flow = self.flows.setdefault(name, Flow())
        if topic == MISSED:
            flow.missed.add(at_s)
            return
        flow.published.add(at_s)
        if value is not None and len(value) <= LARGEST:
            flow.latest.add(at_s, Kept(at_s, value))

    def letter(self, reason: str, where: tuple[str, int, int], at_s: float) -> None:
        """Count a dead letter: its reason, and topic, partition and offset of its record."""
        place = LetterPlace(at_s, *where)
        if reason not in self.refusals and len(self.refusals) >= KINDS:
            self.strange += 1
            return
        refusals = self.refusals.setdefault(reason, Refusals())
        refusals.hours.add(place.at_s)
        if place.topic in refusals.topics or len(refusals.topics) < KINDS:
            refusals.topics[place.topic] += 1
        refusals.latest.add(place.at_s, place)

"""What the raw topics of a shard still hold: up to the point where the live run takes over, and from there on."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from aiokafka import TopicPartition

from schemas.columns import DAY_MS
from schemas.raw import TOPICS
from streams.intake.decode import decode_chunk
from streams.intake.progress import NONE, unpacked
from streams.kafka import changelog
from streams.kafka.connection import connection
from streams.tools.backfill import names_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiokafka import AIOKafkaConsumer

    from schemas.columns import Ints
    from streams.engine.state.store import Passed
    from streams.settings import Settings

SKEW_MS = DAY_MS
"""How far a producer's clock may be behind the event times of its records."""


class Seam(NamedTuple):
    """Where the live run takes over in a topic: it has done the offsets before `next`, and those in the ranges `done` above it."""

    next: int
    done: Ints = NONE

    @classmethod
    def of(cls, offsets: Mapping[str, int], passed: Mapping[str, Passed]) -> dict[str, Seam]:
        """By topic."""
        return {topic: cls(offsets[topic], unpacked(passed[topic].done) if topic in passed else NONE) for topic in TOPICS}

    @property
    def upto(self) -> int:
        """The offset behind the last one that is done."""
        return int(self.done[-1]) if len(self.done) else self.next

    def is_done(self, offset: int) -> bool:
        """Whether the live run has done the record there."""
        return offset < self.next or int(self.done.searchsorted(offset, side="right")) % 2 == 1


class Raws(NamedTuple):
    """Raw records of a topic, in the order of their offsets."""

    topic: str
    keys: list[bytes | None]
    values: list[bytes | None]


class History:
    """A reader of one shard's raw topics."""

    def __init__(self, consumer: AIOKafkaConsumer, partition: int, seams: Mapping[str, Seam], parted: Mapping[str, int]) -> None:
        self.consumer, self.partition, self.seams, self.parted = consumer, partition, seams, parted
        self.places = {topic: TopicPartition(topic, partition) for topic in TOPICS}
        self.open: set[str] = set()
        """The topics that are not read to their seam yet."""

    async def begin(self, since_ms: int) -> dict[str, int]:
        """Go to the first record that may be as new as `since_ms` (0: the first of all). Returns by topic where that is, and leaves out empty ones."""
        self.consumer.assign([*self.places.values()])
        begins = await self.consumer.beginning_offsets([*self.places.values()])
        found = await self.consumer.offsets_for_times(dict.fromkeys(self.places.values(), since_ms - SKEW_MS)) if since_ms > SKEW_MS else {}
        for topic, place in self.places.items():
            at = found.get(place)
            first = max(begins[place], self.parted.get(topic, 0))
            begin = first if not found else (max(first, at.offset) if at is not None else self.seams[topic].upto)
            self.consumer.seek(place, begin)
            begins[place] = begin
            if begin < self.seams[topic].upto:
                self.open.add(topic)
        return {topic: begins[place] for topic, place in self.places.items()}

    async def read(self, wanted: set[str]) -> list[Raws]:
        """More of the topics `wanted` that are open: the records that the live run has done. A topic that is read to its end is open no more."""
        going = [self.places[topic] for topic in self.open & wanted]
        self.consumer.pause(*(place for place in self.places.values() if place not in going))
        self.consumer.resume(*going)
        found = []
        for place, records in (await self.consumer.getmany(*going, timeout_ms=200)).items():
            own = [record for record in records if self.seams[place.topic].is_done(record.offset)]
            found.append(Raws(place.topic, [record.key for record in own], [record.value for record in own]))
        for place in going:
            if await self.consumer.position(place) >= self.seams[place.topic].upto:
                self.open.discard(place.topic)
        return found

    async def waiting(self, max_bytes: int, *, also_done: bool) -> dict[str, Ints]:
        """By topic, the names (`names_of`) of the records that the live run will read; `also_done`: of all that the topic holds."""
        found = {}
        for topic, place in self.places.items():
            self.consumer.assign([place])
            end = (await self.consumer.end_offsets([place]))[place]
            begin = max((await self.consumer.beginning_offsets([place]))[place], self.parted.get(topic, 0))
            self.consumer.seek(place, begin if also_done else max(begin, self.seams[topic].next))
            names: list[Ints] = [NONE]
            while await self.consumer.position(place) < end:
                for records in (await self.consumer.getmany(place, timeout_ms=200)).values():
                    own = [record for record in records if also_done or not self.seams[topic].is_done(record.offset)]
                    values = [record.value for record in own]
                    names.append(
                        names_of(decode_chunk(topic, self.partition, range(len(own)), [r.key for r in own], values, next_offset=len(own), latest_ms=None, max_bytes=max_bytes))
                    )
            found[topic] = np.unique(np.concatenate(names))
        return found


@asynccontextmanager
async def history(settings: Settings, partition: int, seams: Mapping[str, Seam], parted: Mapping[str, int]) -> AsyncIterator[History]:
    """A reader of the raw topics of a shard, closed at the end. `parted`: the offsets before which they have records of other shards (`Head.parted`)."""
    options: dict[str, Any] = connection(settings)
    async with changelog.reading(settings, options) as consumer:
        yield History(consumer, partition, seams, parted)

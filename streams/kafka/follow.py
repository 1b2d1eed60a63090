"""The events and dead-letter topics as they grow, for the live page: read without a group, so that nothing is committed and no worker notices."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.fault import KairosFault
from streams.emit import DEAD_LETTER
from streams.kafka.connection import connection
from streams.kafka.dead_letters import RECEIPT
from streams.kafka.topics import Admin, partitions_of
from streams.logs import about, log, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.settings import Settings

logger = logging.getLogger("kairos.page")
BACK_S, LETTERS_BACK_S = 3600, 24 * 3600
"""How far back events and dead letters are read at the start."""
MOST_LETTERS = 20_000
"""At most so many offsets of a dead-letter partition are read at the start: their values come with them, and may be large."""
RUN = 2_000
"""Records that are taken at once."""
AGAIN_S = 30.0
"""How often new topics and partitions are looked for."""
FETCH_BYTES = 1_048_576
PAUSES_S = (1.0, 2.0, 5.0, 15.0)
"""Between attempts where the broker does not answer."""


class Taker(Protocol):
    """What records are counted by; `at_s`: when they were appended, seconds since 1970."""

    def event(self, topic: str, value: bytes | None, at_s: float) -> None:
        """Take a record of an events topic."""
        ...

    def letter(self, reason: str, where: tuple[str, int, int], at_s: float) -> None:
        """Take a dead letter: its reason, and topic, partition and offset of its record (-1 where it does not say)."""
        ...


class Follower:
    """Reads `topics` (of events and missed events) and the dead-letter topic into `live`: from some time back on, and then as they grow."""

    def __init__(self, settings: Settings, topics: Sequence[str], live: Taker) -> None:
        self.settings, self.topics, self.live = settings, (*topics, DEAD_LETTER), live
        self.positions: dict[TopicPartition, int] = {}
        self.trouble: str | None = None
        """Why nothing is read now, as a sentence."""
        self.missing: list[str] = []
        """Topics that are not there, or not shown to this user."""
        self.caught_up = False
        """Whether what was there at the start is read."""
        self.cut = False
        """Whether some dead letters of the last day were not read."""

    async def run(self) -> None:
        """Read until cancelled; begin again, where it was, after each error."""
        attempt = 0
        while True:
            try:
                await self._follow()
                attempt = 0
            except (KafkaError, KairosFault, OSError) as error:
                self.trouble = words(error)
                log(logger, logging.WARNING, "the events topics cannot be read", **about(error))
                await asyncio.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
                attempt += 1

    async def _follow(self) -> None:
        """Read until topics or partitions are new. Raises KafkaError, BrokerUnreachable."""
        counts = await self._counts()
        self.missing = [topic for topic in self.topics if topic not in counts]
        if not counts:
            self.trouble, self.caught_up = None, True
            await asyncio.sleep(AGAIN_S)
            return
        consumer = self._consumer()
        try:
            await consumer.start()
            await self._begin(consumer, [TopicPartition(topic, partition) for topic, count in counts.items() for partition in range(count)])
            self.trouble = None
            look = time.monotonic() + AGAIN_S
            while True:
                await self._read(consumer)
                if time.monotonic() > look:
                    if await self._counts() != counts:
                        return
                    look = time.monotonic() + AGAIN_S
        finally:
            await consumer.stop()

    async def _counts(self) -> dict[str, int]:
        async with Admin(self.settings) as client:
            there = await partitions_of(client)
        return {topic: there[topic] for topic in self.topics if topic in there}

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.settings.brokers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=500,
            **connection(self.settings),
        )

    async def _begin(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        """Assign `places`: those that were read go on where they were, others begin some time back."""
        consumer.assign(places)
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        now_ms = int(time.time() * 1000)
        since = {place: now_ms - 1000 * (LETTERS_BACK_S if place.topic == DEAD_LETTER else BACK_S) for place in places if place not in self.positions}
        found = await consumer.offsets_for_times(since) if since else {}
        for place in places:
            at = found.get(place)
            begin = self.positions.get(place, at.offset if at is not None else ends[place])
            if place.topic == DEAD_LETTER and place not in self.positions and ends[place] - begin > MOST_LETTERS:
                begin, self.cut = ends[place] - MOST_LETTERS, True
            if not begins[place] <= begin <= ends[place]:  # the topic was made again, or what was there is deleted
                begin = begins[place]
            self.positions[place] = begin
            consumer.seek(place, begin)
        while not self.caught_up:
            await self._read(consumer)
            self.caught_up = all([await consumer.position(place) >= ends[place] for place in places])

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        """Take the next records."""
        for place, records in (await consumer.getmany(timeout_ms=500, max_records=RUN)).items():
            for record in records:
                self.take(place.topic, record)
            self.positions[place] = records[-1].offset + 1
        await asyncio.sleep(0)  # the page answers in between

    def take(self, topic: str, record: Any) -> None:
        """Count one record."""
        at_s = min(record.timestamp / 1000, time.time())
        if topic != DEAD_LETTER:
            self.live.event(topic, record.value, at_s)
            return
        headers = dict(record.headers)
        reason = (headers.get("reason") or b"").decode(errors="replace")[:80]
        if not reason or reason == RECEIPT:
            return
        partition, offset = (number_of(headers.get(name)) for name in ("partition", "offset"))
        self.live.letter(reason, ((headers.get("topic") or b"?").decode(errors="replace")[:249], partition, offset), at_s)


def number_of(header: bytes | None) -> int:
    """The number in a header; -1 where there is none."""
    text = (header or b"").decode("ascii", "replace")
    return int(text) if text.isdecimal() and len(text) < 20 else -1

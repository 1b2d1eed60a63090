"""Looks at where topic partitions end, for all shards of a worker at once.

A shard may pass a topic that has run out only by a look that is newer than what it releases (`semantics.md` §1.2). The end that a fetch brings is no
such look: its age depends on when the fetch was sent, and a paused partition is not fetched at all. So the shards ask. Questions that come while a
request is in flight go into the next one: there is never more than one request in flight.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from streams.kafka import changelog
from streams.logs import log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka import AIOKafkaConsumer

    from streams.settings import Settings

logger = logging.getLogger("kairos.looks")
PAUSE_S = 0.002
"""Between two requests."""
AGAIN_S = 1.0
"""After a request that failed."""
ANSWER_S = 10.0
"""A request without an answer for so long has failed."""


class Looks:
    """Asks for the last stable offsets of topic partitions.

    `answer(place, moment, end)`: at `moment` (seconds of the monotonic clock, taken before the request was sent) `place` ended at `end` or before.
    `failed(place, why)`: there was no answer; the request is sent again.
    """

    def __init__(self, settings: Settings, connection: dict[str, Any], answer: Callable[[TopicPartition, float, int], None], failed: Callable[[TopicPartition, str], None]) -> None:
        self.settings, self.connection, self.answer, self.failed = settings, connection, answer, failed
        self.consumer: AIOKafkaConsumer | None = None
        self.wanted: set[TopicPartition] = set()
        self.asked = asyncio.Event()

    def ask(self, places: Iterable[TopicPartition]) -> None:
        """Have the ends of `places` looked at soon."""
        self.wanted.update(places)
        if self.wanted:
            self.asked.set()

    async def run(self) -> None:
        """Answer what is asked, until cancelled."""
        try:
            while True:
                await self.asked.wait()
                self.asked.clear()
                places, self.wanted = self.wanted, set()
                if not await self._look(places):
                    self.wanted |= places
                    await asyncio.sleep(AGAIN_S)
                    self.asked.set()
                await asyncio.sleep(PAUSE_S)
        finally:
            await self.close()

    async def _look(self, places: set[TopicPartition]) -> bool:
        try:
            moment = time.monotonic()
            found = await self.ends(places)
        except (KafkaError, OSError, TimeoutError) as error:
            log(logger, logging.DEBUG, "the ends of topics are unknown", error=type(error).__name__)
            for place in places:
                self.failed(place, type(error).__name__)
            await self.close()
            return False
        for place, end in found.items():
            self.answer(place, moment, end)
        return True

    async def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offsets of `places`. Raises KafkaError, OSError, TimeoutError."""
        async with asyncio.timeout(ANSWER_S):
            return dict(await (await self._client()).end_offsets(list(places)))

    async def begins(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offsets there are. Raises KafkaError, OSError, TimeoutError."""
        async with asyncio.timeout(ANSWER_S):
            return dict(await (await self._client()).beginning_offsets(list(places)))

    async def _client(self) -> AIOKafkaConsumer:
        if self.consumer is None:
            self.consumer = await changelog.started(self.settings, self.connection)
        return self.consumer

    async def close(self) -> None:
        """Close the client."""
        consumer, self.consumer = self.consumer, None
        if consumer is not None:
            await consumer.stop()

"""Looks at the whole group from time to time: the lag of partitions that no worker holds is in no worker's own metrics."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.kafka.status import ANSWER_S, group_of, places_of
from streams.kafka.topics import Admin
from streams.logs import about, log

if TYPE_CHECKING:
    from streams.kafka.contact import Contact
    from streams.metrics import Metrics
    from streams.settings import Settings

logger = logging.getLogger("kairos.worker")
EVERY_S = 15.0
"""Between two looks."""


class Bystander(threading.Thread):
    """Keeps `kairos_unowned_lag_records`. While no broker answers it keeps what it saw last, and asks nothing."""

    def __init__(self, settings: Settings, partitions: int, metrics: Metrics, contact: Contact, every_s: float = EVERY_S) -> None:
        super().__init__(name="bystander", daemon=True)
        self.settings, self.metrics, self.contact, self.every_s = settings, metrics, contact, every_s
        self.counts = dict.fromkeys(TOPICS, partitions)
        self.over = threading.Event()
        self.note(Counter())

    def run(self) -> None:
        """Look until `over`."""
        while not self.over.wait(self.every_s):
            if self.contact.away(self.settings.contact_s) is None:
                self.look()

    def look(self) -> None:
        """Look once; a failed look is repeated next time, and is no error of the worker."""
        try:
            self.note(asyncio.run(self._unowned()))
        except (KafkaError, KairosFault, OSError, TimeoutError):
            return
        except Exception as error:  # noqa: BLE001  # a worker does not end because a look at it failed
            log(logger, logging.WARNING, "the group could not be looked at", **about(error))

    def note(self, lag: Counter[str]) -> None:
        """Records by topic."""
        for topic in TOPICS:
            self.metrics.unowned.labels(topic).set(lag[topic])

    async def _unowned(self) -> Counter[str]:
        """Records that wait in partitions without a member, by topic. While every partition is held, one request is enough."""
        async with asyncio.timeout(ANSWER_S), Admin(self.settings) as client:
            group = await group_of(client, self.settings.app)
            if all(group.owner(topic, partition) for topic, count in self.counts.items() for partition in range(count)):
                return Counter()
            return sum((Counter({place.topic: place.lag}) for place in await places_of(client, self.settings, group, self.counts) if place.owner is None), Counter())

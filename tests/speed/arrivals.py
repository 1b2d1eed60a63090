"""When the events of the probe arrive at a `read_committed` consumer."""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime

from confluent_kafka import Consumer, TopicPartition

from streams.emit import PREFIX
from tests.speed.lab import PARTITIONS

TOPIC = PREFIX + "probe"
TIME = re.compile(rb'"time":"([^"]+)"')


class Arrivals:
    """A consumer in a thread of its own."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.seen: list[tuple[float, float]] = []
        """The event's time, and when it arrived; epoch seconds."""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": "bench-live", "enable.auto.commit": False, "isolation.level": "read_committed", "fetch.wait.max.ms": 100}
        )
        consumer.assign([TopicPartition(TOPIC, partition, 0) for partition in range(PARTITIONS)])
        while not self.over.is_set():
            for message in consumer.consume(500, 0.02):
                now = time.time()
                if not message.error() and (found := TIME.search(message.value() or b"")):
                    self.seen.append((datetime.fromisoformat(found[1].decode()).timestamp(), now))
        consumer.close()

    def end(self) -> None:
        """Stop watching."""
        self.over.set()
        self.thread.join(10)

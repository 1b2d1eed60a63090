"""A Kafka broker inside this process: librdkafka's mock cluster, for the demo and for tests without Java.

It knows consumer groups and transactions. It has no controller: topics are created when they are first asked for, with four
partitions, and admin requests fail. It keeps everything in memory and forgets it at the end; compaction does not
happen, and offsets sent with a transaction are accepted but not reported to a worker that starts again. Checksums of what it returns
may be wrong: its consumers say `check_crcs=False`.
"""

from __future__ import annotations

from typing import Self

from confluent_kafka import Producer


class EmbeddedBroker:
    """`with EmbeddedBroker() as broker: … broker.bootstrap`."""

    def __init__(self) -> None:
        self._client: Producer | None = None
        self.bootstrap = ""

    def __enter__(self) -> Self:
        self._client = Producer({"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "log_level": 3})
        (broker,) = self._client.list_topics(timeout=10).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"
        return self

    def bring_up(self, topics: list[str]) -> None:
        """Create topics, by asking for them."""
        assert self._client is not None, "enter the broker first"
        for topic in topics:
            self._client.list_topics(topic, timeout=10)

    def __exit__(self, *_: object) -> None:
        self._client = None

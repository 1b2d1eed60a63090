"""Kafka clients of the lab: a producer like users', where partitions end, and what was committed to them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

READY_S = 30.0


def end_of(consumer: Consumer, topic: str, partition: int) -> int:
    """Where a partition ends; what the broker says of a topic that it has just made is waited for. Raises KafkaException."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            return consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=READY_S)[1]
        except KafkaException as failed:
            if not unready(failed.args[0]) or time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def unready(error: KafkaError) -> bool:
    """Whether a partition only has no leader yet that the client knows of."""
    return error.code() in {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART}


def producer_at(bootstrap: str, *, linger_ms: int) -> Producer:
    """A producer with Kafka's own partitioner."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "batch.size": 1 << 18,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 1 << 19,
            "acks": "all",
            "enable.idempotence": True,
            "log_level": 3,  # that the broker still starts is no news
        }
    )


def send(producer: Producer, topic: str, key: bytes, value: bytes) -> None:
    """Hand a record to the producer, once its queue has room."""
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.05)
        else:
            return


def committed(bootstrap: str, begin: dict[tuple[str, int], int]) -> Iterator[bytes]:
    """The values of the committed records from `begin` to the present ends. Raises KafkaException."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-read",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, partition, offset) for (topic, partition), offset in begin.items()])
    ended: set[tuple[str | None, int | None]] = set()
    while len(ended) < len(begin):
        for message in consumer.consume(5000, 0.2):
            if (error := message.error()) is None:
                yield message.value() or b""
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add((message.topic(), message.partition()))
            elif not unready(error):
                raise KafkaException(error)
    consumer.close()

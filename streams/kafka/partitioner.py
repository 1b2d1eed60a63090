"""The partition that Kafka's default partitioner gives a key."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The number of the partition, of `partitions`.

    >>> partition_of(b"C100", 12)
    8
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)

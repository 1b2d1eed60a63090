"""The OffsetFetch request of Kafka 2.5 and later, which the client lacks: it does not answer while a transaction on the asked offsets is undecided.

The reply to EndTxn comes before the broker writes the markers of the transaction, and only these make its offsets visible. Until then the
older request shows the offsets, and the token, of the transaction before: as if another producer had committed last.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.commit import OffsetFetchRequest_v2, OffsetFetchRequest_v3
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

UNSTABLE_OFFSET_COMMIT = 88


class UnstableOffsets(KafkaError):  # type: ignore[misc]  # the client has no types
    """A transaction with offsets of the group has not ended yet, or its markers are on their way."""

    retriable = True


class StableOffsets(Response):  # type: ignore[misc]
    """The answer of version 7."""

    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )


class StableRequest(RequestStruct):  # type: ignore[misc]
    """The request of version 7."""

    API_KEY = 9
    API_VERSION = 7
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = StableOffsets
    SCHEMA = Schema(
        ("consumer_group", CompactString("utf-8")),
        ("topics", CompactArray(("topic", CompactString("utf-8")), ("partitions", CompactArray(Int32)), ("tags", TaggedFields))),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class StableOffsetFetch(Request[OffsetFetchRequest_v2 | OffsetFetchRequest_v3 | StableRequest]):  # type: ignore[misc]
    """Offsets of a group for these partitions; of a broker before Kafka 2.5 as it shows them."""

    API_KEY = 9

    def __init__(self, group: str, partitions: list[tuple[str, list[int]]]) -> None:
        self.group, self.partitions = group, partitions

    def build(self, request_struct_class: Any) -> Any:
        """The request in the newest version that the broker knows."""
        if request_struct_class is StableRequest:
            return StableRequest(self.group, [(topic, numbers, {}) for topic, numbers in self.partitions], True, {})
        return request_struct_class(self.group, self.partitions)


def answers_of(response: Any) -> list[tuple[str, int, int, str, int]]:
    """Topic, partition, offset, metadata and error of each answer, of any version."""
    if isinstance(response, StableOffsets):
        return [(topic, number, offset, metadata, code) for topic, partitions, _ in response.topics for number, offset, _, metadata, code, _ in partitions]
    return [(topic, *answer) for topic, partitions in response.topics for answer in partitions]

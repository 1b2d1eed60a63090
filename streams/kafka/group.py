"""Why the consumer group does not give a worker what it needs: sentences that name the cause."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from aiokafka.errors import TopicAuthorizationFailedError

from schemas.raw import TOPICS
from streams.kafka.transaction import names_in
from streams.logs import about

if TYPE_CHECKING:
    from collections.abc import Collection

    from faust.types import TP

    from streams.settings import Settings

INCONSISTENT_PROTOCOL, UNKNOWN_MEMBER, SESSION_TIMEOUT, FORBIDDEN, FENCED_INSTANCE = 23, 25, 26, 30, 82
EVICTIONS, EVICTED_S = 3, 30.0
"""A static member that loses its place so many times in so many seconds shares its name with another worker; usually the older of the two sees it first."""


class Refusals:
    """What the coordinator refuses permanently; `settings` are those of the worker that asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.evicted: deque[float] = deque(maxlen=EVICTIONS)

    def why(self, code: int, now: float | None = None) -> str | None:
        """Why an answer of the coordinator with this error code ends the worker, if it does."""
        app, instance = self.settings.app, self.settings.instance
        if code == INCONSISTENT_PROTOCOL:
            return stranger(app, "one that assigns partitions in another way than Kairos does")
        if code == SESSION_TIMEOUT:
            return (
                f"session_timeout_s: the broker refuses {self.settings.session_timeout_s} s: wanted a time between its group.min.session.timeout.ms "
                "and group.max.session.timeout.ms"
            )
        if code == FORBIDDEN:
            return f"{app}: the broker forbids the consumer group: grant the worker READ on the group {app}"
        if instance is None:
            return None
        if code == UNKNOWN_MEMBER:
            self.evicted.append(time.monotonic() if now is None else now)
        often = len(self.evicted) == EVICTIONS and self.evicted[-1] - self.evicted[0] <= EVICTED_S
        if code == FENCED_INSTANCE or (code == UNKNOWN_MEMBER and often):
            return f"another worker runs with instance = {instance} in the group {app} and takes this one's place: give each worker an instance of its own, or none"
        return None


def stranger(app: str, which: str) -> str:
    """The sentence about a consumer in the group that is no worker."""
    return (
        f"another consumer is in the group {app}, {which}: partitions that it holds are read by nobody else, and their customers get no events; "
        "stop it, or start the workers with another --app"
    )


def why_uneven(places: Collection[TP], count: int, cluster: Any, app: str) -> tuple[str, str] | None:
    """Why an assignment is not partition p of all raw topics for each p below `count`, if it is not: what has changed, and what to do.

    `cluster`: the client's metadata, which says what topics there are now.
    """
    mine = {place.partition for place in places}
    missing = sorted({topic for topic in TOPICS for partition in mine if not any((place.topic, place.partition) == (topic, partition) for place in places)})
    if not missing and all(partition < count for partition in mine):
        return None
    for topic in TOPICS:
        there = cluster.partitions_for_topic(topic)
        if topic in cluster.unauthorized_topics:
            return "a raw topic may not be read", f"{topic}: the broker does not show it to the worker any more: grant it READ (which contains DESCRIBE)"
        if not there:
            return "a raw topic is missing", (
                f"{topic} is missing, deleted or created again: create it with 'kairos topics --create'; the group's offsets and the state still count its old records: "
                "start with another --app and replay history, or set the group's offset for it"
            )
        if len(there) != count:
            return "partition counts changed", (
                f"{topic}: wanted {count} partitions, as every raw topic had at the start, got {len(there)}: "
                "customers' records would meet another shard's state; go back to the old number, or start with another --app and replay history"
            )
    return "the group is shared", stranger(app, f"which holds partitions of {', '.join(missing)}")


def cause(error: BaseException) -> dict[str, Any]:
    """An error that ended the worker, as fields of a log line; it names the right to grant where one is missing."""
    fields = about(error)
    if isinstance(error, TopicAuthorizationFailedError):
        fields["reason"] = f"{names_in(error) or 'a raw topic'}: the broker refuses what must be read: grant the worker READ"
    return fields

"""When the brokers last answered: what readiness, the watchdog and the end of a worker go by.

Every client of this process (the group's consumer, the shards' producers, readers and admins) goes through aiokafka's connection; the one here
notes each answer. Answers that only describe the cluster (versions, metadata, coordinators, members of the group) do not count: a broker may send
them and do no work.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiokafka import conn

if TYPE_CHECKING:
    from collections.abc import Callable

METADATA, FIND_COORDINATOR, JOIN, HEARTBEAT, SYNC, DESCRIBE, HANDSHAKE, VERSIONS, AUTHENTICATE = 3, 10, 11, 12, 14, 15, 17, 18, 36
TALK = {METADATA, FIND_COORDINATOR, DESCRIBE, HANDSHAKE, VERSIONS, AUTHENTICATE}
GROUP = {JOIN, HEARTBEAT, SYNC}
NOT_THERE = {-1, 14, 15, 16}
"""Error codes of a broker that does not coordinate the group now: unknown, loading, not available, not the coordinator."""


FETCHED_S = 1.0
"""A broker that serves fetches answers several times in this, records or none."""


class Contact:
    """When a broker, and the group's coordinator, last answered (monotonic seconds). Any thread may write and read it."""

    def __init__(self) -> None:
        self.broker = self.group = time.monotonic()
        self.joining: float | None = None
        """Since when the group has been assigning its partitions."""
        self.refused: Callable[[int], None] | None = None
        """Called with the error codes that the coordinator answers; it may end the process."""

    def asked(self, api_key: int) -> None:
        """A request is on its way."""
        if api_key in (JOIN, SYNC) and self.joining is None:
            self.joining = time.monotonic()

    def answered(self, api_key: int, answer: Any) -> None:
        """A broker has answered a request."""
        if api_key in TALK:
            return
        now = time.monotonic()
        if api_key not in GROUP:
            self.broker = now
            return
        if answer.error_code and self.refused is not None:
            self.refused(answer.error_code)
        if answer.error_code in NOT_THERE:
            return
        self.broker = self.group = now
        if api_key in (HEARTBEAT, SYNC):
            self.joining = None

    def silent_s(self) -> float:
        """How long no broker has answered anything, s."""
        return time.monotonic() - self.broker

    def group_silent_s(self) -> float:
        """How long the group's coordinator has not answered, s."""
        return time.monotonic() - self.group

    def away(self, contact_s: float) -> str | None:
        """Which answer has been missing for more than `contact_s`, if one has."""
        joining = self.joining
        if joining is not None and time.monotonic() - joining > contact_s:
            return f"the group has been assigning partitions for {time.monotonic() - joining:.0f} s: another member, or the broker, does not answer"
        silent, group = self.silent_s(), self.group_silent_s()
        if max(silent, group) <= contact_s:
            return None
        if silent > min(contact_s, FETCHED_S):
            return f"no Kafka broker has answered for {silent:.0f} s (contact_s = {contact_s:g}): look at the brokers and the network; the worker continues by itself"
        return (
            f"the group's coordinator has not answered for {group:.0f} s (contact_s = {contact_s:g}), other brokers do: "
            "look at the broker that leads the group's partition of __consumer_offsets; the worker continues by itself"
        )


def listen(contact: Contact) -> None:
    """Make every connection opened from now on report its answers to `contact`."""

    class Connection(conn.AIOKafkaConnection):
        def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT002  # aiokafka's signature
            contact.asked(request.API_KEY)
            return super().send(request, expect_response)

        def _handle_frame(self, resp: Any) -> None:
            _, request, answer = self._requests[0]
            super()._handle_frame(resp)
            if request is not None and answer.done() and not answer.cancelled() and answer.exception() is None:
                contact.answered(request.API_KEY, answer.result())

    conn.AIOKafkaConnection = Connection

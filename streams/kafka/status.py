"""What the broker says of an application: members of its group, which member holds which shard, and the lag of each. Works without a worker."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, NamedTuple

from aiokafka import TopicPartition
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.kafka import changelog
from streams.kafka.books import group_offsets
from streams.kafka.connection import connection
from streams.kafka.topics import Admin, BrokerUnreachable, partitions_of

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from streams.settings import Settings

ANSWER_S, ATTEMPTS = 8.0, 3
"""How long one attempt waits for all answers of the broker, and how many attempts there are."""
COORDINATOR_S = 6.0
"""How long a broker that has just started may take to name the group's coordinator."""
STABLE = "Stable"


class StatusFault(KairosFault):
    """The broker does not report the state of the application."""


class Member(NamedTuple):
    """A worker in the group. `name`: with a static id it begins with the worker's `instance`."""

    name: str
    client: str
    host: str
    partitions: tuple[tuple[str, int], ...]
    """Of raw topics."""

    @property
    def shards(self) -> list[int]:
        """The partition numbers that it holds."""
        return sorted({partition for _, partition in self.partitions})


class Group(NamedTuple):
    """The consumer group."""

    state: str
    """As the broker names it: Stable, PreparingRebalance, CompletingRebalance, Empty, or Dead where there is none."""
    members: list[Member]

    def owner(self, topic: str, partition: int) -> str | None:
        """The member that holds a partition."""
        return next((member.name for member in self.members if (topic, partition) in member.partitions), None)


class Place(NamedTuple):
    """A partition of a raw topic."""

    topic: str
    partition: int
    owner: str | None
    committed: int | None
    """The group's offset; None where nothing was committed yet."""
    end: int
    """The last stable offset."""
    lag: int
    """Offsets up to the end that are not committed."""


class Overview(NamedTuple):
    """An application as its broker sees it."""

    group: Group
    places: list[Place]
    missing: list[str]
    """Raw topics that are missing."""


async def overview(settings: Settings) -> Overview:
    """Ask the broker. Raises StatusFault, BrokerUnreachable."""
    try:
        for _ in range(ATTEMPTS):
            with contextlib.suppress(TimeoutError):  # a topic that is deleted meanwhile gives no answer
                async with asyncio.timeout(ANSWER_S):
                    return await ask(settings)
    except GroupAuthorizationFailedError as error:
        raise StatusFault(f"{settings.app}: the broker forbids the request: grant the caller DESCRIBE on the group {settings.app}") from error
    except KafkaError as error:
        raise StatusFault(f"brokers: wanted an answer about the group {settings.app} from {settings.brokers}, got {type(error).__name__}: try again") from error
    raise BrokerUnreachable(f"brokers: the broker on {settings.brokers} did not answer within {ATTEMPTS * ANSWER_S:.0f} s: look at it, or name another with --brokers")


async def ask(settings: Settings) -> Overview:
    """The same once. Raises KafkaError, BrokerUnreachable."""
    async with Admin(settings) as client:
        counts = await partitions_of(client)
        group = await coordinated(client, settings.app)
        return Overview(group, await places_of(client, settings, group, counts), [topic for topic in TOPICS if topic not in counts])


async def coordinated(client: AIOKafkaAdminClient, app: str) -> Group:
    """`group_of`, asked again while a broker is only beginning to coordinate groups. Raises KafkaError."""
    deadline = time.monotonic() + COORDINATOR_S
    while True:
        try:
            return await group_of(client, app)
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def group_of(client: AIOKafkaAdminClient, app: str) -> Group:
    """The group's state and members. Raises KafkaError."""
    (response,) = await client.describe_consumer_groups([app])
    (described,) = response.groups
    code, _, state, _, _, members = described[:6]
    if code == GroupAuthorizationFailedError.errno:
        raise GroupAuthorizationFailedError(app)
    return Group(state, sorted(member_of(*member[:5]) for member in members))


def member_of(name: str, client: str, host: str, metadata: bytes, assignment: bytes) -> Member:
    """A member as the broker describes it."""
    del metadata
    assigned = ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment if assignment else ()
    held = sorted((topic, partition) for topic, partitions in assigned for partition in partitions if topic in TOPICS)
    return Member(name, client, host.lstrip("/"), tuple(held))


async def places_of(client: AIOKafkaAdminClient, settings: Settings, group: Group, counts: dict[str, int]) -> list[Place]:
    """Every partition of the raw topics: its owner, and how far the group has come. Raises KafkaError."""
    wanted = [TopicPartition(topic, partition) for topic in TOPICS for partition in range(counts.get(topic, 0))]
    if not wanted:
        return []
    offsets = await group_offsets(client, settings.app, wanted)
    async with changelog.reading(settings, connection(settings)) as consumer:
        begins, ends = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
    found = []
    for place in wanted:
        offset = offsets[place].offset if place in offsets else None
        begin, end = begins[place], ends[place]
        found.append(Place(place.topic, place.partition, group.owner(place.topic, place.partition), offset, end, max(0, end - max(begin, offset or 0))))
    return found


def problems_of(seen: Overview, app: str) -> list[str]:
    """The problems, a sentence each."""
    found = [f"{topic} is missing, or not shown to this user: create it with 'kairos topics --create', or grant DESCRIBE on it" for topic in seen.missing]
    if not seen.group.members:
        found.append(f"the group {app} has no member: no worker runs")
    elif seen.group.state != STABLE:
        found.append(f"the group {app} is assigning partitions ({seen.group.state}): look again; when it stays so, a member does not answer")
    unowned: dict[str, list[Place]] = {}
    for place in seen.places:
        if place.owner is None and place.lag:
            unowned.setdefault(place.topic, []).append(place)
    for topic, own in unowned.items():
        numbers = ", ".join(str(place.partition) for place in own)
        found.append(f"{topic}: no worker holds partition{'s' if len(own) > 1 else ''} {numbers}, where {sum(place.lag for place in own):,} records wait")
    return found

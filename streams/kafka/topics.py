"""The topics: their names, making them, and checking them before a worker starts."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER, MISSED, PREFIX
from streams.kafka.connection import connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.settings import Settings

DAY_MS = 86_400_000
REACH_S = 5
"""How long an answer of a broker is waited for."""
LARGEST = 16 * 1024 * 1024
"""Largest record of raw and dead-letter topics, bytes: a refused record must fit too."""
logging.getLogger("aiokafka").setLevel(logging.WARNING)


class TopicFault(KairosFault):
    """Topics are not as they must be; one line a fault, each saying what to do."""


class BrokerUnreachable(TopicFault):
    """No broker answers."""


def wanted_topics(settings: Settings, families: Iterable[str]) -> dict[str, dict[str, str]]:
    """All topics with their configuration."""
    raw = {name: {"retention.ms": str((1 if name == "raw.network" else 7) * DAY_MS), "max.message.bytes": str(LARGEST)} for name in TOPICS}
    out = {PREFIX + family: {"retention.ms": str(7 * DAY_MS)} for family in sorted(families)}
    out[MISSED] = {"retention.ms": str(7 * DAY_MS)}
    out[DEAD_LETTER] = {"retention.ms": str(7 * DAY_MS), "max.message.bytes": str(LARGEST)}
    state = {"cleanup.policy": "compact", "max.message.bytes": str(LARGEST), "min.cleanable.dirty.ratio": "0.3"}
    return {**raw, **out, settings.changelog: state}


class Admin:
    """An admin client that gives up after some seconds, with one line."""

    def __init__(self, settings: Settings) -> None:
        self.brokers, self.security = settings.brokers, settings.security
        self.client = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, request_timeout_ms=REACH_S * 1000, **connection(settings))

    async def __aenter__(self) -> AIOKafkaAdminClient:
        try:
            await asyncio.wait_for(self.client.start(), REACH_S)
        except (KafkaConnectionError, TimeoutError, OSError, ValueError) as error:
            await self.client.close()
            raise BrokerUnreachable(
                f"brokers: no Kafka broker answers on {self.brokers}: start it, or name another with --brokers HOST:PORT; security is {self.security}"
            ) from error
        return self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


async def partitions_of(client: AIOKafkaAdminClient) -> dict[str, int]:
    """Partition counts of all topics."""
    described = await client.describe_topics()
    return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}


async def create(settings: Settings, families: Iterable[str], *, partitions: int, replication: int) -> list[str]:
    """Create what is missing. Returns the names of the new topics. Raises TopicFault."""
    async with Admin(settings) as client:
        there = await partitions_of(client)
        count = next((there[name] for name in TOPICS if name in there), partitions)
        replicas = {"min.insync.replicas": str(max(1, replication - 1))}
        new = {name: config for name, config in wanted_topics(settings, families).items() if name not in there}
        try:
            made = await client.create_topics([NewTopic(name, count, replication, topic_configs={**config, **replicas}) for name, config in new.items()]) if new else None
        except KafkaError as error:
            raise TopicFault(f"topics: the broker refused to create them: {type(error).__name__}") from error
        failed = [f"{name}: the broker refused to create it: error {code} {message or ''}".strip() for name, code, message in error_list(made) if code]
        if failed:
            raise TopicFault("\n".join(failed))
        return sorted(new)


def error_list(response: Any) -> list[tuple[str, int, str]]:
    """Topic, error code and message of a create-topics response of any version."""
    return [(entry[0], entry[1], entry[2] if len(entry) > 2 else "") for entry in getattr(response, "topic_errors", [])]  # versions with a message


async def check(settings: Settings, families: Iterable[str]) -> int:
    """The partition count of the raw topics, when all is well. Raises TopicFault with every fault."""
    async with Admin(settings) as client:
        return await check_by(client, settings, families)


async def check_by(client: AIOKafkaAdminClient, settings: Settings, families: Iterable[str]) -> int:
    """The same by a client that is there already."""
    there = await partitions_of(client)
    wanted = wanted_topics(settings, families)
    faults = [f"{name} is missing on {settings.brokers}: create it with 'kairos topics --create'" for name in wanted if name not in there]
    counts = {name: there[name] for name in (*TOPICS, settings.changelog) if name in there}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        faults.append(f"partition counts must be equal, so that a customer's records meet: {listed}; create the topics anew with one count")
    if settings.changelog in there and await config_of(client, settings.changelog, "cleanup.policy") != "compact":
        faults.append(f"{settings.changelog}: cleanup.policy must be compact, or the state is lost with time: alter the topic")
    if faults:
        raise TopicFault("\n".join(faults))
    return counts[TOPICS[0]]


async def changelog_partitions(settings: Settings) -> int:
    """How many partitions the changelog has. Raises TopicFault when there is none."""
    async with Admin(settings) as client:
        count = (await partitions_of(client)).get(settings.changelog)
    if count is None:
        raise TopicFault(f"{settings.changelog} is missing on {settings.brokers}: has {settings.app} ever run? Name it with --app")
    return count


class BrokerFacts(NamedTuple):
    """What a worker needs to know of its topics."""

    partitions: int
    """Of each raw topic."""
    dead_letter_bytes: int
    """The largest record that the dead-letter topic takes."""


UNCHECKED = BrokerFacts(4, 1_000_000)
"""What holds of the embedded broker, which answers no admin requests."""


async def facts(settings: Settings, families: Iterable[str]) -> BrokerFacts:
    """Check the topics; the changelog of an application that has never run is created. Raises TopicFault."""
    async with Admin(settings) as client:
        await create_changelog(client, settings)
        partitions = await check_by(client, settings, families)
        return BrokerFacts(partitions, int(await config_of(client, DEAD_LETTER, "max.message.bytes") or UNCHECKED.dead_letter_bytes))


async def create_changelog(client: AIOKafkaAdminClient, settings: Settings) -> None:
    """Create the changelog topic of an application that has committed nothing yet.

    Where something was committed, a missing changelog is lost state: that is for `check` to tell, not to be passed over.
    """
    described = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
    if settings.changelog in described or TOPICS[0] not in described:
        return
    committed = await client.list_consumer_group_offsets(settings.app)
    if any(offset.offset >= 0 for offset in committed.values()):
        return
    raw = described[TOPICS[0]]["partitions"]
    config = wanted_topics(settings, ())[settings.changelog]
    await client.create_topics([NewTopic(settings.changelog, len(raw), len(raw[0]["replicas"]), topic_configs=config)])


async def config_of(client: AIOKafkaAdminClient, topic: str, name: str) -> str | None:
    """One configuration value of a topic."""
    for response in await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]):
        for _, _, _, _, entries in response.resources:
            for entry in entries:
                if entry[0] == name:
                    return str(entry[1])
    return None

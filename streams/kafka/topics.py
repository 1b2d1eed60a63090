"""The topics: their names, making them, and checking them before a worker starts."""

from __future__ import annotations

import asyncio
import logging
import shlex
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import CoordinatorNotAvailableError, KafkaConnectionError, KafkaError

from schemas.columns import DAY_MS
from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.emit import DEAD_LETTER, MISSED, PREFIX
from streams.kafka.books import COORDINATOR_S, group_offsets
from streams.kafka.connection import connection
from streams.kafka.topic_needs import Topic, examine
from streams.logs import log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from streams.settings import Settings

Found = TypeVar("Found")
STAMP = "message.timestamp.type"
DYNAMIC_TOPIC = 1
"""Source of a configuration value: set for this topic."""
REACH_S = 5
"""How long an answer of a broker is waited for."""
SETTLE_S = 20.0
"""How long a change that one broker has confirmed may take until all brokers answer with it."""
LARGEST = 16 * 1024 * 1024
"""Largest record of raw and dead-letter topics, bytes: a refused record must fit too."""
SEGMENT = 32 * 1024 * 1024
"""Bytes of a segment of the state topic. The newest one is never compacted and a worker reads all of it at its start: the broker's own 1 GiB
is many times the rows of a small state. At least LARGEST."""
CONTROL = {"cleanup.policy": "compact"}
"""Configuration of the control topic, which has one partition."""
logger = logging.getLogger("kairos.topics")
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
    state = {"cleanup.policy": "compact", STAMP: "LogAppendTime", "max.message.bytes": str(LARGEST), "min.cleanable.dirty.ratio": "0.3", "segment.bytes": str(SEGMENT)}
    return {**raw, **out, settings.changelog: state, settings.control: dict(CONTROL)}


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


class Created(NamedTuple):
    """What was created and altered."""

    lines: list[str]
    """What was done, a line each."""
    topics: frozenset[str]
    """The topics that were touched."""


NOTHING_CREATED = Created([], frozenset())


async def create(settings: Settings, families: Iterable[str], *, partitions: int, replication: int) -> Created:
    """Create what is missing, and set the state topic to the broker's time. Raises TopicFault."""
    async with Admin(settings) as client:
        there = await partitions_of(client)
        await refuse_lost_state(client, settings, there)
        count = next((there[name] for name in TOPICS if name in there), partitions)
        replicas = {"min.insync.replicas": str(max(1, replication - 1))}
        new = {name: config for name, config in wanted_topics(settings, families).items() if name not in there}
        counts = {settings.control: 1}
        await make(client, [NewTopic(name, counts.get(name, count), replication, topic_configs={**config, **replicas}) for name, config in new.items()])
        altered = [] if settings.changelog in new else await stamp_by_broker(client, settings)
        return Created([*(f"created {name}" for name in sorted(new)), *altered], frozenset((*new, *(altered and [settings.changelog]))))


async def make(client: AIOKafkaAdminClient, topics: list[NewTopic]) -> None:
    """Create topics. Raises TopicFault."""
    if not topics:
        return
    try:
        made = await client.create_topics(topics)
    except KafkaError as error:
        raise TopicFault(f"topics: the broker refused to create them: {type(error).__name__}") from error
    failed = [f"{name}: the broker refused to create it: error {code} {message or ''}".strip() for name, code, message in error_list(made) if code]
    if failed:
        raise TopicFault("\n".join(failed))


async def stamp_by_broker(client: AIOKafkaAdminClient, settings: Settings) -> list[str]:
    """Set the state topic to the broker's time, where this user may alter it. Returns what was done, a line each."""
    entries = (await describe(client, [settings.changelog])).get(settings.changelog, [])
    if value_of(entries, STAMP) in ("LogAppendTime", None):
        return []
    own = {entry[0]: entry[1] for entry in entries if entry[3] == DYNAMIC_TOPIC and entry[1] is not None}  # an alteration replaces all of them
    try:
        answers = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.changelog, {**own, STAMP: "LogAppendTime"})])
    except KafkaError:
        return []
    return [f"altered {settings.changelog}: {STAMP}=LogAppendTime" for answer in answers for resource in answer.resources if not resource[0]]


def error_list(response: Any) -> list[tuple[str, int, str]]:
    """Topic, error code and message of a create-topics response of any version."""
    return [(entry[0], entry[1], entry[2] if len(entry) > 2 else "") for entry in getattr(response, "topic_errors", [])]  # newer versions of the response have a message


class Checked(NamedTuple):
    """What a check found out about topics that are as they must be."""

    partitions: int
    """Of each raw topic."""
    topic_bytes: dict[str, int]
    """By topic, the largest batch it takes."""
    warnings: list[str]


async def check(settings: Settings, families: Iterable[str], config: str | None = None, changed: Iterable[str] = ()) -> Checked:
    """What the topics are like, when all is well.

    `config`: the file of settings, for the command that a fault names. `changed`: topics that were created or altered a moment ago. Raises TopicFault with every fault.
    """
    async with Admin(settings) as client:
        return await check_changed(client, settings, families, config, changed)


async def check_changed(client: AIOKafkaAdminClient, settings: Settings, families: Iterable[str], config: str | None, changed: Iterable[str]) -> Checked:
    """The same with a client that is open already. All topics that were just created are there in the answer."""
    changed = tuple(changed)

    async def look() -> Checked:
        found = await check_by(client, settings, families, config)
        if lacking := [f"{name} is missing on {settings.brokers}, where it was just created: run the command again" for name in changed if name not in found.topic_bytes]:
            raise TopicFault("\n".join(lacking))
        return found

    return await settled(look, changed)


async def settled(look: Callable[[], Awaitable[Found]], changed: Iterable[str]) -> Found:
    """What a look finds; repeated while it finds a fault of a topic that was just changed, since a broker may answer from before the change. Raises TopicFault."""
    heads = tuple(f"{name} " for name in changed) + tuple(f"{name}:" for name in changed)
    until = time.monotonic() + SETTLE_S
    while True:
        try:
            return await look()
        except TopicFault as fault:
            if time.monotonic() > until or not any(line.startswith(heads) for line in str(fault).splitlines()):
                raise
        await asyncio.sleep(0.2)


async def check_by(client: AIOKafkaAdminClient, settings: Settings, families: Iterable[str], config: str | None = None) -> Checked:
    """The same with a client that is open already."""
    described = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
    there = {name: len(topic["partitions"]) for name, topic in described.items()}
    await refuse_lost_state(client, settings, there)
    wanted = wanted_topics(settings, families)
    faults = [f"{name} is missing on {settings.brokers}: create it with '{create_command(settings, config)}'" for name in wanted if name not in there and name != settings.control]
    counts = {name: there[name] for name in (*TOPICS, settings.changelog) if name in there}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        faults.append(f"partition counts must be equal, so that a customer's records meet: {listed}; {remedy(counts, settings)}")
    entries = await describe(client, [name for name in wanted if name in there])
    topics = {
        name: Topic(name, {entry[0]: entry[1] for entry in own if entry[1] is not None}, min(len(part["replicas"]) for part in described[name]["partitions"]))
        for name, own in entries.items()
    }
    found = examine(topics, settings.changelog, settings.control, wall_clock=settings.clock == "wall")
    if settings.control not in there:
        command = create_command(settings, config)
        found.warnings.append(f"{settings.control} is missing on {settings.brokers}: settings can be changed by a restart alone: create it with '{command}', then start again")
    if unknown := sorted(name for name, topic in topics.items() if not topic.config):
        found.warnings.append(f"{', '.join(unknown)}: not checked: grant DESCRIBE_CONFIGS on them")
    if faults or found.faults:
        raise TopicFault("\n".join([*faults, *found.faults, *(f"warning: {line}" for line in found.warnings)]))
    return Checked(counts[TOPICS[0]], {name: topic.number("max.message.bytes", UNCHECKED.dead_letter_bytes) for name, topic in topics.items()}, found.warnings)


def remedy(counts: Mapping[str, int], settings: Settings) -> str:
    """What to do where raw topics and state have unequal numbers of partitions: without state topics can be created again, and never with it."""
    if settings.changelog not in counts:
        return "create the topics again with one count"
    return (
        f"where 'kairos repartition' was stopped, or has moved another application on the same topics, run 'kairos repartition --to {max(counts.values())}' for {settings.app}; "
        "where nothing has run yet, create the topics again with one count"
    )


def create_command(settings: Settings, config: str | None) -> str:
    """The command that creates what these settings need."""
    given = [("--config", config), ("--brokers", settings.brokers), ("--app", settings.app), *(("--definitions", folder) for folder in settings.definitions)]
    return shlex.join(["kairos", "topics", "--create", *(word for option in given if option[1] is not None for word in option if word is not None)])


async def refuse_lost_state(client: AIOKafkaAdminClient, settings: Settings, there: Iterable[str]) -> None:
    """Raise TopicFault where the state topic is missing although the group has read records: a new one would hide what is lost."""
    if settings.changelog in there:
        return
    try:
        found = await group_offsets(client, settings.app)
    except CoordinatorNotAvailableError as error:
        raise TopicFault(f"brokers: no coordinator of consumer groups came up on {settings.brokers} within {COORDINATOR_S:.0f} s: is __consumer_offsets there?") from error
    read = {place: offset.offset for place, offset in found.items() if place.topic in TOPICS and offset.offset > 0}
    if read:
        place, offset = min(read.items())
        raise TopicFault(
            f"{settings.changelog} is missing on {settings.brokers}, although the group {settings.app} has read up to {place.topic}[{place.partition}] {offset}: "
            "the state is lost: rebuild it with 'kairos backfill --all', start with another --app and replay history, or put the topic back from a backup"
        )


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
    topic_bytes: dict[str, int]
    """By topic, the largest batch it takes; empty: unknown."""
    reports_offsets: bool
    """Whether the broker reports offsets that were sent with a transaction."""
    control: bool = False
    """Whether there is a control topic."""


UNCHECKED = BrokerFacts(4, 1_000_000, {}, reports_offsets=False)
"""What holds for the embedded broker, which answers no admin requests and does not report offsets that came with a transaction."""


async def facts(settings: Settings, families: Iterable[str], config: str | None = None) -> BrokerFacts:
    """Check the topics; the changelog of an application that has never run is created. Raises TopicFault."""
    async with Admin(settings) as client:
        created = await create_changelog(client, settings)
        altered = [] if created else await stamp_by_broker(client, settings)
        control = await create_control(client, settings)
        for line in altered:
            log(logger, logging.INFO, line)
        changed = [*[settings.changelog] * (created or bool(altered)), *[settings.control] * control]
        checked = await check_changed(client, settings, families, config, changed)
    for line in checked.warnings:
        log(logger, logging.WARNING, line)
    return BrokerFacts(checked.partitions, checked.topic_bytes[DEAD_LETTER], checked.topic_bytes, reports_offsets=True, control=settings.control in checked.topic_bytes)


async def create_changelog(client: AIOKafkaAdminClient, settings: Settings, *, rebuilt: bool = False) -> bool:
    """Create the changelog topic of an application that has committed nothing yet, or whose state is rebuilt. Returns whether it did."""
    described = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
    if settings.changelog in described or TOPICS[0] not in described:
        return False
    if not rebuilt:
        await refuse_lost_state(client, settings, described)
    raw = described[TOPICS[0]]["partitions"]
    await make(client, [NewTopic(settings.changelog, len(raw), len(raw[0]["replicas"]), topic_configs=wanted_topics(settings, ())[settings.changelog])])
    others = sorted(name.removesuffix(".state") for name in described if name.endswith(".state"))
    known = f"; there is state of {', '.join(others)}: was one of them meant?" if others else ""
    if not rebuilt:
        log(logger, logging.WARNING, f"{settings.app} begins as a new application, at the beginning of the topics{known}", app=settings.app)
    return True


async def create_control(client: AIOKafkaAdminClient, settings: Settings) -> bool:
    """Create the control topic of an application that has none, where this user may. Returns whether it did."""
    described = {topic["topic"]: topic for topic in await client.describe_topics() if not topic["error_code"]}
    if settings.control in described or TOPICS[0] not in described:
        return False
    try:
        await make(client, [NewTopic(settings.control, 1, len(described[TOPICS[0]]["partitions"][0]["replicas"]), topic_configs=dict(CONTROL))])
    except TopicFault:
        return False  # the check warns
    return True


async def describe(client: AIOKafkaAdminClient, topics: list[str]) -> dict[str, list[Any]]:
    """The configuration entries of topics: name, value, read-only, source, and more; none of a topic that may not be looked at."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    return {topic: entries for answer in (await client.describe_configs(resources) if topics else ()) for _, _, _, topic, entries in answer.resources}


def value_of(entries: list[Any], name: str) -> str | None:
    """One configuration value."""
    return next((entry[1] for entry in entries if entry[0] == name), None)

"""The control topic: reading the versions of what was switched, and writing the next one. What the commands and the live page call.

    history = await read(settings)
    version = await change(builder, settings, parameters={"balance.low": {"low": "500"}}, off=["voice.missed_calls"], why="too many", by="ann")
    version = await rollback(builder, settings, 1, why="it was right before", by="ann")

The version only grows by one: each writer first becomes the one producer of the topic's transactional id, which ends every transaction of those before it
and refuses their later ones; then it reads the topic to its end, and writes the version behind the newest.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    IllegalOperation,
    KafkaError,
    ProducerFenced,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from schemas.fault import KairosFault
from streams.definitions.rehearsal import rehearse
from streams.kafka import changelog
from streams.kafka.connection import connection
from streams.kafka.producer import Producer
from streams.kafka.topics import Admin, TopicFault, partitions_of
from streams.switches import History, SwitchFault, proposed, rolled_back, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from aiokafka import AIOKafkaConsumer

    from streams.builder import ShardBuilder
    from streams.definitions.catalogue import Catalogue
    from streams.settings import Settings
    from streams.switches import Proposal, Version

ERRORS = (KairosFault, KafkaError, OSError, TimeoutError)
"""What reading and writing may end with."""
ATTEMPTS = 3
"""How often a write is tried where the broker's answer did not come: each attempt first looks whether the one before was written."""


def place_of(settings: Settings) -> TopicPartition:
    """The one partition of the control topic."""
    return TopicPartition(settings.control, 0)


async def there(settings: Settings) -> bool:
    """Whether the application has a control topic that this user sees. Raises BrokerUnreachable."""
    async with Admin(settings) as client:
        return settings.control in await partitions_of(client)


async def read(settings: Settings) -> History:
    """What was switched; nothing where there is no control topic. Raises TopicFault, KafkaError."""
    if not await there(settings):
        return History()
    try:
        async with changelog.reading(settings, connection(settings)) as consumer:
            return await read_by(consumer, settings)
    except TopicAuthorizationFailedError as error:
        raise TopicFault(f"{settings.control}: the broker refuses to read it: grant READ on it") from error


async def follow(builder: ShardBuilder, settings: Settings) -> Catalogue:
    """Build by what workers have in force. Returns the definitions with those values. Raises as `read` does."""
    builder.switch(await read(settings))
    return builder.tuned


async def read_by(consumer: AIOKafkaConsumer, settings: Settings) -> History:
    """The same, of a topic that is there, with a consumer that is open already."""
    history = History()
    async for run in changelog.rows(consumer, place_of(settings)):
        history.take(run.pairs())
    return history


async def change(
    builder: ShardBuilder,
    settings: Settings,
    *,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    off: Collection[str] = (),
    on: Collection[str] = (),
    why: str,
    by: str,
) -> Version:
    """Write a version with these parameters changed (numbers, or texts with units), these events off and these on. Returns it.

    `builder`: of the same installation. Raises CatalogueFault or SwitchFault where it is refused, TopicFault, KafkaError.
    """
    return await write(builder, settings, lambda history: proposed(builder.catalogue, history, parameters or {}, off, on), why=why, by=by)


async def rollback(builder: ShardBuilder, settings: Settings, number: int, *, why: str, by: str) -> Version:
    """Write a version with everything as it was as of version `number`; 0: as installed. Returns it. Raises as `change` does."""
    return await write(builder, settings, lambda history: rolled_back(builder.catalogue, history, number), why=why, by=by)


async def write(builder: ShardBuilder, settings: Settings, propose: Callable[[History], Proposal], *, why: str, by: str) -> Version:
    """Write what `propose` makes of the history as the next version."""
    if not await there(settings):
        raise TopicFault(f"{settings.control} is missing on {settings.brokers}: create it with 'kairos topics --create', then start the workers again")
    tried: Version | None = None
    failed: BaseException | None = None
    for _ in range(ATTEMPTS):
        producer = producer_of(settings)
        try:
            await producer.start()
            async with changelog.reading(settings, connection(settings)) as consumer:
                history = await read_by(consumer, settings)
            if tried is not None and tried in history.versions:
                return tried
            found = propose(history)
            tried = version_of(found, history.newest + 1, at_ms=int(time.time() * 1000), by=by, why=why)
            if found.events:
                rehearse(found.catalogue.chosen(found.catalogue.with_dependents(found.events)), builder.reference, builder.engine)
            await send(producer, settings, tried)
        except ProducerFenced as error:
            raise SwitchFault(
                f"{settings.control}: another change was written at the same time, and version {tried.version if tried else '?'} of this one was not: "
                "look at 'kairos settings history', and repeat it"
            ) from error
        except (TopicAuthorizationFailedError, TransactionalIdAuthorizationFailed, ClusterAuthorizationFailedError) as error:
            raise TopicFault(f"{settings.control}: the broker forbids it: grant READ and WRITE on it and WRITE on the transactional id {transactional_id(settings)}") from error
        except (KafkaError, IllegalOperation, OSError) as error:
            failed = error
        else:
            return tried
        finally:
            await producer.stop()
    raise TopicFault(f"{settings.control}: no answer to {ATTEMPTS} attempts ({type(failed).__name__}): look at 'kairos settings history' whether it was written") from failed


async def put_back(settings: Settings, records: Mapping[bytes, bytes]) -> None:
    """Write the versions of a backup that the topic does not have; later ones stay in force. Raises TopicFault, KafkaError."""
    if not await there(settings):
        raise TopicFault(
            f"{settings.control} is missing on {settings.brokers}, and the backup has versions for it: create it with 'kairos topics --create', and run the command again"
        )
    producer = producer_of(settings)
    try:
        await producer.start()
        async with changelog.reading(settings, connection(settings)) as consumer:
            present = await changelog.live(consumer, place_of(settings))
        lacking = [(key, value) for key, value in records.items() if present.get(key) != value]
        if lacking:
            await transaction(producer, settings, lacking)
    finally:
        await producer.stop()


async def send(producer: Producer, settings: Settings, version: Version) -> None:
    """One version in a transaction of its own."""
    await transaction(producer, settings, [version.record()])


async def transaction(producer: Producer, settings: Settings, records: Sequence[tuple[bytes, bytes]]) -> None:
    """Records of the control topic in one transaction."""
    await producer.begin_transaction()
    sent = [await producer.send(settings.control, value, key, partition=0) for key, value in records]
    failed: list[Any] = [one for one in await asyncio.gather(*sent, return_exceptions=True) if isinstance(one, BaseException)]
    if failed:
        raise producer.refusal() or failed[0]
    await producer.commit_transaction()


def transactional_id(settings: Settings) -> str:
    """Of everything that writes to the control topic."""
    return f"{settings.app}-control"


def producer_of(settings: Settings) -> Producer:
    """The producer of the control topic, not started yet: its start ends what those before it have begun."""
    return Producer(
        bootstrap_servers=settings.brokers,
        transactional_id=transactional_id(settings),
        transaction_timeout_ms=settings.transaction_timeout_ms,
        acks="all",
        request_timeout_ms=settings.transaction_timeout_ms,
        **connection(settings),
    )

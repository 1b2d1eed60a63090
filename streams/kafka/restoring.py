"""A shard's state from its changelog: when it begins here, when it comes back after another worker had it, and as of the last commit."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.kafka import books, changelog
from streams.kafka.failpoints import reach
from streams.kafka.freed import give_back
from streams.kafka.transaction import FORBIDDEN, NOTHING, SETTLE_S, Fenced, Unwritable, names_in
from streams.logs import log

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

    from streams.engine.state.store import Head
    from streams.kafka.shard_task import ShardTask

logger = logging.getLogger("kairos.shard")
COMPARE_S = 10.0
"""How long the broker may take to answer what is compared after a rebalance."""
RELOAD_S = 30.0
"""How long the rows of the last commit may take to become readable: the broker writes its markers after the reply."""


class SettingsLost(KairosFault):
    """The control topic does not hold the settings that a shard was evaluated by: going on would change rules without a word."""


async def begin(task: ShardTask) -> None:
    """Restore the shard. Raises BooksDiffer, SettingsLost, StateRefused, Unwritable where a right is missing."""
    try:
        await restore(task)
    except FORBIDDEN as error:
        raise task.transactions.forbidden(error) from error
    except TopicAuthorizationFailedError as error:
        raise Unwritable(f"{names_in(error) or task.settings.changelog}: the broker refuses what must be read to begin: grant the worker READ") from error


async def restore(task: ShardTask) -> None:
    """Take the shard over, read its state, and read on where state, group and topics say."""
    started, settings = time.perf_counter(), task.settings
    await task.transactions.begin()
    reach("restore_begun")
    if task.control is not None:
        await task.control.refresh()  # no other owner can commit any more: what is read now is at least as new as what the state was evaluated by
        if task.control.values != task.shard.values:
            task.shard = task.rebuild(frozenset(task.off))
    async with changelog.reading(settings, task.connection) as consumer:
        count = await read_state(task, consumer)
        reach("restore_read")
        agreed = await agree(task, consumer)
    for remark in agreed.remarks:
        log(logger, logging.WARNING, remark, partition=task.partition)
    task.reading.next = dict(agreed.offsets)
    state = task.shard.engine.state
    if state.stored is None and task.first is not None:
        task.first()
    stored = state.stored or state.head()
    refuse_older_settings(task, stored)
    task.transactions.committed, task.transactions.head = dict(agreed.offsets), stored.moved(stored.offsets, task.shard.resume(agreed.offsets, agreed.passed))
    for step in task.shard.migration(settings.batch_records):
        await task.commit(step)
    if not agreed.written or task.transactions.head != stored or settings.clock == "wall":
        await task.commit(NOTHING)  # the head row gets the offsets; the reply has the broker's time
    gc.collect()
    gc.freeze()
    give_back()
    took = time.perf_counter() - started
    task.metrics.restore_seconds.labels(str(task.partition)).set(took)
    log(logger, logging.INFO, "shard restored", partition=task.partition, rows=count, seconds=round(took, 3))
    task.progress = time.monotonic()
    task.ready.set()
    task.reading.fetch()
    task.look(task.partition, TOPICS)


async def read_state(task: ShardTask, consumer: AIOKafkaConsumer) -> int:
    """Read the changelog into the shard. Returns its rows. Raises StateRefused."""
    async for run in changelog.rows(consumer, TopicPartition(task.settings.changelog, task.partition)):
        reach("restore_reading")
        task.shard.restore(run)
        task.progress = time.monotonic()
        await asyncio.sleep(0)
    return task.shard.restored()


def refuse_older_settings(task: ShardTask, stored: Head) -> None:
    """Raise SettingsLost where the state was evaluated by newer settings than there are, but with --resume-from-state."""
    had, version = stored.settings_version or 0, task.shard.values.version
    if had <= version:
        return
    says = f"{task.settings.control}: wanted version {had} of the settings or a later one, by which shard {task.partition} was evaluated, got {version or 'none'}"
    if not task.settings.resume_from_state:
        raise SettingsLost(
            f"{says}: was the topic deleted, cut or made again, or may it not be read? Put it back, or go on with what it holds by one start with --resume-from-state"
        )
    log(logger, logging.WARNING, f"{says}: the shard goes on with that", partition=task.partition)


async def agree(task: ShardTask, consumer: AIOKafkaConsumer) -> books.Agreed:
    """Where the shard continues by state, group and topics. Raises BooksDiffer."""
    stored = task.shard.engine.state.stored
    known = await read_books(task, consumer, stored)
    try:
        agreed = books.agree(known, task.settings)
    except books.BooksDiffer:
        await asyncio.sleep(SETTLE_S)
        known = await read_books(task, consumer, stored)
        agreed = books.agree(known, task.settings)
    task.transactions.last = known.group.token
    return agreed


async def read_books(task: ShardTask, consumer: AIOKafkaConsumer, head: Head | None) -> books.Books:
    """The state's `head`, the group's offsets and what the topics hold."""
    return await books.read_books(task.settings, task.connection, consumer, task.partition, head)


async def compare(task: ShardTask) -> None:
    """After a rebalance, for a shard that stays here: check that its offsets were not moved nor its topics cut. Raises BooksDiffer.

    Where the last commit is another worker's, that one had the shard in between, and the group has given it back: it is restored. A
    commit that the broker refuses because a newer producer is at work is another matter, and ends the worker.
    """
    last = task.transactions.last
    try:
        async with asyncio.timeout(COMPARE_S), changelog.reading(task.settings, task.connection) as consumer:
            known = await read_books(task, consumer, task.transactions.head)
            if known.group.token != last:
                await asyncio.sleep(SETTLE_S)
                known = await read_books(task, consumer, task.transactions.head)
    except (KafkaError, OSError, TimeoutError) as error:
        log(logger, logging.WARNING, "offsets and topics could not be compared after a rebalance, trying again", partition=task.partition, error=type(error).__name__)
        return
    if known.group.token not in ("", last):
        log(logger, logging.WARNING, "another worker has committed since, the shard is restored", partition=task.partition)
        await begin_again(task)
    else:
        books.agree(known, task.settings)
    task.compare = False


async def begin_again(task: ShardTask) -> None:
    """Drop the state in memory and all that was fed, and restore: what is in memory was not committed, or is older than what is."""
    task.ready.clear()
    await task.transactions.close()
    task.off = {}
    task.reading.forget()
    task.metrics.forget(task.partition)
    task.shard = task.rebuild(frozenset())
    await begin(task)


async def reload(task: ShardTask) -> None:
    """State re-read from the changelog, as of the last commit; what waits in the merge stays."""
    merger, notes, deadline = task.shard.merger, task.shard.notes, time.monotonic() + RELOAD_S
    async with changelog.reading(task.settings, task.connection) as consumer:
        while True:
            task.shard = task.rebuild(frozenset(task.off))
            task.shard.merger, task.shard.notes = merger, notes
            await read_state(task, consumer)
            if task.shard.engine.state.stored == task.transactions.head:
                return
            if time.monotonic() > deadline:
                raise Fenced(f"shard {task.partition}: the state topic does not hold the last commit {RELOAD_S:.0f} s after it: another writer has come between")
            await asyncio.sleep(0.1)


async def reload_without(task: ShardTask, events: tuple[str, ...], why: str) -> None:
    """The same with `events` shut off: what the state holds of them is deleted."""
    task.off |= dict.fromkeys(events, why)
    await reload(task)
    for event in events:
        task.metrics.rule_failures.labels(event).inc()
        task.metrics.rule_off.labels(event, str(task.partition)).set(1)
    for step in task.shard.migration(task.settings.batch_records):
        await task.commit(step)

"""State, offsets and topics must agree before a shard works: the state's head row, the group's offsets, and what the raw topics hold.

They are compared after InitProducerId of the shard's transactional id, which ends any open transaction of the shard. The
offsets are read from the group's coordinator after that, and as they stand once no transaction on them is undecided (`stable.py`, `docs/adr/0010`).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest
from aiokafka.structs import OffsetAndMetadata

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.intake.progress import unpacked, upto
from streams.kafka.stable import UNSTABLE_OFFSET_COMMIT, StableOffsetFetch, UnstableOffsets, answers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka import AIOKafkaConsumer

    from streams.engine.state.store import Head, Passed
    from streams.settings import Settings

COORDINATOR_S = 30.0
"""How long a coordinator may take to start: on a new cluster the broker first creates its topic of offsets."""
ANOTHER = "start with another --app and replay history"


class BooksDiffer(KairosFault):
    """State, offsets and topics do not agree: going on would lose or repeat records."""


class Group(NamedTuple):
    """What the group's coordinator stores for a shard."""

    offsets: dict[str, int]
    """By topic; a topic without an offset is left out."""
    token: str
    """Token of the last committed transaction, of any producer; empty when there is none."""


class Books(NamedTuple):
    """Next offsets by topic, of one shard."""

    partition: int
    head: Head | None
    """None: the state topic has no head row of this shard."""
    group: Group
    begins: dict[str, int]
    ends: dict[str, int]


class Agreed(NamedTuple):
    """Where a shard continues."""

    offsets: dict[str, int]
    """Next offset of every raw topic."""
    written: bool
    """Whether the state's head row holds these offsets already."""
    remarks: list[str]
    """What an operator should know, a line each."""
    passed: Mapping[str, Passed] = {}
    """By topic that waits for stragglers, what is done above its next offset."""


async def group_offsets(client: AIOKafkaAdminClient, app: str, places: list[TopicPartition] | None = None, *, stable: bool = False) -> dict[TopicPartition, OffsetAndMetadata]:
    """The group's committed offsets, once its coordinator is up; `stable`: and once no transaction on them is undecided.

    Raises CoordinatorNotAvailableError, or UnstableOffsets, after `COORDINATOR_S`.
    """
    deadline = time.monotonic() + COORDINATOR_S
    while True:
        try:
            return await fetch_offsets(client, app, places, stable=stable)
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError, UnstableOffsets) as error:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.02 if isinstance(error, UnstableOffsets) else 0.2)


async def fetch_offsets(client: AIOKafkaAdminClient, app: str, places: list[TopicPartition] | None, *, stable: bool = False) -> dict[TopicPartition, OffsetAndMetadata]:
    """One request for the group's offsets. Raises the coordinator's error: an answer without offsets must never pass for a group without them."""
    asked: dict[str, list[int]] = {}
    for place in places or ():
        asked.setdefault(place.topic, []).append(place.partition)
    request = StableOffsetFetch(app, list(asked.items())) if stable else OffsetFetchRequest(app, None if places is None else list(asked.items()))
    response = await client._send_request(request, await client.find_coordinator(app))
    answers = answers_of(response)
    for code in filter(None, [getattr(response, "error_code", 0), *(code for *_, code in answers)]):
        if code == UNSTABLE_OFFSET_COMMIT:
            raise UnstableOffsets(f"offsets of the group {app}: a transaction on them has not ended")
        raise for_code(code)(f"offsets of the group {app}")
    found = {TopicPartition(topic, number): OffsetAndMetadata(offset, metadata) for topic, number, offset, metadata, _ in answers}
    return {place: offset for place, offset in found.items() if offset.offset >= 0}


async def read_group(settings: Settings, connection: dict[str, Any], partition: int) -> Group:
    """The coordinator's offsets and token of a shard."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.brokers, **connection)
    await admin.start()
    try:
        found = await group_offsets(admin, settings.app, [TopicPartition(topic, partition) for topic in TOPICS], stable=True)
    finally:
        await admin.close()
    first = found.get(TopicPartition(TOPICS[0], partition))
    return Group({place.topic: offset.offset for place, offset in found.items()}, (first.metadata or "") if first is not None else "")


async def read_books(settings: Settings, connection: dict[str, Any], consumer: AIOKafkaConsumer, partition: int, head: Head | None) -> Books:
    """State, offsets and topics of a shard; `consumer` reads what is committed."""
    places = [TopicPartition(topic, partition) for topic in TOPICS]
    group = await read_group(settings, connection, partition)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return Books(partition, head, group, {place.topic: begin for place, begin in begins.items()}, {place.topic: end for place, end in ends.items()})


def agree(books: Books, settings: Settings) -> Agreed:
    """Where the shard continues, if state, offsets and topics agree. Raises BooksDiffer with the numbers and what to do."""
    head, group = books.head, books.group.offsets
    if head is None:
        if any(group.values()):
            raise BooksDiffer(
                f"{settings.changelog}[{books.partition}]: the state is lost: the group {settings.app} has read up to {listed(group, books.partition)}, "
                f"and the state topic holds nothing: rebuild it with 'kairos backfill --all', {ANOTHER}, or put the topic back from a backup"
            )
        return Agreed(dict(books.begins), written=False, remarks=[])
    if not head.offsets:
        return adopt(books, settings)
    wrong = [line for topic in TOPICS if (line := differing(books, topic, head.offsets.get(topic, 0)))]
    if wrong:
        raise BooksDiffer("\n".join([*wrong, f"{ANOTHER}, or once with --resume-from-state:", *(line for topic in TOPICS for line in [resumed(books, topic)[1]] if line)]))
    return Agreed({topic: head.offsets.get(topic, 0) for topic in TOPICS}, written=True, remarks=[], passed=head.passed or {})


def reach(books: Books, topic: str, state: int) -> int:
    """Up to where a topic was read by the state: its next offset, or the end of what is done above it."""
    passed = (books.head.passed or {}).get(topic) if books.head is not None else None
    return max([state, *unpacked(passed.done).tolist()[-1:]]) if passed is not None else state


def differing(books: Books, topic: str, state: int) -> str | None:
    """One line when the three numbers of a topic do not agree."""
    group, begin, end = books.group.offsets.get(topic), books.begins[topic], books.ends[topic]
    read = reach(books, topic, state)
    if state == group and begin <= state and read <= end:
        return None
    what = "the state, the group and the topic do not agree"
    if state == group:
        what = f"records {state} to {begin - 1} were deleted unread, by retention or by hand" if state < begin else f"the topic ends at {end}, and was read up to {read}"
    theirs = "has no offset" if group is None else f"up to {group}"
    return f"{topic}[{books.partition}]: {what}: the state has read up to {state}, the group {theirs}, the topic holds {begin} to {end}"


def adopt(books: Books, settings: Settings) -> Agreed:
    """The group's offsets, for a state that was written before heads had any. Raises BooksDiffer."""
    group = books.group.offsets
    if not any(group.values()):
        raise BooksDiffer(
            f"{settings.changelog}[{books.partition}]: there is state, and the group {settings.app} has no offsets; the state was written by a version that kept none beside it: "
            f"{ANOTHER}, or set the group's offsets to where that version stopped"
        )
    offsets = {topic: group.get(topic, 0) for topic in TOPICS}
    known = books._replace(group=Group(offsets, books.group.token))
    wrong = [line for topic in TOPICS if offsets[topic] and (line := differing(known, topic, offsets[topic]))]
    if wrong:
        raise BooksDiffer("\n".join([*wrong, ANOTHER]))
    return Agreed(
        {topic: offset or books.begins[topic] for topic, offset in offsets.items()},
        written=False,
        remarks=[f"state without offsets, of an older version: the group's are taken over: {listed(offsets, books.partition)}"],
    )


def resume(books: Books, settings: Settings) -> Agreed:
    """Where the shard continues by the state alone, and what is lost or repeated. Raises BooksDiffer where the state has no offsets."""
    if books.head is None or not books.head.offsets:
        return agree(books, settings)
    found = {topic: resumed(books, topic) for topic in TOPICS}
    passed = {topic: upto(one, books.ends[topic]) for topic, one in (books.head.passed or {}).items() if not again(books, topic)}
    return Agreed({topic: offset for topic, (offset, _) in found.items()}, written=False, remarks=[line for _, line in found.values() if line], passed=passed)


def again(books: Books, topic: str) -> bool:
    """Whether a topic seems to have been created again: it ends before what was read, and the group has no offset for it."""
    assert books.head is not None  # the callers have checked
    return reach(books, topic, books.head.offsets.get(topic, 0)) > books.ends[topic] and books.group.offsets.get(topic) is None


def resumed(books: Books, topic: str) -> tuple[int, str]:
    """Where a topic is continued by the state alone, and one line on what that loses or repeats; empty when it agrees."""
    assert books.head is not None  # the callers have checked
    state, group = books.head.offsets.get(topic, 0), books.group.offsets.get(topic)
    begin, end = books.begins[topic], books.ends[topic]
    place = f"{topic}[{books.partition}]"
    if state < begin:
        return begin, f"{place}: continues at {begin}, its beginning: records {state} to {begin - 1} are lost"
    if again(books, topic):
        return begin, f"{place}: continues at {begin}, its beginning, as a topic that was created again: what the old one held unread is lost"
    if state > end:
        return end, f"{place}: continues at {end}, its end: records written below it since the topic was cut are lost, if there are any"
    if (read := reach(books, topic, state)) > end:
        return (
            state,
            f"{place}: continues at {state}: it was read up to {read}: what is cut off above its end {end} is lost where it was not read, what was written there since is read",
        )
    if state == group:
        return state, ""
    return state, f"{place}: continues at {state}: nothing is lost or repeated, unless the topic was created again: then its records below {state} are lost"


def listed(offsets: Mapping[str, int], partition: int) -> str:
    """`raw.billing[0] 60, raw.usage[0] 7`."""
    return ", ".join(f"{topic}[{partition}] {offset}" for topic, offset in offsets.items())

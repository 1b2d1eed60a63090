"""`kairos backup` and `kairos restore`: state and offsets of a stopped application, as files and back (`docs/upgrading.md`)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from msgspec import UNSET

from schemas.raw import TOPICS
from streams.engine.state.codec import StateRefused
from streams.engine.state.store import FORMAT, HEAD_KEY, REMEDIES, Head, Underway, refuse_underway
from streams.kafka import backup_files, books, changelog, control
from streams.kafka.backfill import refuse_members
from streams.kafka.backup_files import Manifest, ShardFile
from streams.kafka.connection import connection
from streams.kafka.repartition import FULL, known_partitions, transactions, write
from streams.kafka.topics import Admin, TopicFault, changelog_partitions, create_changelog, create_control, partitions_of, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aiokafka import AIOKafkaConsumer

    from streams.definitions.catalogue import Catalogue
    from streams.engine.state.codec import Change
    from streams.settings import Settings

COMMAND = "kairos restore"
CONTROL_FILE = "control.records"


class Saved(NamedTuple):
    """What was written to or read from a folder."""

    manifest: Manifest
    rows: int
    bytes: int
    """Of the files."""
    notes: list[str]
    """What an operator should know, a line each."""


async def backup(settings: Settings, catalogue: Catalogue, folder: Path, progress: Callable[[str], None]) -> Saved:
    """Write the state and offsets of a stopped application to an empty folder. Raises TopicFault, BackupFault, BooksDiffer, StateRefused."""
    await refuse_members(settings)
    count, shards, tokens = await changelog_partitions(settings), [], []
    backup_files.begin(folder)
    format_of = FORMAT
    async with changelog.reading(settings, connection(settings)) as consumer:
        for partition in range(count):
            async with transactions(settings, connection(settings), partition):  # ends what is open, and fences a worker that was not seen
                pairs = await changelog.live(consumer, TopicPartition(settings.changelog, partition))
                head = msgspec.json.decode(pairs[HEAD_KEY], type=Head) if HEAD_KEY in pairs else Head()
                refuse_underway(head)
                known = await books.read_books(settings, connection(settings), consumer, partition, head if HEAD_KEY in pairs else None)
                agreed = books.agree(known, settings)
            tokens.append(known.group.token)
            format_of = head.facts.get("format", FORMAT)
            name = f"shard-{partition:05d}.state"
            rows = backup_files.write_shard(folder / name, pairs.items())
            shards.append(ShardFile(name, rows, head.clock, dict(agreed.offsets)))
            progress(f"shard {partition} of {count}: {rows:,} rows")
        switched = await changelog.live(consumer, control.place_of(settings)) if await control.there(settings) else None
        after = [(await books.read_group(settings, connection(settings), partition)).token for partition in range(count)]
    await refuse_members(settings)
    if after != tokens:
        raise TopicFault(f"{settings.app}: a worker has run meanwhile: the backup in {folder} is not whole; stop the worker, and take it again into another folder")
    if switched is not None:
        backup_files.write_shard(folder / CONTROL_FILE, switched.items())
    rules, taken = {event.id: event.version for event in catalogue}, datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(backup_files.EDITION, version("kairos"), settings.app, taken, format_of, count, rules, shards, CONTROL_FILE if switched is not None else None)
    backup_files.finish(folder, manifest)
    return saved(manifest, folder, [])


def saved(manifest: Manifest, folder: Path, notes: list[str]) -> Saved:
    """The result."""
    return Saved(manifest, sum(shard.rows for shard in manifest.shards), sum((folder / shard.file).stat().st_size for shard in manifest.shards), notes)


async def restore(settings: Settings, catalogue: Catalogue, folder: Path, progress: Callable[[str], None], *, replace: bool, new_topics: bool) -> Saved:
    """Write a backup into the state topic and the group of a stopped application. Raises TopicFault, BackupFault, StateRefused.

    `new_topics`: raw topics that do not hold the stored offset are read from their beginning.
    """
    manifest = backup_files.read(folder)
    if manifest.format != FORMAT:
        raise StateRefused(f"{folder}: wanted state of format {FORMAT}, it has {manifest.format}: {REMEDIES['format']}")
    await refuse_members(settings)
    async with Admin(settings) as client:
        there = await partitions_of(client)
        if strange := [f"{name} has {there.get(name, 'none')}" for name in TOPICS if there.get(name) != manifest.partitions]:
            raise TopicFault(f"partitions: wanted {manifest.partitions} of each raw topic, as the backup has, got: {', '.join(strange)}: restore it so, then 'kairos repartition'")
        created = await create_changelog(client, settings, rebuilt=True)
        created_control = manifest.control is not None and await create_control(client, settings)
    count = await settled(lambda: changelog_partitions(settings), [settings.changelog] * created)
    if count != manifest.partitions:
        raise TopicFault(f"{settings.changelog}: wanted {manifest.partitions} partitions, as the backup has, got {count}: delete it, or restore under another name with --app")
    async with changelog.reading(settings, connection(settings)) as consumer:
        offsets = {shard: await begin_at(consumer, shard, one.offsets, new_topics=new_topics) for shard, one in enumerate(manifest.shards)}
        await refuse_state(settings, consumer, manifest, replace=replace)
        if manifest.control is not None:
            versions = dict(backup_files.read_shard(folder / manifest.control))
            await settled(lambda: control.put_back(settings, versions), [settings.control] * created_control)
        for shard in range(count):
            await mark(settings, shard, Head(facts={"format": FORMAT, "partitions": FULL}, underway=Underway(COMMAND, count)))
        heads: dict[int, list[Change]] = {}
        for shard, one in enumerate(manifest.shards):
            heads[shard] = await put_back(settings, consumer, shard, backup_files.read_shard(folder / one.file), offsets[shard], count)
            progress(f"shard {shard} of {count}: {one.rows:,} rows")
        token = f"restore-{uuid.uuid4().hex[:12]}"
        places = {TopicPartition(topic, shard): OffsetAndMetadata(offset, token if topic == TOPICS[0] else "") for shard, own in offsets.items() for topic, offset in own.items()}
        async with transactions(settings, connection(settings), 0) as producer:
            await known_partitions(producer, settings.changelog, count)
            await write(producer, settings, heads, places)
    return saved(manifest, folder, [*differing(manifest, catalogue)])


async def begin_at(consumer: AIOKafkaConsumer, shard: int, stored: dict[str, int], *, new_topics: bool) -> dict[str, int]:
    """Where each raw topic of a shard is read on from. Raises TopicFault."""
    places = {topic: TopicPartition(topic, shard) for topic in TOPICS}
    begins, ends = await consumer.beginning_offsets([*places.values()]), await consumer.end_offsets([*places.values()])
    found = {}
    for topic, place in places.items():
        offset, begin, end = stored.get(topic, 0), begins[place], ends[place]
        if not begin <= offset <= end and not new_topics:
            raise TopicFault(
                f"{topic}[{shard}]: the backup has read up to {offset}, the topic holds {begin} to {end}: were the raw topics made again? "
                "With --new-topics they are read from their beginning"
            )
        found[topic] = begin if new_topics else offset
    return found


async def refuse_state(settings: Settings, consumer: AIOKafkaConsumer, manifest: Manifest, *, replace: bool) -> None:
    """Raises StateRefused where there is state, of this application or another command's, that must not be written over."""
    for shard in range(manifest.partitions):
        head, rows = None, 0
        async for run in changelog.rows(consumer, TopicPartition(settings.changelog, shard)):
            for key, value in run.pairs():
                rows += value is not None
                head = value if key == HEAD_KEY else head
        found = msgspec.json.decode(head, type=Head) if head is not None else None
        stopped = found is not None and found.underway and found.underway.command == COMMAND
        if rows and not replace and not stopped:
            raise StateRefused(f"{settings.changelog}[{shard}] holds state already: give --replace to write the backup over it, or --app for another application")
        group = await books.read_group(settings, connection(settings), shard)
        if not replace and not stopped and any(group.offsets.values()):
            raise StateRefused(f"the group {settings.app} has read records already: give --replace to set it to the backup's offsets, or --app for another application")


async def mark(settings: Settings, shard: int, head: Head) -> None:
    """Let no worker start from a shard."""
    async with transactions(settings, connection(settings), shard) as producer:
        await known_partitions(producer, settings.changelog, shard + 1)
        await write(producer, settings, {shard: [(HEAD_KEY, msgspec.json.encode(head))]})


async def put_back(settings: Settings, consumer: AIOKafkaConsumer, shard: int, pairs: Iterable[tuple[bytes, bytes]], offsets: dict[str, int], partitions: int) -> list[Change]:
    """Write the rows of a shard, and delete what is there and not among them. Returns the head row, which comes last. Raises BackupFault."""
    left = set(await changelog.live(consumer, TopicPartition(settings.changelog, shard))) - {HEAD_KEY}
    head = Head(facts={"format": FORMAT, "partitions": partitions})
    async with transactions(settings, connection(settings), shard) as producer:
        piece: list[Change] = []
        for key, value in pairs:
            if key == HEAD_KEY:
                head = msgspec.json.decode(value, type=Head)
                continue
            left.discard(key)
            piece.append((key, value))
            if len(piece) >= settings.batch_records:
                await write(producer, settings, {shard: piece})
                piece = []
        piece += [(key, None) for key in left]
        for begin in range(0, len(piece), settings.batch_records):
            await write(producer, settings, {shard: piece[begin : begin + settings.batch_records]})
    if offsets != head.offsets:  # other topics than those that were read: nothing above these offsets is done
        head = head.moved(offsets, {})
        head.parted = dict(offsets)
    head.underway = UNSET
    return [(HEAD_KEY, msgspec.json.encode(head))]


def differing(manifest: Manifest, catalogue: Catalogue) -> Iterable[str]:
    """How the installed rules differ from those of the backup."""
    installed = {event.id: event.version for event in catalogue}
    changed = sorted(name for name in manifest.rules.keys() & installed.keys() if manifest.rules[name] != installed[name])
    for names, what in (
        (changed, "have another version"),
        (sorted(manifest.rules.keys() - installed.keys()), "are not installed: the next start deletes their state"),
        (sorted(installed.keys() - manifest.rules.keys()), "are new: 'kairos backfill' fills them"),
    ):
        if names:
            yield f"{len(names)} rules {what}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"

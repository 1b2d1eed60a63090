"""`kairos backfill`: the state of rules is filled shard by shard, while no worker runs (`docs/adr/0015`).

The shard is taken over with its transactional id, so that a worker that starts meanwhile fences this, or is fenced. Its history is replayed up to exactly
the offsets of the state's head row; then what changed is written. The head row names what is unfinished until the last transaction: a worker refuses
to start from it, and the next backfill begins there again.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from aiokafka import TopicPartition
from msgspec import UNSET

from schemas.raw import TOPICS
from streams.engine.state.changes import Changes
from streams.engine.state.store import HEAD_KEY, Head, Unfinished, refuse_underway
from streams.kafka import books, changelog
from streams.kafka.connection import connection
from streams.kafka.history import Seam, history
from streams.kafka.status import coordinated
from streams.kafka.topics import Admin, TopicFault, changelog_partitions, create_changelog, settled
from streams.kafka.transaction import Fenced, Transactions
from streams.metrics import Metrics
from streams.shard import Step
from streams.tools.backfill import ALL, Filled, Filling, Reach, choose, fill, lost_by, missed, rebuilt, same_rows_kept
from streams.tools.plan import Stored
from streams.tools.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka import AIOKafkaConsumer

    from streams.builder import Build
    from streams.definitions.catalogue import Catalogue
    from streams.emit import Message
    from streams.settings import Settings
    from streams.shard import Shard


class Wanted(NamedTuple):
    """What is asked for."""

    events: tuple[str, ...] = ()
    """Rules by name; none: all that are new or begin again."""
    since: Callable[[int], int] = lambda _: 0
    """From the shard's clock to the first event time, epoch ms; 0: all."""
    files: tuple[str, ...] = ()
    """Files of raw records, in the order of time."""
    topics: bool = True
    """Read the raw topics too."""
    everything: bool = False
    """Rebuild the whole state."""
    missed: bool = False
    """Publish the events of the history to the `missed` topic."""
    drop: bool = False
    """Let state of events that are not installed be deleted."""


class Done(NamedTuple):
    """What was filled in one shard."""

    partition: int
    counts: Counter[str]
    """Records that were replayed (`taken`), and left out by why."""
    rows: int
    """Changelog records written."""
    published: int
    """Events on the `missed` topic."""
    reaches: dict[str, Reach]
    """By rule with state."""
    first: dict[str, int]
    """By topic that held less than was asked for, the event time at which it begins now."""


async def refuse_members(settings: Settings) -> None:
    """Raises TopicFault while the application runs."""
    async with Admin(settings) as client:
        group = await coordinated(client, settings.app)
    if group.members:
        names = ", ".join(member.client for member in group.members)
        raise TopicFault(
            f"{settings.app}: wanted a group without members, got {len(group.members)} ({names}): stop the workers first; one that was killed leaves after session_timeout_s"
        )


async def backfill(settings: Settings, build: Build, catalogue: Catalogue, wanted: Wanted, progress: Callable[[str], None], done: Callable[[Done], None]) -> None:
    """Fill all shards, one after the other. `progress`: what is being done; `done`: after each shard in which there was something to fill.

    Raises TopicFault, BooksDiffer, StateRefused, StepFailed, InputFault.
    """
    await refuse_members(settings)
    created = False
    if wanted.everything or wanted.files:
        async with Admin(settings) as client:
            created = await create_changelog(client, settings, rebuilt=wanted.everything)
    count = await settled(lambda: changelog_partitions(settings), [settings.changelog] * created)
    with tempfile.TemporaryDirectory(prefix="kairos-backfill-") as folder:
        spool = Spool(Path(folder), count) if wanted.files else None
        if spool is not None:
            spool.take(wanted.files, lambda read: progress(f"files: {read:,} bytes read"))
        for partition in range(count):
            work = Work(settings, build, catalogue, wanted, spool, partition, count)
            try:
                await work.transactions.begin()
                found = await work.run(progress)
            except Fenced as error:
                raise TopicFault(f"{settings.changelog}[{partition}]: a worker has taken the shard: stop it, and run the backfill again") from error
            finally:
                await work.transactions.close()
            if found is not None:
                done(found)


class Work:
    """One shard."""

    def __init__(self, settings: Settings, build: Build, catalogue: Catalogue, wanted: Wanted, spool: Spool | None, partition: int, partitions: int) -> None:
        self.settings, self.build, self.catalogue, self.wanted, self.spool, self.partition, self.partitions = (settings, build, catalogue, wanted, spool, partition, partitions)
        self.transactions = Transactions(partition, settings, Metrics(), connection=connection(settings), dead_letter_bytes=0, raw_partitions=partitions, topic_bytes={})
        self.messages: list[Message] = []
        self.first: dict[str, int] = {}

    async def run(self, progress: Callable[[str], None]) -> Done | None:
        """Fill the shard; None where there is nothing to fill."""
        async with changelog.reading(self.settings, connection(self.settings)) as consumer:
            pairs = await changelog.live(consumer, TopicPartition(self.settings.changelog, self.partition))
            head = msgspec.json.decode(pairs[HEAD_KEY], type=Head) if HEAD_KEY in pairs else None
            agreed = await self._agreed(consumer, head)
        seams = Seam.of(agreed.offsets, agreed.passed)
        stopped = head is not None and isinstance(head.unfinished, Unfinished) and ALL in head.unfinished.events
        if self.wanted.everything or stopped or (head is None and self.spool is not None):
            return await self._rebuild(pairs, head or Head(), seams, progress)
        return await self._fill(pairs, head, seams, progress) if head is not None else None

    async def _agreed(self, consumer: AIOKafkaConsumer, head: Head | None) -> books.Agreed:
        """Where the live run takes over. A lost state is rebuilt up to the group's offsets. Raises BooksDiffer."""
        refuse_underway(head)
        known = await books.read_books(self.settings, connection(self.settings), consumer, self.partition, head)
        self.transactions.last = known.group.token
        if head is None and self.wanted.everything:
            agreed = books.Agreed({topic: known.group.offsets.get(topic, known.begins[topic]) for topic in TOPICS}, written=False, remarks=[])
        else:
            agreed = books.agree(known, self.settings)
        self.transactions.committed = dict(agreed.offsets)
        self.transactions.head = (head or Head()).moved(dict(agreed.offsets), dict(agreed.passed))
        return agreed

    def _shard(self, off: frozenset[str] = frozenset()) -> Shard:
        shard = self.build(self.partition, off)
        shard.engine.state.facts["partitions"] = self.partitions
        return shard

    async def _fill(self, pairs: dict[bytes, bytes], head: Head, seams: dict[str, Seam], progress: Callable[[str], None]) -> Done | None:
        target, stored = self._shard(), Stored()
        stored.take(pairs.items())
        target.engine.state.filling = True
        target.restore(pairs.items())
        target.restored()
        chosen = choose(stored, target, self.catalogue, self.wanted.events)
        if not chosen.events:
            return None
        if (lost := lost_by(chosen, self.catalogue)) and not self.wanted.drop:
            raise TopicFault(
                f"{self.settings.changelog}[{self.partition}]: there is state of {', '.join(lost)}, which is not installed and would be deleted: "
                "give the definitions of the deployment (--definitions, --only, --without), or --drop"
            )
        donor = self._shard(frozenset(self.catalogue.by_id.keys() - chosen.with_needs))
        donor.settings = donor.settings._replace(wall_clock=False, keep_state=False)
        same_rows_kept(target.engine.state, donor.engine.state)
        filling = Filling(donor, self._since(target.clock))
        await self._replay(filling, seams, target.clock, chosen.fresh - self.catalogue.quiet, progress)
        filled = fill(target, filling, chosen, self.catalogue)
        rows, published = await self._write(filled, head, self.transactions.head)
        return Done(self.partition, filling.counts, rows, published, filled.reaches, self.first)

    async def _rebuild(self, pairs: dict[bytes, bytes], head: Head, seams: dict[str, Seam], progress: Callable[[str], None]) -> Done | None:
        shard = self._shard()
        shard.settings = shard.settings._replace(wall_clock=False, keep_state=True)
        filling = Filling(shard, self._since(head.clock))
        rows: dict[bytes, bytes | None] = {}
        await self._replay(filling, seams, head.clock, frozenset(self.catalogue.by_id) - self.catalogue.quiet, progress, rows)
        if not filling.counts["taken"]:
            return None
        filled = rebuilt(shard, filling, pairs, rows, self.catalogue)
        own = rows.get(HEAD_KEY)
        before = self.transactions.head
        after = (msgspec.json.decode(own, type=Head) if own is not None else before).moved(before.offsets, before.passed or {})
        after = msgspec.structs.replace(after, parted=before.parted)
        written, published = await self._write(filled, head, after)
        return Done(self.partition, filling.counts, written, published, filled.reaches, self.first)

    def _since(self, clock_ms: int) -> int:
        return max(0, self.wanted.since(clock_ms))

    async def _replay(
        self,
        filling: Filling,
        seams: dict[str, Seam],
        clock_ms: int,
        published: frozenset[str],
        progress: Callable[[str], None],
        rows: dict[bytes, bytes | None] | None = None,
    ) -> None:
        """Feed the files, then what the topics hold, up to the seam; `rows` takes the state as it is written."""

        def keep(steps: Iterable[Step]) -> None:
            for step in steps:
                if self.wanted.missed:
                    self.messages += missed(step.detections, self.settings.operator, published, filling.donor.values.version)
                if rows is not None:
                    rows.update(step.rows)
            progress(f"shard {self.partition} of {self.partitions}: {filling.counts['taken']:,} records replayed")

        parted = self.transactions.head.parted or {}
        async with history(self.settings, self.partition, seams, parted) as source:
            if self.spool is not None:
                filling.whole.clear()
                live = await source.waiting(self.settings.max_record_bytes, also_done=self.wanted.topics)
                parts = {topic: self.spool.read(self.partition, topic) for topic in TOPICS}
            else:
                live, parts = {}, {}
            if self.wanted.topics:
                begins = await source.begin(filling.since_ms)
                for topic in TOPICS:
                    if begins[topic] or topic in parted:
                        filling.whole.discard(topic)
            while parts or source.open:
                for topic in [topic for topic in parts if filling.wants(topic)]:
                    piece = next(parts[topic], None)
                    if piece is None:
                        del parts[topic]
                    else:
                        filling.feed(topic, *piece, until_ms=clock_ms or None, live=live[topic])
                wanted = {topic for topic in source.open if topic not in parts and filling.wants(topic)}
                for raws in await source.read(wanted) if wanted else ():
                    filling.feed(raws.topic, raws.keys, raws.values)
                for topic in TOPICS:
                    if topic not in parts and topic not in source.open:
                        filling.donor.set_caught_up(topic, True)
                keep(filling.steps())
        keep(filling.end(clock_ms))
        self.first = {topic: first for topic, first in filling.first.items() if topic not in filling.whole and first > filling.since_ms}

    async def _write(self, filled: Filled, before: Head, after: Head) -> tuple[int, int]:
        """Write what changed in transactions of `batch_records`, and the events of the history with it. Returns both numbers."""
        size, changes = self.settings.batch_records, filled.changes
        pieces = changes.pieces(size)
        published = before.unfinished.missed if before.unfinished else 0
        messages = self.messages[published:]
        count = max(1, -(-len(changes) // size), -(-len(messages) // size))
        for number in range(count):
            own = slice(number * size, (number + 1) * size)
            published += len(messages[own])
            last = number == count - 1
            mark = UNSET if last else msgspec.structs.replace(filled.unfinished, missed=published)
            self.transactions.head = msgspec.structs.replace(after if last else self.transactions.head, unfinished=mark)
            await self.transactions.commit(Step([], [], messages[own], next(pieces, Changes()), {}, Counter(), [], 0))
        return len(changes), len(messages)

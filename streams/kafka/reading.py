"""How far a shard has read its raw topics: what was fetched is given to it without a hole, and what is known of the topics' ends with it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.intake.merge import UNREAD
from streams.kafka.gathering import Gathered, Gathering
from streams.kafka.origins import Origins
from streams.logs import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiokafka import TopicPartition

    from streams.kafka.clocks import Clocks
    from streams.kafka.transport import Fetched
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.shard")
HELD_S = 5.0
"""An open transaction in the input that holds records back this long is reported."""


class RetentionGap(KairosFault):
    """Unread input was deleted: what is lost must not be passed over in silence."""


class Reading:
    """Of one shard. `rewind(topic, partition, offset)`: fetch it again from there."""

    def __init__(self, partition: int, settings: Settings, metrics: Metrics, clocks: Clocks, rewind: Callable[[str, int, int], None]) -> None:
        self.partition, self.settings, self.metrics, self.clocks, self.rewind = partition, settings, metrics, clocks, rewind
        self.next: dict[str, int] = {}
        """By topic, the position up to which everything was fed: the next run must begin there, or before and is trimmed."""
        self.ends: dict[str, int] = {}
        """By topic, the newest known end, from which the backlog is counted."""
        self.looks: dict[str, tuple[float, int]] = {}
        """By topic, the last look: when, and where the topic ended."""
        self.unseen: str | None = None
        """Why the last look failed, if it did."""
        self.held_since: dict[str, float] = {}
        """By topic, since when the only unread records are hidden by another producer's open transaction."""
        self.newest_append_ms = 0
        self.origins, self.gathering = Origins(), Gathering()

    def forget(self) -> None:
        """Nothing that was fed counts any more: it is read again from where the shard is restored."""
        self.origins, self.gathering = Origins(), Gathering()
        self.held_since.clear()

    def fetch(self) -> None:
        """Have the topics fetched from the positions that come next."""
        for topic, offset in self.next.items():
            self.rewind(topic, self.partition, offset)

    def take(self, shard: Shard, topic: str, run: Fetched) -> bool:
        """Give a fetched run of `topic`, which may have no records, to `shard`. Where something is missing before it, it is fetched again from there, and False."""
        following = self.next[topic]
        if run.begin > following:
            log(logger, logging.INFO, "a fetched run was passed over, reading again", topic=topic, partition=self.partition, wanted=following, got=run.begin)
            self.rewind(topic, self.partition, following)
            return False
        records = run.records.since(following)
        self.origins.remember(topic, records)
        if len(records):
            self.newest_append_ms = max(self.newest_append_ms, int(records.timestamps[-1]))
            if self.gathering.add(topic, Gathered(records, run.position, run.read_at)) or shard.waits(topic):
                self.decode(shard, topic)
        self._note_held(topic, run)
        self.next[topic] = max(following, run.position)
        self.ends[topic] = max(run.end, self.ends.get(topic, 0))
        self._settle(shard, topic)
        return True

    def decode(self, shard: Shard, topic: str) -> None:
        """Give `shard` what was fetched of `topic`."""
        for run in self.gathering.take(topic):
            columns = run.records
            shard.feed(topic, columns.offsets, columns.keys, columns.values, next_offset=run.position, read_at=run.read_at, wall_ms=self.clocks.later_ms())

    def queued(self, shard: Shard, topic: str) -> bool:
        """Whether any records of `topic` that were fetched are not released yet."""
        return self.gathering.holds(topic) or shard.queued(topic)

    def looked(self, shard: Shard | None, topic: str, moment: float, end: int) -> None:
        """At `moment` the topic ended at `end`, or before. None: the shard is not restored yet."""
        self.unseen = None
        self.looks[topic] = moment, end
        self.ends[topic] = max(end, self.ends.get(topic, 0))
        if shard is not None:
            self._settle(shard, topic)

    def looked_at(self) -> float:
        """When all topics were looked at, the last time."""
        return min(self.looks.get(topic, (UNREAD, 0))[0] for topic in TOPICS)

    def _settle(self, shard: Shard, topic: str) -> None:
        """Say up to which moment there was no unread backlog of `topic`: as of the last look, and with the wall clock for `look_ms` after it.

        Records that wait for stragglers leave only by a look itself.
        """
        moment, end = self.looks.get(topic, (UNREAD, 0))
        if self.next[topic] >= max(end, self.ends.get(topic, 0)):
            shard.rested(topic, moment)
        if self.settings.clock == "wall" and self.next[topic] >= self.ends[topic]:
            moment += self.settings.look_ms / 1000
        shard.looked(topic, moment if self.next[topic] >= end else UNREAD)

    def _note_held(self, topic: str, run: Fetched) -> None:
        """Note since when the only unread records are hidden by another producer's open transaction."""
        if run.held and not len(run.records) and run.position >= run.end:
            self.held_since.setdefault(topic, time.monotonic())
        else:
            self.held_since.pop(topic, None)
        self.metrics.held.labels(topic, str(self.partition)).set(run.held)

    def held_back(self) -> str | None:
        """What has been waiting for a while for another producer to end its transaction."""
        waiting = sorted(topic for topic, since in self.held_since.items() if time.monotonic() - since > HELD_S)
        return f"{', '.join(waiting)}: nothing can be read before another producer ends its open transaction" if waiting else None

    def behind(self) -> set[str]:
        """The topics with records that are known to be there and have not been fed."""
        return {topic for topic, end in self.ends.items() if end > self.next.get(topic, 0)}


def refuse_gaps(expected: dict[TopicPartition, int], begins: dict[TopicPartition, int]) -> None:
    """Raise RetentionGap where the first offset of a topic is above the expected one."""
    for place, offset in expected.items():
        if begins[place] > offset:
            raise RetentionGap(
                f"{place.topic}[{place.partition}]: records {offset} to {begins[place] - 1} were deleted unread, by retention or by hand: "
                "start once with --resume-from-state to go on without them, and lengthen retention.ms"
            )

"""Shards for tests: raw records in as dicts, detections out, cut and restarted as a test likes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from schemas.raw import RECORD_TYPES, TOPICS, type_name
from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.engine.engine import Engine, EngineSettings
from streams.shard import Shard, ShardSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.engine.detection import Detection
    from streams.promises import Limit
    from streams.shard import Step

STORIES = Path(__file__).parent.parent / "events" / "reference"
CATALOGUE = Catalogue.load()
REFERENCE = Reference.load(STORIES)
TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}
Raw = dict[str, Any]


class Bench:
    """A shard that can be fed, cut and restarted; all its steps are kept."""

    def __init__(
        self,
        *,
        catalogue: Catalogue = CATALOGUE,
        reference: Reference = REFERENCE,
        zone: str = "Asia/Shanghai",
        sweep_every_ms: int = 3_600_000,
        waits: dict[str, int] | None = None,
        valves: dict[str, Limit] | None = None,
        history_from: int | None = None,
    ) -> None:
        self.catalogue, self.reference, self.waits = catalogue, reference, waits or {}
        self.settings = EngineSettings(zone, sweep_every_ms=sweep_every_ms, history_from=history_from)
        self.valves = valves or {}
        self.offsets = dict.fromkeys(TOPICS, 0)
        self.log: list[tuple[bytes, bytes | None]] = []
        self.steps: list[Step] = []
        self.shard = self._new()

    def _new(self, catalogue: Catalogue | None = None) -> Shard:
        engine = Engine(catalogue or self.catalogue, self.reference, self.settings)
        shard = Shard(0, engine, ShardSettings(waits=self.waits, valves=self.valves))
        for topic in TOPICS:
            shard.set_caught_up(topic, True)
        return shard

    def feed(self, records: Iterable[Raw]) -> list[Detection]:
        """Feed records, all known before any is released; what was detected."""
        self.queue(records)
        return self.drain()

    def queue(self, records: Iterable[Raw]) -> None:
        """Feed records, and release none yet."""
        by_topic: dict[str, list[Raw]] = {topic: [] for topic in TOPICS}
        for record in records:
            by_topic[TOPIC_OF[record["record_type"]]].append(record)
        for topic, own in by_topic.items():
            if own:
                begin, end = self.offsets[topic], self.offsets[topic] + len(own)
                self.offsets[topic] = end
                keys = [record["customer_id"].encode() for record in own]
                self.shard.feed(topic, range(begin, end), keys, [orjson.dumps(record) for record in own], next_offset=end, caught_up=True)

    def drain(self, most: int = 20_000, *, restarting: bool = False) -> list[Detection]:
        """Take steps of at most `most` records until nothing is left; with `restarting`, in a new process each."""
        found: list[Detection] = []
        while (step := self.shard.step(None, most)) is not None:
            found += self._keep(step)
            if restarting:
                merger = self.shard.merger
                self.restart()
                self.shard.merger = merger
        return found

    def state(self) -> dict[bytes, bytes]:
        """What is stored, texts and layouts left out."""
        stored = {key: value for key, value in dict(self.log).items() if value is not None and not key.startswith((b"text\x1e", b"layout\x1e"))}
        return {key: orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS) if key.startswith(b"clock") else value for key, value in stored.items()}

    def advance(self, clock_ms: int) -> list[Detection]:
        """Move the clock on."""
        return self._keep(self.shard.advance(clock_ms))

    def _keep(self, step: Step) -> list[Detection]:
        self.steps.append(step)
        self.log += step.rows
        return step.detections

    def restart(self, catalogue: Catalogue | None = None) -> None:
        """A new process: all that is left is the changelog, compacted."""
        compacted = dict(self.log)
        self.shard = self._new(catalogue)
        self.shard.restore([(key, value) for key, value in compacted.items() if value is not None])
        self.shard.restored()

    @property
    def counters(self) -> dict[str, int]:
        """All counters of all steps."""
        total: dict[str, int] = {}
        for step in self.steps:
            for name, number in step.counters.items():
                total[name] = total.get(name, 0) + number
        return total

    @property
    def rejects(self) -> list[str]:
        """The reasons of all dead letters."""
        return [dict(message.headers)["reason"].decode() for step in self.steps for message in step.dead_letters]


def epoch_ms(text: str) -> int:
    """Epoch ms of an RFC 3339 time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def details(found: Sequence[Detection], event: str) -> list[dict[str, Any]]:
    """The details of one event's detections, in order."""
    return [detection.detail for detection in found if detection.event == event]

"""Replay: the engine over files of raw records, without a broker. Backtest, tuning, and the oracle of the broker tests.

Topics are taken by `record_type`; within a topic the order of the lines counts, across topics the merge as in a worker with backlog.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.fault import KairosFault
from schemas.raw import RECORD_TYPES, TOPICS, type_name
from streams.kafka.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.shard import Shard, Step

GZIP = b"\x1f\x8b"
CHUNK_RECORDS = 5_000
BATCH_RECORDS = 20_000
TOPIC_OF = {type_name(record).encode(): record.topic for record in RECORD_TYPES}
RECORD_TYPE = re.compile(rb'"record_type"\s*:\s*"([a-z_]+)"')
CUSTOMER = re.compile(rb'"customer_id"\s*:\s*"([^"\\]{1,64})"')


class InputFault(KairosFault):
    """An input file cannot be read."""


class Head(msgspec.Struct):
    """What routing needs of a record that the quick look did not find plainly."""

    customer_id: str | None = None
    record_type: str | None = None


def head_of(line: bytes) -> tuple[str, bytes | None]:
    """Topic and key of a raw record. What names no known type goes to the first topic, to be refused there with its reason."""
    types, customers = RECORD_TYPE.findall(line), CUSTOMER.findall(line)
    if len(types) == 1 and len(customers) == 1:
        return TOPIC_OF.get(types[0], TOPICS[0]), customers[0]
    try:
        head = msgspec.json.decode(line, type=Head)
    except Exception:  # noqa: BLE001  # the decoder says what is wrong with it
        return TOPICS[0], b""
    return TOPIC_OF.get((head.record_type or "").encode(), TOPICS[0]), (head.customer_id or "").encode()


def lines_of(path: str, progress: Callable[[int], None]) -> Iterator[bytes]:
    """The lines of a file (gzip too, `-` is stdin) without their ends; `progress` is told the bytes read of the file. Raises InputFault."""
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as raw:
            stream: Any = raw
            if path != "-" and raw.read(len(GZIP)) == GZIP:
                stream = gzip.GzipFile(fileobj=raw)
            if path != "-":
                raw.seek(0)
            told = 0
            for number, line in enumerate(stream):
                if number % 1000 == 0 and path != "-":
                    at = raw.tell()
                    progress(at - told)
                    told = at
                stripped = line.rstrip(b"\r\n")
                if stripped:
                    yield stripped
            progress(raw.tell() - told if path != "-" else 0)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise InputFault(f"{path}: wanted a readable file of JSON lines, gzip or not: {error}") from error


class Feed:
    """Lines of one topic and shard, waiting to be fed as a chunk."""

    def __init__(self) -> None:
        self.offset = 0
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []


class Replay:
    """Files in, steps out, over as many shards as a cluster has partitions."""

    def __init__(self, build_shard: Callable[[int], Shard], partitions: int = 1) -> None:
        self.shards = [build_shard(p) for p in range(partitions)]
        self.feeds = [{topic: Feed() for topic in TOPICS} for _ in range(partitions)]
        self.left: Counter[str] | None = None
        """Records of each topic still to come, when that is known."""

    @staticmethod
    def count(paths: Sequence[str]) -> Counter[str] | None:
        """How many records of each topic the files have; None when stdin is among them, which can be read only once."""
        if "-" in paths:
            return None
        return Counter(head_of(line)[0] for path in paths for line in lines_of(path, lambda _: None))

    def run(self, paths: Sequence[str], progress: Callable[[int], None] = lambda _: None, until_ms: int | None = None) -> Iterator[Step]:
        """Replay `paths` in their order; at the end the clock may be moved on to `until_ms`."""
        self.left = self.count(paths)
        if self.left is not None:
            for topic in TOPICS:
                self._exhausted(topic)
        for path in paths:
            for line in lines_of(path, progress):
                yield from self.take(line)
        for shard, feeds in zip(self.shards, self.feeds, strict=True):
            for topic in TOPICS:
                self._feed(shard, topic, feeds[topic])
                shard.set_caught_up(topic, True)
            yield from self._steps(shard)
            if until_ms is not None:
                yield shard.advance(until_ms)

    def take(self, line: bytes) -> Iterator[Step]:
        """Take one raw record."""
        topic, key = head_of(line)
        partition = partition_of(key or b"", len(self.shards)) if len(self.shards) > 1 else 0
        feed = self.feeds[partition][topic]
        feed.keys.append(key)
        feed.values.append(line)
        shard = self.shards[partition]
        if self.left is not None:
            self.left[topic] -= 1
            self._exhausted(topic)
        if len(feed.values) >= CHUNK_RECORDS:
            self._feed(shard, topic, feed)
            yield from self._steps(shard)

    def _exhausted(self, topic: str) -> None:
        """When a topic has no records left, it holds the others back no longer."""
        if self.left is not None and not self.left[topic]:
            for shard, feeds in zip(self.shards, self.feeds, strict=True):
                self._feed(shard, topic, feeds[topic])
                shard.set_caught_up(topic, True)

    @staticmethod
    def _feed(shard: Shard, topic: str, feed: Feed) -> None:
        if feed.values:
            following = feed.offset + len(feed.values)
            shard.feed(topic, range(feed.offset, following), feed.keys, feed.values, next_offset=following, caught_up=False)
            feed.offset, feed.keys, feed.values = following, [], []

    @staticmethod
    def _steps(shard: Shard) -> Iterator[Step]:
        while (step := shard.step(None, BATCH_RECORDS)) is not None:
            yield step

"""Replay: the engine over files of raw records, without a broker. Backtest, tuning, and the oracle of the broker tests.

Topics are taken by `record_type`; within a topic the order of the lines counts, across topics the merge as in a worker with backlog.
"""

from __future__ import annotations

import gzip
import io
import sys
from array import array
from bisect import bisect_right
from collections import Counter, deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from schemas.fault import KairosFault
from schemas.raw import TOPICS
from streams.intake.decode import route_of
from streams.intake.diagnose import BOM
from streams.kafka.partitioner import partition_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.emit import Message
    from streams.shard import Shard, Step

GZIP = b"\x1f\x8b"
CHUNK_RECORDS = 5_000
BATCH_RECORDS = 20_000
STDIN = "-"


class InputFault(KairosFault):
    """An input file cannot be read, or holds no record that can be used."""


class Line(NamedTuple):
    """A line of an input without its end, and its number as an editor shows it."""

    number: int
    value: bytes


def lines_of(path: str, progress: Callable[[int], None]) -> Iterator[Line]:
    """The lines of a file (gzip too, `-` is stdin) that hold anything; `progress` gets the bytes read of the file. Raises InputFault."""
    try:
        with sys.stdin.buffer if path == STDIN else Path(path).open("rb") as opened:
            raw: Any = opened if hasattr(opened, "peek") else io.BufferedReader(opened)  # stdin in tests has no peek
            stream: BinaryIO = gzip.GzipFile(fileobj=raw) if raw.peek(len(GZIP)).startswith(GZIP) else raw  # type: ignore[assignment]  # it reads alike
            measured, reported = path != STDIN and raw.seekable(), 0
            for number, line in enumerate(stream, 1):
                if number % 1000 == 0 and measured:
                    progress(raw.tell() - reported)
                    reported = raw.tell()
                stripped = line.rstrip(b"\r\n")
                if number == 1:
                    stripped = stripped.removeprefix(BOM)
                if stripped:
                    yield Line(number, stripped)
            progress(raw.tell() - reported if measured else 0)
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        raise InputFault(f"{path}: wanted a readable file of JSON lines, gzip or not: {error}") from error


class Feed:
    """Lines of one topic and shard that wait to be fed as a chunk, and the places of lines that were fed and are not released yet."""

    def __init__(self) -> None:
        self.offset = 0
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.places = array("Q")
        self.fed: deque[tuple[int, array[int]]] = deque()
        """First offset of a chunk, and the place in the input of each of its records."""

    def add(self, key: bytes | None, value: bytes, place: int) -> None:
        """Take one line."""
        self.keys.append(key)
        self.values.append(value)
        self.places.append(place)

    def taken(self) -> tuple[range, list[bytes | None], list[bytes | None]]:
        """Offsets, keys and values of all that waits."""
        offsets = range(self.offset, self.offset + len(self.values))
        self.fed.append((self.offset, self.places))
        chunk = offsets, self.keys, self.values
        self.offset, self.keys, self.values, self.places = offsets.stop, [], [], array("Q")
        return chunk

    def place(self, offset: int) -> int:
        """Where in the input the record at `offset` came from. Only for records that are not forgotten."""
        first, places = next((first, places) for first, places in self.fed if first <= offset < first + len(places))
        return places[offset - first]

    def forget(self, following: int) -> None:
        """Forget the chunks before the next unreleased offset."""
        while self.fed and self.fed[0][0] + len(self.fed[0][1]) <= following:
            self.fed.popleft()


class Replay:
    """Files in, steps out, over as many shards as a cluster has partitions."""

    def __init__(self, build_shard: Callable[[int], Shard], partitions: int = 1) -> None:
        self.shards = [build_shard(p) for p in range(partitions)]
        self.feeds = [{topic: Feed() for topic in TOPICS} for _ in range(partitions)]
        self.left: Counter[str] | None = None
        """Records of each topic still to come, when that is known."""
        self.begins: list[int] = []
        """The place in the input at which each file begins."""
        self.paths: list[str] = []
        self.place = 0

    def lines_of(self, path: str, progress: Callable[[int], None]) -> Iterator[Line]:
        """The lines of a file that are replayed. Raises InputFault."""
        return lines_of(path, progress)

    def count(self, paths: Sequence[str]) -> Counter[str] | None:
        """How many records of each topic the files have; None when one of them can be read only once, such as stdin or a pipe."""
        if any(path == STDIN or (Path(path).exists() and not Path(path).is_file()) for path in paths):
            return None
        return Counter(route_of(line.value)[0] for path in paths for line in self.lines_of(path, lambda _: None))

    def run(self, paths: Sequence[str], progress: Callable[[int], None] = lambda _: None, until_ms: int | None = None) -> Iterator[Step]:
        """Replay `paths` in their order; at the end the clock may be moved on to `until_ms`.

        Dead letters say file and line instead of partition and offset.
        """
        self.left = self.count(paths)
        if self.left is not None:
            for topic in TOPICS:
                self._exhausted(topic)
        for topic, key, value in self.inputs(paths, progress):
            yield from self.take(topic, key, value)
        for shard, feeds in zip(self.shards, self.feeds, strict=True):
            for topic in TOPICS:
                self._feed(shard, topic, feeds[topic])
                shard.set_caught_up(topic, True)
            yield from self._steps(shard)
            if until_ms is not None:
                yield shard.advance(until_ms)

    def inputs(self, paths: Sequence[str], progress: Callable[[int], None]) -> Iterator[tuple[str, bytes | None, bytes]]:
        """Topic, key and value of each record, in the order in which they are replayed; `place` says where it comes from."""
        for path in paths:
            self.begins.append(self.place)
            self.paths.append(path)
            for line in self.lines_of(path, progress):
                self.place = self.begins[-1] + line.number
                yield *route_of(line.value), line.value

    def take(self, topic: str, key: bytes | None, line: bytes) -> Iterator[Step]:
        """Take one raw record."""
        partition = partition_of(key or b"", len(self.shards)) if len(self.shards) > 1 else 0
        feed = self.feeds[partition][topic]
        feed.add(key, line, self.place)
        shard = self.shards[partition]
        if self.left is not None:
            self.left[topic] -= 1
            self._exhausted(topic)
        if len(feed.values) >= CHUNK_RECORDS:
            self._feed(shard, topic, feed)
            yield from self._steps(shard)

    def _exhausted(self, topic: str) -> None:
        """Release the other topics when a topic has no records left."""
        if self.left is not None and not self.left[topic]:
            for shard, feeds in zip(self.shards, self.feeds, strict=True):
                self._feed(shard, topic, feeds[topic])
                shard.set_caught_up(topic, True)

    @staticmethod
    def _feed(shard: Shard, topic: str, feed: Feed) -> None:
        if feed.values:
            offsets, keys, values = feed.taken()
            shard.feed(topic, offsets, keys, values, next_offset=offsets.stop, caught_up=False)

    def _steps(self, shard: Shard) -> Iterator[Step]:
        feeds = self.feeds[shard.partition]
        while (step := shard.step(None, BATCH_RECORDS)) is not None:
            yield step._replace(dead_letters=[self._located(letter, feeds) for letter in step.dead_letters])
            for topic, following in step.offsets.items():
                feeds[topic].forget(following)

    def _located(self, letter: Message, feeds: dict[str, Feed]) -> Message:
        """A dead letter with file and line instead of partition and offset."""
        headers = dict(letter.headers)
        topic, partition, offset = (headers[name].decode() for name in ("topic", "partition", "offset"))
        place = feeds[topic].place(int(offset))
        file = bisect_right(self.begins, place - 1) - 1
        where = f"{'stdin' if self.paths[file] == STDIN else self.paths[file]}:{place - self.begins[file]}"
        detail = headers["detail"].decode().removesuffix(f" ({topic}[{partition}]@{offset})")
        kept = tuple((name, value) for name, value in letter.headers if name not in ("partition", "offset", "detail"))
        return letter._replace(headers=(*kept, ("detail", f"{detail} ({where})".encode()), ("where", where.encode())))

"""Files of raw records, split by the shards and topics of a cluster in a folder of their own: each shard then reads its part alone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from schemas.raw import TOPICS
from streams.intake.decode import route_of
from streams.kafka.partitioner import partition_of
from streams.tools.replay import CHUNK_RECORDS, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path


class Spool:
    """The lines of files by shard and topic, in their order; as large as the files without compression."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self.folder, self.partitions = folder, partitions

    def take(self, paths: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> int:
        """Split `paths`, one after the other; `progress` gets the bytes read. Returns the number of records. Raises InputFault."""
        files: dict[tuple[int, str], BinaryIO] = {}
        count = 0
        try:
            for path in paths:
                for line in lines_of(path, progress):
                    topic, key = route_of(line.value)
                    place = partition_of(key or b"", self.partitions), topic
                    if place not in files:
                        files[place] = self._path(*place).open("ab")
                    files[place].write(line.value + b"\n")
                    count += 1
        finally:
            for file in files.values():
                file.close()
        return count

    def read(self, partition: int, topic: str) -> Iterator[tuple[list[bytes | None], list[bytes | None]]]:
        """Keys and values of a shard's records of a topic, some thousand at a time."""
        path = self._path(partition, topic)
        if not path.exists():
            return
        with path.open("rb") as file:
            while values := [line[:-1] for line in islice(file, CHUNK_RECORDS)]:
                yield [route_of(value)[1] for value in values], [*values]

    def _path(self, partition: int, topic: str) -> Path:
        return self.folder / f"{partition}-{TOPICS.index(topic)}"

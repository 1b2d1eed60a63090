"""Replay of files in an operator's own format: its mapping makes the raw records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from streams.sources.kinds import Skipped
from streams.sources.reading import Reading
from streams.tools.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.shard import Shard
    from streams.sources.batch import Bad
    from streams.sources.mapping import Source

LINES_BITS = 40
"""Bits of a record's place that count lines; those above are its file's."""


class SourceReplay(Replay):
    """Files of a source in, steps out; rows that its mapping cannot use go to `reject`."""

    def __init__(self, build_shard: Callable[[int], Shard], partitions: int, source: Source, reject: Callable[[Bad], None]) -> None:
        super().__init__(build_shard, partitions)
        self.source, self.reject = source, reject
        self.skipped = Skipped(())
        """The rows of the last run that no record took."""

    def count(self, paths: Sequence[str]) -> Counter[str] | None:
        if any(not Path(path).is_file() and (path == "-" or Path(path).exists()) for path in paths):
            return None
        topics: Counter[str] = Counter()
        for _, batch in Reading(self.source).batches(paths):
            topics.update(batch.topics)
        return topics

    def inputs(self, paths: Sequence[str], progress: Callable[[int], None]) -> Iterator[tuple[str, bytes | None, bytes]]:
        self.begins, self.paths = [at << LINES_BITS for at in range(len(paths))], list(paths)
        reading = Reading(self.source, self.reject)
        self.skipped = reading.converter.skipped
        for files, batch in reading.batches(paths, progress):
            for file, topic, key, value, _, line in zip(files, *batch, strict=True):
                self.place = self.begins[file] + line
                yield topic, key.encode(), value

"""When a raw record was appended, and its headers: kept until the record is committed, for the dead letter that it may become."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.emit import Headers, Message, original_headers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Run(NamedTuple):
    """One fetched run: 16 bytes a record, and the headers of those that have any."""

    offsets: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]
    headers: dict[int, Headers]
    """By offset."""


class Origins:
    """The runs of a shard that are not committed yet, by topic, in offset order."""

    def __init__(self) -> None:
        self.runs: dict[str, deque[Run]] = {}

    def remember(self, topic: str, records: Sequence[Any]) -> None:
        """Keep what a dead letter of these fetched records needs beside key and value; they come in offset order."""
        if not records:
            return
        count = len(records)
        offsets = np.fromiter((record.offset for record in records), np.int64, count)
        timestamps = np.fromiter((record.timestamp for record in records), np.int64, count)
        headers = {record.offset: tuple(record.headers) for record in records if record.headers}
        runs = self.runs.setdefault(topic, deque())
        while runs and runs[-1].offsets[0] >= offsets[0]:  # fetched again, after a rewind
            runs.pop()
        runs.append(Run(offsets, timestamps, headers))

    def complete(self, letter: Message) -> Message:
        """A dead letter with its record's time and headers, where they are known."""
        told = dict(letter.headers)
        topic, offset = told["topic"].decode(), int(told["offset"])
        runs = self.runs.get(topic, ())
        at = bisect_right([int(run.offsets[0]) for run in runs], offset) - 1
        if at < 0:
            return letter
        run = runs[at]
        row = int(np.searchsorted(run.offsets, offset))
        if row >= len(run.offsets) or run.offsets[row] != offset:
            return letter
        return letter._replace(headers=(*letter.headers, *original_headers(int(run.timestamps[row]), run.headers.get(offset, ()))))

    def forget(self, following: Mapping[str, int]) -> None:
        """Everything below these offsets, by topic, is committed."""
        for topic, offset in following.items():
            runs = self.runs.get(topic)
            while runs and runs[0].offsets[-1] < offset:
                runs.popleft()

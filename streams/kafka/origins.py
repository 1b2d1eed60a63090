"""When a raw record was appended, and its headers: kept until it is committed, for the dead letter that it may become and the events that it causes."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from streams.emit import Headers, Message, original_headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.kafka.raw_run import RawRun


class Run(NamedTuple):
    """One fetched run: columns of the fetch, and the headers of those records that have any."""

    offsets: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64]
    headers: dict[int, Headers]
    """By offset."""
    fetched_ns: int = 0
    """When the run came, ns since 1970."""


class Origin(NamedTuple):
    """What is known of a raw record besides its key and value."""

    appended_ms: int
    """Its time: of the append where the topic stamps records (`LogAppendTime`), else the producer's."""
    headers: Headers


class Origins:
    """The runs of a shard that are not committed yet, by topic, in offset order."""

    def __init__(self) -> None:
        self.runs: dict[str, deque[Run]] = {}

    def remember(self, topic: str, records: RawRun) -> None:
        """Keep what a dead letter of these fetched records needs besides key and value; they come in offset order."""
        if not len(records):
            return
        runs = self.runs.setdefault(topic, deque())
        while runs and runs[-1].offsets[0] >= records.offsets[0]:  # fetched again, after a rewind
            runs.pop()
        runs.append(Run(records.offsets, records.timestamps, records.headers, time.time_ns()))

    def complete(self, letter: Message) -> Message:
        """A dead letter with its record's time and headers, where they are known."""
        headers = dict(letter.headers)
        (origin,) = self.of([(headers["topic"].decode(), int(headers["offset"]))])
        return letter if origin is None else letter._replace(headers=(*letter.headers, *original_headers(*origin)))

    def of(self, places: Sequence[tuple[str, int] | None]) -> list[Origin | None]:
        """What is known of the records at these topics and offsets; None where nothing is."""
        found: list[Origin | None] = [None] * len(places)
        wanted: dict[str, list[int]] = defaultdict(list)
        for index, place in enumerate(places):
            if place is not None and self.runs.get(place[0]):
                wanted[place[0]].append(index)
        for topic, indexes in wanted.items():
            runs = self.runs[topic]
            offsets = np.array([places[index][1] for index in indexes], np.int64)  # type: ignore[index]  # None was left out
            which = np.searchsorted(np.array([run.offsets[0] for run in runs]), offsets, side="right") - 1
            for number in np.unique(which[which >= 0]).tolist():
                run, mine = runs[number], (which == number).nonzero()[0]
                rows = np.minimum(run.offsets.searchsorted(offsets[mine]), len(run.offsets) - 1)
                there = run.offsets[rows] == offsets[mine]
                for at, appended in zip(mine[there].tolist(), run.timestamps[rows[there]].tolist(), strict=True):
                    found[indexes[at]] = Origin(appended, run.headers.get(int(offsets[at]), ()) if run.headers else ())
        return found

    def since_ns(self, topics: Iterable[str]) -> int | None:
        """When the first run of these topics came that is not committed yet; None where there is none."""
        return min((runs[0].fetched_ns for topic in topics if (runs := self.runs.get(topic))), default=None)

    def forget(self, following: Mapping[str, int]) -> None:
        """Everything below these offsets, by topic, is committed."""
        for topic, offset in following.items():
            runs = self.runs.get(topic)
            while runs and runs[0].offsets[-1] < offset:
                runs.popleft()

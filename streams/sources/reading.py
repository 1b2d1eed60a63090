"""Files of a source as raw records, in the order that its mapping asks for."""

from __future__ import annotations

import gc
import heapq
import importlib
from collections import Counter
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streams.sources.batch import Bad, Batch
from streams.sources.convert import Converter
from streams.sources.files import opened
from streams.sources.rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streams.sources.mapping import Source


class Reading:
    """Reads files of one source. What cannot be used is given to `reject`; counts are kept."""

    def __init__(self, source: Source, reject: Callable[[Bad], None] = lambda _: None) -> None:
        self.source, self.reject = source, reject
        self.converter = Converter(source)
        self.read = importlib.import_module(f"streams.sources.{source.spec.format}").read
        self.counts: Counter[str] = Counter()
        """`rows`, `records`, `bad`, `skipped`."""
        self.last = 0
        """The last whole line that was read of a file."""

    def batches(self, paths: Sequence[str], progress: Callable[[int], None] = lambda _: None) -> Iterator[tuple[list[int], Batch]]:
        """The records of all files, and for each the number of its file. Raises SourceFault.

        `as-is`: as they stand; `newest-first`: each file from its end; `sorted`: all by event time, in memory; `by-node`: files that are each
        in order of event time, merged.
        """
        order = self.source.spec.order
        if order == "by-node":
            merged = heapq.merge(*(self.one_by_one(at, path, progress) for at, path in enumerate(paths)), key=lambda one: one[0][3])
            while part := list(islice(merged, ROWS)):
                yield [at for _, at in part], Batch(*map(list, zip(*(one for one, _ in part), strict=True)))
        elif order == "sorted":
            kept = [(at, batch) for at, path in enumerate(paths) for batch in self.file(path, progress)]
            whole = Batch.joined([batch for _, batch in kept])
            files = [at for at, batch in kept for _ in batch.values]
            places = np.argsort(np.array(whole.times, np.int64), kind="stable").tolist()
            yield [files[place] for place in places], whole.at(places)
        else:
            for at, path in enumerate(paths):
                found = self.file(path, progress)
                for batch in found if order == "as-is" else (batch.at(range(len(batch.values))[::-1]) for batch in reversed(list(found))):
                    yield [at] * len(batch.values), batch

    def one_by_one(self, at: int, path: str, progress: Callable[[int], None]) -> Iterator[tuple[tuple[Any, ...], int]]:
        """The records of one file, each with the file's number."""
        for batch in self.file(path, progress):
            yield from ((one, at) for one in zip(*batch, strict=True))

    def file(self, path: str, progress: Callable[[int], None]) -> Iterator[Batch]:
        """The records of one file as they stand."""
        self.last = 0
        with opened(path, progress) as file:
            each = self.read(file, self.source)
            while True:
                with collector_paused():
                    rows = next(each, None)
                    if rows is None:
                        return
                    found = self.converter.convert(rows)
                self.last = max([self.last, *rows.lines[-1:], *(one.line for one in rows.bad if not one.half)])
                self.counts["rows"] += len(rows.lines) + len(rows.bad)
                self.counts["records"] += len(found.records.values)
                self.counts["bad"] += len(found.bad)
                self.counts["skipped"] = self.converter.skipped.total
                for bad in found.bad:
                    self.reject(bad)
                yield found.records


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles meanwhile: rows are many lists and make none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()

"""`python -m tests.speed.marks FILE worker …`: the ordinary `kairos worker`, which also writes into FILE what it has committed, and when.

One line for the first record that is fed and one for each commit: epoch seconds, CPU seconds of the process, records done so far, bytes of keys and values
of changed rows so far. `read` gives them back as a `Run`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from tests.speed.sampler import Sampler

if TYPE_CHECKING:
    from streams.kafka.shard_task import ShardTask
    from streams.kafka.transport import Fetched

PROFILE = "KAIROS_BENCH_PROFILE"
"""Set: CPU seconds by part of the worker go into FILE.parts, too."""
TAIL = 400
"""Bytes in which a whole line is found."""


class Mark(NamedTuple):
    """What was done at a moment."""

    at: float
    cpu: float
    records: int
    state_bytes: int


class Run(NamedTuple):
    """From the first record that was fed to the end of the last transaction."""

    records: int
    wall_s: float
    cpu_s: float
    second_wall_s: float
    """Of the second half of the records."""
    second_cpu_s: float
    state_bytes: int
    transactions: int


def read(path: Path) -> list[Mark]:
    """The marks so far; a line that is being written is left out."""
    if not path.exists():
        return []
    return [
        Mark(float(at), float(cpu), int(records), int(size)) for at, cpu, records, size in (line.split() for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n")
    ]


def done(path: Path) -> int:
    """How many records are committed so far, by the last whole line."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().split(b"\n")
    return int(lines[-2].split()[2]) if len(lines) > 1 else 0


def moment_of(marks: list[Mark], records: float) -> tuple[float, float]:
    """Epoch seconds and CPU seconds when `records` were done, between the two marks around it. Raises ValueError where the marks do not reach it."""
    for before, after in pairwise(marks):
        if after.records >= records:
            share = (records - before.records) / max(1, after.records - before.records)
            return before.at + share * (after.at - before.at), before.cpu + share * (after.cpu - before.cpu)
    raise ValueError(f"wanted {records:,.0f} records committed, got {marks[-1].records if marks else 0:,}")


def run_of(marks: list[Mark], records: int) -> Run:
    """The run over `records` records. Raises ValueError where the marks do not reach them."""
    first, half, end = marks[0], moment_of(marks, records / 2), moment_of(marks, records)
    last = next(mark for mark in marks if mark.records >= records)
    return Run(records, end[0] - first.at, end[1] - first.cpu, end[0] - half[0], end[1] - half[1], last.state_bytes, marks.index(last))


class Writer:
    """Writes the marks of this process."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.records, self.state_bytes, self.begun = file, 0, 0, False

    def mark(self, at: float, cpu: float) -> None:
        """Write what is done."""
        self.file.write(f"{at:.6f} {cpu:.6f} {self.records} {self.state_bytes}\n")
        self.file.flush()


def watch(file: TextIO) -> None:
    """Have every shard's task mark its first records and its commits."""
    from streams.kafka.shard_task import ShardTask

    writer, feed, commit = Writer(file), ShardTask.feed, ShardTask.commit
    sampler = Sampler() if os.environ.get(PROFILE) else None

    def marked_feed(self: ShardTask, topic: str, run: Fetched) -> bool:
        if writer.begun:
            return feed(self, topic, run)
        begin, before = (time.time(), time.process_time()), self.reading.next.get(topic)
        taken = feed(self, topic, run)
        if self.ready.is_set() and self.reading.next.get(topic) != before:
            writer.begun = True
            writer.mark(*begin)
            if sampler is not None:
                sampler.start()
        return taken

    async def marked_commit(self: ShardTask, step: Any) -> None:
        await commit(self, step)
        writer.state_bytes += sum(len(part.keys.data) + len(part.values.strings.data) for part in step.rows.records)
        if done := step.records + len(step.dead_letters):
            writer.records += done
            writer.mark(time.time(), time.process_time())
            if sampler is not None:
                with Path(f"{file.name}.parts").open("a") as found:
                    found.write(json.dumps([writer.records, sampler.seconds]) + "\n")

    ShardTask.feed, ShardTask.commit = marked_feed, marked_commit  # type: ignore[method-assign]


def main() -> None:
    """Run the worker with marks."""
    with Path(sys.argv[1]).open("w") as file:
        watch(file)
        sys.argv = ["kairos", *sys.argv[2:]]
        from streams.cli import main as kairos

        kairos()


if __name__ == "__main__":
    main()

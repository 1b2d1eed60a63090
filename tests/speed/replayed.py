"""`python -m tests.speed.replayed DATA SELECTION REFERENCE OUT`: what a replay gives: event ids by event, and what it cost. No broker."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from streams.builder import shard_builder
from streams.settings import load
from streams.tools.replay import Replay
from tests.speed.growing import Day
from tests.speed.lab import PARTITIONS, DataSet
from tests.speed.selections import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.speed.traffic import Record


class Replayed(Replay):
    """A replay of records that are at hand instead of files."""

    records: Sequence[Record]

    def count(self, paths: Sequence[str]) -> None:
        """Nothing is said of what is still to come: a topic is waited for until the end."""

    def inputs(self, paths: Sequence[str], progress: Callable[[int], None]) -> Iterator[Record]:
        yield from self.records


def main() -> None:
    """Replay and write the result."""
    name, *made_from = json.loads(sys.argv[1])
    data = {kind.__name__: kind for kind in (DataSet, Day)}[name](*made_from)
    selection = Selection(*map(tuple, json.loads(sys.argv[2])))
    gc.set_threshold(200_000, 50, 1000)
    build, _ = shard_builder(load({"clock": "records", "reference": sys.argv[3], "definitions": selection.folders, "only": selection.only}, environ={}))
    replay = Replayed(build, PARTITIONS)
    replay.records = data.traffic().records(data.records)
    ids: dict[str, list[str]] = defaultdict(list)
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    for step in replay.run(["records"]):
        if step.dead_letters:
            raise SystemExit(f"the replay refused a record: {step.dead_letters[0]}")
        for message in step.events:
            event = json.loads(message.value or b"")
            ids[event["data"]["event"]].append(event["id"])
    figures = {"records": data.records, "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    Path(sys.argv[4]).write_text(json.dumps({"ids": ids, **figures}))


if __name__ == "__main__":
    main()

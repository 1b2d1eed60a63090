"""The oracle of the fault trials: the engine without a broker over the input as it stands in the topics."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.raw import TOPICS
from streams.builder import shard_builder
from streams.engine.state.codec import split_key
from streams.engine.state.tables import NEVER
from streams.settings import load
from tests.broker.kafka import read_all
from tests.faults.scalar import Input, tables_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streams.engine.state.store import Head
    from streams.shard import Shard

Record = tuple[int, bytes | None, bytes | None]
"""Offset, key, value."""
Records = dict[tuple[str, int], list[Record]]
"""By topic and partition, in offset order."""


def place_in_time(record: Record) -> tuple[int, int, int]:
    """Where a record of a topic that waits is evaluated; one that cannot be read goes first, for it is not evaluated."""
    try:
        fields = json.loads(record[2] or b"")
    except ValueError:
        return 0, 0, record[0]
    return fields["event_time"], fields.get("seq", 0), record[0]


def passed_on(make: Callable[[], Any], what: bytes, shared: Path) -> Any:
    """What `make` gives, or gave before in this run of the tests for the same `what`: kept in `shared`, a folder of all its processes."""
    file = shared / f"oracle-{hashlib.blake2b(what).hexdigest()[:32]}"
    if not file.exists():
        part = file.with_name(f"{file.name}.{os.getpid()}")
        part.write_bytes(pickle.dumps(make()))
        part.rename(file)
    return pickle.loads(file.read_bytes())


class Oracle:
    """What the engine makes of the input as it stands in the topics, without any broker: event bodies, dead letters, ledger, state.

    It never sweeps: `rows` has all that ever was, `needed` are those that a worker must still hold. A worker may hold some that matter
    no more, for a row read back after a restart is kept a little longer.
    """

    def __init__(
        self,
        bootstrap: str,
        partitions: int,
        reference: str,
        shared: Path,
        *,
        definitions: tuple[str, ...] = (),
        waits: dict[str, str] | None = None,
        without: dict[tuple[str, int, int], str] | None = None,
    ) -> None:
        """`without`: records that it does not see but whose dead letters are expected, with their reasons. Equal ones are made once in a run, those of own definitions apart."""
        self.partitions, self.reference, self.definitions, self.waits, self.without = partitions, reference, definitions, waits or {}, without or {}
        self.events: Counter[bytes] = Counter()
        self.dead_letters: Counter[tuple[str, ...]] = Counter((topic, str(p), str(offset), reason) for (topic, p, offset), reason in self.without.items())
        self.rows: dict[tuple[int, bytes], bytes] = {}
        self.needed: set[tuple[int, bytes]] = set()
        self.heads: dict[int, Head] = {}
        self.given: Input = {}
        by_place: Records = {}
        for record in asyncio.run(read_all(bootstrap, TOPICS)):
            by_place.setdefault((record.topic, record.partition), []).append((record.offset, record.key, record.value))
        for (topic, partition), own in by_place.items():
            own.sort(key=itemgetter(0))
            self.given[f"{topic}/{partition}"] = [(key, value) for _, key, value in (sorted(own, key=place_in_time) if self.waits else own)]
        if definitions:
            self._read_all(by_place)
        else:
            told = [partitions, sorted(by_place.items()), tables_of(reference), sorted(self.waits.items()), sorted(self.without.items())]
            found = passed_on(lambda: self._read_all(by_place), msgspec.msgpack.encode(told), shared)
            self.events, self.dead_letters, self.rows, self.needed, self.heads = found

    def _read_all(self, by_place: Records) -> tuple[Any, ...]:
        given = {"clock": "records", "reference": self.reference, "definitions": self.definitions, **self.waits}
        build, _ = shard_builder(load(given, environ={}))
        for partition in range(self.partitions):
            self._read(build(partition), by_place)
        return self.events, self.dead_letters, self.rows, self.needed, self.heads

    def _read(self, shard: Shard, by_place: Records) -> None:
        engine, partition = shard.engine, shard.partition
        engine.swept = NEVER
        engine.state.facts["partitions"] = self.partitions
        for topic in TOPICS:
            own = [record for record in by_place.get((topic, partition), ()) if (topic, partition, record[0]) not in self.without]
            offsets = [offset for offset, _, _ in own]
            shard.feed(topic, offsets, [key for _, key, _ in own], [value for _, _, value in own], next_offset=(offsets or [-1])[-1] + 1, caught_up=True)
        while (step := shard.step(None, 5_000)) is not None:
            self.events.update(message.value for message in (*step.events, *step.missed) if message.value is not None)
            for letter in step.dead_letters:
                named = {name: value.decode() for name, value in letter.headers}
                self.dead_letters[named["topic"], named["partition"], named["offset"], named["reason"]] += 1
            for key, value in step.rows:
                if value is None:
                    self.rows.pop((partition, key), None)
                else:
                    self.rows[partition, key] = value
        for topic, p, _ in self.without:
            if p == partition:
                shard.ledger[topic, "dead_letter"] += 1
        self.heads[partition] = engine.state.head()
        latest = engine.admission.latest_times()
        for table in engine.state.tables.values():
            table.sweep(engine.clock, latest)
            dropped = set(table.dropped_keys().texts())
            parts = [*table.parts, *(follower.part_name for follower in table.followers)]
            self.needed |= {(partition, key) for (p, key) in self.rows if p == partition and split_key(key)[0] in parts and split_key(key)[1] not in dropped}

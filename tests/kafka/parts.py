"""Shards of one application in process, moved to another number of partitions as `kairos repartition` writes it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings

from streams.engine.state.store import HEAD_KEY, Head
from streams.kafka.erase import Contents
from streams.kafka.parting import about_of, head_of, moves, refuse_heads
from streams.kafka.partitioner import partition_of
from tests.engine.laboratory import LABORATORY, laboratory_timelines
from tests.engine.test_laws import NEVER, REFERENCE
from tests.shards import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.definitions.catalogue import Catalogue

Stores = dict[int, dict[bytes, bytes]]


def home(record: dict[str, Any], partitions: int) -> int:
    return partition_of(record["customer_id"].encode(), partitions)


def bench_of(new: Callable[[], Bench], partitions: int, log: dict[bytes, bytes] | None = None) -> Bench:
    """A shard of so many, with what is stored of it."""
    bench = new()
    make = bench._new

    def counted(*arguments: Any) -> Any:
        shard = make(*arguments)
        shard.engine.state.facts["partitions"] = partitions
        return shard

    bench._new = counted  # type: ignore[method-assign]
    bench.log = [*(log or {}).items()]
    bench.restart()
    bench.log += [pair for step in bench.shard.migration(10_000) for pair in step.rows]  # as a worker does at its start
    return bench


def stored(bench: Bench) -> dict[bytes, bytes]:
    return {key: value for key, value in dict(bench.log).items() if value is not None}


def heads_of(stores: Stores) -> dict[int, Head]:
    return {shard: msgspec.json.decode(rows[HEAD_KEY], type=Head) for shard, rows in stores.items() if HEAD_KEY in rows}


def parted(stores: Stores, was: int, to: int, *, most: int = 7, killed_after: int | None = None) -> Stores:
    """The stores of `to` shards; `killed_after`: all of it is begun again after so many pieces were written."""
    heads = heads_of(stores)
    refuse_heads(heads, was, to)
    stores = {shard: dict(stores.get(shard, {})) for shard in range(to)}
    left = killed_after
    about = {shard: about_of(shard, {one: Contents(stores[one]) for one in range(was)}, was, to) for shard in range(to)}
    for shard, rows in about.items():
        stores[shard].update(rows)
    for shard in range(was):
        found = moves(Contents(stores[shard]), shard, to)
        for piece in found.pieces(most):
            if left == 0:
                return parted(stores, was, to, most=most)
            left = None if left is None else left - 1
            for target, rows in piece.items():
                stores[target].update({key: value for key, value in rows if value is not None})
                for key, _ in rows:
                    if not key.startswith((b"text\x1e", b"layout\x1e")):
                        del stores[shard][key]
        for key in found.unheld:
            del stores[shard][key]
    for shard, rows in stores.items():
        rows[HEAD_KEY] = msgspec.json.encode(head_of(shard, heads, was, to))
    return stores


def new_by(catalogue: Catalogue) -> Any:
    return lambda: Bench(catalogue=catalogue, reference=REFERENCE, sweep_every_ms=NEVER)


@cache
def timeline(most: int) -> tuple[dict[str, Any], ...]:
    """Random records of all lines, always the same ones: some `most` of them."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=max(2, most // 12), deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(laboratory_timelines())
    def draw(records: list[dict[str, Any]]) -> None:
        found.extend({**record, "record_id": f"{len(found)}-{record['record_id']}"} for record in records)

    draw()
    return tuple(sorted(found, key=lambda record: record["event_time"]))


def stored_after(records: Any, catalogue: Catalogue | None = None) -> dict[bytes, bytes]:
    bench = bench_of(new_by(catalogue or LABORATORY), 1)
    bench.feed(records)
    return stored(bench)

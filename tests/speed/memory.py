"""`python -m tests.speed.memory SELECTION CUSTOMERS EACH REFERENCE`: bytes of memory a customer, in one shard without a broker; prints JSON.

Counted are the arrays that the engine's state reaches, once each; what a process holds beside them (resident) is given too.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any

import numpy as np

from streams.builder import shard_builder
from streams.settings import load
from tests.speed.selections import Selection
from tests.speed.testbed import CHUNK, Feed, memory_bytes
from tests.speed.traffic import Traffic


def arrays_of(*roots: Any) -> dict[int, int]:
    """Bytes of all arrays that `roots` reach, by the memory that they own."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | str | bytes | int | float):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            owner = one
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            found[id(owner)] = owner.nbytes
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple | set | frozenset):
            waiting += one
        elif type(one).__module__.split(".")[0] == "streams":
            slots = {name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())}
            waiting += [getattr(one, name, None) for name in slots]
            waiting += vars(one).values() if hasattr(one, "__dict__") else ()
    return found


def measure(selection: Selection, customers: int, each: int, reference: str) -> dict[str, float]:
    """Bytes a customer after `each` records of all of them, and of state written a record."""
    build, catalogue = shard_builder(load({"clock": "records", "reference": reference, "definitions": selection.folders, "only": selection.only}, environ={}))
    shard = build(0)
    feed, traffic = Feed(shard), Traffic(customers, in_turn=True)
    empty = sum(arrays_of(shard.engine.state).values())
    gc.collect()
    before = memory_bytes(os.getpid())[0]
    for begin in range(0, each * customers, CHUNK):
        feed.work(traffic.records(min(CHUNK, each * customers - begin)))
    gc.collect()
    tables = shard.engine.state.tables.values()
    ids = sum(block.memory_bytes() for table in tables for block in table.blocks)
    state = sum(arrays_of(shard.engine.state).values()) - empty
    return {
        "definitions": len(catalogue),
        "customers": customers,
        "state_bytes": (state - ids) / customers,
        "ids_bytes": ids / customers,
        "written_bytes": feed.written / (each * customers),
        "resident_bytes": (memory_bytes(os.getpid())[0] - before) / customers,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Selection(*map(tuple, json.loads(sys.argv[1]))), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))

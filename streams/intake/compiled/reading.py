"""A run of raw records by the compiled reader: columns by type of the plain and valid ones; the others are left to msgspec."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import config

from schemas.raw import RECORD_TYPES, fields_of
from streams.intake.columns import CompiledColumns
from streams.intake.compiled import scan as of
from streams.intake.compiled.layout import Topic, topic_of
from streams.intake.compiled.texts import TEXTS, remember_all
from streams.intake.compiled.tokens import MEMO
from streams.intake.raw import pieces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.columns import Bools, Ints
    from streams.engine.expression import Array

COMPILED = not config.DISABLE_JIT  # type: ignore[attr-defined]  # set when the module is loaded
"""Whether kernels are compiled in this process."""


class Plain(NamedTuple):
    """The records of a run that were read: by kind their places in the run, their columns and the hashes of their ids."""

    groups: dict[int, tuple[Ints, CompiledColumns, Ints]]
    left: Ints
    """The places of those that msgspec must read."""
    content: Ints
    """By place, the hashes of the values that were read."""
    notes: Counter[str]


def read(topic: str, keys: Sequence[bytes | None], values: Sequence[bytes | None], latest_ms: int | None, max_bytes: int) -> Plain:
    """Read the plain records of a run; all rules of their types hold for them."""
    known = topic_of(topic)
    known.ready(latest_ms)
    with np.errstate(over="ignore"):  # of interpreted kernels
        kinds, counts, out, content = scanned(known, keys, values, max_bytes)
    plain = Plain({}, (kinds < 0).nonzero()[0], content, Counter())
    left = [plain.left]
    for number, count in enumerate(counts.tolist()):
        if not count:
            continue
        places = (kinds == number).nonzero()[0]
        columns = columns_of(known, number, out, values, places)
        first = int(known.types[number, of.FIRST_COLUMN])
        nulled, ids = out[first + of.NULLED, :count], out[first + of.ID_HASH, :count]
        good = fit(columns)
        if not good.all():
            left.append(places[~good])
            rows = good.nonzero()[0]
            places, columns, nulled, ids = places[rows], columns.keep(rows), nulled[rows], ids[rows]
        record = known.records[number]
        for counted in (repair.counted for repair in record.REPAIRS if repair.counted is not None):
            plain.notes[counted] += int(nulled.sum())
        for note in record.NOTES:
            plain.notes[note.counted] += int((~note.holds(columns)).sum())
        if len(places):
            plain.groups[RECORD_TYPES.index(record)] = (places, columns, ids)
    return plain._replace(left=np.sort(np.concatenate(left)))


def scanned(known: Topic, keys: Sequence[bytes | None], values: Sequence[bytes | None], max_bytes: int) -> tuple[Ints, Ints, Ints, Ints]:
    """By record the number of its type in the topic, -1 where it was not read; by type how many; the columns; by record the hash of its value."""
    n = len(values)
    kinds, counts, content = np.full(n, -1, np.int64), np.zeros(len(known.records), np.int64), np.zeros(n, np.int64)
    out, spans = np.empty((known.height, n), np.int64), np.empty((known.height, of.BLOCK), np.int64)
    memo, scratch, lanes = np.zeros(MEMO, np.int64), np.zeros(of.MOST_ID, np.uint8), np.zeros(8, np.uint64)
    known.tokens[:, of.SEEN] = 0
    for first in range(0, n, of.BLOCK):
        upto = min(first + of.BLOCK, n)
        own, own_keys = pieces_of(values[first:upto], keys[first:upto])
        buf, before, now = own.data, counts.copy(), TEXTS.now
        of.scan(
            max_bytes, buf, own.begins, np.maximum(own.begins, own.ends), own_keys.begins, own_keys.ends,
            known.words, known.masks, known.lengths, known.slots, known.types, known.fields, known.follow, known.labels,
            known.tokens, memo, scratch, lanes,
            kinds[first:upto], counts, out, spans, content[first:upto],
        )  # fmt: skip
        now.reserve((upto - first) * known.texts, int(own.sizes.sum()))
        remember_all(buf, known.types, known.fields, before, counts, out, spans, now.numbers, now.places, now.arena, now.state)
    return kinds, counts, out, content


def columns_of(known: Topic, number: int, out: Ints, values: Sequence[bytes | None], places: Ints) -> CompiledColumns:
    """The columns of the records of a type."""
    record = known.records[number]
    stored: dict[str, Array] = {}
    for name, row in known.columns[number].items():
        info, column = fields_of(record)[name], out[row, : len(places)]
        stored[name] = column if info.kind != "bool" else column.astype(np.int8 if info.nullable else bool)
    own = out[int(known.types[number, of.FIRST_COLUMN]) :, : len(places)]
    return CompiledColumns(record, values, places, stored, own[of.GIVEN], np.ascontiguousarray(own[of.NAMED : of.OTHERS].T))


def fit(columns: CompiledColumns) -> Bools:
    """Which records keep all rules of their type."""
    return reduce(and_, (rule.holds(columns) for rule in columns.record_type.RULES), np.ones(len(columns), bool))


__all__ = ["COMPILED", "Plain", "read"]

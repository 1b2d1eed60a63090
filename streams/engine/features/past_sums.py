"""P4 baseline: sums of civil days, and what the complete days or weeks before each happening add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL
from schemas.columns import DAY_MS
from streams.engine.expression import Column
from streams.engine.features.bucket_walk import DONE, NO_ROOM
from streams.engine.features.buckets import coded
from streams.engine.features.keyed import KeyedStage
from streams.engine.features.past import Past
from streams.engine.flow import Ready
from streams.engine.kernels import borrowing
from streams.engine.stage import believed_at
from streams.engine.state.bucket_kernels import ENTRY, HEAD, MANY, SUM, add, clear_row, plus
from streams.engine.state.buckets import COUNT_WORD, Added, Buckets
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch
    from streams.engine.features.frame import Feature
    from streams.engine.features.seen import SeenStage
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Table
    from streams.engine.streams import Stream

TOTAL, PERIODS, FALLS = range(3)
"""What is read: the sum of a word of the entries, how many periods are known, how often the sums fell."""
OPS = {"count": TOTAL, "sum": TOTAL, "periods": PERIODS, "falls": FALLS}
OP, WORD, LENGTH, NUMBER, LEAST, AGO = range(6)
"""Columns of the features: OPS, the word of an entry, the days of a period, and what `Past` has."""
NOT_SEEN = 2**40
"""A day after all others: the first day of what was never seen."""
AT, RESETS = range(2)
"""Of `place`, where `walk` goes on: the entry, and how many resets are done."""


@borrowing("int64(int64, int64, int64, int64, int64, int64, int64[::1])")
def total(word: int, first: int, held: int, begin: int, end: int, size: int, arena: Any) -> int:
    """The sum of a word over the entries of days `begin` to `end`."""
    found = 0
    for j in range(held - 1, -1, -1):
        entry = first + j * size
        if arena[entry] < begin:
            break
        if arena[entry] <= end:
            found = plus(found, arena[entry + word])
    return found


@borrowing("int64(int64, int64, int64, int64, int64, int64, int64, int64[::1])")
def falls(word: int, first: int, held: int, end: int, length: int, number: int, size: int, arena: Any) -> int:
    """How often in a row, up to the period that ends with day `end`, the sum of a period is below that of the one before it, among `number` periods."""
    later = total(word, first, held, end - length + 1, end, size, arena)
    for back in range(1, number):
        last = end - back * length
        before = total(word, first, held, last - length + 1, last, size, arena)
        if later >= before:
            return back - 1
        later = before
    return number - 1


@borrowing("void(int64, int64, int64, int64, int64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1])")
def read(i: int, row: int, day: int, seen: int, out: Any, features: Any, form: Any, arena: Any, slot: Any, kinds: Any) -> None:
    """Read all features of a row (-1: of none), as of civil day `day`, into out[i]; NULL is unknown. `seen`: the day on which the key was first seen."""
    first, held, size = 0, 0, form[ENTRY]
    if row >= 0 and kinds[row] >= 0:
        first, held = slot[row] + form[HEAD], arena[slot[row] + 1] & MANY
    for f in range(len(features)):
        word, length = features[f, WORD], features[f, LENGTH]
        end = day - 1 - length * features[f, AGO]
        if length > 1:
            end -= (day + 3) % 7  # 1970-01-01 was a Thursday
        begin = end - length * features[f, NUMBER] + 1
        if seen >= begin:
            begin += ((seen - begin) // length + 1) * length
        known = (end - begin + 1) // length
        if known < features[f, LEAST]:
            out[i, f] = NULL
        elif features[f, OP] == PERIODS:
            out[i, f] = known
        elif features[f, OP] == FALLS:
            out[i, f] = falls(word, first, held, end, length, known, size, arena)
        else:
            out[i, f] = total(word, first, held, begin, end, size, arena)


@borrowing(
    "int64(int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], int64[::1], boolean[::1], boolean[::1], int64[:, ::1], int64[:, ::1],"
    "int64[:, ::1], int64[:, ::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[::1], int64[::1], int32[::1], int8[::1], boolean[::1], int64[:, ::1], boolean[::1])"
)
def walk(
    place: Any,
    rows: Any,
    times: Any,
    days: Any,
    seen: Any,
    member: Any,
    believed: Any,
    wanted: Any,
    values: Any,
    resets: Any,
    features: Any,
    sums: Any,
    weights: Any,
    form: Any,
    classes: Any,
    arena: Any,
    pool: Any,
    slot: Any,
    kinds: Any,
    dirty: Any,
    out: Any,
    late: Any,
) -> int:
    """Add members and read features, entry after entry from place[AT] on. Returns DONE or NO_ROOM.

    `resets`: entry before which a row is emptied, and the row. `values`: of each argument and member, NULL for unknown. `wanted`: at which entries is read.
    """
    while place[AT] <= len(rows):
        i = place[AT]
        while place[RESETS] < len(resets) and (i == len(rows) or resets[place[RESETS], 0] <= i):
            row = resets[place[RESETS], 1]
            dirty[row] |= kinds[row] >= 0
            clear_row(row, form, arena, pool, slot, kinds)
            place[RESETS] += 1
        if i < len(rows):
            row, m = rows[i], member[i]
            if row >= 0 and m >= 0:
                added = add(m, row, times[i], days[i], believed[i], NULL, values, sums, weights, form, classes, arena, pool, slot, kinds)
                if added < 0:
                    return NO_ROOM
                late[i], dirty[row] = added > 0, True
            if wanted[i]:
                read(i, row, days[i], seen[i], out, features, form, arena, slot, kinds)
        place[AT] = i + 1
    return DONE


class PastStage(KeyedStage):
    """Sums of the members of `stream` for each row and civil day, read as complete days or weeks (`past.py`). `seen`: when keys were first seen.

    What is read does not depend on the reader's own record, which is never in a complete period.
    """

    seen: SeenStage

    def __init__(self, home: Home, by: str, stream: Stream, members: FlowStage, name: str) -> None:
        super().__init__(home, by, stream, members, name)
        self.places: dict[object, int] = {}
        """By function, argument and frame, the column of a feature in what is read."""

    def declare(self) -> None:
        super().declare()
        home = self.home
        features = list({self._key(one): one for one in self.features()}.values())
        self.places = {self._key(one): place for place, one in enumerate(features)}
        nodes = {one.arguments[0].key(): one.arguments[0] for one in features if one.arguments}
        self.nodes = list(nodes.values())
        added = [Added(SUM, place, f"sum {home.text(node)}", "int") for place, node in enumerate(self.nodes)]
        days = max(extent_of(one).reaches_back(home.world.value_of) for one in features) + 1
        table: Table = self.scope.table
        self.buckets = Buckets(
            table,
            self.name,
            added,
            None,
            keep_days=days - (-home.late_limit_ms // DAY_MS) + 1,
            jump_ms=home.jump_ms,
            ahead_days=NOT_SEEN,  # a misdated day is none of the complete ones until it has come
            lists=0,
        )
        words = {key: int(self.buckets.sums[place, 1]) for place, key in enumerate(nodes)}
        rows = [(OPS[one.function], words[one.arguments[0].key()] if one.arguments else COUNT_WORD, *extent_of(one).shape(home.world.value_of)) for one in features]
        self.asked = np.array(rows, np.int64).reshape(-1, 6)
        span_ms = (days + 1) * DAY_MS
        home.state.remembers(self.buckets.part_name, Memory(span_ms=span_ms))
        home.keep(table, span_ms)

    @staticmethod
    def _key(feature: Feature) -> object:
        return (feature.function, feature.frame.extent.key(), *(one.key() for one in feature.arguments))

    def run(self, batch: Batch) -> None:
        walked = self.walk(batch)
        entries, n = walked.entries, walked.n
        wanted, late, seen = np.zeros(n, bool), np.zeros(n, bool), np.full(n, NOT_SEEN)
        for _, flow, entry in walked.readers:
            wanted[entry], seen[entry] = True, self._first_days(flow)
        out = np.empty((n, len(self.asked)), np.int64)
        self._walk((walked.rows, entries.time, self.civil_days(walked), seen, entries.member, believed_at(entries, batch), wanted), walked.ends, out, late)
        for reader, flow, entry in walked.readers:
            flow.put(("late", self.name), late[entry])
            for key, feature in reader.features.items():
                values = out[entry, self.places[self._key(feature)]]
                flow.readings[key] = flow.readings["without", key] = Ready(Column(values, values != NULL))

    def _first_days(self, flow: Flow) -> Ints:
        """The civil days on which the keys were first seen, as of each happening."""
        moments = self.seen.as_of(flow.rows(self.by), flow.at)
        return np.where(moments != 0, self.home.world.calendar.day(moments, flow.zones(self.by)), NOT_SEEN)

    def _walk(self, given: tuple[Ints, Ints, Ints, Ints, Ints, Bools, Bools], ends: Ints, out: Ints, late: Bools) -> None:
        members, kept, place = self.members.flow, self.buckets, np.zeros(2, np.int64)
        values = np.stack([coded(members, node) for node in self.nodes]) if self.nodes else np.zeros((0, members.n), np.int64)
        while True:
            if (
                walk(place, *given, values, ends, self.asked, kept.sums, kept.weights, kept.form, kept.classes, kept.arena, kept.pool, kept.slot, kept.kinds, kept.dirty, out, late)
                == DONE
            ):
                return
            kept.make_room()


def extent_of(feature: Feature) -> Past:
    """The frame of a feature of this stage."""
    extent = feature.frame.extent
    assert isinstance(extent, Past)  # the plan has no others here
    return extent


__all__ = ["PastStage"]

"""P11 at happenings that moves of the place cause, such as a timer that a move has set: the machine once more, for their lines alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streams.engine.features.cuts import pieces
from streams.engine.features.place import AS_OF
from streams.engine.stage import Stage, entries_of

if TYPE_CHECKING:
    from streams.engine.batch import Batch
    from streams.engine.features.place import Book, PlaceStage
    from streams.engine.stage import FlowStage
    from streams.engine.state.tables import Rows


class LaterPlaceStage(Stage):
    """Reads what a place machine knows of a line at happenings that it has caused itself, which are known only when it has run.

    It has no state: from what was known before the batch, the machine runs again over the location records of the lines that are
    read, and the readers among them. What a reader sees is therefore what it would have seen in the first run.
    """

    def __init__(self, place: PlaceStage) -> None:
        super().__init__(place)
        self.place = place
        place.keeps_before = True
        self.readers: dict[int, tuple[FlowStage, set[str]]] = {}

    def read(self, name: str, reader: FlowStage) -> None:
        """Declare that `name`, one of AS_OF, is read at the happenings of `reader`. Called before the first run."""
        assert name in AS_OF  # the others are columns of moves alone
        self.readers.setdefault(id(reader), (reader, set()))[1].add(name)
        if reader not in self.needs:
            self.needs.append(reader)

    def run(self, batch: Batch) -> None:
        place = self.place
        flows = [stage.flow for stage, _ in self.readers.values()]
        rows: Rows = np.unique(np.concatenate([place.rows_there(flow) for flow in flows]))
        rows = rows[rows >= 0]
        known = place.inner.flow
        known = known.take(np.isin(place.rows_there(known), rows))
        entries = entries_of(known, flows)
        given = place.given(batch, known, flows, entries)
        of_table, own = given.rows, rows.searchsorted(given.rows).astype(np.int32)
        given = given._replace(rows=np.where(of_table >= 0, own, np.int32(-1)))
        seen = np.zeros((len(of_table), 3), np.int64)
        book = self._before(rows)
        lines = place.table.base_row[rows].tolist()
        for begin, end, resets in pieces(entries.at, [reset for reset in place.ends(batch) if reset.row in lines]):
            place.advance(given.part(begin, end), book, seen[begin:end])
            for reset in resets:
                place.end_line(batch, reset, book, lines.index(reset.row))
        for (stage, names), entry in zip(self.readers.values(), entries.readers, strict=True):
            place.put_read(stage.flow, names, of_table[entry], seen[entry])

    def _before(self, rows: Rows) -> Book:
        """What was known of `rows` before the batch: of those that it did not concern, what is known now."""
        book = self.place.book.part(rows)
        if self.place.before is not None:
            kept, before = self.place.before
            changed = np.isin(rows, kept).nonzero()[0]
            at = kept.searchsorted(rows[changed])
            book.places[changed], book.nights[changed] = before.places[at], before.nights[at]
        return book


__all__ = ["LaterPlaceStage"]

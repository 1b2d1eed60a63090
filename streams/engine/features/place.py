"""P11 place: the stable place of a line, its home by its nights, and its trips (`docs/semantics.md` P11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from schemas.codes import NULL, code, keep, text_of
from schemas.columns import DAY_MS
from streams.engine.civil import Zones, lines_of
from streams.engine.expression import Expr, Reading, RecordField
from streams.engine.features import place_machine as machine
from streams.engine.features.cuts import believed_in, pieces
from streams.engine.sources import RecordSource, Source
from streams.engine.stage import Entries, FlowStage, entries_of
from streams.engine.state.codec import SEPARATOR
from streams.engine.streams import Stream

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from streams.engine.batch import Batch, Reset
    from streams.engine.expression import ValueKind
    from streams.engine.flow import Flow
    from streams.engine.home import Home
    from streams.engine.sources import ValueOf
    from streams.engine.state.codec import ColumnKind
    from streams.engine.state.tables import Part, Rows

ABROAD = "intl:"
UNKNOWN_COUNTRY = "?"
CITIES_KEPT = 32
"""A trip remembers this many different places; further ones are not listed."""
PLACE: tuple[tuple[str, ColumnKind], ...] = (
    ("stable", "text"), ("candidate", "text"), ("candidate.first", "time"), ("candidate.last", "time"), ("newest", "time"),
    ("home.inferred", "text"), ("home.count_at", "time"), ("trip.opened", "time"), ("trip.ends", "time"), ("trip.tourist", "flag"),
)  # fmt: skip
"""The columns of a line's place, in the order of `place_machine.STABLE` and those behind it."""


class Place:
    """The place machine over location records: `moved` happens when a new stable place is confirmed.

    Places are texts: a city, or `intl:` and a country (`intl:?` where the country is unknown). A place is confirmed by two records
    at least 30 minutes apart with no other place between them; a candidate that is not seen again within 12 hours begins again.
    Home is what the CRM says until the nights say otherwise. Late records change nothing but the vote of their day.
    """

    def __init__(self, records: Any) -> None:
        self.stream: Stream = records.all
        self.source = PlaceSource(self)
        self.moved = Stream(self.source)
        own = self._reading
        self.here, self.home = own("here", "text", nullable=True), own("home", "text", nullable=True)
        self.was, self.to = own("was", "text"), own("to", "text")
        self.since, self.confirmed_after = own("since", "time"), own("confirmed_after", "int", unit="ms")
        self.domestic = own("domestic", "bool")
        self.trip = Trip(self)
        self.left_home = own("left_home", "bool", implies=(self.home, self.trip.id))
        self.came_home = own("came_home", "bool", implies=(self.home, self.trip.id))

    def _reading(self, name: str, kind: ValueKind, *, nullable: bool = False, unit: str | None = None, implies: tuple[Reading, ...] = ()) -> PlaceReading:
        return PlaceReading(self, name, kind, nullable=nullable, unit=unit, implies=implies)


class Trip:
    """The trip of a line: open from the confirmation of a place away from home until the line is home again."""

    def __init__(self, place: Place) -> None:
        self.id: Reading = place._reading("trip.id", "token", nullable=True, implies=(place.here,))
        self.length: Expr = place._reading("trip.length", "int", nullable=True, unit="ms")
        self.cities: Expr = place._reading("trip.cities", "list")
        self.tourist: Expr = place._reading("trip.tourist", "bool")


AS_OF = ("here", "home", "trip.id", "trip.length")
"""What any record of the line may read; the others are columns of `moved` alone."""


class PlaceReading(Reading):
    """What the place machine knows of a line: at `moved` as of that move, elsewhere as of the record that reads it."""

    def __init__(self, place: Place, name: str, kind: ValueKind, *, nullable: bool, unit: str | None, implies: tuple[Reading, ...]) -> None:
        self.place, self.name, self.kind, self.nullable, self.unit, self.implies = place, name, kind, nullable, unit, implies

    def key(self) -> object:
        return ("Place", id(self.place), self.name)

    def canonical(self, value_of: ValueOf) -> str:
        return f"{self.place.source.canonical(value_of)}.{self.name}"

    def __str__(self) -> str:
        return f"place.{self.name}"


class PlaceSource(Source):
    """The confirmations of a place machine."""

    word = "place"

    def __init__(self, place: Place) -> None:
        self.place = place

    def inputs(self) -> tuple[Stream, ...]:
        return (self.place.stream,)

    def canonical(self, value_of: ValueOf) -> str:
        assert isinstance(self.place.stream.source, RecordSource)  # location records
        return f"place of [{self.place.stream.canonical(value_of)}]"


class Given(NamedTuple):
    """What the machine runs over, an entry each: see `place_machine.place_machine`."""

    rows: Rows
    times: Ints
    places: Ints
    days: Ints
    clock: Ints
    believed: Bools
    asked: Bools
    only_asks: Bools

    def part(self, begin: int, end: int) -> Given:
        """Entries begin to end (not included)."""
        columns: list[Any] = [column[begin:end] for column in self]
        return Given(*columns)


class Book(NamedTuple):
    """What is known of lines, a row each: their places and nights, which of these changed, and the rows of the lines among all `keys`."""

    places: Ints
    dirty: Bools
    nights: Ints
    dirty_nights: Bools
    lines: Rows
    keys: Ints

    def part(self, rows: Rows) -> Book:
        """A copy for some rows, in which they are numbered from 0."""
        none = np.zeros(len(rows), bool)
        return Book(self.places[rows], none, self.nights[rows], none.copy(), self.lines[rows], self.keys)


class Moved(NamedTuple):
    """Confirmations: columns `place_machine.ENTRY` and those behind it, their lines, and what their trips had seen."""

    columns: Ints
    rows: Rows
    cities: list[list[str]]
    tourist: list[bool]


class PlaceStage(FlowStage):
    """The confirmations of a place machine; reads what it knows of a line at the happenings of other stages: the readers.

    State, in two parts of the lines that are written only where something changed: `place`, and `nights` with the votes.
    """

    def __init__(self, home: Home, by: str, source: PlaceSource, inner: FlowStage, name: str) -> None:
        super().__init__(inner)
        self.home, self.by, self.source, self.inner, self.name = home, by, source, inner, name
        assert isinstance(source.place.stream.source, RecordSource)  # location records
        record = source.place.stream.source.record
        self.plmn, self.cell = (RecordField(record, name, "text", nullable=True) for name in ("plmn", "cell_id"))
        self.roaming = RecordField(record, "roaming", "bool", nullable=False)
        self.readers: dict[int, tuple[FlowStage, set[str]]] = {}
        self.abroad: dict[int, int] = {}
        """Codes of places by codes of countries."""
        self.keeps_before = False
        """Whether what was known before a batch is asked for (`place_later.py`)."""
        self.before: tuple[Rows, Book] | None = None
        """The rows that the batch concerns, ascending, and what was known of them before it."""

    def read(self, name: str, reader: FlowStage) -> None:
        """Declare that `name`, one of AS_OF, is read at the happenings of `reader`. Called before the first run."""
        assert name in AS_OF  # the others are columns of `moved` alone
        self.readers.setdefault(id(reader), (reader, set()))[1].add(name)
        if reader not in self.needs:
            self.needs.append(reader)

    def declare(self) -> None:
        """Declare its columns."""
        self.scope = self.home.scope(self.by, (), (self.source,), "place")
        table = self.scope.table
        assert table.base is not None  # rows of lines that had a location record
        self.table, self.lines_table = table, table.base
        timed = min(machine.VOTES_KEPT, self.home.late_limit_ms // DAY_MS + 3)
        """A record within the late limit may be of so many civil days, the newest one with them."""
        nights: list[tuple[str, ColumnKind, int]] = [("newest_day", "int", 1), ("days", "int", 1)]
        nights += [("places", "text", machine.VOTES_KEPT), (f"times.{timed}", "time", timed)]
        for name, kind in PLACE:
            table.column(f"{self.name}.{name}", kind, part="place")
        for name, kind, length in nights:
            table.column(f"{self.name}.nights.{name}", kind, part="nights", length=length)
        self.cities = f"{self.name}.trip.cities"
        self.place_part, self.nights_part = table.texts(self.cities, part="place"), table.part("nights")
        self.place_begins, self.nights_begin, self.nights_width = f"{self.name}.stable", f"{self.name}.nights.newest_day", machine.TIMES + timed
        self.refer()
        self.home.keep(table, None)

    def refer(self) -> None:
        self.lines = lines_of(self.home.world)  # numbers zones that are new
        self.zones = Zones.of(self.home.world.calendar)

    @property
    def state(self) -> Ints:
        """The place of each line, by the columns of `place_machine`."""
        return block(self.place_part, self.place_begins, len(PLACE))

    @property
    def nights(self) -> Ints:
        """The nights of each line."""
        return block(self.nights_part, self.nights_begin, self.nights_width)

    @property
    def book(self) -> Book:
        """What is known of all lines; writing to it writes to the state."""
        return Book(self.state, self.place_part.dirty, self.nights, self.nights_part.dirty, self.table.base_row, self.lines_table.map.keys)

    # Running

    def rest(self, batch: Batch) -> None:
        super().rest(batch)
        self.before = None

    def settle(self) -> None:
        self.before = None

    def run(self, batch: Batch) -> None:
        flow, flows = self.inner.flow, [stage.flow for stage, _ in self.readers.values()]
        entries = entries_of(flow, flows) if flows else Entries(flow.at, flow.time, np.arange(flow.n), [])
        given = self.given(batch, flow, flows, entries)
        if self.keeps_before:
            rows: Rows = np.unique(np.concatenate([given.rows[given.rows >= 0], self.table.rows_under(np.array([reset.row for reset in batch.resets], np.int32))]))
            self.before = rows, self.book.part(rows)
        seen = np.zeros((len(given.rows) if flows else 0, 3), np.int64)
        found = []
        for begin, end, resets in pieces(entries.at, self.ends(batch)):
            found.append(self._pass(given.part(begin, end), seen[begin:end], begin))
            for reset in resets:
                self._reset(batch, reset)
        for (stage, names), entry in zip(self.readers.values(), entries.readers, strict=True):
            self.put_read(stage.flow, names, given.rows[entry], seen[entry])
        moved = Moved(np.concatenate([one.columns for one in found]), np.concatenate([one.rows for one in found]),
                      [cities for one in found for cities in one.cities], [tourist for one in found for tourist in one.tourist])  # fmt: skip
        self.flow = flow._taken(entries.member[moved.columns[:, machine.ENTRY]])  # of its own also where all of them moved: other values are read there
        self._put_moved(moved)

    def ends(self, batch: Batch) -> list[Reset]:
        """The ends of lines in a batch."""
        return batch.resets if self.by == "line" else []

    def given(self, batch: Batch, flow: Flow, flows: list[Flow], entries: Entries) -> Given:
        """What the machine runs over: location records `flow`, and the happenings of readers."""
        n = len(entries.at)
        own_rows = self.scope.rows(flow)
        rows: Rows = np.full(n, -1, np.int32)
        asked, believed = np.zeros(n, bool), np.ones(n, bool)
        places, days = np.zeros(n, np.int64), np.full(n, -1)
        for other, entry in zip(flows, entries.readers, strict=True):
            rows[entry], asked[entry] = self.rows_there(other), True
        where = (entries.member >= 0).nonzero()[0]
        member = entries.member[where]
        own_places, own_days = self._places(flow)
        rows[where], believed[where] = own_rows[member], believed_in(flow)[member]
        places[where], days[where] = own_places[member], own_days[member]
        reached = np.where(entries.at % 2 == 0, entries.time, batch.timer_clock[entries.at // 2])  # a timer reads as of its own moment, wherever the clock is
        return Given(rows, np.array(entries.time, np.int64), places, days, reached, believed, asked, entries.member < 0)

    def rows_there(self, flow: Flow) -> Rows:
        """The row of the line of each happening of a flow, -1 where it never had a location record."""
        return self.scope.rows_there(flow)

    def _places(self, flow: Flow) -> tuple[Ints, Ints]:
        """The place of each location record, 0 where unknown, and the civil day for which it votes, -1: none."""
        reference, calendar = self.home.world.reference, self.home.world.calendar
        countries = reference.plmn.country(flow.values(self.plmn), flow.time)
        elsewhere = np.where(countries == 0, flow.values(self.roaming), countries != reference.plmn.home_country(flow.time))
        places = np.where(elsewhere, 0, reference.cell.city(flow.values(self.cell), flow.time))
        for country in np.unique(countries[elsewhere]).tolist():
            if country not in self.abroad:
                self.abroad[country] = keep(ABROAD + (text_of(country) if country else UNKNOWN_COUNTRY))
            places[elsewhere & (countries == country)] = self.abroad[country]
        local = flow.time + calendar.offset_ms(flow.time, flow.zones(self.by))
        votes = ~elsewhere & (places != 0) & (local % DAY_MS < machine.NIGHT_END_MS)
        return places, np.where(votes, local // DAY_MS, -1)

    def advance(self, given: Given, book: Book, seen: Ints) -> Ints:
        """Run the machine over entries of rows of `book`. Returns the moves; `seen`: what readers see."""
        moves = np.zeros((int(np.count_nonzero(given.places)), 8), np.int64)
        world = self.home.world
        known: list[Any] = [*given, book.lines, book.keys, self.lines, *self.zones, world.default_zone, self.home.jump_ms]
        kept: list[Any] = [book.places, book.dirty, book.nights, book.dirty_nights, seen, moves]
        return moves[: machine.place_machine(*known, *kept)]

    def _pass(self, given: Given, seen: Ints, begin: int) -> Moved:
        """Run the machine over entries, the first of which is entry `begin` of the batch."""
        columns = self.advance(given, self.book, seen)
        entry = columns[:, machine.ENTRY]
        rows, times = given.rows[entry], given.times[entry]
        entry += begin
        return Moved(columns, rows, *self._visit(columns, rows, times, self.state))

    def _visit(self, moves: Ints, rows: Rows, times: Ints, state: Ints) -> tuple[list[list[str]], list[bool]]:
        """Put new places on the lists of the open trips. Returns the list of each, and whether people visit one of its places."""
        lists, kept, tourist = [], self.place_part.texts[self.cities], []
        toured = self._toured(moves[:, machine.TO], times)
        for row, move, is_toured in zip(rows.tolist(), moves.tolist(), toured, strict=True):
            if move[machine.LEFT]:
                kept[row], state[row, machine.TOURIST] = b"", 0
            cities = kept[row].decode().split(SEPARATOR) if kept[row] and move[machine.TRIP] else []
            if move[machine.TRIP] and not move[machine.BACK]:
                state[row, machine.TOURIST] |= is_toured
                place = text_of(move[machine.TO])
                if place not in cities and len(cities) < CITIES_KEPT:
                    cities.append(place)
                    kept[row] = SEPARATOR.join(cities).encode()
            lists.append(cities)
            tourist.append(bool(move[machine.TRIP] and state[row, machine.TOURIST]))
            if move[machine.BACK]:
                kept[row], state[row, machine.TOURIST] = b"", 0
        return lists, tourist

    def _toured(self, places: Ints, times: Ints) -> list[bool]:
        """Whether people visit each place: the city, or some city of the country."""
        city = self.home.world.reference.city
        found = city.tourist(places, times) == 1
        for at, place in enumerate(map(text_of, places.tolist())):
            if place.startswith(ABROAD):
                found[at] = city.has_tourist_city(np.array([code(place.removeprefix(ABROAD))]), times[at : at + 1])[0] == 1
        return found.tolist()

    def _reset(self, batch: Batch, reset: Reset) -> None:
        rows = self.table.rows_under(np.array([reset.row], np.int32))
        for row in rows.tolist():
            self.end_line(batch, reset, self.book, row)
            if not reset.timers_only:
                self.place_part.texts[self.cities][row] = b""
        if not reset.timers_only:
            self.nights_part.touch(rows)
        self.place_part.touch(rows)

    def end_line(self, batch: Batch, reset: Reset, book: Book, row: int) -> None:
        """A line ends, the one at `row` of `book`. Where only its timers stop, the count of votes that were due before it has taken place."""
        if not reset.timers_only:
            book.places[row], book.nights[row] = 0, 0
            return
        moment, none = batch.time[reset.position : reset.position + 1], np.zeros(1, bool)
        clock = batch.timer_clock[reset.position : reset.position + 1]
        self.advance(Given(np.array([row], np.int32), moment, np.zeros(1, np.int64), np.full(1, -1), clock, none, none, none), book, np.zeros((0, 3), np.int64))
        book.places[row, machine.COUNT_AT] = 0

    # What is read

    def put_read(self, flow: Flow, names: set[str], rows: Rows, seen: Ints) -> None:
        """Note what the happenings of a reader see of their lines, `rows` of the table."""
        here, home, opened = (seen[:, column].copy() for column in (machine.HERE_THEN, machine.INFERRED_THEN, machine.OPENED_THEN))
        if "here" in names:
            self._put(flow, "here", here, here != 0)
        if "home" in names:
            lines = flow.rows(self.by)
            crm = ((home == 0) & (lines >= 0)).nonzero()[0]
            if len(crm):
                home[crm] = self.home.world.reference.line.home_city(self.lines_table.map.keys[lines[crm], 1], flow.time[crm])
            self._put(flow, "home", home, home != 0)
        self._put_trip(flow, rows, opened, names)

    def _put_trip(self, flow: Flow, rows: Rows, opened: Ints, names: set[str]) -> None:
        """The trips opened at `opened` (0: none), and how long they have lasted; a record from before sees a length of 0."""
        is_open = opened != 0
        if "trip.id" in names:
            self._put(flow, "trip.id", self._tokens(rows, opened), is_open)
        if "trip.length" in names:
            self._put(flow, "trip.length", np.where(is_open, np.maximum(flow.time - opened, 0), NULL), is_open)

    def _tokens(self, rows: Rows, opened: Ints) -> Ints:
        """Ids of trips: a hash of the line and of the moment when it was opened; 0 for none."""
        tokens = np.zeros(len(rows), np.uint64)
        ids: dict[tuple[int, int], int] = {}
        for at in opened.nonzero()[0].tolist():
            trip = (int(rows[at]), int(opened[at]))
            if trip not in ids:
                ids[trip] = xxhash.xxh3_64_intdigest(f"{self.table.key_text(trip[0])} {trip[1]}".encode())
            tokens[at] = ids[trip]
        return tokens.view(np.int64)

    def _put_moved(self, moved: Moved) -> None:
        was, to, home, since, opened, left, back = moved.columns[:, machine.WAS :].T
        for name, values in (("was", was), ("to", to), ("here", to), ("since", since), ("confirmed_after", self.flow.time - since)):
            self._put(self.flow, name, values)
        self._put(self.flow, "home", home, home != 0)
        cities: Any = np.empty(len(moved.rows), object)
        for at, visited in enumerate(moved.cities):
            cities[at] = visited
        inside = [not any(text_of(place).startswith(ABROAD) for place in both) for both in zip(was.tolist(), to.tolist(), strict=True)]
        for name, values in (("domestic", inside), ("left_home", left != 0), ("came_home", back != 0), ("trip.tourist", moved.tourist)):
            self._put(self.flow, name, np.array(values, bool))
        self._put(self.flow, "trip.cities", cities)
        self._put_trip(self.flow, moved.rows, opened, {"trip.id", "trip.length"})

    def _put(self, flow: Flow, name: str, values: Any, known: Bools | None = None) -> None:
        flow.put(("Place", id(self.source.place), name), values, known)


def block(part: Part, first: str, width: int) -> Ints:
    """`width` columns of numbers of a part that holds only such, from column `first` on, as [row, column]; writing to it writes to the part."""
    begin = part.array.dtype.fields[first][1] // 8  # type: ignore[index]  # a part has named columns
    return part.array.view(np.int64).reshape(len(part.array), -1)[:, begin : begin + width]

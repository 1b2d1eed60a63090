"""P11 place: the stable place of a line, its home by its nights, and its trips (`docs/semantics.md` P11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xxhash

from schemas.codes import keep, text_of
from streams.engine.expression import TRUE
from streams.engine.features.primitive import HOUR_MS, Home, Primitive, Signal, Span, TimedRuntime

if TYPE_CHECKING:
    from schemas.columns import Ints
    from streams.engine.batch import Group, Matches, World
    from streams.engine.expression import Expr, Output
    from streams.engine.state.tables import Column, Rows

DWELL_MS = 30 * 60_000
DWELL_RECORDS = 2
NIGHT_END_MS = 6 * HOUR_MS
VOTE_DAYS = 28
VOTES_NEEDED = 5
TRIP_DAYS = 60
CITIES_KEPT = 24
"""A trip remembers this many different places; further ones are not listed."""
ABROAD = "intl:"


class Place(Primitive):
    """`moved`: a new stable place is confirmed. Texts are place codes: a city, or `intl:` and a country.

    A place is confirmed by two records at least 30 minutes apart with no other place between them; abroad at once.
    Home is what the CRM says until the nights say otherwise: the place of the last record before 06:00 of at least 5 of the
    last 28 days, and of more than half of those that voted. Late records change nothing.
    """

    code = "P11"
    tables = ("cell",)

    def __init__(self, records: type, *, name: str) -> None:
        super().__init__()
        self.records = records
        self.adopt(name, "line")
        self.origin = self.output("origin", "text")
        self.to = self.output("to", "text")
        self.home = self.output("home", "text", nullable=True)
        self.since = self.output("since", "time")
        self.confirmed_after_s = self.output("confirmed_after_s", "int", unit="s")
        self.trip_id = self.output("trip_id", "token", nullable=True)
        self.trip_hours = self.output("trip_hours", "int")
        self.trip_ms = self.output("trip_ms", "int", unit="ms")
        self.trip_places = self.output("trip_places", "list")
        self.trip_tourist = self.output("trip_tourist", "bool")
        self.left_home = self.output("left_home", "bool", implies=(self.home, self.trip_id))
        self.came_home = self.output("came_home", "bool", implies=(self.home, self.trip_id))
        self.domestic = self.output("domestic", "bool")

    @property
    def moved(self) -> Signal:
        """A new stable place is confirmed."""
        return Signal(self, "moved")

    def condition(self) -> Expr:
        return TRUE

    def outputs(self) -> dict[str, Output]:
        return {"place": self.to, "home": self.home, "confirmed_after_s": self.confirmed_after_s}

    def warm_after_ms(self, world: World) -> int | None:
        return VOTE_DAYS * 24 * HOUR_MS

    def bind(self, home: Home) -> PlaceRuntime:
        return PlaceRuntime(self, home)


class PlaceRuntime(TimedRuntime):
    """State, in a part of its own that is written only when something changed."""

    part = "place"

    def __init__(self, declared: Place, home: Home) -> None:
        super().__init__(declared, home)

        def column(name: str, kind: Any, length: int = 1) -> Column:
            return self.table.column(name, kind, part=self.part, length=length)

        self.stable, self.candidate = column("stable", "text"), column("candidate", "text")
        self.first, self.count = column("candidate.first", "time"), column("candidate.count", "int")
        self.inferred = column("home.inferred", "text")
        self.vote_day, self.vote = column("home.vote_day", "int", VOTE_DAYS), column("home.vote", "text", VOTE_DAYS)
        self.trip, self.opened = column("trip.token", "token"), column("trip.begun", "time")
        self.cities, self.tourist = column("trip.places", "text", CITIES_KEPT), column("trip.tourist", "flag")
        self.home_part = self.stable.part
        home.matters_for(self.table, None)
        self.abroad_codes: dict[int, int] = {}

    def update(self, group: Group, idx: Ints) -> dict[str, Matches]:
        idx = idx[~group.late(idx)]
        place, abroad = self._places(group, idx)
        known = place != 0
        idx, place, abroad = idx[known], place[known], abroad[known]
        rows, times = self.scope.rows(group, idx), group.time[idx]
        self._vote(rows, times, group.zone("line", idx), place, abroad)
        confirmed, since = self._confirm(rows, times, place, abroad)
        first_seen = np.flatnonzero(self.stable.values[rows] == 0)
        self.stable.values[rows[first_seen]] = place[first_seen]
        self.home_part.touch(rows[first_seen])
        if not len(confirmed):
            return {}
        return {"moved": self._move(group, idx[confirmed], rows[confirmed], place[confirmed], since)}

    def _places(self, group: Group, idx: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The place of each record, 0 where unknown; and whether it is abroad."""
        reference, times = self.world.reference, group.time[idx]
        abroad: npt.NDArray[np.bool_] = group.field("roaming")[idx] == 1
        place: Ints = reference.cell.city(group.field("cell_id")[idx], times)
        away = np.flatnonzero(abroad)
        place = np.where(abroad, 0, place)
        if len(away):
            countries = reference.plmn.country(group.field("plmn")[idx[away]], times[away])
            place[away] = [self._abroad_code(country) for country in countries.tolist()]
        return place, abroad

    def _abroad_code(self, country: int) -> int:
        if country and country not in self.abroad_codes:
            self.abroad_codes[country] = keep(ABROAD + text_of(country))
        return self.abroad_codes.get(country, 0)

    def _vote(self, rows: Rows, times: Ints, zone: Ints | int, place: Ints, abroad: npt.NDArray[np.bool_]) -> None:
        """The last domestic record before 06:00 votes for the home of its day; the count is taken at 06:00."""
        calendar = self.world.calendar
        night = np.flatnonzero((calendar.local_ms_of_day(times, zone) < NIGHT_END_MS) & ~abroad)
        if not len(night):
            return
        rows, times, place = rows[night], times[night], place[night]
        zone = zone if isinstance(zone, int) else zone[night]
        day = calendar.day(times, zone)
        slot = day % VOTE_DAYS
        new = (self.vote_day.values[rows, slot] != day) | (self.vote.values[rows, slot] != place)
        self.vote_day.values[rows, slot] = day
        self.vote.values[rows, slot] = place
        self.home_part.touch(rows[new])
        count_at, due = calendar.at(day, NIGHT_END_MS, zone), self.due.values[rows]
        sooner = (count_at > times) & ((due == 0) | (count_at < due))
        self.arm(rows[sooner], count_at[sooner])

    def _confirm(self, rows: Rows, times: Ints, place: Ints, abroad: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
        """Which records confirm a new place, and since when it was a candidate. Moves the candidates on."""
        stable, candidate = self.stable.values[rows], self.candidate.values[rows]
        elsewhere = (stable != 0) & (place != stable)
        again = elsewhere & (place == candidate)
        first = np.where(again, self.first.values[rows], times)
        count = np.where(again, self.count.values[rows] + 1, 1)
        confirmed = elsewhere & (abroad | ((count >= DWELL_RECORDS) & (times - first >= DWELL_MS)))
        open_candidate = elsewhere & ~confirmed
        changed = open_candidate | (candidate != 0)
        self.candidate.values[rows] = np.where(open_candidate, place, 0)
        self.first.values[rows] = np.where(open_candidate, first, 0)
        self.count.values[rows] = np.where(open_candidate, count, 0)
        self.home_part.touch(rows[changed])
        which = np.flatnonzero(confirmed)
        return which, first[which]

    def home_of(self, rows: Rows, subscription: Ints, times: Ints) -> Ints:
        """The home city: inferred, else the CRM's, else 0."""
        inferred = self.inferred.values[rows]
        return np.where(inferred != 0, inferred, self.world.reference.line.home_city(subscription, times))

    def _move(self, group: Group, idx: Ints, rows: Rows, place: Ints, since: Ints) -> Matches:
        times, zone = group.time[idx], group.zone("line", idx)
        origin = self.stable.values[rows]
        home = self.home_of(rows, group.field("subscription_id")[idx], times)
        self.stable.values[rows] = place
        self.home_part.touch(rows)
        self._close_old_trips(rows, times, zone)
        was_open = self.opened.values[rows] != 0
        at_home = (place == home) & (home != 0)
        left = ~was_open & (home != 0) & (origin == home) & ~at_home
        self._open(rows[left], times[left])
        back = was_open & at_home
        self._visit(rows[~back], place[~back], times[~back])
        opened = self.opened.values[rows]
        outputs = {
            "origin": origin,
            "to": place,
            "home": home,
            "since": since,
            "confirmed_after_s": (times - since) // 1000,
            "trip_id": self.trip.values[rows].copy(),
            "trip_ms": np.where(opened != 0, times - opened, 0),
            "trip_hours": np.where(opened != 0, (times - opened) // HOUR_MS, 0),
            "trip_places": [[text_of(c) for c in cities if c] for cities in self.cities.values[rows].tolist()],
            "trip_tourist": self.tourist.values[rows] != 0,
            "left_home": left,
            "came_home": back,
            "domestic": self._is_city(origin) & self._is_city(place),
        }
        self._close(rows[back])
        return self.matches(group, idx, rows, outputs)

    def _is_city(self, place: Ints) -> npt.NDArray[np.bool_]:
        return np.array([not text_of(p).startswith(ABROAD) for p in place.tolist()], bool)

    def _open(self, rows: Rows, times: Ints) -> None:
        keys = self.table.keys
        ids = [xxhash.xxh3_64_intdigest(f"{keys[row]} {time}".encode()) for row, time in zip(rows.tolist(), times.tolist(), strict=True)]
        self.trip.values[rows] = np.array(ids, np.uint64).view(np.int64)
        self.opened.values[rows] = times

    def _visit(self, rows: Rows, place: Ints, times: Ints) -> None:
        """Put `place` on the list of the open trips."""
        travelling = self.opened.values[rows] != 0
        rows, place, times = rows[travelling], place[travelling], times[travelling]
        cities = self.cities.values[rows]
        new = ~(cities == place[:, None]).any(1) & (cities == 0).any(1)
        free = np.argmax(cities[new] == 0, axis=1)
        self.cities.values[rows[new], free] = place[new]
        self.tourist.values[rows] |= self.world.reference.city.tourist(place, times) == 1

    def _close_old_trips(self, rows: Rows, times: Ints, zone: Ints | int) -> None:
        opened = self.opened.values[rows]
        ends = Span(TRIP_DAYS, civil=True).after(self.world, opened, zone)
        self._close(rows[(opened != 0) & (times >= ends)])

    def _close(self, rows: Rows) -> None:
        for column in (self.trip, self.opened, self.cities, self.tourist):
            column.values[rows] = 0
        self.home_part.touch(rows)

    def fire(self, rows: Rows, due: Ints, zone: Ints | int) -> dict[str, Matches]:
        """06:00: count the votes of the last 28 days. It is repeated when the oldest vote lapses, if that can change the result."""
        calendar = self.world.calendar
        today = calendar.day(due, zone)
        again = np.zeros(len(rows), np.int64)
        for i, row in enumerate(rows.tolist()):
            again[i] = self._count_votes(row, int(today[i]))
        next_count = calendar.at(again, np.full(len(rows), NIGHT_END_MS), zone)
        self.due.values[rows] = np.where(again != 0, next_count, 0)
        self.home_part.touch(rows)
        self.table.arm(rows[again != 0], next_count[again != 0])
        return {}

    def _count_votes(self, row: int, today: int) -> int:
        """Set the inferred home of `row` as of civil day `today`; the day on which to look again, 0 for no such day."""
        votes: dict[int, int] = {}
        days = []
        for day, place in zip(self.vote_day.values[row].tolist(), self.vote.values[row].tolist(), strict=True):
            if place and today - VOTE_DAYS < day <= today:
                votes[place] = votes.get(place, 0) + 1
                days.append(day)
        if not votes:
            return 0
        best = max(votes, key=lambda place: votes[place])
        if votes[best] >= VOTES_NEEDED and 2 * votes[best] > len(days) and best != self.inferred.values[row]:
            self.inferred.values[row] = best
            if self.opened.values[row] and self.stable.values[row] == best:
                self._close(np.array([row], np.int32))
        return min(days) + VOTE_DAYS if len(votes) > 1 else 0

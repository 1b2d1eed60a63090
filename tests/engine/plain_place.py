"""The place machine by the words of the rules (`semantics.md` P11): a record after the other, every 06:00 counted, in dictionaries."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import xxhash

from tests.engine.stage_bench import DAY, HOUR, clocks

MONTH = 31 * DAY


def to_ms(moment):
    return round(moment.timestamp() * 1000)


def local(ms, zone):
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone))


def six(day, zone):
    """06:00 of a civil day."""
    return to_ms(datetime.combine(day, time(6), ZoneInfo(zone)))


def days_later(ms, days, zone):
    """The same civil time; one that does not exist is shifted forward."""
    moment = local(ms, zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    return to_ms(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))


class Facts:
    """Reference data as plain dicts. `lines`: by line, rows (valid from, zone, home), in order. `country`: the operator's."""

    def __init__(self, *, lines, cells, countries, tourist, country, zone):
        self.lines, self.cells, self.countries, self.tourist, self.country, self.zone = lines, cells, countries, tourist, country, zone

    def row(self, line, ms):
        return next((row for row in reversed(self.lines.get(line, [])) if row[0] <= ms), None)

    def zone_of(self, line, ms):
        row = self.row(line, ms)
        return (row and row[1]) or self.zone

    def home_of(self, line, ms):
        row = self.row(line, ms)
        return row and row[2]

    def place_of(self, record):
        country = self.countries.get(record["plmn"])
        if country is None and record["roaming"]:
            return "intl:?"
        if country is not None and country != self.country:
            return f"intl:{country}"
        return self.cells.get(record["cell_id"])


class Line:
    """What is known of a line."""

    def __init__(self):
        self.stable = self.candidate = self.home = self.trip = self.newest = None
        self.votes = {}
        self.counted = None
        """The last day whose 06:00 has been counted; None: no timer."""

    def pass_time(self, facts, line, reached):
        """The timers up to `reached`."""
        while self.counted is not None and (moment := self.next_six(facts, line)) <= reached:
            self.counted = local(moment, facts.zone_of(line, moment)).date()
            self.count()
        if self.trip is not None and self.trip["ends"] <= reached:
            self.trip = None

    def next_six(self, facts, line):
        """The next 06:00 behind the last one counted, in the zone then."""
        return six(self.counted + timedelta(days=1), facts.zone_of(line, six(self.counted, facts.zone)))

    def count(self):
        counted = Counter(place for day, (_, place) in self.votes.items() if self.counted - timedelta(days=28) < day <= self.counted)
        best, votes = counted.most_common(1)[0] if counted else (None, 0)
        if votes >= 5 and 2 * votes > counted.total() and best != self.home:
            self.home = best
            if self.trip is not None and self.stable == best:
                self.trip = None

    def vote(self, day, moment, place, *, late):
        if not late:
            self.votes = {one: vote for one, vote in self.votes.items() if one <= day}
        held = self.votes.get(day)
        if late and held is not None and held[0] > moment:
            return
        self.votes[day] = (moment, place)
        newest = max(self.votes)
        self.votes = {one: vote for one, vote in self.votes.items() if one > newest - timedelta(days=32)}
        if (held is None or held[1] != place) and (self.counted is None or day <= self.counted):
            self.counted = day - timedelta(days=1)

    def take(self, place, moment, *, believed, crm, zone):
        """A place on time; what has moved, if it has."""
        self.newest = moment if believed else self.newest
        if self.stable is None:
            self.stable = place
        elif place == self.stable:
            self.candidate = None
        elif self.candidate is None or self.candidate[0] != place or self.candidate[1] > moment or moment - self.candidate[2] > 12 * HOUR:
            self.candidate = (place, moment, moment)
        elif moment - self.candidate[1] >= 30 * 60_000:
            return self.move(place, moment, crm, zone)
        else:
            self.candidate = (place, self.candidate[1], moment)
        return None

    def move(self, place, moment, crm, zone):
        was, since, home = self.stable, self.candidate[1], self.home or crm
        self.stable, self.candidate = place, None
        left = self.trip is None and home is not None and was == home
        came = self.trip is not None and place == home
        if left:
            self.trip = {"opened": moment, "ends": days_later(moment, 60, zone), "places": [], "visited": set()}
        if self.trip is not None and not came:
            self.trip["visited"].add(place)
            if place not in self.trip["places"] and len(self.trip["places"]) < 32:
                self.trip["places"].append(place)
        found = {"was": was, "to": place, "here": place, "home": home, "since": since, "confirmed_after": moment - since, "left_home": left, "came_home": came, "trip": self.trip}
        if came:
            self.trip = None
        return found


class Plainly:
    """Moves, and what others read, of records (see `stage_bench`), with the moments of timers before them."""

    def __init__(self, facts, records):
        self.facts, self.lines, self.moves, self.reads = facts, {}, [], []
        for record, (clock, believed) in zip(records, clocks(records), strict=True):
            for due in record.get("timers", ()):
                self.read(record, due)
            self.take(record, clock, believed)

    def of(self, record, moment, clock, *, asks=False):
        """The line of a record at a moment; what only asks changes nothing."""
        key = record["customer_id"], record["subscription_id"]
        me = self.lines.setdefault(key, Line())
        me = deepcopy(me) if asks else me
        me.pass_time(self.facts, record["subscription_id"], max(moment - 1, clock))
        return me

    def take(self, record, clock, believed):
        if record["subscription_id"] is None:
            self.reads.append(("page", None, None, None, None))
            return
        moment, line = record["event_time"], record["subscription_id"]
        me = self.of(record, moment, clock, asks=record["record_type"] != "location_update")
        if record["record_type"] == "location_update":
            self.locate(record, me, moment, believed)
            self.seen("place", record, me, moment)
        else:
            self.seen("page", record, me, moment)
        if record.get("reset") == "all":
            self.lines[record["customer_id"], line] = Line()
        elif record.get("reset") == "timers":
            self.of(record, moment, clock).counted = None

    def locate(self, record, me, moment, believed):
        place, line = self.facts.place_of(record), record["subscription_id"]
        if place is None:
            return
        zone = self.facts.zone_of(line, moment)
        now = local(moment, zone)
        late = me.newest is not None and moment < me.newest <= moment + MONTH
        if now.hour < 6 and not place.startswith("intl:"):
            me.vote(now.date(), moment, place, late=late)
        if late:
            return
        found = me.take(place, moment, believed=believed, crm=self.facts.home_of(line, moment), zone=zone)
        if found is not None:
            trip = found.pop("trip")
            found |= {"trip.id": self.trip_id(record, trip), "trip.length": max(0, moment - trip["opened"]) if trip else None, "trip.cities": list(trip["places"]) if trip else []}
            found["trip.tourist"] = trip is not None and not self.facts.tourist.isdisjoint(trip["visited"])
            found["domestic"] = not any(place.startswith("intl:") for place in (found["was"], found["to"]))
            self.moves.append((record["record_id"], found))

    def read(self, record, due):
        self.seen("timer", record, self.of(record, due, due, asks=True), due)

    def seen(self, what, record, me, moment):
        home = me.home or self.facts.home_of(record["subscription_id"], moment)
        length = max(0, moment - me.trip["opened"]) if me.trip else None
        self.reads.append((what, me.stable, home, self.trip_id(record, me.trip), length))

    @staticmethod
    def trip_id(record, trip):
        return trip and xxhash.xxh3_64_hexdigest(f"{record['customer_id']}\x1f{record['subscription_id']} {trip['opened']}".encode())


__all__ = ["Facts", "Plainly", "date"]

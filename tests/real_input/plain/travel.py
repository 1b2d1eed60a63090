"""travel.* and fraud.impossible_travel: stable places, home by the nights, and trips, all domestic."""

from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from math import asin, cos, floor, radians, sin, sqrt

from tests.real_input.plain.data import HOUR, MINUTE, civil, day_before, rfc

COUNTED = ("city_changed", "trip_started", "tourist_city", "returned_home", "long_stay", "holiday_trip", "frequent_traveller")


def cells(data):
    return {row["cell_id"]: row["city_code"] for row in data.reference.get("cells", ())}


def cities(data):
    return {row["city_code"]: row for row in data.reference.get("cities", ())}


def distance(a, b):
    """Whole kilometres between two cities, half up."""
    lat, lon, other_lat, other_lon = (radians(float(x)) for x in (a["lat"], a["lon"], b["lat"], b["lon"]))
    near = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return floor(2 * 6371 * asin(sqrt(near)) + 0.5)


class Traveller:
    """One line through the place machine; what it finds is in `found`: (event, time, payload)."""

    def __init__(self, data, who, home):
        self.data, self.cities, self.home = data, cities(data), home
        self.holidays = {date.fromisoformat(row["date"]): row["name"] for row in data.reference.get("holidays", ())}
        self.stable = self.candidate = self.trip = None
        self.nights, self.told, self.once, self.journeys, self.found = {}, {}, set(), [], []
        self.next_dawn = None
        self.who = who

    def km(self, a, b):
        return None if a is None or b is None else distance(self.cities[a], self.cities[b])

    def pass_time(self, until):
        """Timers before `until`: 06:00 of each day, a week and 60 days of a trip."""
        dues = []
        while self.next_dawn is not None and (dawn := self.data.at(self.next_dawn, 6)) < until:
            dues.append((dawn, 0, self.next_dawn))
            self.next_dawn += timedelta(days=1)
        for dawn, _, day in dues:
            self.end_of_trip(dawn)
            self.wake(day)
        self.end_of_trip(until)

    def end_of_trip(self, until):
        if self.trip and not self.trip["stayed"] and self.data.later(self.trip["at"], 7) < until:
            self.trip["stayed"] = True
            self.found.append(("long_stay", self.data.later(self.trip["at"], 7), {"city": self.stable, "days": 7}))
        if self.trip and self.data.later(self.trip["at"], 60) < until:
            self.trip = None

    def wake(self, day):
        votes = Counter(place for night, place in self.nights.items() if day_before(day, 28) < night <= day)
        for place, number in votes.items():
            if number >= 5 and 2 * number > sum(votes.values()) and place != self.home:
                self.home = place
                if self.trip and self.stable == place:
                    self.trip = None
                break

    def take(self, at, place):
        self.pass_time(at)
        local = civil(self.data.zone, at // MINUTE)
        self.next_dawn = self.next_dawn or (local.date() if local.hour < 6 else local.date() + timedelta(days=1))
        if local.hour < 6:
            self.nights[local.date()] = place
        if self.stable is None:
            self.stable = place
        elif place == self.stable:
            self.candidate = None
        elif self.candidate and self.candidate[0] == place and at - self.candidate[2] <= 12 * HOUR:
            self.candidate = (place, self.candidate[1], at)
            if at - self.candidate[1] >= 30 * MINUTE:
                self.confirm(at, place, self.candidate[1])
        else:
            self.candidate = (place, at, at)

    def confirm(self, at, place, since):
        before, self.stable, self.candidate = self.stable, place, None
        self.found.append(("city_changed", at, {"from_city": before, "to_city": place, "distance_km": self.km(before, place), "since": rfc(since)}))
        if place == self.home:
            self.come_home(at)
            return
        if self.trip is None and before == self.home and self.home is not None:
            self.leave(at, place)
        if self.trip and place not in self.trip["cities"]:
            self.trip["cities"].append(place)
        self.visit(at, place)

    def come_home(self, at):
        trip, self.trip = self.trip, None
        if trip and at - trip["at"] >= 6 * HOUR:
            tourist = any(self.cities[city]["tourist"] == "true" for city in trip["cities"])
            self.found.append(("returned_home", at, {"cities": trip["cities"], "hours": (at - trip["at"]) // HOUR, "tourist": tourist}))

    def leave(self, at, place):
        self.trip = {"at": at, "cities": [], "stayed": False}
        far, today = self.km(self.home, place), self.data.day(at)
        self.found.append(("trip_started", at, {"home_city": self.home, "to_city": place, "distance_km": far}))
        if name := self.holidays.get(today) or self.holidays.get(today + timedelta(days=1)):
            self.found.append(("holiday_trip", at, {"holiday": name, "to_city": place}))
        if far >= self.data.set("travel.frequent_traveller", "km", 100):
            self.journeys = [j for j in self.journeys if j[0] > day_before(today, 90)] + [(today, place)]
            if len(self.journeys) >= self.data.set("travel.frequent_traveller", "n", 4):
                self.found.append(("frequent_traveller", at, {"trips": len(self.journeys), "cities": len({city for _, city in self.journeys})}))
                self.journeys = []

    def visit(self, at, place):
        if self.cities[place]["tourist"] != "true":
            return
        today = self.data.day(at)
        if self.trip:
            fresh = (self.trip["at"], place) not in self.once
            self.once.add((self.trip["at"], place))
        else:
            fresh = place not in self.told or today >= self.told[place] + timedelta(days=30)
        if fresh:
            self.told[place] = today
            shown = {"city": place, "city_name": self.cities[place]["name"], "distance_km": self.km(self.home, place), "holiday": today in self.holidays}
            self.found.append(("tourist_city", at, shown))


@cache
def travels(data):
    homes = {row["subscription_id"]: row["home_city"] for row in data.reference.get("lines", ()) if row.get("home_city")}
    where, found = cells(data), {name: [] for name in COUNTED}
    for who, mine in data.of("location_update"):
        traveller = Traveller(data, who, homes.get(who))
        for r in mine:
            if r["cell_id"] in where:
                traveller.take(r["event_time"], where[r["cell_id"]])
        traveller.pass_time(data.until - 5000)
        for event, at, detail in traveller.found:
            found[event].append((who, at, detail))
    return found


def count_of(name):
    return lambda data: travels(data)[name]


def impossible_travel(data):
    where, known = cells(data), cities(data)
    most, speed = data.set("fraud.impossible_travel", "km", 300), data.set("fraud.impossible_travel", "kmh", 1000)
    for who, mine in data.of("location_update", where=lambda r: r["cell_id"] in where):
        last = None
        for before, r in pairwise(mine):
            a, b, gap = where[before["cell_id"]], where[r["cell_id"]], r["event_time"] - before["event_time"]
            if a != b and (far := distance(known[a], known[b])) >= most and far * HOUR > speed * gap and (last is None or r["event_time"] >= last + 24 * HOUR):
                last = r["event_time"]
                yield who, last, {"from_city": a, "to_city": b, "km": far, "seconds": gap // 1000}


COUNTS = {f"travel.{name}": count_of(name) for name in COUNTED} | {"fraud.impossible_travel": impossible_travel}

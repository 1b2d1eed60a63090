"""The place machine (semantics P11), one dict a line; other rules read it as it stands."""

from __future__ import annotations

from collections import Counter
from datetime import time, timedelta
from typing import Any

import xxhash

from streams.engine.features.place import AS_OF
from tests.reference.civil import at, civil_day, later, local, next_six
from tests.reference.happening import Happening, Newest
from tests.reference.values import fires, join

DWELL_MS = 30 * 60_000
CANDIDATE_MS = 12 * 3_600_000
MOST_CITIES = 32


class Places:
    """All lines of one declared machine."""

    def __init__(self, declared: Any, reading: Any) -> None:
        self.declared, self.reading = declared, reading
        self.lines: dict[Any, dict[str, Any]] = {}

    def concerns(self, on: Happening) -> bool:
        """Whether a record is one of the machine's."""
        if on.kind not in self.declared.stream.source.records():
            return False
        return all(fires(condition, self.reading.plain_view(on)) for condition in self.declared.stream.conditions)

    def seen(self, on: Happening) -> str | None:
        """The place of a record, where the machine takes it in."""
        if on.line is None or not self.concerns(on):
            return None
        country = self._asked("plmn", "country", on.fields["plmn"], on.time)
        if country is not None and country != join("plmn", "home_country", "text", (), self.reading.reference, on.time):
            return f"intl:{country}"
        if country is None and on.fields["roaming"]:
            return "intl:?"
        return self._asked("cell", "city", on.fields["cell_id"], on.time)

    def _asked(self, table: str, column: str, key: Any, moment: int, kind: str = "text") -> Any:
        return join(table, column, kind, (key,), self.reading.reference, moment)

    def take(self, on: Happening) -> dict[str, Any] | None:
        """Take a record in; what is to be known of the move, where it confirms one."""
        place = self.seen(on)
        if place is None:
            return None
        new = {"newest": Newest(), "stable": None, "candidate": None, "votes": {}, "home": None, "trip": None, "count_at": None}
        me = self.lines.setdefault((on.customer, on.line), new)
        me["zone"] = self.reading.line_zone(on.line, on.time)
        late = me["newest"].take(on.time, self.reading.clock)
        self._vote(me, place, on)
        if late:
            return None
        if me["stable"] is None:
            me["stable"] = place
            return None
        if place == me["stable"]:
            me["candidate"] = None
            return None
        first, count = on.time, 1
        if me["candidate"] is not None and me["candidate"][0] == place and on.time - me["candidate"][3] <= CANDIDATE_MS:
            first, count = me["candidate"][1], me["candidate"][2] + 1
        if count >= 2 and on.time - first >= DWELL_MS:
            me["candidate"] = None
            return self._move(me, place, first, on)
        me["candidate"] = (place, first, count, on.time)
        return None

    def _vote(self, me: dict[str, Any], place: str, on: Happening) -> None:
        now = local(on.time, me["zone"])
        if now.hour >= 6 or place.startswith("intl:"):
            return
        last = me["votes"].get(now.date())
        if last is None or on.time >= last[0]:
            me["votes"][now.date()] = (on.time, place)
        count_at = next_six(max(on.time, me["newest"].time or 0), me["zone"])
        me["count_at"] = count_at if me["count_at"] is None else min(count_at, me["count_at"])

    def home(self, me: dict[str, Any] | None, line: str, moment: int) -> str | None:
        inferred = me["home"] if me is not None else None
        return inferred or self._asked("line", "home_city", line, moment)

    def _move(self, me: dict[str, Any], place: str, first: int, on: Happening) -> dict[str, Any]:
        was, home, trip = me["stable"], self.home(me, on.line, on.time), me["trip"]
        me["stable"] = place
        was_open, at_home = trip is not None, home is not None and place == home
        left = not was_open and home is not None and was == home and not at_home
        if left:
            name = xxhash.xxh3_64_hexdigest(f"{on.customer}\x1f{on.line} {on.time}".encode())
            trip = me["trip"] = {"id": name, "opened": on.time, "ends": later(on.time, 60, me["zone"]), "cities": [], "tourist": False}
        if trip is not None and not at_home:
            if place not in trip["cities"] and len(trip["cities"]) < MOST_CITIES:
                trip["cities"].append(place)
            trip["tourist"] |= self._is_tourist(place, on.time)
        if was_open and at_home:
            me["trip"] = None
        return {
            "here": place,
            "home": home,
            "was": was,
            "to": place,
            "since": first,
            "confirmed_after": on.time - first,
            "domestic": not was.startswith("intl:") and not place.startswith("intl:"),
            "left_home": left,
            "came_home": was_open and at_home,
            "trip.id": trip["id"] if trip else None,
            "trip.length": on.time - trip["opened"] if trip else None,
            "trip.cities": list(trip["cities"]) if trip else [],
            "trip.tourist": bool(trip and trip["tourist"]),
        }

    def _is_tourist(self, place: str, moment: int) -> bool:
        if place.startswith("intl:"):
            return self._asked("city", "has_tourist_city", place.removeprefix("intl:"), moment, "bool") is True
        return self._asked("city", "tourist", place, moment, "bool") is True

    def as_of(self, name: str, on: Any) -> Any:
        """What any happening of the line may read, as it stands."""
        if name not in AS_OF or on.line is None:
            return None
        me = self.lines.get((on.customer, on.line))
        trip = me["trip"] if me is not None else None
        match name:
            case "here":
                return me["stable"] if me is not None else None
            case "home":
                return self.home(me, on.line, on.time)
            case "trip.id":
                return trip["id"] if trip else None
        return on.time - trip["opened"] if trip else None

    # Timers: the count of the nights, and the end of a trip

    def due_of(self, line: Any) -> int | None:
        me = self.lines.get(line)
        if me is None:
            return None
        moments = [me["count_at"], me["trip"]["ends"] if me["trip"] else None]
        return min((moment for moment in moments if moment is not None), default=None)

    def fire(self, line: Any, due: int) -> None:
        me = self.lines[line]
        if me["trip"] is not None and me["trip"]["ends"] == due:
            me["trip"] = None
        if me["count_at"] == due:
            self._count(me, line, due)

    def _count(self, me: dict[str, Any], line: Any, due: int) -> None:
        today = civil_day(due, me["zone"])
        votes = {day: place for day, (_, place) in me["votes"].items() if today - timedelta(days=28) < day <= today}
        counted = Counter(votes.values()).most_common()
        if counted and counted[0][1] >= 5 and 2 * counted[0][1] > len(votes):
            if counted[0][0] != self.home(me, line[1], due) and me["trip"] is not None and me["stable"] == counted[0][0]:
                me["trip"] = None
            me["home"] = counted[0][0]
        me["votes"] = {day: vote for day, vote in me["votes"].items() if day > today - timedelta(days=28)}
        tomorrow = today + timedelta(days=1)
        me["count_at"] = at(max(min(me["votes"]), tomorrow), time(6), me["zone"]) if me["votes"] else None

    def cancel(self, line: Any) -> None:
        """The line is terminated."""
        if line in self.lines:
            self.lines[line]["count_at"] = None
            if self.lines[line]["trip"]:
                self.lines[line]["trip"]["ends"] = None

    def begin_again(self, line: Any, moment: int) -> None:
        """The line is active again: what starts from known dates."""
        me = self.lines.get(line)
        if me is not None:
            me["count_at"] = next_six(moment, me["zone"]) if me["votes"] else None
            if me["trip"]:
                me["trip"]["ends"] = later(me["trip"]["opened"], 60, me["zone"])

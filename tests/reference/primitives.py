"""The primitives on one record; state in dicts by key."""

from __future__ import annotations

from collections import Counter
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

import xxhash

from streams.engine.features.absence import Absence, Silence
from streams.engine.features.change import Change
from streams.engine.features.cross import Cross
from streams.engine.features.day_total import DayTotal
from streams.engine.features.match import Match
from streams.engine.features.nth import Nth
from streams.engine.features.place import Place
from streams.engine.features.window import Window
from tests.reference.civil import at, civil_day, later, local
from tests.reference.values import fires, value

if TYPE_CHECKING:
    from tests.reference.reading import Happening, Reading

Found = list[tuple[str, dict[str, Any]]]


def span_end(span: Any, start: int, on: Happening) -> int:
    length = span.length if isinstance(span.length, int) else value(span.length, on)
    return later(start, length, on.zone) if span.civil else start + length


JUMP_MS = 31 * 86_400_000
LATE_MS = 48 * 3_600_000


def misdated(last: int, now: int) -> bool:
    """What lies more than a month ahead of a record was dated wrongly: it stops nothing."""
    return last > now + JUMP_MS


class Scalar:
    lifelong = False
    """Kept when the rest of a line's state is dropped."""

    def __init__(self, declared: Any, reading: Reading) -> None:
        self.declared, self.reading, self.state = declared, reading, {}

    def key(self, on: Happening) -> Any:
        return (on.key(self.declared.by), *(value(node, on) for node in self.declared.same))

    def see(self, on: Happening) -> Found:
        raise NotImplementedError

    def fire(self, key: Any, due: int, on: Happening) -> Found:
        raise NotImplementedError

    def emitted(self, key: Any) -> None:
        pass

    def forget(self, line: Any, *, everything: bool) -> None:
        """The state of a line is dropped."""
        if self.declared.by == "line" and (everything or not self.lifelong):
            for key in [key for key in self.state if key[0] == line]:
                del self.state[key]


class ScalarMatch(Scalar):
    def see(self, on):
        return [("matched", {})]


class ScalarCross(Scalar):
    def see(self, on):
        if on.late:
            return []
        since = self.state.get(self.key(on))
        if since is None and fires(self.declared.enter, on):
            self.state[self.key(on)] = on.time
            return [("entered", {})]
        if since is not None and fires(self.declared.release, on):
            del self.state[self.key(on)]
            return [("released", {"since": since})]
        return []


class ScalarNth(Scalar):
    lifelong = True

    def see(self, on):
        ordinal = self.state[self.key(on)] = self.state.get(self.key(on), 0) + 1
        return [("reached", {"ordinal": ordinal})] if ordinal in self.declared.ordinals and not on.late else []


class ScalarWindow(Scalar):
    def see(self, on):
        window, key = self.declared, self.key(on)
        members, armed = self.state.setdefault(key, ([], True))
        member = (on.time, {str(a): value(a, on) for node in window.aggregates.values() for a in node.arguments})
        if on.late:
            members.append(member)
            return []
        if window.span.civil:
            days = window.span.length if isinstance(window.span.length, int) else value(window.span.length, on)
            begin = at(civil_day(on.time, on.zone) - timedelta(days=days - 1), time(0), on.zone) - 1
        else:
            begin = on.time - (window.span.length if isinstance(window.span.length, int) else value(window.span.length, on))
        members = [m for m in members if m[0] > begin]
        seen = [m for m in members if m[0] <= on.time]
        held = self._holds(seen, on)
        members.append(member)
        seen.append(member)
        holds = self._holds(seen, on)
        fires = holds
        if window.edge:
            armed = armed or not held
            fires = holds and armed
            armed = armed and not fires
        self.state[key] = (members, armed)
        return [("matched", self._aggregates(seen))] if fires else []

    def _holds(self, members, on):
        return fires(self.declared.predicate, on.with_outputs(self._aggregates(members)))

    def _aggregates(self, members):
        return {name: self._aggregate(node, [m[1] for m in members]) for name, node in self.declared.aggregates.items()}

    @staticmethod
    def _aggregate(node, members):
        columns = [[m[str(a)] for m in members] for a in node.arguments]
        known = [v for v in columns[0] if v is not None] if columns else []
        match node.function:
            case "count":
                return len(members)
            case "sum":
                return max(-(2**62), min(2**62, sum(known)))
            case "largest":
                return max(known) if known else None
            case "distinct":
                return len(set(known))
        sums = Counter()
        for what, weight in zip(*columns, strict=True):
            if what is not None and weight is not None:
                sums[what] += weight
        return min(sums, key=lambda what: (-sums[what], what)) if sums else None

    def emitted(self, key):
        if self.declared.reset:
            self.state[key] = ([], self.state[key][1])


class ScalarDayTotal(Scalar):
    def see(self, on):
        total, key, today = self.declared, self.key(on), civil_day(on.time, on.zone)
        day, sums = self.state.get(key, (None, Counter()))
        if day is not None and today < day and not (day - today).days > 31:
            return []
        if day != today:
            sums = Counter()
        before = sum(sums.values())
        amount = value(total.value, on) or 0
        sums[value(total.per, on) if total.per is not None else None] += amount
        self.state[key] = (today, sums)
        after = before + amount
        marks = [value(step, on) for step in total.steps]
        passed = [mark for mark in marks if mark <= after and (before < mark or not total.passing)]
        if on.late or not passed:
            return []
        top = min(sums, key=lambda label: (-sums[label], label or ""))
        return [("passed", {"total": after, "step": max(passed), "top": top})]


class ScalarChange(Scalar):
    def see(self, on):
        change, key = self.declared, self.key(on)
        now = value(change.value, on)
        if on.late or now is None:
            return []
        before = self.state.get(key) if change.remember else None
        if change.remember:
            self.state[key] = now
        if change.old is not None and value(change.old, on) is not None:
            before = value(change.old, on)
        compared = value(change.initially, on) if before is None and change.initially is not None else before
        return [("changed", {"before": before})] if compared is not None and compared != now else []


class Timed(Scalar):
    def due_of(self, key: Any) -> int | None:
        raise NotImplementedError


class ScalarAbsence(Timed):
    """State: the last beginning (its time, due time or None, anchor), and all times of what is awaited."""

    def see(self, on):
        begun, heard = self.state.setdefault(self.key(on), (None, []))
        heard.append(on.time)
        if begun is not None and begun[1] is not None and begun[0] <= on.time <= begun[1]:
            self.state[self.key(on)] = ((begun[0], None, None), heard)
        return []

    def begin(self, on):
        begun, heard = self.state.get(self.key(on), (None, []))
        if begun is not None and on.time < begun[0] and not misdated(begun[0], on.time):
            return
        due = span_end(self.declared.span, on.time, on)
        answered = any(on.time < time <= due for time in heard)
        self.state[self.key(on)] = ((on.time, None if answered else due, on), heard)

    def due_of(self, key):
        begun = self.state.get(key, (None, []))[0]
        return begun[1] if begun is not None else None

    def fire(self, key, due, _):
        (since, _, anchor), heard = self.state[key]
        self.state[key] = ((since, None, None), heard)
        return [("due", {"since": since, "anchor": anchor})]


class ScalarSilence(Timed):
    """State: last time, days with a record, due time or None, anchor."""

    def see(self, on):
        key, today = self.key(on), civil_day(on.time, on.zone)
        last, days, due, anchor = self.state.get(key, (0, set(), None, None))
        if misdated(last, on.time):
            last, days = 0, set()
        days = days | {today}
        if on.time >= last:
            begin = today - timedelta(days=self.declared.of_days - 1)
            enough = len({day for day in days if begin <= day <= today}) >= self.declared.least
            last, due, anchor = on.time, span_end(self.declared.span, on.time, on) if enough else None, on
        self.state[key] = (last, days, due, anchor)
        return []

    def due_of(self, key):
        return self.state[key][2] if key in self.state else None

    def fire(self, key, due, _):
        last, days, _, anchor = self.state[key]
        self.state[key] = (last, days, None, anchor)
        day = civil_day(last, anchor.zone)
        active = len({d for d in days if day - timedelta(days=self.declared.of_days - 1) <= d <= day})
        return [("due", {"since": last, "active_days": active, "anchor": anchor})]


class ScalarPlace(Timed):
    """State: a dict a line, by the words of the rule."""

    def see(self, on):
        if on.late:
            return []
        place = self._place(on)
        if place is None:
            return []
        me = self.state.setdefault(self.key(on), {"stable": None, "candidate": None, "votes": {}, "home": None, "trip": None, "count_at": None, "zone": on.zone})
        self._vote(me, place, on)
        if me["stable"] is None:
            me["stable"] = place
            return []
        if place == me["stable"]:
            me["candidate"] = None
            return []
        first, count = on.time, 1
        if me["candidate"] is not None and me["candidate"][0] == place:
            first, count = me["candidate"][1], me["candidate"][2] + 1
        if place.startswith("intl:") or (count >= 2 and on.time - first >= 30 * 60_000):
            me["candidate"] = None
            return [("moved", self._move(me, place, first, on))]
        me["candidate"] = (place, first, count)
        return []

    def _place(self, on):
        from streams.engine.expression import Join, RecordField

        if on.fields["roaming"]:
            country = value(Join("plmn", "country", "text", RecordField(object, "plmn", "text", nullable=False)), on)
            return f"intl:{country}" if country else None
        return value(Join("cell", "city", "text", RecordField(object, "cell_id", "text", nullable=True)), on)

    def _vote(self, me, place, on):
        now = local(on.time, on.zone)
        if now.hour < 6 and not place.startswith("intl:"):
            me["votes"][now.date()] = place
            count_at = at(now.date(), time(6), on.zone)
            if count_at > on.time:
                me["count_at"] = min(count_at, me["count_at"] or count_at)

    def home(self, me, on):
        from streams.engine.expression import Join, RecordField

        return me["home"] or value(Join("line", "home_city", "text", RecordField(object, "subscription_id", "text", nullable=False)), on)

    def _move(self, me, place, first, on):
        origin, home, trip = me["stable"], self.home(me, on), me["trip"]
        me["stable"] = place
        if trip is not None and on.time >= later(trip["opened"], 60, on.zone):
            trip = me["trip"] = None
        was_open, at_home = trip is not None, home is not None and place == home
        left = not was_open and home is not None and origin == home and not at_home
        if left:
            trip = me["trip"] = {"id": xxhash.xxh3_64_hexdigest(f"{on.customer}\x1f{on.line} {on.time}".encode()), "opened": on.time, "places": []}
        if trip is not None and not at_home and place not in trip["places"]:
            trip["places"].append(place)
        places = list(trip["places"]) if trip else []
        found = {
            "origin": origin,
            "to": place,
            "home": home,
            "since": first,
            "confirmed_after_s": (on.time - first) // 1000,
            "trip_id": trip["id"] if trip else None,
            "trip_ms": on.time - trip["opened"] if trip else 0,
            "trip_hours": (on.time - trip["opened"]) // 3_600_000 if trip else 0,
            "trip_places": places,
            "trip_tourist": any(self.reading.is_tourist(p, on) for p in places),
            "left_home": left,
            "came_home": was_open and at_home,
            "domestic": not origin.startswith("intl:") and not place.startswith("intl:"),
        }
        if was_open and at_home:
            me["trip"] = None
        return found

    def due_of(self, key):
        return self.state[key]["count_at"] if key in self.state else None

    def fire(self, key, due, _):
        me = self.state[key]
        today = civil_day(due, me["zone"])
        votes = {day: place for day, place in me["votes"].items() if today - timedelta(days=28) < day <= today}
        counted = Counter(votes.values()).most_common()
        if counted and counted[0][1] >= 5 and 2 * counted[0][1] > len(votes):
            if counted[0][0] != me["home"] and me["trip"] is not None and me["stable"] == counted[0][0]:
                me["trip"] = None
            me["home"] = counted[0][0]
        me["count_at"] = at(min(votes) + timedelta(days=28), time(6), me["zone"]) if len(counted) > 1 else None
        return []


SCALAR = {
    Match: ScalarMatch,
    Cross: ScalarCross,
    Nth: ScalarNth,
    Window: ScalarWindow,
    DayTotal: ScalarDayTotal,
    Change: ScalarChange,
    Absence: ScalarAbsence,
    Silence: ScalarSilence,
    Place: ScalarPlace,
}

"""The whole reading: order, admission, timers, rules, re-arm words, as docs/semantics.md has them."""

from __future__ import annotations

from copy import copy
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name
from streams.engine.features.absence import Absence
from streams.engine.rearm import Cool, Per, PerDay, PerLatest, WindowWord
from tests.reference.civil import civil_day, later
from tests.reference.primitives import SCALAR, Timed, misdated
from tests.reference.values import fires, value

if TYPE_CHECKING:
    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue

STRUCTS = {type_name(record): record for record in RECORD_TYPES}
DELAY_MS = 5000
JUMP_MS = 31 * 86_400_000
LATE_MS = 48 * 3_600_000
FAR = 2**63
PER_VALUE_MS = 400 * 86_400_000
STATE_KEPT_DAYS = 7


class Seen(NamedTuple):
    """One detection, as far as both readings tell it."""

    event: str
    key: str
    time: int
    anchor: str
    detail: dict[str, Any]
    consent: str


class Happening:
    """A record (or a due timer) in the eyes of the rules."""

    def __init__(self, reading: Reading, raw: dict[str, Any]) -> None:
        self.reading = reading
        struct = msgspec.convert(raw, STRUCTS[raw["record_type"]])
        self.record_type, self.record_id = raw["record_type"], raw["record_id"]
        self.fields = {name: plain(info.kind, getattr(struct, name)) for name, info in fields_of(type(struct)).items()}
        self.kind: type = type(struct)
        self.time: int = self.fields["event_time"]
        self.customer, self.line = raw["customer_id"], raw.get("subscription_id")
        self.rank = TOPICS.index(type(struct).topic)
        self.late = False
        self.outputs: dict[str, Any] = {}
        self.timed = False
        self.zone = reading.zone_of(self)

    def key(self, by: str) -> Any:
        own = {"line": self.line, "account": self.fields["account_id"], "customer": self.customer}[by]
        return (self.customer, own)

    def with_outputs(self, outputs: dict[str, Any]) -> Happening:
        other = copy(self)
        other.outputs = outputs
        return other


def plain(kind: str, raw: Any) -> Any:
    if kind == "time" and isinstance(raw, str):
        return round(datetime.fromisoformat(raw).timestamp() * 1000)
    if kind == "date" and isinstance(raw, str):
        return date.fromisoformat(raw)
    return raw


class Reading:
    def __init__(self, catalogue: Catalogue, reference: Reference, zone: str = "Asia/Shanghai") -> None:
        self.catalogue, self.reference, self.default_zone = catalogue, reference, zone
        self.parameters = {id(p): catalogue.value(event, name) for event in catalogue for name, p in event.parameters.items()}
        self.primitives = {}
        for event in catalogue:
            declared = event.signal.primitive
            self.primitives.setdefault(id(declared), SCALAR[type(declared)](declared, self))
        scalars = ((event, self.primitives[id(event.signal.primitive)]) for event in catalogue)
        self.timed = [(event, scalar) for event, scalar in scalars if isinstance(scalar, Timed)]
        self.soonest = 0
        """No timer is due before this."""
        self.lines = self.lines_of(reference.line)
        self.once_owned: dict[str, set[str]] = {}
        for line, rows in self.lines.items():
            for _, owner, _ in rows:
                self.once_owned.setdefault(owner, set()).add(line)
        self.rearm: dict[Any, Any] = {}
        self.clock = 0
        self.unconfirmed: tuple[int, str] | None = None
        self.seen: dict[Any, list[Any]] = {}
        self.latest: dict[Any, int] = {}
        self.ahead: dict[Any, int] = {}
        """By customer and topic, a time that the clock has not reached: it makes nothing late."""
        self.terminated: dict[Any, int | None] = {}
        """By line, when its state is dropped; None afterwards."""
        self.consent: dict[str, str] = {}
        self.found: list[Seen] = []
        self.refused = 0

    def parameter(self, node: Any) -> int:
        return self.parameters[id(node)]

    def zone_of(self, on: Happening) -> str:
        table = self.reference.line
        import numpy as np

        from schemas.codes import code, text_of

        (found,) = table.zone(np.array([code(on.line)]), np.array([on.fields["event_time"]])).tolist() if on.line else (0,)
        return text_of(found) if found else self.default_zone

    def zone_of_owner(self, on: Happening) -> str:
        """The zone of the lowest subscription_id that is the customer's at this moment."""
        valid = {line: row for line in self.once_owned.get(on.customer, ()) for begin, *row in self.lines[line] if begin <= on.time}
        own = [(line, zone) for line, (owner, zone) in valid.items() if owner == on.customer]
        return (min(own)[1] if own else "") or self.default_zone

    def lines_of(self, table: Any) -> dict[str, list[tuple[int, str, str]]]:
        """For each line when which customer and zone begin, in order of time."""
        from schemas.codes import text_of

        lines: dict[str, list[tuple[int, str, str]]] = {}
        columns = (table.data["subscription_id"], table.valid_from, table.data["customer_id"], table.data["tz"])
        for line, begin, owner, zone in zip(*(column.tolist() for column in columns), strict=False):
            lines.setdefault(text_of(line), []).append((begin, text_of(owner) if owner else "", text_of(zone) if zone else ""))
        return {line: sorted(rows) for line, rows in lines.items()}

    def is_tourist(self, place: str, on: Happening) -> bool:
        import numpy as np

        from schemas.codes import code

        return bool(self.reference.city.tourist(np.array([code(place)]), np.array([on.time]))[0] == 1)

    # Records

    def take(self, raw: dict[str, Any]) -> None:
        on = Happening(self, raw)
        self._admitted(on)
        self._pass(on)
        self.fire_all()

    def _pass(self, on: Happening) -> None:
        """One record ahead of the clock by more than a month is not believed until another customer's next one is ahead too."""
        ahead = on.time > self.clock + JUMP_MS
        waiting, self.unconfirmed = self.unconfirmed, None
        others = waiting is not None and (waiting[1] != on.customer or not self.clock)
        if not ahead:
            if waiting is not None and not (others and on.time >= self.clock):
                self.unconfirmed = waiting
            self.clock = max(self.clock, on.time)
        elif waiting is None:
            self.unconfirmed = (on.time, on.customer)
        else:
            later = max(waiting, (on.time, on.customer), key=lambda w: w[0])
            if others:
                self.clock = min(waiting[0], on.time)
            if later[0] > self.clock + JUMP_MS:
                self.unconfirmed = later
            else:
                self.clock = later[0]

    def _admitted(self, on: Happening) -> None:
        stream, identity = (on.customer, on.rank), (on.fields["source_system"], on.fields["record_id"])
        ring = self.seen.setdefault(stream, [])
        own = {(on.key(by),) for by in ("line", "account", "customer")}
        limit = max(on.time - 1, self.clock - DELAY_MS)
        self._fire(lambda _: own, limit)
        line = (on.customer, on.line)
        if (dropped_at := self.terminated.get(line)) is not None and dropped_at <= limit:
            self.terminated[line] = None
            self._forget(line, everything=False)
        if identity in ring:
            return
        ring.append(identity)
        del ring[:-16]
        behind = self._newest(stream, on) - on.time
        if behind > LATE_MS:
            self.refused += 1
            return
        on.late = behind > 0
        said = (on.fields["attribute"], on.fields["new_value"]) if on.kind.code == "L" and not on.late else (None, None)
        if said == ("line.status", "active"):
            self.terminated.pop(line, None)
        if on.kind.code == "L" and on.fields["attribute"] == "customer.marketing_consent" and not on.late:
            self.consent[on.customer] = on.fields["new_value"]
        self._rules(on)
        self.soonest = min([self.soonest, *(due for _, scalar in self.timed for key in own if (due := scalar.due_of(key)) is not None)])
        if said == ("line.status", "terminated") and on.line and line not in self.terminated:
            self._cancel(line)
            self.terminated[line] = later(on.time, STATE_KEPT_DAYS, self.zone_of(on))
        if said[0] == "line.owner" and on.line:
            self._forget(line, everything=True)

    def _newest(self, stream: Any, on: Happening) -> int:
        """The latest time of the stream before the record; a record far ahead of the clock counts when the clock has reached it."""
        waiting, latest = self.ahead.pop(stream, None), self.latest.get(stream, 0)
        if waiting is not None and waiting <= self.clock:
            waiting, latest = None, max(latest, waiting)
        if self.clock and on.time > self.clock + JUMP_MS:
            both = [on.time] if waiting is None else [on.time, waiting]
            self.ahead[stream] = min(both) if max(both) - min(both) > JUMP_MS else max(both)
            self.latest[stream] = latest
        else:
            self.latest[stream] = max(latest, on.time)
            if waiting is not None:
                self.ahead[stream] = waiting
        return latest

    def _forget(self, line: Any, *, everything: bool) -> None:
        """The state of a line is dropped; unless `everything`, what happens once in its life stays."""
        for scalar in self.primitives.values():
            scalar.forget(line, everything=everything)
        for event in self.catalogue:
            if event.by == "line":
                for place in [place for place in self.rearm if place[0] == event.id and place[2][0] == line]:
                    word = event.words[place[1]]
                    if everything or not (isinstance(word, Per) and not word.same):
                        del self.rearm[place]

    def _rules(self, on: Happening) -> None:
        happened: dict[int, Any] = {}
        fired: list[Any] = []
        late_rules = []
        for event in self.catalogue:
            primitive = event.signal.primitive
            if primitive.records is not on.kind:
                continue
            if isinstance(primitive, Absence):
                late_rules.append(event)
                continue
            if id(primitive) not in happened:
                happened[id(primitive)] = self._see(primitive, on)
            fired += self._evaluate(event, happened[id(primitive)], on)
        for event in late_rules:
            self._see(event.signal.primitive, on)
            if event.signal.primitive.after in fired:
                self.primitives[id(event.signal.primitive)].begin(on)

    def _see(self, primitive: Any, on: Happening) -> Any:
        if primitive.by == "line" and (on.line is None or (on.customer, on.line) in self.terminated):
            return []
        on.zone = self.zone_of(on) if primitive.by == "line" else self.zone_of_owner(on)
        return self.primitives[id(primitive)].see(on) if fires(primitive.condition(), on) else []

    def _evaluate(self, event: Any, found: Any, on: Happening) -> list[Any]:
        for channel, outputs in found:
            here = on.with_outputs(outputs)
            here.zone = self.zone_of(on) if event.by == "line" else self.zone_of_owner(on)
            if channel == event.signal.channel and fires(event.signal.condition, here) and self._allowed(event, here):
                scalar = self.primitives[id(event.signal.primitive)]
                if not on.timed:
                    scalar.emitted(scalar.key(on))
                self._emit(event, here)
                return [event]
        return []

    def _emit(self, event: Any, on: Happening) -> None:
        detail = {}
        for name, field in event.payload.items():
            shown = value(field.value, on)
            kind = field.type.__name__
            if kind == "Time" and shown is not None:
                from streams.engine.detection import rfc3339

                shown = rfc3339(shown)
            if isinstance(shown, date):
                shown = shown.isoformat()
            detail[name] = shown
        if any(field.type.__name__ == "Amount" for field in event.payload.values()):
            detail["currency"] = on.fields["currency"]
        self.found.append(Seen(event.id, on.key(event.by)[1], on.time, on.record_id, detail, self.consent.get(on.customer, "unknown")))

    # Re-arm

    def _allowed(self, event: Any, on: Happening) -> bool:
        scalar = self.primitives[id(event.signal.primitive)]
        base = scalar.key(on)
        checks = [self._word(event, number, word, base, on) for number, word in enumerate(event.words) if not isinstance(word, WindowWord)]
        if all(check[0] for check in checks):
            for _, done in checks:
                done()
            return True
        return False

    def _word(self, event: Any, number: int, word: Any, base: Any, on: Happening) -> Any:
        place = (event.id, number, base, *(value(node, on) for node in word.same))
        last = self.rearm.get(place)
        match word:
            case Cool():
                return self._cooled(word, last, on), lambda: self.rearm.__setitem__(place, on.time)
            case Per():
                lapsed = last is not None and len(word.same) > 0 and (on.time >= last + PER_VALUE_MS or misdated(last, on.time))
                return last is None or lapsed, lambda: self.rearm.__setitem__(place, on.time)
            case PerDay():
                today = civil_day(on.time, on.zone)
                return last is None or today > last or (last - today).days > 31, lambda: self.rearm.__setitem__(place, today)
            case PerLatest():
                trip = value(word.value, on)
                before = last or (None, None)
                another = before[1] is None or before[0] != trip or on.time >= before[1] + PER_VALUE_MS or misdated(before[1], on.time)
                allowed = another if trip is not None else self._cooled(word.otherwise, before[1], on)
                return allowed, lambda: self.rearm.__setitem__(place, (trip, on.time))
        raise TypeError(word)

    def _cooled(self, word: Cool, last: int | None, on: Happening) -> bool:
        if last is None or misdated(last, on.time):
            return True
        length = word.span.length if isinstance(word.span.length, int) else self.parameter(word.span.length)
        if word.span.civil:
            return (civil_day(on.time, on.zone) - civil_day(last, on.zone)).days >= length
        return on.time >= last + length

    # Timers

    def advance(self, clock: int) -> None:
        self.clock = max(self.clock, clock)
        self.fire_all()

    def fire_all(self) -> None:
        limit = self.clock - DELAY_MS
        if self.soonest <= limit:
            self._fire(lambda scalar: list(scalar.state), limit)
            self.soonest = min((due for _, scalar in self.timed for key in scalar.state if (due := scalar.due_of(key)) is not None), default=FAR)

    def _fire(self, keys: Any, limit: int) -> None:
        while True:
            waiting = [(due, event.id, event, key) for event, scalar in self.timed for key in keys(scalar) if (due := scalar.due_of(key)) is not None and due <= limit]
            if not waiting:
                return
            due, _, event, key = min(waiting, key=lambda w: w[:2])
            scalar = self.primitives[id(event.signal.primitive)]
            for channel, outputs in scalar.fire(key, due, None):
                on = outputs["anchor"].with_outputs(outputs)
                on.time, on.timed = due, True
                self._evaluate(event, [(channel, outputs)], on)

    def _cancel(self, line: Any) -> None:
        """The timers of a terminated line die."""
        for scalar in self.primitives.values():
            key = (line,)
            if isinstance(scalar, Timed) and scalar.due_of(key) is not None:
                match type(scalar).__name__:
                    case "ScalarAbsence":
                        (since, _, _), heard = scalar.state[key]
                        scalar.state[key] = ((since, None, None), heard)
                    case "ScalarSilence":
                        last, days, _, anchor = scalar.state[key]
                        scalar.state[key] = (last, days, None, anchor)
                    case "ScalarPlace":
                        scalar.state[key]["count_at"] = None


__all__ = ["Reading", "Seen"]

"""The whole reading: order, admission, timers, rules, as docs/semantics.md has them; one record at a time."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from schemas.codes import text_of
from schemas.raw import RECORD_TYPES, TOPICS
from tests.reference.civil import later
from tests.reference.happening import DELAY_MS, JUMP_MS, LATE_MS, Happening, Newest, Seen
from tests.reference.lines import Lines
from tests.reference.place import Places
from tests.reference.rule import ENDS, Rule
from tests.reference.view import View

if TYPE_CHECKING:
    from datetime import date

    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue

STATE_KEPT_DAYS = 7
NETWORK = TOPICS.index("raw.network")
LEAST_REMEMBERED, MOST_REMEMBERED = 16, 4096
FACTS = ("line.status", "line.owner", "customer.marketing_consent")
"""What everyone has, with any rules: each is late behind its own newest record."""


class Reading:
    def __init__(self, catalogue: Catalogue, reference: Reference, zone: str = "Asia/Shanghai", history_from: date | None = None) -> None:
        self.history_from = history_from
        self.catalogue, self.reference, self.default_zone = catalogue, reference, zone
        self.parameters = {id(p): catalogue.value(event, name) for event in catalogue for name, p in event.parameters.items()}
        self.places: dict[int, Places] = {}
        self.rules = sorted((Rule(event, self) for event in catalogue), key=lambda rule: rule.event.id)
        self.listeners = in_order([rule for rule in self.rules if rule.listens])
        self.looking: dict[type, list[Rule]] = {kind: [rule for rule in self.rules if kind in rule.kinds] for kind in RECORD_TYPES}
        """By type of record, the rules that look at it."""
        self.timed = [rule for rule in self.rules if rule.timed]
        self.composite = {rule.event: rule.composite for rule in self.rules}
        self.within_record = False
        self.queue: list[Any] = []
        """A heap of all timers: when each is due, then what orders those of one moment, whose it is, and its place. Those that were called off stand there, too."""
        self.armed = count()
        self.lines, self.once_owned = self._lines(reference.line)
        self.owned = Lines(reference.line, self)
        self.clock = 0
        self.unconfirmed: tuple[int, str] | None = None
        self.arrivals: dict[Any, dict[Any, list[Any]]] = {}
        """By customer and topic, then by id: of each record that was no repeat, how many of the stream came before it, and its time."""
        self.arrived: Counter[Any] = Counter()
        """By customer and topic, how many came that were no repeats."""
        self.latest: dict[Any, int] = {}
        self.ahead: dict[Any, int] = {}
        """By customer and topic, a time that the clock has not reached: it makes nothing late."""
        self.facts: dict[Any, Newest] = {}
        self.terminated: dict[Any, int | None] = {}
        """By line, when its state is dropped; None afterwards."""
        self.consent: dict[str, str] = {}
        self.first_seen: dict[Any, int] = {}
        """By scope and key, the earliest time of any of its records."""
        self.found: list[Seen] = []
        self.refused = 0

    def parameter(self, node: Any) -> int:
        return self.parameters.get(id(node), node.value)

    def add_place(self, declared: Any) -> None:
        self.places.setdefault(id(declared), Places(declared, self))

    def plain_view(self, on: Happening) -> View:
        """A record as no rule's."""
        return View(None, on, self)

    def only_line(self, on: Happening) -> str | None:
        return None if on.line is not None else self.owned.only(on.customer, on.time)

    # Zones

    def zone_of(self, by: str, on: Happening) -> str:
        """The zone of a key: the line's, or that of the lowest subscription_id which is the account's or customer's at the moment."""
        if by == "line":
            return self.line_zone(on.line, on.time)
        owner, at = (on.account, 1) if by == "account" else (on.customer, 0)
        valid = {line: [row for row in self.lines[line] if row[0] <= on.time] for line in self.once_owned.get((by, owner), ())}
        own = [(line, rows[-1][3]) for line, rows in valid.items() if rows and rows[-1][1 + at] == owner]
        return (min(own)[1] if own else "") or self.default_zone

    def line_zone(self, line: str | None, time: int) -> str:
        rows = [row for row in self.lines.get(line or "", ()) if row[0] <= time]
        return (rows[-1][3] if rows else "") or self.default_zone

    @staticmethod
    def _lines(table: Any) -> tuple[dict[str, list[Any]], dict[Any, set[str]]]:
        """For each line from when on it is which customer's and account's, and in which zone; and which lines were ever whose."""
        lines: dict[str, list[Any]] = {}
        owned: dict[Any, set[str]] = {}
        columns = (table.data["subscription_id"], table.valid_from, table.data["customer_id"], table.data["account_id"], table.data["tz"])
        for line, begin, *texts in zip(*(column.tolist() for column in columns), strict=False):
            customer, account, zone = (text_of(one) if one else "" for one in texts)
            lines.setdefault(text_of(line), []).append((begin, customer, account, zone))
            owned.setdefault(("customer", customer), set()).add(text_of(line))
            owned.setdefault(("account", account), set()).add(text_of(line))
        return {line: sorted(rows) for line, rows in lines.items()}, owned

    # Records

    def take(self, raw: dict[str, Any]) -> None:
        on = Happening(raw)
        if self._admitted(on):
            self.within_record = True
            self._happens(on)
            self.within_record = False
            for rule in self.timed:
                rule.set_again()
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
            later_one = max(waiting, (on.time, on.customer), key=lambda w: w[0])
            if others:
                self.clock = min(waiting[0], on.time)
            if later_one[0] > self.clock + JUMP_MS:
                self.unconfirmed = later_one
            else:
                self.clock = later_one[0]

    def _admitted(self, on: Happening) -> bool:
        """Whether a record is no repeat and not too late."""
        stream, identity = (on.customer, on.rank), (on.fields["source_system"], on.record_id)
        if self._remembers(stream, identity):
            return False
        self.arrivals.setdefault(stream, {}).setdefault(identity, []).append((self.arrived[stream], on.time))
        self.arrived[stream] += 1
        if self._newest(stream, on) - on.time > LATE_MS:
            self.refused += 1
            return False
        return True

    def _remembers(self, stream: Any, identity: Any) -> bool:
        """Whether an id is one of those with which a record of a customer and topic is compared."""
        ahead, arrived = self.ahead.get(stream), self.arrived[stream]
        newest = max(self.latest.get(stream, 0), ahead if ahead is not None and ahead <= self.clock else 0)
        own = [(at, time) for at, time in self.arrivals.get(stream, {}).get(identity, ()) if at >= arrived - MOST_REMEMBERED]
        return any(at >= arrived - LEAST_REMEMBERED or (stream[1] != NETWORK and time >= newest - LATE_MS) for at, time in own)

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

    def _happens(self, on: Happening) -> None:
        """An admitted record: the timers of its rows before it, what everyone has, the rules, the end of a line."""
        line = (on.customer, on.line)
        on.only = self.only_line(on)
        self._before(on)
        attribute, said = (on.fields["attribute"], on.fields["new_value"]) if on.kind.code == "L" else (None, None)
        if attribute in FACTS and self.facts.setdefault((on.customer, on.line if on.line and attribute.startswith("line.") else None, attribute), Newest()).take(
            on.time, self.clock
        ):
            attribute = None
        self.owned.take(on, said if attribute == "line.status" else None)
        dropped_at, limit = self.terminated.get(line), max(on.time - 1 if attribute == "line.status" else 0, self.clock - DELAY_MS)
        if dropped_at is not None and dropped_at <= limit:
            self.terminated[line] = None
            self._forget(line, everything=False)
        if (attribute, said) == ("line.status", "active") and line in self.terminated:
            del self.terminated[line]
            for rule in self.rules:
                rule.begin_again(line, on.time)
            for machine in self.places.values():
                machine.begin_again(line, on.time)
                self.expect(machine.due_of(line), machine, line)
        if attribute == "customer.marketing_consent":
            self.consent[on.customer] = said
        self._note_seen(on)
        self._take_places(on)
        self._run([event for rule in self.looking[on.kind] for event in rule.react(on)])
        if (attribute, said) == ("line.status", "terminated") and on.line and line not in self.terminated:
            self._cancel(line)
            self.terminated[line] = later(on.time, STATE_KEPT_DAYS, self.line_zone(on.line, on.time))
        if attribute == "line.owner" and on.line:
            self.owned.give_away(on)
            self._forget(line, everything=True)

    def _note_seen(self, on: Happening) -> None:
        for by, own in (("line", on.line), ("account", on.account), ("customer", on.customer)):
            ignored = by == "line" and (on.customer, own) in self.terminated and (on.kind.code != "L" or (on.fields["attribute"], on.fields["new_value"]) not in ENDS)
            if own is not None and not ignored:
                place = (by, (on.customer, own))
                self.first_seen[place] = min(on.time, self.first_seen.get(place, on.time))

    def _take_places(self, on: Happening) -> None:
        on.moved, line = {}, (on.customer, on.line)
        for number, machine in self.places.items() if line not in self.terminated else ():
            if (said := machine.take(on)) is not None:
                on.moved[number] = said
            self.expect(machine.due_of(line), machine, line)

    def _run(self, fresh: list[Happening]) -> None:
        """What the events of one cause cause in turn; then all of them are found, base rules first, each group by id."""
        for rule in self.listeners if fresh else ():
            for event in sorted((event for event in fresh if event.event in rule.listens), key=self._place):
                while due := rule.due_for(event):
                    fed = rule.feeds(event) & set(due)
                    if not fed:
                        break
                    self._run(rule.fire(*min(fed, key=lambda place: (due[place], str(place)))))
                fresh += rule.react(event)
        self.found += [event.seen for event in sorted(fresh, key=self._place) if event.seen is not None]

    def _place(self, event: Happening) -> Any:
        return (self.composite[event.event], event.event.id, event.seen.key if event.seen is not None else "")

    # Timers

    def advance(self, clock: int) -> None:
        self.clock = max(self.clock, clock)
        self.fire_all()

    def expect(self, due: int | None, one: Rule | Places, place: Any) -> None:
        """A timer of a rule or a place machine was set; None: none was."""
        if due is not None:
            order = ("", str(place)) if isinstance(one, Places) else (one.event.id, str(place[1]))
            heappush(self.queue, (due, *order, next(self.armed), one, place))

    def fire_all(self) -> None:
        """Those that the clock has reached."""
        limit = self.clock - DELAY_MS
        while self.queue and self.queue[0][0] <= limit:
            due, *_, one, place = heappop(self.queue)
            if due == one.due_of(place):
                self._fire(due, one, place)

    def _fire(self, due: int, one: Rule | Places, place: Any) -> None:
        if isinstance(one, Places):
            one.fire(place, due)
            self.expect(one.due_of(place), one, place)
        else:
            self._run(one.fire(*place))

    def _before(self, on: Happening) -> None:
        """The timers of the rows that a record goes into are due just before it."""
        line = (on.customer, on.line)
        while True:
            waiting = []
            for machine in self.places.values():
                due = machine.due_of(line)
                if due is not None and due < on.time and line not in self.terminated and machine.concerns(on):
                    waiting.append((due, "", "", machine, line))
            due_here = [(rule, due) for rule in self.timed if (due := rule.due_for(on))]
            if due_here:
                kept = [deepcopy(machine.lines.get(line)) for machine in self.places.values()]
                self._take_places(on)
                waiting += [(due[place], rule.event.id, str(place[1]), rule, place) for rule, due in due_here for place in rule.feeds(on) & set(due)]
                for machine, state in zip(self.places.values(), kept, strict=True):
                    machine.lines.pop(line, None)
                    if state is not None:
                        machine.lines[line] = state
            if not waiting:
                return
            due, _, _, one, place = min(waiting, key=lambda w: w[:3])
            self._fire(due, one, place)

    # The end of a line

    def _cancel(self, line: Any) -> None:
        for one in (*self.rules, *self.places.values()):
            one.cancel(line)

    def _forget(self, line: Any, *, everything: bool) -> None:
        for rule in self.rules:
            rule.forget(line, everything=everything)
        self.first_seen.pop(("line", line), None)
        for machine in self.places.values():
            machine.lines.pop(line, None)


def in_order(rules: list[Rule]) -> list[Rule]:
    """Rules that look at events, each behind those whose events it looks at; of equal ones by id."""
    found: list[Rule] = []

    def put(rule: Rule) -> None:
        if rule not in found:
            for other in rules:
                if other.event in rule.listens:
                    put(other)
            found.append(rule)

    for rule in rules:
        put(rule)
    return found


__all__ = ["Reading", "Seen"]

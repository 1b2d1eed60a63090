"""What the rules look at: a record, an event, a move, a due timer."""

from __future__ import annotations

from copy import copy
from datetime import date
from itertools import count
from typing import Any, NamedTuple

import msgspec

from schemas.raw import RECORD_TYPES, TOPICS, fields_of, type_name
from tests.reference.civil import parsed

STRUCTS = {type_name(record): record for record in RECORD_TYPES}
DELAY_MS = 5000
JUMP_MS = 31 * 86_400_000
LATE_MS = 48 * 3_600_000
numbers = count(1)


class Seen(NamedTuple):
    """One detection, as far as both readings tell it."""

    event: str
    key: str
    time: int
    anchor: str
    detail: dict[str, Any]
    consent: str


class Happening:
    """A moment with the record behind it. `number`: its place in the order of release; `own`: the marks of it and of all that it is made of."""

    def __init__(self, raw: dict[str, Any]) -> None:
        struct = msgspec.convert(raw, STRUCTS[raw["record_type"]])
        self.kind: type = type(struct)
        self.fields = {name: plain(info.kind, getattr(struct, name)) for name, info in fields_of(self.kind).items()}
        self.record_id, self.time = self.fields["record_id"], self.fields["event_time"]
        self.customer, self.account, self.line = self.fields["customer_id"], self.fields["account_id"], self.fields["subscription_id"]
        self.rank: int | None = TOPICS.index(struct.topic)
        """Of the topic; None at a timer."""
        self.number = self.mark = next(numbers)
        self.own = frozenset({self.mark})
        self.outputs: dict[Any, Any] = {(("records", self.kind), "time"): self.time}
        """What sources say of it."""
        self.moved: dict[Any, dict[str, Any]] = {}
        """What a place machine says of the move that this is."""
        self.sessions: dict[Any, Any] = {}
        """By session and key: the id, and whose mark it goes with."""
        self.anchor: int | None = None
        """The mark of the happening that set the timer which this is."""
        self.only: str | None = None
        """The customer's only active line, of a record that names none."""
        self.timed = False
        self.event: Any = None
        """The definition, of an event."""
        self.seen: Seen | None = None

    def __deepcopy__(self, memo: Any) -> Happening:
        return self

    def said(self, source: Any, **outputs: Any) -> Happening:
        """The same moment with what `source` says of it."""
        other = copy(self)
        other.outputs = {**self.outputs, (source, "time"): self.time, **{(source, name): shown for name, shown in outputs.items()}}
        return other

    def part(self, source: Any, name: str) -> Happening:
        """This as one of several in an any_of, where a record may be two."""
        other = self.said(source, name=name)
        other.mark = next(numbers)
        other.own, other.sessions = self.own | {other.mark}, dict(self.sessions)
        return other

    def of_line(self, line: str, account: str | None) -> Happening:
        """The same as one of a line that it does not name."""
        other = copy(self)
        other.line, other.account = line, account
        other.fields = {**self.fields, "subscription_id": line}
        return other

    def emitted(self, event: Any, seen: Seen) -> Happening:
        """The event that this causes, directly behind it."""
        other = self.said(("events", event))
        other.number = other.mark = next(numbers)
        other.own = self.own | {other.mark}
        other.event, other.seen = event, seen
        return other

    def due(self, source: Any, moment: int) -> Happening:
        """The timer that this set."""
        other = copy(self)
        other.number = other.mark = next(numbers)
        other.own, other.anchor = frozenset({other.mark}), self.mark
        other.time, other.timed, other.rank, other.event, other.seen = moment, True, None, None, None
        other.only = None
        other.outputs = {**self.outputs, (source, "time"): moment}
        return other


def before(one: Any, other: Any) -> bool:
    """Whether `one` counts as before `other`: by time, then where they are of two topics, else by the order of release."""
    if one.time != other.time:
        return bool(one.time < other.time)
    two_topics = one.rank is not None and other.rank is not None and one.rank != other.rank
    return two_topics or one.number < other.number


def plain(kind: str, raw: Any) -> Any:
    if kind == "time" and isinstance(raw, str):
        return parsed(raw)
    if kind == "date" and isinstance(raw, str):
        return date.fromisoformat(raw)
    return raw


def misdated(last: int, now: int) -> bool:
    """What lies more than a month ahead of a record was dated wrongly: it stops nothing."""
    return last > now + JUMP_MS


class Newest:
    """The greatest time that a state has taken in; one far ahead of the clock does not count, for it may be dated wrongly."""

    def __init__(self) -> None:
        self.time: int | None = None

    def late(self, time: int) -> bool:
        return self.time is not None and time < self.time and not misdated(self.time, time)

    def take(self, time: int, clock: int) -> bool:
        """Take a time in; whether it is late."""
        late = self.late(time)
        if not clock or time <= clock + JUMP_MS:
            self.time = time if self.time is None or misdated(self.time, time) else max(self.time, time)
        return late

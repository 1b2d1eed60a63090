"""What a case consists of, and how it is played through the real engine: whole, record by record, and with a new process after every record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from tests.shards import Bench, Raw, epoch_ms

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.define import Event

BASE = epoch_ms("2026-05-04T00:00:00+08:00")
"""Moment 0 of every case: a Monday 00:00 in the zone of its lines."""
TIMER_DELAY_MS = 5_000
"""A timer that is due at d fires when the clock is at d + 5 s; a case's clock w is therefore Kairos' clock w + 5 s (`docs/semantics.md` 1.2)."""
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
TIMES = ("event_time", "start_time", "answer_time")
"""Fields that are moments, in a story in the case's unit."""
REFERENCE = Reference.load(country="CN")
_numbers = count(1)


class Clock(NamedTuple):
    """The clock is moved on to `at` (in the case's unit); a process may end behind it."""

    at: float


class Found(NamedTuple):
    """An event: its time in the case's unit, its detail, whose it is."""

    at: float
    detail: dict[str, Any]
    who: str = "1"


def utc(at: float, unit_ms: int = SECOND) -> str:
    """A moment in the case's unit as a payload shows it."""
    return (datetime.fromtimestamp(BASE / 1000, UTC) + timedelta(milliseconds=round(at * unit_ms))).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Story(NamedTuple):
    """Records in the order of arrival (`event_time` in the case's unit), and the events that they cause; `late`: how many are dead-lettered as late."""

    steps: list[Raw | Clock]
    found: list[Found]
    late: int = 0


class Case(NamedTuple):
    """One timeline of another engine. `unit_ms`: how long one of its units is here; `waits`: what `wait.<topic>` is set to, in its unit.

    `beside`: a timeline of our own beside one that causes no event, in which the same rule fires.
    """

    id: str
    rule: type[Event] | list[type[Event]]
    story: Story
    beside: Story | None = None
    unit_ms: int = SECOND
    waits: dict[str, float] | None = None

    def played(self, story: Story, *, most: int = 20_000, restarting: bool = False) -> tuple[list[Found], set[str], int]:
        """The events, their ids, and the records dead-lettered as late."""
        bench = Bench(catalogue=catalogue(self.rule), reference=REFERENCE, waits={topic: int(wait * self.unit_ms) for topic, wait in (self.waits or {}).items()})
        detections = []
        for step in batches(story.steps):
            if isinstance(step, Clock):
                due = bench.advance(self.moment(step.at) + TIMER_DELAY_MS)
                assert all(one.time <= self.moment(step.at) for one in due), "nothing is found before its time"
                detections += due
                if restarting:
                    bench.restart()
            else:
                bench.queue([raw | {name: self.moment(raw[name]) for name in TIMES if name in raw} for raw in step])
                detections += bench.drain(most, restarting=restarting)
        found = [Found((one.time - BASE) / self.unit_ms, one.detail, one.who.customer_id[1:]) for one in detections]
        assert set(bench.rejects) <= {"late"}
        ids = [event_id(one) for one in detections]
        assert len(set(ids)) == len(ids), "event ids are unique"
        return sorted(found, key=str), set(ids), len(bench.rejects)

    def moment(self, at: float) -> int:
        """Epoch ms of a moment in the case's unit."""
        return BASE + round(at * self.unit_ms)


def check(case: Case, story: Story) -> None:
    """The story's events, and the same ones with the same ids for every cut and restart."""
    found, ids, late = case.played(story)
    assert found == sorted((Found(float(one.at), one.detail, one.who) for one in story.found), key=str)
    assert late == story.late
    assert case.played(story, most=1) == (found, ids, late), "record by record"
    assert case.played(story, most=1, restarting=True) == (found, ids, late), "with a new process after every record"


def batches(steps: Iterable[Raw | Clock]) -> Iterable[list[Raw] | Clock]:
    """Records that follow each other together, moves of the clock between them."""
    records: list[Raw] = []
    for step in steps:
        if not isinstance(step, Clock):
            records.append(step)
            continue
        if records:
            yield records
        records = []
        yield step
    if records:
        yield records


@cache
def _catalogue(rules: tuple[type[Event], ...]) -> Catalogue:
    return Catalogue(list(rules))


def catalogue(rule: type[Event] | list[type[Event]]) -> Catalogue:
    """The rules of a case, and no others."""
    return _catalogue(tuple(rule) if isinstance(rule, list) else (rule,))


# Records, of the line, account and customer `who`


def record(record_type: str, at: float, who: str, **fields: Any) -> Raw:
    envelope = {"record_id": f"{record_type}-{next(_numbers)}", "record_type": record_type, "schema_version": 1, "source_system": "case", "event_time": at}
    return {**envelope, "customer_id": f"C{who}", "account_id": f"A{who}", "subscription_id": f"S{who}", **fields}


def view(kind: str, at: float, name: str | None = None, who: str = "1") -> Raw:
    """A page view stands for an event without values: its page is the event's type, its `view_id` the event's name."""
    return record("page_view", at, who, page=kind, view_id=name or kind, platform="app", page_category="other")


def use(kind: str, at: float, name: str | None = None, price: int = 0, quantity: int = 1, who: str = "1") -> Raw:
    """A service used stands for an event with a value: its service is the event's type, `provider_id` its name, `price` in hundredths."""
    return record("vas_usage", at, who, service_code=kind, provider_id=name or kind, service_category="other", quantity=quantity, charge_minor=price, currency="CNY")

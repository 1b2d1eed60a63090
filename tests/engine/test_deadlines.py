"""P8 deadlines, both sides of every bound: when a moment is past, what moves it, calls it off or catches up, and clocks that change (`docs/semantics.md` §1.3, §1.7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from events.stories import record
from events.words import B, C, V, main, topups
from schemas.reference import Reference
from streams.define import Param, day, event_time
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

hour = Param("10:00", doc="at this time of day", name="hour")
ends = B.valid_until
EVENTS = [
    toy("at_end", "line", main.at(ends), ended=ends, at=event_time),
    toy("unless", "line", main.at(ends).unless(topups), at=event_time),
    toy("day_before", "line", main.on(ends.date - "1d", at=hour), parameters=(hour,), left=ends.date - day, at=event_time),
    toy("last_call", "line", main.on(ends.date - "7d", at="10:00", catch_up_until=ends.date), left=ends.date - day, at=event_time),
    toy("two_days_after", "line", V.all.after("2d"), at=event_time),
    toy("a_day_after", "line", V.all.after("24h"), at=event_time),
    toy("low", "line", main.where(B.balance_after < 10)),
    toy("night", "line", main.on(ends.date, at="02:30"), at=event_time),
    toy("unanswered", "customer", C.where(C.status == "opened").without(C.where(C.status == "completed"), within="2h").latest, at=event_time),
]
EVENTS.append(toy("after_low", "line", next(one for one in EVENTS if one.id == "toy.low").after("36h").unless(topups), at=event_time))
CATALOGUE = Catalogue(EVENTS)
SHANGHAI = "+08:00"
REFERENCE = Reference.load(Path(__file__).parent.parent / "events" / "reference_berlin")
"""Line S1 lives in Shanghai, S2 in Berlin."""


def balance(at, until=None, operation="charge", zone=SHANGHAI, **more):
    whole = {
        "bucket_id": "main",
        "bucket_kind": "money",
        "main": True,
        "unit": "minor",
        "currency": "CNY",
        "delta": -1 if operation == "charge" else 1,
        "balance_after": more.pop("balance_after", 5),
    }
    reason = {"charge_reason": "data"} if operation == "charge" else {}
    return record("balance_change", "1 00:00", **whole, **reason, operation=operation, valid_until=until and until + zone, **more) | {"event_time": at + zone}


def found(name, *records, size=20_000):
    bench = Bench(catalogue=CATALOGUE, reference=REFERENCE)
    bench.queue(records)
    seen = bench.drain(size, restarting=size == 1)
    last = max(epoch_ms(one["event_time"]) for one in records)
    seen += bench.advance(last + 90 * 86_400_000)
    return [one.detail for one in seen if one.event == f"toy.{name}"]


def times(name, *records, offset=8):
    """The local times of the events, equal in one batch and record by record with restarts."""
    whole, cut = (found(name, *records, size=size) for size in (20_000, 1))
    assert whole == cut
    return [(datetime.fromisoformat(one["at"]) + timedelta(hours=offset)).strftime("%m-%d %H:%M:%S.%f")[:-3] for one in whole]


@pytest.mark.parametrize(
    ("learnt", "events"),
    [("2026-05-01T10:00:00.000", ["05-01 10:00:00.000"]), ("2026-05-01T10:00:00.001", []), ("2026-04-30T00:00:00.000", ["05-01 10:00:00.000"])],
    ids=["at the moment itself", "a millisecond too late", "before"],
)
def test_a_moment_is_past_only_behind_itself(learnt, events):
    assert times("at_end", balance(learnt, "2026-05-01T10:00:00.000")) == events


def test_a_later_record_moves_it_and_an_unknown_date_does_not():
    first, unknown, later = balance("2026-05-01T10:00:00", "2026-05-03T10:00:00"), balance("2026-05-01T11:00:00"), balance("2026-05-01T12:00:00", "2026-05-04T10:00:00")
    assert times("at_end", first, unknown) == ["05-03 10:00:00.000"]
    assert times("at_end", first, unknown, later) == ["05-04 10:00:00.000"]


def test_a_new_date_that_is_past_leaves_no_timer():
    first, past = balance("2026-05-01T10:00:00", "2026-05-03T10:00:00"), balance("2026-05-02T10:00:00", "2026-05-02T09:59:59.999")
    assert times("at_end", first, past) == []


def test_a_late_record_does_not_move_it():
    newer, late = balance("2026-05-01T12:00:00", "2026-05-03T10:00:00"), balance("2026-05-01T11:00:00", "2026-05-04T10:00:00")
    assert times("at_end", newer, late) == ["05-03 10:00:00.000"]


@pytest.mark.parametrize(
    ("at", "events"),
    [("2026-05-03T09:59:59.999", []), ("2026-05-03T10:00:00.000", []), ("2026-05-03T10:00:00.001", ["05-03 10:00:00.000"]), ("2026-05-01T09:59:59.999", ["05-03 10:00:00.000"])],
    ids=["just before", "at it", "behind it", "before it was learnt"],
)
def test_what_calls_off_counts_up_to_the_moment_itself(at, events):
    named, topup = balance("2026-05-01T10:00:00", "2026-05-03T10:00:00"), balance(at, operation="topup")
    assert times("unless", *sorted([named, topup], key=lambda one: one["event_time"])) == events


def test_one_that_came_before_the_late_record_that_names_the_moment_calls_it_off():
    topup, late = balance("2026-05-01T11:00:00", operation="topup"), balance("2026-05-01T10:00:00", "2026-05-03T10:00:00")
    assert times("unless", topup, late) == []


def test_a_day_before_at_a_time_of_day():
    assert found("day_before", balance("2026-05-01T10:00:00", "2026-05-09T23:59:59.999"))[0] == {"left": 1, "at": "2026-05-08T02:00:00.000Z"}
    assert times("day_before", balance("2026-05-01T10:00:00", "2026-05-10T00:00:00.000")) == ["05-09 10:00:00.000"], "00:00 has that civil date"
    assert times("day_before", balance("2026-05-08T10:00:00.001", "2026-05-09T12:00:00")) == []


@pytest.mark.parametrize(
    ("learnt", "events"),
    [
        ("2026-05-02T10:00:00.000", ["05-02 10:00:00.000"]),
        ("2026-05-02T10:00:00.001", ["05-02 10:00:00.001"]),
        ("2026-05-08T23:59:59.999", ["05-08 23:59:59.999"]),
        ("2026-05-09T00:00:00.000", []),
    ],
    ids=["in time", "learnt late", "on the last day before", "on the day itself"],
)
def test_what_is_learnt_late_catches_up_before_the_day_itself(learnt, events):
    assert times("last_call", balance(learnt, "2026-05-09T12:00:00")) == events


def test_civil_days_and_elapsed_hours_differ_where_clocks_change():
    """In Berlin 2026-03-29 has 23 hours, 2026-10-25 has 25."""
    call = {
        "direction": "mo",
        "other_party": "t:1",
        "other_class": "onnet",
        "roaming": False,
        "start_time": "2026-03-28T12:00:00+01:00",
        "outcome": "no_answer",
        "duration_s": 0,
        "subscription_id": "S2",
    }
    spring = record("voice_usage", "1 00:00", **call) | {"event_time": "2026-03-28T12:00:00+01:00"}
    autumn = record("voice_usage", "1 00:00", **call) | {"event_time": "2026-10-24T12:00:00+02:00"}
    assert [one["at"] for one in found("two_days_after", spring)] == ["2026-03-30T10:00:00.000Z"]
    assert [one["at"] for one in found("a_day_after", spring)] == ["2026-03-29T11:00:00.000Z"]
    assert [one["at"] for one in found("two_days_after", autumn)] == ["2026-10-26T11:00:00.000Z"]


@pytest.mark.parametrize(
    ("until", "at"),
    [("2026-03-29T20:00:00+02:00", "2026-03-29T01:30:00.000Z"), ("2026-10-25T20:00:00+01:00", "2026-10-25T00:30:00.000Z")],
    ids=["02:30 is not there: 03:30", "02:30 is there twice: the first"],
)
def test_a_time_of_day_that_is_missing_or_there_twice(until, at):
    named = balance(f"{until[:8]}01T10:00:00", zone="+01:00") | {"valid_until": until, "subscription_id": "S2"}
    assert [one["at"] for one in found("night", named)] == [at]


def test_with_latest_each_one_begins_the_wait_again():
    def opened(at, status="opened"):
        done = {"resolution": "resolved"} if status == "completed" else {}
        said = {"interaction_id": at, "direction": "inbound", "channel": "chat", "status": status, "reason": "billing", "start_time": "2026-05-01T00:00:00+08:00", **done}
        return record("interaction", f"1 {at}", **said)

    assert times("unanswered", opened("10:00"), opened("11:30")) == ["05-01 13:30:00.000"]
    assert times("unanswered", opened("10:00"), opened("11:30"), opened("13:30", "completed")) == []
    assert times("unanswered", opened("10:00"), opened("12:00:00.001")) == ["05-01 12:00:00.000", "05-01 14:00:00.001"]


def test_so_long_after_the_latest_event_of_another_definition():
    first, second = balance("2026-05-01T10:00:00"), balance("2026-05-02T10:00:00")
    assert times("after_low", first, second) == ["05-03 22:00:00.000"]
    assert times("after_low", first, balance("2026-05-02T22:00:00.001")) == ["05-02 22:00:00.000", "05-04 10:00:00.001"]
    assert times("after_low", first, balance("2026-05-02T22:00:00", operation="topup", balance_after=2000)) == []


def status(was, now, at):
    moved = {"entity": "line", "entity_id": "S1", "attribute": "line.status", "old_value": was, "new_value": now}
    return record("state_change", "1 00:00", **moved) | {"event_time": at + SHANGHAI}


@pytest.mark.parametrize(
    ("back", "events"),
    [("2026-05-03T09:59:59", ["05-03 10:00:00.000"]), ("2026-05-03T10:00:00", ["05-03 10:00:00.000"]), ("2026-05-03T10:00:00.001", []), ("2026-05-09T00:00:00", [])],
    ids=["before the moment", "at it", "behind it", "with an empty state"],
)
def test_the_dates_of_a_line_that_comes_back_count_again(back, events):
    named, ended = balance("2026-05-01T10:00:00", "2026-05-03T10:00:00"), status("active", "terminated", "2026-05-01T12:00:00")
    assert times("at_end", named, ended, status("terminated", "active", back)) == events
    assert times("at_end", named, ended) == []

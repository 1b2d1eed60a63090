"""P4 baselines, both sides of every bound: which days and weeks are complete, when weeks close, when a key was first seen, and clocks that change."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from events.stories import record
from events.words import G, V, charges
from schemas.reference import Reference
from streams.define import DefinitionFault, Param, event_time, first_seen, reset, week
from streams.definitions.catalogue import Catalogue
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT") == "1"
talks = V.where(V.duration_s >= 1)
n = Param(3, unit="days", doc="so many days", name="n", ge=1, le=9)
three, two_before = talks.daily(n), talks.daily(2, least=2, ago=1)
week_before, weeks = talks.weekly(1), talks.weekly(3, least=2)
EVENTS = [
    toy("days", "line", talks, parameters=(n,), n=three.count(), sum=three.sum(V.duration_s), mean=three.mean(V.duration_s), before=two_before.sum(V.duration_s)),
    toy("weeks", "line", talks, last=week_before.sum(V.duration_s), mean=weeks.mean_count(), falls=weeks.falls(V.duration_s), monday=week),
    toy("closes", "line", talks.week_closes(2), at=event_time, last=week_before.sum(V.duration_s), since=talks.time),
    toy("seen", "line", G.all, since=first_seen),
    toy("emptied", "line", talks.where(talks.within("2d").count() >= 2, three.count() >= 0), reset, parameters=(n,), n=three.count()),
    toy("floor", "line", talks, sum=three.sum(V.duration_s).where(three.sum(V.duration_s) >= n * 100), parameters=(n,)),
]
CATALOGUE = Catalogue(EVENTS)
SHANGHAI, BERLIN = "+08:00", "+01:00"
REFERENCE = Reference.load(Path(__file__).parent.parent / "events" / "reference_berlin")
"""Line S1 lives in Shanghai, S2 in Berlin."""


def call(at, seconds=60, zone=SHANGHAI, **more):
    basics = {"direction": "mo", "other_party": "t:1", "other_class": "onnet", "roaming": False, "start_time": "2026-01-01T00:00:00Z", "answer_time": "2026-01-01T00:00:00Z"}
    return record("voice_usage", "1 00:00", outcome="answered", duration_s=seconds, **{**basics, **more}) | {"event_time": f"2026-{at}{zone}"}


def seen(at, zone=SHANGHAI, **more):
    return record("location_update", "1 00:00", update_type="periodic", plmn="460-00", roaming=False, cell_id="310000-1", **more) | {"event_time": f"2026-{at}{zone}"}


def status(at, old, new, line="S1"):
    change = {"entity": "line", "entity_id": line, "attribute": "line.status", "old_value": old, "new_value": new}
    return record("state_change", "1 00:00", subscription_id=line, **change) | {"event_time": f"2026-{at}{SHANGHAI}"}


def found(name, *records):
    """The details of the events, equal in one batch and record by record with restarts."""

    def run(size):
        bench = Bench(catalogue=CATALOGUE, reference=REFERENCE)
        bench.queue(records)
        events = bench.drain(size, restarting=size == 1)
        events += bench.advance(max(epoch_ms(one["event_time"]) for one in records) + 90 * 86_400_000)
        return [one.detail for one in events if one.event == f"toy.{name}"]

    whole = run(20_000)
    assert whole == run(1)
    return whole


def times(name, *records, offset=8):
    """The local times of the events."""
    return [(datetime.fromisoformat(one["at"]) + timedelta(hours=offset)).strftime("%m-%d %H:%M") for one in found(name, *records)]


# Days


def test_complete_days_are_those_after_the_first_and_before_today():
    story = [call("05-01T10:00:00", 1), call("05-02T23:59:59.999", 10), call("05-03T00:00:00", 100), call("05-04T00:00:00", 1000), call("05-06T12:00:00", 5)]
    counts = [(one["n"], one["sum"], one["mean"]) for one in found("days", *story)]
    assert counts == [(None, None, None), (None, None, None), (1, 10, "10.00"), (2, 110, "55.00"), (2, 1100, "366.67")]


def test_least_counts_the_days_that_are_left():
    """Two days before the one before: with `ago` the first day of the key must be three days back."""
    story = [seen("05-01T10:00:00"), call("05-02T10:00:00", 10), call("05-04T10:00:00", 1), call("05-05T00:00:00", 1)]
    assert [one["before"] for one in found("days", *story)] == [None, None, 10]


def test_a_late_record_is_of_its_own_day_and_sees_the_days_before_that():
    story = [seen("05-01T10:00:00"), call("05-03T10:00:00", 10), call("05-05T10:00:00", 1), call("05-04T10:00:00", 7), call("05-05T11:00:00", 1)]
    assert [one["sum"] for one in found("days", *story)] == [0, 10, 10, 17]


def test_a_misdated_record_leaves_the_days_before_as_they_are():
    story = [seen("05-01T10:00:00"), call("05-03T10:00:00", 10), call("09-01T10:00:00", 1), call("05-04T10:00:00", 7), call("05-05T11:00:00", 1)]
    assert [one["sum"] for one in found("days", *story)] == [0, 0, 10, 17]


def test_a_reset_empties_no_baseline():
    story = [seen("05-01T10:00:00"), call("05-02T10:00:00"), call("05-02T11:00:00"), call("05-03T10:00:00"), call("05-04T10:00:00"), call("05-05T10:00:00")]
    assert [one["n"] for one in found("emptied", *story)] == [2, 4]


def test_what_is_too_little_is_unknown():
    story = [seen("05-01T10:00:00"), call("05-02T10:00:00", 299), call("05-03T10:00:00", 1), call("05-04T10:00:00", 1)]
    assert [one["sum"] for one in found("floor", *story)] == [None, None, 300]


def test_the_days_of_a_line_in_berlin_are_those_of_berlin():
    """The clock goes back on 25 October: a day of 25 hours."""
    story = [
        seen("10-20T10:00:00", subscription_id="S2"),
        call("10-25T00:00:00", 10, "+02:00", subscription_id="S2"),
        call("10-25T23:59:59.999", 100, BERLIN, subscription_id="S2"),
        call("10-26T00:00:00", 1, BERLIN, subscription_id="S2"),
    ]
    assert [one["sum"] for one in found("days", *story)] == [0, 0, 110]


# First seen


def test_first_seen_is_the_earliest_of_all_records_and_a_late_one_moves_it_back():
    story = [call("05-02T10:00:00"), *(seen(f"05-{at}:00:00") for at in ("02T11", "01T23", "02T12")), seen("05-01T13:00:00", subscription_id="S2")]
    assert [one["since"][5:13] for one in found("seen", *story)] == ["05-02T02", "05-01T15", "05-01T15", "05-01T05"]


def test_a_line_that_comes_back_after_its_state_was_dropped_is_seen_again():
    story = [seen("05-01T10:00:00"), status("05-02T10:00:00", "active", "terminated"), status("05-12T10:00:00", "terminated", "active"), seen("05-13T10:00:00")]
    assert [one["since"] for one in found("seen", *story)] == ["2026-05-01T02:00:00.000Z", "2026-05-12T02:00:00.000Z"]


def test_a_line_that_comes_back_in_time_is_the_same():
    story = [seen("05-01T10:00:00"), status("05-02T10:00:00", "active", "terminated"), status("05-08T10:00:00", "terminated", "active"), seen("05-13T10:00:00")]
    assert [one["since"] for one in found("seen", *story)] == ["2026-05-01T02:00:00.000Z"] * 2


# Weeks


def test_a_week_is_complete_if_the_line_was_seen_before_its_monday():
    """4 May 2026 is a Monday."""
    story = [call("05-05T10:00:00", 30), call("05-12T10:00:00", 20), call("05-19T10:00:00", 10)]
    assert [one["last"] for one in found("weeks", seen("05-03T23:59:59.999"), *story)] == [None, 30, 20]
    assert [one["last"] for one in found("weeks", seen("05-04T00:00:00"), *story)] == [None, None, 20]
    assert [(one["mean"], one["falls"]) for one in found("weeks", seen("05-03T23:59:59.999"), *story)] == [(None, None), (None, None), ("1.00", 1)]
    assert [one["monday"] for one in found("weeks", *story)] == ["2026-05-04", "2026-05-11", "2026-05-18"]


@pytest.mark.parametrize(("seconds", "falls"), [((40, 30, 20), 2), ((40, 30, 30), 0), ((40, 30, 31), 0), ((30, 30, 20), 1), ((0, 30, 0), 1), ((0, 0, 0), 0)], ids=str)
def test_falls_are_counted_from_the_newest_week_back_until_one_is_no_fall(seconds, falls):
    story = [call(f"05-{5 + 7 * number:02d}T10:00:00", length) for number, length in enumerate(seconds) if length]
    assert found("weeks", seen("05-03T10:00:00"), *story, call("05-26T10:00:00"))[-1]["falls"] == falls


def test_weeks_close_on_the_mondays_behind_the_last_call():
    assert times("closes", call("05-05T10:00:00")) == ["05-11 00:00", "05-18 00:00"]
    assert times("closes", call("05-05T10:00:00"), call("05-12T10:00:00")) == ["05-11 00:00", "05-18 00:00", "05-25 00:00"]


def test_what_happens_at_monday_midnight_is_of_the_new_week():
    story = [seen("05-01T10:00:00"), call("05-10T23:59:59.999", 30), call("05-11T00:00:00", 20)]
    assert [(one["last"], one["since"][5:16]) for one in found("closes", *story)] == [(30, "05-10T16:00"), (20, "05-10T16:00"), (0, "05-10T16:00")]


def test_a_monday_comes_once_whatever_comes_late():
    story = [call("05-05T10:00:00"), call("05-11T10:00:00", subscription_id="S2"), call("05-10T12:00:00"), call("05-09T12:00:00")]
    assert sorted(times("closes", *story)) == ["05-11 00:00", "05-18 00:00", "05-18 06:00", "05-25 06:00"], "two of each line, where it lives"


def test_mondays_that_are_past_when_they_are_learnt_come_at_once():
    """The topic of usage was behind: another one has moved the clock on to June."""
    story = [seen("06-05T10:00:00", customer_id="C2", subscription_id="S3", account_id="A2"), call("05-05T10:00:00", 30)]
    assert times("closes", *story) == ["05-11 00:00", "05-18 00:00"]


def test_weeks_close_at_midnight_where_the_line_lives():
    """Berlin sets the clock forward on 29 March: the week closes at 22:00 UTC."""
    assert times("closes", call("03-25T10:00:00", zone=BERLIN, subscription_id="S2"), offset=2) == ["03-30 00:00", "04-06 00:00"]
    assert times("closes", call("03-18T10:00:00", zone=BERLIN, subscription_id="S2"), offset=0) == ["03-22 23:00", "03-29 22:00"]


def test_weeks_of_a_terminated_line_do_not_close():
    story = [call("05-05T10:00:00"), status("05-06T10:00:00", "active", "terminated")]
    assert times("closes", *story) == []
    assert times("closes", *story, status("05-10T10:00:00", "terminated", "active")) == ["05-11 00:00", "05-18 00:00"]
    assert times("closes", *story, status("05-13T09:00:00", "terminated", "active")) == ["05-18 00:00"]
    assert times("closes", *story, status("05-14T10:00:00", "terminated", "active"), call("05-15T10:00:00")) == ["05-18 00:00", "05-25 00:00"]


# What is refused


@pytest.mark.parametrize(
    ("declare", "says"),
    [
        (lambda: talks.daily(0), "wanted 1 <= least <= n"),
        (lambda: talks.daily(3, least=4), "wanted 1 <= least <= n"),
        (lambda: talks.weekly(3, ago=-1), "ago >= 0"),
        (lambda: talks.weekly(60), "at most 400 days"),
        (lambda: talks.daily("28d"), "wanted a whole number or a parameter"),
        (lambda: talks.daily(V.duration_s), "wanted a whole number or a parameter"),
        (lambda: three.distinct(V.other_party), "wanted one of count, sum, periods, falls"),
        (lambda: three.before(), "never contains the trigger"),
        (lambda: three.sum(V.duration_s).reaches(5), "wanted a count or a sum with the record itself"),
        (lambda: talks.week_closes(0), "wanted 1 to 60 weeks"),
        (lambda: talks.week_closes(61), "wanted 1 to 60 weeks"),
    ],
)
def test_what_cannot_be_meant_is_refused(declare, says):
    with pytest.raises(DefinitionFault, match=says):
        declare()


def test_money_needs_one_currency():
    assert charges.daily(28).stream.by_value, "the shared stream is split by currency"


@pytest.mark.skipif(INTERPRETED, reason="is that run")
def test_the_same_interpreted():
    run = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider"], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:]

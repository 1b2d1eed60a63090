"""The scalar reading on its own: the hard cases of docs/semantics.md §5 that toy definitions can say."""

from __future__ import annotations

import pytest

from events.stories import call, charge, moment, roaming, seen, session, topup
from tests.reference.civil import parsed
from tests.reference.toys import (
    CallDropped,
    CityChanged,
    ComplaintFiled,
    Completed,
    DataSilent,
    DayStep,
    Depleted,
    DropsRepeated,
    DropThenComplaint,
    Eventually,
    IntlArrival,
    Lives,
    Low,
    Missing,
    Network,
    OrderCompleted,
    OrderStuck,
    RapidDrop,
    Recovered,
    Rescued,
    ReturnedHome,
    Sightings,
    Signals,
    SmallFrequent,
    SmsBurst,
    TouristCity,
    TripStarted,
    complaint,
    names,
    order,
    owner,
    published,
    read,
    sms,
    status,
)

# H1 out of order


def test_h1a_two_topics_in_either_order():
    drop, filed = call("10:00:00", "dropped"), complaint("10:00:02")
    events = (CallDropped, ComplaintFiled, DropThenComplaint)
    found = {("care.complaint_filed", "1 10:00:02"), ("net.call_dropped", "1 10:00:00"), ("net.drop_then_complaint", "1 10:00:02")}
    assert set(names(filed, drop, events=events)) == set(names(drop, filed, events=events)) == found
    pair = next(one for one in read(filed, drop, events=events).found if one.event == "net.drop_then_complaint")
    assert (pair.anchor, pair.detail) == (filed["record_id"], {"gap_s": 2})


def test_h1b_a_late_crossing_is_no_event_but_the_first_half_of_a_pair():
    up, down = topup(800, 5800, "10:00:03"), charge(800, 0, "10:00:00")
    events = (Depleted, Completed, Rescued)
    assert names(up, down, events=events) == [("topup.completed", "1 10:00:03"), ("topup.rescued", "1 10:00:03")]
    assert published(up, down, events=(Rescued,)) == [("topup.rescued", "1 10:00:03", {"amount": 5000, "gap_s": 3, "currency": "CNY"})]
    assert names(down, up, events=events) == [("balance.depleted", "1 10:00:00"), ("topup.completed", "1 10:00:03"), ("topup.rescued", "1 10:00:03")]


# H2 ties


def test_h2a_equal_times_of_two_topics():
    drop, filed = call("10:00", "dropped"), complaint("10:00")
    for records in ((drop, filed), (filed, drop)):
        assert ("net.drop_then_complaint", "1 10:00:00", {"gap_s": 0}) in published(*records, events=(ComplaintFiled, DropThenComplaint))


def test_h2b_one_instant_in_the_order_of_the_topic():
    records = charge(1100, 900), topup(900, 2900)
    assert [name for name, _ in names(*records, events=(Low, Recovered, Completed))] == ["balance.low", "balance.recovered", "topup.completed"]
    assert [name for name, _ in names(*reversed(records), events=(Low, Recovered, Completed))] == ["topup.completed", "balance.low"]


@pytest.mark.parametrize(("first", "found"), [("10:00:00.001", [("sms.burst", "1 10:10:00", {"messages": 30})]), ("10:00:00.000", [])])
def test_h2c_the_edge_of_a_window(first, found):
    assert published(*(sms(first) for _ in range(29)), sms("10:10:00.000"), events=(SmsBurst,)) == found


def test_h2d_what_is_awaited_at_the_very_end_is_in_time():
    placed = order("acknowledged", "1 12:00")
    events = (OrderStuck, OrderCompleted)
    assert names(placed, order("completed", "3 12:00"), events=events, until="9 00:00") == [("order.completed", "3 12:00:00")]
    assert names(placed, order("completed", "3 12:00:00.001"), events=events) == [("order.stuck", "3 12:00:00"), ("order.completed", "3 12:00:00.001")]


# H3 re-arm


def test_h3_levels():
    records = [
        *(charge(1200, 900, "10:00"), topup(900, 1500, "10:01"), charge(1500, 950, "10:02"), topup(950, 2000, "10:03")),
        *(charge(2000, 1000, "10:04"), charge(1000, 999, "10:05")),
    ]
    assert names(*records, events=(Low, Recovered)) == [("balance.low", "1 10:00:00"), ("balance.recovered", "1 10:03:00"), ("balance.low", "1 10:05:00")]


def test_h3_steps():
    records = charge(20000, 14800, "10:00"), charge(14800, 9900, "11:00"), charge(9900, 9000, "12:00")
    assert [(detail["step"], detail["spent"]) for _, _, detail in published(*records, events=(DayStep,))] == [(5000, 5200), (10000, 10100)]


def test_a_late_charge_counts_for_its_day_with_all_that_is_known_of_it():
    records = charge(9000, 7000, "10:00"), charge(7000, 6100, "12:00"), charge(6100, 5900, "11:00")
    assert published(*records, events=(DayStep,)) == [("spend.day_step", "1 11:00:00", {"spent": 3100, "step": 3000, "currency": "CNY"})]


# H4 midnight, H5 (a)


def test_h4_midnight():
    records = charge(9000, 7200, "1 23:59:59.999"), charge(7200, 5400, "2 00:00"), charge(5400, 4100, "2 00:00:01")
    assert published(*records, events=(DayStep, RapidDrop)) == [
        ("balance.rapid_drop", "2 00:00:00", {"spent": 3600, "charges": 2, "currency": "CNY"}),
        ("spend.day_step", "2 00:00:01", {"spent": 3100, "step": 3000, "currency": "CNY"}),
    ]


# H6 border flapping


def test_h6_a_city_is_confirmed_after_half_an_hour():
    a, b = "310000", "110000"
    at = [("12:00", b), ("12:05", a), ("12:10", b), ("12:15", a), ("12:20", b), ("12:35", b), ("12:49:59", b), ("12:50", b), ("13:00", a), ("13:30", a)]
    events = (CityChanged, TripStarted, TouristCity, ReturnedHome)
    found = published(seen(a, "11:00"), *(seen(city, time) for time, city in at), events=events)
    assert [(name, time) for name, time, _ in found] == [
        *[(name, "1 12:50:00") for name in ("travel.city_changed", "travel.tourist_city", "travel.trip_started")],
        ("travel.city_changed", "1 13:30:00"),
    ]
    assert found[0][2] == {"from": a, "to": b, "since": "2026-05-01T04:20:00.000Z"}


def test_h6_a_trip_of_a_day():
    a, b = "310000", "110000"
    out = [seen(a, "1 08:00"), seen(b, "1 12:00"), seen(b, "1 12:30"), roaming("208-01", "1 18:00"), roaming("208-01", "1 18:30")]
    found = published(*out, seen(a, "2 12:30"), seen(a, "2 13:00"), events=(ReturnedHome, TripStarted))
    assert [one[:2] for one in found] == [("travel.trip_started", "1 12:30:00"), ("travel.returned_home", "2 13:00:00")]
    assert found[1][2] == {"cities": [b, "intl:FR"], "hours": 24, "tourist": True}


def test_a_candidate_that_is_not_seen_for_half_a_day_begins_again_and_late_records_only_vote():
    a, b = "310000", "110000"
    assert names(seen(a, "1 08:00"), seen(b, "1 09:00"), seen(b, "1 21:00:00.001"), events=(CityChanged,)) == []
    assert names(seen(a, "1 08:00"), seen(b, "1 09:00"), seen(b, "1 21:00"), events=(CityChanged,)) == [("travel.city_changed", "1 21:00:00")]
    assert names(seen(a, "1 08:00"), seen(b, "1 09:00"), seen(a, "1 08:30"), seen(b, "1 09:30"), events=(CityChanged,)) == [("travel.city_changed", "1 09:30:00")]


def test_home_is_where_the_nights_are():
    a, b = "310000", "110000"
    nights = [seen(b, f"{number} 03:00") for number in range(2, 7)]
    moves = [seen(b, "7 12:00"), seen(b, "7 13:00"), seen(a, "8 12:00"), seen(a, "8 13:00")]
    at_a, at_b = [("travel.trip_started", "7 13:00:00")], [("travel.trip_started", "8 13:00:00")]
    assert names(seen(a, "1 12:00"), *nights, *moves, events=(TripStarted,)) == at_b
    assert names(seen(a, "1 12:00"), *nights[:4], *moves, events=(TripStarted,)) == at_a
    late = [seen(a, "6 07:00"), seen(b, "6 02:00")]
    assert names(seen(a, "1 12:00"), *nights[:4], *late, *moves, events=(TripStarted,)) == at_b, "counted at the next 06:00"
    late = [seen(a, "6 05:00"), seen(b, "6 02:00")]
    assert names(seen(a, "1 12:00"), *nights[:4], *late, *moves, events=(TripStarted,)) == at_a, "the last one of the night votes"


@pytest.mark.parametrize(("again", "found"), [("2 08:59:59", 1), ("2 09:00", 2)])
def test_h6_a_country_border(again, found):
    records = roaming("208-01", "1 09:00"), seen("310000", "1 09:10"), roaming("208-01", "1 09:20"), seen("310000", "2 08:00"), roaming("208-01", again)
    assert [name for name, _ in names(*records, events=(IntlArrival,))] == ["travel.intl_arrival"] * found


# H7 repeats


def test_h7_repeats_and_reset():
    x1, x2, x3, x4 = topup(0, 1000, "1 10:00"), topup(1000, 2000, "2 10:00"), topup(2000, 3000, "3 10:00"), topup(3000, 4000, "4 10:00")
    other = topup(2000, 11000, "2 11:00", record_id=x2["record_id"])
    assert published(x1, x1, x2, other, x3, x4, events=(Completed, SmallFrequent)) == [
        *[("topup.completed", f"{number} 10:00:00", {}) for number in (1, 2)],
        ("topup.completed", "3 10:00:00", {}),
        ("topup.small_frequent", "3 10:00:00", {"count": 3, "total": 3000, "currency": "CNY"}),
        ("topup.completed", "4 10:00:00", {}),
    ]
    assert len(names(x1, {**x1, "source_system": "another"}, events=(Completed,))) == 2


def test_ids_are_remembered_for_48_hours_and_16_records():
    first = topup(0, 1, "1 10:00")
    many = [topup(0, 1, "1 11:00") for _ in range(100)]
    assert len(names(first, *many, topup(0, 1, "3 10:00"), first, events=(Completed,))) == 102
    beyond = read(first, *many, topup(0, 1, "3 10:00:00.001"), first, events=(Completed,))
    assert (len(beyond.found), beyond.refused) == (102, 1), "let go, and too late"
    near = seen("310000", "1 10:00")
    moves = [seen("310000", "1 10:00") for _ in range(16)]
    assert len(names(near, *moves[:15], near, events=(Sightings,))) == 16
    assert len(names(near, *moves, near, events=(Sightings,))) == 18


# H9 very late


def test_h9_a_late_member_is_added_but_not_judged():
    records = [call("09:00", "dropped"), call("15:00", "dropped"), call("12:00", "dropped"), call("15:30", "dropped")]
    assert published(*records[:3], events=(CallDropped, DropsRepeated)) == [("net.call_dropped", "1 09:00:00", {}), ("net.call_dropped", "1 15:00:00", {})]
    assert published(*records, events=(DropsRepeated,)) == [("net.drops_repeated", "1 15:30:00", {"drops": 4, "cells": 0})]
    assert read(call("9 09:00"), call("7 09:00"), call("7 08:59:59.999"), events=(CallDropped,)).refused == 1


def test_h9_silence():
    known = [session("1 12:00"), seen("310000", "7 10:00"), session("3 12:00")]
    silent = ("data.silent", "10 12:00:00", {"since": "2026-05-03T04:00:00.000Z", "due": "2026-05-10T04:00:00.000Z"})
    assert published(*known, events=(DataSilent,), until="10 12:00:04.999") == []
    assert published(*known, events=(DataSilent,), until="10 12:00:05") == [silent]
    assert published(*known, session("10 12:00"), events=(DataSilent,)) == []
    assert published(*known, session("10 12:00:01"), events=(DataSilent,)) == [silent], "just before the next record of the row"
    assert published(*known, seen("310000", "10 12:00:01"), events=(DataSilent,)) == [], "another record does not make it fire early"
    assert published(*known, session("2 12:00"), events=(DataSilent,), until="20 00:00") == [silent], "an older one changes nothing"


# Pairs and absences


def test_one_is_waited_on_at_a_time():
    down, again = charge(100, 0, "1 10:00"), charge(100, -5, "1 12:00")
    first = [("test.missing", "2 10:00:00", {"depleted_at": "2026-05-01T02:00:00.000Z", "after": 0, "currency": "CNY"})]
    assert published(down, again, events=(Missing,), until="9 00:00") == first
    assert published(down, topup(0, 100, "1 11:00"), again, events=(Missing,), until="9 00:00")[0][1] == "2 12:00:00"
    assert published(down, topup(0, 100, "2 10:00"), events=(Missing,), until="9 00:00") == [], "at the very end"
    assert published(down, charge(5, -1, "1 12:00", main=False), events=(Missing,), until="1 23:00") == []
    assert published(topup(0, 5, "1 11:00"), down, events=(Missing,), until="9 00:00") == [], "known before"
    assert published(again, down, events=(Missing,), until="9 00:00")[0][1] == "2 12:00:00", "a newer one is known"
    late = published(charge(100, 50, "2 11:00", bucket_kind="data", unit="byte", currency=None, main=False, bucket_initial=100), down, events=(Missing,))
    assert late == first, "already due by the clock: at once, with its own time"


def test_one_serves_one():
    down = [charge(100, 0, "10:00"), charge(100, 0, "10:10")]
    up = [topup(0, 100, "10:20"), topup(100, 200, "10:30"), topup(200, 300, "10:40")]
    assert [(time, detail["gap_s"]) for _, time, detail in published(*down, *up, events=(Rescued,))] == [("1 10:20:00", 600), ("1 10:30:00", 1800)]
    assert published(down[0], topup(0, 9, "11:00"), events=(Rescued,))[0][2]["gap_s"] == 3600
    assert published(down[0], topup(0, 9, "11:00:00.001"), events=(Rescued,)) == []


# Events as streams, unions, moves


def test_events_as_a_stream():
    records = call("10:00", "dropped"), charge(2000, 0, "10:05"), charge(5, -5, "10:10")
    found = published(*records, events=(Depleted, Low, Signals))
    assert [one[0] for one in found] == ["balance.depleted", "balance.low", "test.signals"]
    assert found[2][2] == {"names": ["call", "balance.depleted"], "last": "balance.depleted", "first_at": "2026-05-01T02:00:00.000Z"}


def test_moves_and_ordinals_in_the_order_of_release():
    records = roaming("208-01", "10:00"), roaming("440-10", "11:00"), roaming("208-01", "10:30"), roaming("440-10", "12:00"), roaming("208-01", "12:00")
    assert [(one[1], one[2]["was"]) for one in published(*records, events=(Network,))] == [("1 11:00:00", "208-01"), ("1 12:00:00", "440-10")]
    assert names(topup(0, 1, "11:00"), topup(0, 1, "10:00"), topup(0, 1, "12:00"), events=(Lives,)) == [("test.lives", "1 10:00:00")]


# The end of a line


def test_a_terminated_line():
    ended = [session("1 12:00"), status("terminated", "2 12:00"), session("3 12:00"), topup(0, 1, "3 12:00")]
    assert names(*ended, events=(DataSilent, Completed), until="20 00:00") == []
    back = [*ended, status("active", "4 12:00"), topup(0, 1, "4 13:00")]
    assert names(*back, events=(DataSilent, Completed), until="20 00:00") == [("topup.completed", "4 13:00:00")]
    late = [status("active", "5 12:00"), status("terminated", "4 12:00"), topup(0, 1, "5 13:00")]
    assert names(*late, events=(Completed,)) == [("topup.completed", "5 13:00:00")]


@pytest.mark.parametrize(("again", "found"), [("9 12:00", 1), ("9 12:00:00.001", 0)])
def test_the_state_of_a_line_is_kept_for_a_week_and_its_ordinals_for_good(again, found):
    before = [topup(0, 1, "2 11:00"), call("2 11:00", "dropped"), call("2 11:00", "dropped"), status("terminated", "2 12:00"), status("active", again)]
    found_now = names(*before, call("9 12:30", "dropped"), topup(0, 1, "9 13:00"), events=(Eventually, Lives))
    assert [name for name, _ in found_now] == ["test.eventually"] * found + ["test.lives"]
    assert names(*before[:3], owner("C2", "2 12:00"), topup(0, 1, "9 13:00"), events=(Lives,)) == []


# Wrong dates


def test_a_wrong_date_makes_nothing_late():
    wrong = call("1 10:00", "dropped") | {"event_time": "2036-05-01T00:00:00Z", "answer_time": None, "start_time": moment("1 00:00")}
    records = [call("1 09:00", "dropped"), call("1 09:30", "dropped"), wrong, call("1 10:00", "dropped")]
    reading = read(*records, events=(DropsRepeated, CallDropped))
    assert [one.event for one in reading.found] == ["net.call_dropped", "net.call_dropped", "net.call_dropped", "net.drops_repeated"]
    assert reading.refused == 0
    assert reading.clock == parsed(moment("1 10:00"))


# H5 summer time


@pytest.mark.parametrize(("third", "found"), [("2026-10-25T11:30:00+01:00", 0), ("2026-10-25T10:30:00+01:00", 1)])
def test_h5a_elapsed_time_over_a_day_of_25_hours(third, found):
    times = ["2026-10-24T12:00:00+02:00", "2026-10-24T20:00:00+02:00", third]
    records = [call(outcome="dropped", subscription_id="S2") | {"event_time": time} for time in times]
    assert len(read(*records, events=(DropsRepeated,), zone="Europe/Berlin").found) == found


def test_h5d_a_civil_time_that_does_not_exist():
    reading = read(session(subscription_id="S2") | {"event_time": "2026-03-22T02:30:00+01:00"}, events=(DataSilent,), zone="Europe/Berlin")
    reading.advance(parsed("2026-03-30T00:00:00Z"))
    assert [one.detail["due"] for one in reading.found] == ["2026-03-29T01:30:00.000Z"]

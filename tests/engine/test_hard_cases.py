"""The hard cases of docs/semantics.md §5, as far as they concern the installed events."""

from __future__ import annotations

from events.stories import call, charge, contact, moment, phone, record, roaming, seen, session, status, topup
from streams.definitions.catalogue import Catalogue
from tests.shards import CATALOGUE, Bench, details, epoch_ms

BERLIN = "Europe/Berlin"


def events_of(found, *events):
    return [(d.event, d.time) for d in found if not events or d.event in events]


def at(text):
    return epoch_ms(moment(text))


def test_h2_ties_are_ordered_by_offset_and_one_records_events_by_the_catalogue():
    found = Bench().feed([charge(1100, 900, "10:00"), topup(900, 2900, "10:00")])
    assert [d.event for d in found] == ["balance.low", "balance.recovered", "topup.completed", "topup.first"]
    assert {d.time for d in found} == {at("10:00")}


def test_h3_hysteresis_and_steps():
    levels = [charge(1200, 900, "10:00"), topup(900, 1500, "10:01"), charge(1500, 950, "10:02"), topup(950, 2000, "10:03"), charge(2000, 1000, "10:04"), charge(1000, 999, "10:05")]
    found = events_of(Bench().feed(levels), "balance.low", "balance.recovered")
    assert found == [("balance.low", at("10:00")), ("balance.recovered", at("10:03")), ("balance.low", at("10:05"))]


def test_h4_midnight_belongs_to_the_zone_of_the_line():
    found = Bench().feed([charge(9000, 7200, "1 23:59:59.999"), charge(7200, 5400, "2 00:00"), charge(5400, 4100, "2 00:00:01")])
    assert events_of(found, "spend.day_step", "balance.rapid_drop") == [("balance.rapid_drop", at("2 00:00")), ("spend.day_step", at("2 00:00:01"))]


def drops(*times):
    return [call("10:00", "dropped", event_time=time, answer_time=time, start_time=time) for time in times]


def in_berlin():
    return Bench(zone=BERLIN)


def unknown_line(records):
    """The same records on a line that lines.csv does not know, so that the operator's zone holds."""
    return [{**r, "subscription_id": "S9"} for r in records]


def test_h5_elapsed_hours_are_elapsed_and_days_are_civil_over_the_autumn_change():
    late = unknown_line(drops("2026-10-24T12:00:00+02:00", "2026-10-24T20:00:00+02:00", "2026-10-25T11:30:00+01:00"))
    assert details(in_berlin().feed(late), "net.drops_repeated") == []
    early = unknown_line(drops("2026-10-24T12:00:00+02:00", "2026-10-24T20:00:00+02:00", "2026-10-25T10:30:00+01:00"))
    assert [d["drops"] for d in details(in_berlin().feed(early), "net.drops_repeated")] == [3]
    gib = 1024**3
    times = ("2026-10-25T00:30:00+02:00", "2026-10-25T23:30:00+01:00")
    heavy = unknown_line([session("10:00", size * gib, event_time=time, start_time=time) for size, time in zip((3, 2), times, strict=True)])
    assert [(d.time, d.detail["bytes"]) for d in in_berlin().feed(heavy) if d.event == "data.heavy_day"] == [(epoch_ms(times[1]), 5 * gib)]


def test_h5_seven_days_over_the_spring_change_end_an_hour_later():
    days = [f"2026-03-{day}T02:30:00+01:00" for day in (18, 19, 20, 21, 22)]
    bench = in_berlin()
    bench.feed(unknown_line([session("10:00", event_time=time, start_time=time) for time in days]))
    (found,) = [one for one in bench.advance(epoch_ms("2026-04-10T00:00:00+02:00")) if one.event == "data.silent"]
    assert (found.event, found.time) == ("data.silent", epoch_ms("2026-03-29T03:30:00+02:00"))


def test_h6_flapping_at_a_border_is_no_journey():
    home, away = "310000", "110000"
    track = [
        seen(home, "11:00"),
        seen(away, "12:00"),
        seen(home, "12:05"),
        seen(away, "12:10"),
        seen(home, "12:15"),
        seen(away, "12:20"),
        seen(away, "12:35"),
        seen(away, "12:49:59"),
    ]
    bench = Bench(catalogue=CATALOGUE.chosen(without=["fraud.impossible_travel"]))  # it rightly doubts such a track
    assert events_of(bench.feed(track)) == []
    found = bench.feed([seen(away, "12:50")])
    assert events_of(found) == [(event, at("12:50")) for event in ("travel.city_changed", "travel.tourist_city", "travel.trip_started", "travel.holiday_trip")]
    assert found[0].detail["since"] == "2026-05-01T04:20:00.000Z"
    assert events_of(bench.feed([seen(home, "13:00"), seen(home, "13:30")])) == [("travel.city_changed", at("13:30"))]


def test_h6_a_country_border_greets_once_a_day():
    bench = Bench()
    found = bench.feed([seen("310000", "1 08:00"), roaming("208-01", "1 09:00"), seen("310000", "1 09:10"), roaming("208-01", "1 09:20"), seen("310000", "1 10:00")])
    assert events_of(found, "travel.intl_arrival") == [("travel.intl_arrival", at("1 09:00"))]
    assert events_of(bench.feed([roaming("208-01", "2 08:59:59")]), "travel.intl_arrival") == []
    again = Bench()
    again.feed([roaming("208-01", "1 09:00"), seen("310000", "1 10:00")])
    assert events_of(again.feed([roaming("208-01", "2 09:00")]), "travel.intl_arrival") == [("travel.intl_arrival", at("2 09:00"))]


def test_h7_repeats_are_dropped_and_differing_ones_counted():
    x1, x2, x3, x4 = (topup(0, 1000, f"{day} 10:00", record_id=f"x{day}") for day in (1, 2, 3, 4))
    bench = Bench()
    found = bench.feed([x1, x1, x2, {**x2, "delta": 9000, "balance_after": 9000}, x3, x4])
    assert [d.who.record_id for d in found if d.event == "topup.completed"] == ["x1", "x2", "x3", "x4"]
    assert [(d.who.record_id, d.detail["count"]) for d in found if d.event == "topup.small_frequent"] == [("x3", 3)]
    assert (bench.counters["duplicate"], bench.counters["conflict"]) == (2, 1)
    other = Bench()
    assert len(details(other.feed([x1, {**x1, "source_system": "other"}]), "topup.completed")) == 2


def test_h9_a_very_late_record_counts_but_is_not_evaluated():
    bench = Bench()
    assert events_of(bench.feed([call("5 09:00", "dropped"), call("5 15:00", "dropped"), call("5 12:00", "dropped")]), "net.drops_repeated") == []
    assert [d["drops"] for d in details(bench.feed([call("5 15:30", "dropped")]), "net.drops_repeated")] == [4]
    assert bench.counters["late"] == 1
    bench.feed([call("2 12:00", "dropped")])
    assert bench.rejects == ["late"]


def test_h9_a_record_behind_those_of_other_topics_moves_the_silence():
    bench = Bench()
    bench.feed([session(f"{day} 12:00") for day in (1, 2, 3, 4, 5)])
    bench.feed([seen("310000", "9 12:00")])
    assert not bench.counters.get("late")
    bench.feed([session("7 12:00")])
    assert events_of(bench.advance(at("30 00:00")), "data.silent") == [("data.silent", at("14 12:00"))]


def test_h10_a_terminated_line_is_silent_until_it_is_active_again():
    bench = Bench()
    bench.feed([charge(300, 0, "1 10:00"), status("active", "terminated", "1 11:00")])
    assert bench.advance(at("20 00:00")) == []
    assert bench.feed([topup(0, 1000, "20 10:00")]) == []
    assert bench.counters["terminated"] == 1
    found = bench.feed([status("pendingActive", "active", "21 10:00"), topup(0, 1000, "21 11:00")])
    assert [detection.event for detection in found] == ["line.activated", "topup.completed", "topup.first"]


def test_what_a_line_has_lost_with_its_owner_does_not_come_back_with_a_restart():
    bench = Bench()
    bench.feed([call("1 10:00", "dropped"), call("1 11:00", "dropped")])
    bench.feed([record("state_change", "1 12:00", entity="line", entity_id="S1", attribute="line.owner", old_value="C1", new_value="C2")])
    bench.restart()
    assert events_of(bench.feed([call("1 13:00", "dropped")]), "net.drops_repeated") == []


def test_h11_the_first_record_ever_knows_its_level_but_not_its_place():
    assert events_of(Bench().feed([charge(1200, 900)])) == [("balance.low", at("10:00"))]
    assert events_of(Bench().feed([seen("110000", "10:00"), seen("110000", "12:00")])) == []


def test_h12_a_timer_that_fell_due_while_stopped_fires_with_its_own_time_once():
    bench = Bench()
    bench.feed([charge(300, 0, "1 10:00")])
    bench.restart()
    assert events_of(bench.feed([seen("310000", "5 10:00")])) == [("topup.missing_after_depletion", at("2 10:00"))]
    bench.restart()
    assert [name for name, _ in events_of(bench.advance(at("9 10:00"))) if name.startswith("topup.")] == []


def test_the_event_contains_consent_and_touchpoint():
    granted = record("state_change", "09:00", entity="customer", entity_id="C1", attribute="customer.marketing_consent", old_value=None, new_value="granted")
    found = Bench().feed([granted, contact("10:00"), topup(0, 100, "10:01", channel="app"), phone("35331109", "35407115", "10:02")])
    assert {(d.event, d.touchpoint, d.marketing_consent) for d in found} == {
        ("care.call_started", "call_agent", "granted"),
        ("topup.completed", "app", "granted"),
        ("topup.first", "app", "granted"),
        ("device.changed", None, "granted"),
        ("device.upgraded_to_5g", None, "granted"),
    }


def test_a_home_is_inferred_from_five_of_the_last_nights():
    catalogue = Catalogue.load(only=["travel.trip_started"])
    nights = [{**seen("440100", f"{day} 03:00"), "subscription_id": "S9"} for day in range(1, 6)]
    move = [{**seen("110000", text), "subscription_id": "S9"} for text in ("5 20:00", "5 21:00")]
    assert [d["home_city"] for d in details(Bench(catalogue=catalogue).feed([*nights, *move]), "travel.trip_started")] == ["440100"]
    assert details(Bench(catalogue=catalogue).feed([*nights[1:], *move]), "travel.trip_started") == []

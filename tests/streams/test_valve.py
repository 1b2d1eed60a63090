"""A valve holds back what is beyond a day's allowance, and changes nothing else: not the events, not the state, whatever the cuts and restarts."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from fractions import Fraction
from math import ceil
from random import Random

import orjson
import pytest

from events.stories import charge, moment, topup
from schemas.reference import Reference
from streams.emit import message
from streams.engine.state.day_counts import DAY_MS, DayCounts
from streams.promises import LEAST, Limit
from streams.simulation.city import City
from streams.valve import Hourly, held
from tests.shards import CATALOGUE, Bench, epoch_ms

RATE = Fraction(250, 1000)
VALVES = {"balance.low": Limit(RATE, "250 per 1,000 customers a day"), "balance.recovered": Limit(RATE, "250 per 1,000 customers a day")}
CUSTOMERS = 160
RULES = CATALOGUE.chosen(only=[*VALVES, "topup.completed"])


def flood(seed=1):
    """Two days on which 160 customers, new ones among them, fall under the mark and recover; some records come hours late."""
    chance = Random(seed)
    records = []
    for day in (1, 2):
        for number in chance.sample(range(CUSTOMERS), 130):
            who = {"customer_id": f"C{number}", "account_id": f"A{number}", "subscription_id": f"S{number}"}
            minute = chance.randrange(1_400)
            at = f"{day} {minute // 60:02d}:{minute % 60:02d}"
            late = chance.randrange(600) if chance.random() < 0.1 else 0
            records.append((day * 1440 + minute + late, len(records), charge(1500, 900, at, **who, record_id=f"c{day}-{number}")))
            if chance.random() < 0.7:
                records.append((day * 1440 + minute + late + 5, len(records), topup(900, 4000, at, **who, record_id=f"t{day}-{number}")))
    return [record for *_, record in sorted(records, key=lambda one: one[:2])]


def split(bench):
    """By id, the topic of each event and the reason in its headers."""
    found = {}
    for step in bench.steps:
        for one in (*step.events, *step.missed):
            assert found.setdefault(orjson.loads(one.value)["id"], (one.topic, dict(one.headers).get("reason"))) == (one.topic, dict(one.headers).get("reason"))
    return found


@pytest.fixture(scope="module")
def whole():
    bench = Bench(catalogue=RULES, valves=VALVES)
    bench.feed(flood())
    return bench


def test_what_is_held_is_what_a_plain_count_of_customers_and_days_holds(whole):
    bench, known, counts, expected = Bench(catalogue=RULES), set(), Counter(), {}
    for record in flood():
        known.add(record["customer_id"])
        for found in bench.feed([record]):
            event = orjson.loads(message(found, "op1", None)[0].value)
            name, own = event["data"]["event"], f"customer-events.{event['data']['event'].split('.')[0]}"
            day = datetime.fromisoformat(event["data"]["local_time"]).date()
            beyond = name in VALVES and counts[name, day] >= max(20, ceil(RATE * len(known)))
            counts[name, day] += not beyond
            expected[event["id"]] = ("customer-events.missed", b"valve") if beyond else (own, None)
    assert split(whole) == expected
    topics = Counter(topic for topic, _ in expected.values())
    assert topics["customer-events.missed"] > 100
    assert topics["customer-events.balance"] > 100


@pytest.mark.parametrize(("most", "restarting"), [(7, False), (13, True), (111, True)])
def test_neither_cuts_nor_restarts_change_the_split(whole, most, restarting):
    bench = Bench(catalogue=RULES, valves=VALVES)
    bench.queue(flood())
    bench.drain(most, restarting=restarting)
    assert split(bench) == split(whole)


class Bare(Limit):
    """A limit without the least that every shard may publish, so that a small city reaches it."""

    def allowance(self, customers):
        return ceil(self.rate * customers)


def test_timers_sessions_and_four_topics_are_split_alike_for_any_cuts_and_restarts(tmp_path):
    city = City(4, 40, epoch_ms("2026-05-01T00:00:00+08:00"))
    city.write_reference(tmp_path)
    records = [orjson.loads(record.value) for record in city.records(5)]
    valves = {event.id: Bare(Fraction(1, 20), "50 per 1,000 customers a day") for event in CATALOGUE}
    found = []
    for most, restarting in ((20_000, False), (700, True)):
        bench = Bench(reference=Reference.load(tmp_path), valves=valves)
        bench.queue(records)
        bench.drain(most, restarting=restarting)
        found.append(split(bench))
    assert found[0] == found[1]
    held_back = {orjson.loads(message.value)["data"]["event"] for step in bench.steps for message in step.missed}
    by_time = {one.event for step in bench.steps for one in step.detections if one.timed}
    assert held_back & by_time, "no event by a timer was held"
    assert len(held_back) >= 5


def test_state_and_detections_are_as_without_a_valve(whole):
    bench = Bench(catalogue=RULES)
    plain = bench.feed(flood())
    assert [one for step in whole.steps for one in step.detections] == plain
    stored = whole.state()
    assert {key for key in stored if key not in bench.state()} == {b"days\x1ebalance.low", b"days\x1ebalance.recovered"}
    assert {key: value for key, value in stored.items() if not key.startswith(b"days\x1e")} == bench.state()


def test_a_held_event_says_why_and_where_it_would_have_gone(whole):
    one = next(message for step in whole.steps for message in step.missed)
    headers = dict(one.headers)
    assert (headers["reason"], headers["topic"]) == (b"valve", b"customer-events.balance")
    assert LEAST <= int(headers["allowed_a_day"]) <= ceil(RATE * CUSTOMERS)
    counted = Counter()
    for step in whole.steps:
        counted.update(dict(held(step.counters)))
    assert counted == Counter(orjson.loads(message.value)["data"]["event"] for step in whole.steps for message in step.missed)


def test_a_row_of_numbers_is_written_only_when_it_changes_and_goes_with_its_valve(whole):
    bench = Bench(catalogue=RULES, valves=VALVES)
    bench.feed([charge(1500, 900, "10:00")])
    bench.feed([charge(900, 800, "10:01")])
    assert [key for key, _ in bench.log if key.startswith(b"days")] == [b"days\x1ebalance.low"]
    bench.valves = {"balance.recovered": VALVES["balance.recovered"]}
    bench.restart()
    bench.feed([charge(800, 700, "10:02")])
    assert bench.log[-1][0].startswith(b"clock")
    assert dict(bench.log)[b"days\x1ebalance.low"] is None


def test_what_is_stale_and_beyond_the_allowance_is_counted_and_says_that_it_is_stale():
    bench = Bench(catalogue=RULES)
    (low,) = bench.feed([charge(1500, 900, "10:00")])
    record, reason = message(low, "op1", epoch_ms(moment("9 10:00")), 20)
    assert (reason, dict(record.headers)["reason"]) == ("stale", b"stale")
    record, reason = message(low, "op1", epoch_ms(moment("1 11:00")), 20)
    assert (reason, dict(record.headers)["reason"], record.topic) == ("valve", b"valve", "customer-events.missed")


def test_days_far_from_the_clock_s_have_no_number_of_their_own():
    counts, clock = DayCounts(), 20_000 * DAY_MS
    counts.names = frozenset({"a"})
    counted = lambda *days: [counts.add("a", day, clock, 2) for day in days]
    assert counted(20_000, 20_000, 20_000, 19_999) == [True, True, False, True]
    assert counted(19_997, 19_990, 0) == [True, True, False]
    assert counted(20_001, 25_000, 20_002) == [True, True, False]
    assert counts.changes() == {"a": b'{"20000":2,"19999":1,"19997":2,"20001":2}'}
    assert counted(20_000) == [False]
    assert counts.changes() == {}
    assert counts.add("a", 19_990, clock + 5 * DAY_MS, 2)
    assert counts.changes() == {"a": b'{"20002":1}'}
    assert counts.changes() == {}
    again = DayCounts()
    again.names = frozenset({"a"})
    assert again.restore({"a": b'{"20002":1}', "b": b"{}"}) == ["b"]
    assert [again.add("a", 20_002, clock + 5 * DAY_MS, 2) for _ in range(2)] == [True, False]


def test_the_first_day_of_a_shard_counts_although_its_clock_has_not_begun():
    counts = DayCounts()
    assert [counts.add("a", day, clock, 1) for day, clock in ((20_000, 0), (20_000, 0), (20_000, 20_000 * DAY_MS), (20_001, 20_000 * DAY_MS))] == [True, False, False, True]
    assert counts.days == {"a": {20_000: 1, 20_001: 1}}


def test_a_warning_is_let_through_once_an_hour_and_event():
    hourly = Hourly()
    assert [hourly.due(name, at) for name, at in (("a", 0), ("a", 3_599), ("b", 3_599), ("a", 3_600), ("a", 3_601))] == [True, False, True, True, False]

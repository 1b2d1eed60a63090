"""The simulated city is reproducible, valid, in order, consistent, and makes nearly every event happen."""

from __future__ import annotations

from collections import Counter

import orjson
import pytest

from schemas.raw import TOPICS
from schemas.reference import Reference
from streams.intake.decode import decode_chunk
from streams.simulation.city import City
from streams.simulation.times import DAY, civil, term
from streams.tools.rates import RateTally
from tests.shards import Bench

MIDNIGHT_MS = 1_777_564_800_000


@pytest.fixture(scope="module")
def lived():
    """The records of 100 customers in 50 days."""
    return list(City(5, 100, MIDNIGHT_MS).records(50))


def test_the_same_seed_gives_the_same_records_in_order_of_time():
    first, again = (list(City(5, 40, MIDNIGHT_MS).records(10)) for _ in range(2))
    assert first == again
    assert [r.at for r in first] == sorted(r.at for r in first)
    assert first != list(City(6, 40, MIDNIGHT_MS).records(10))


def test_what_follows_on_later_days_is_among_the_records_of_those_days():
    city = City(5, 100, MIDNIGHT_MS)
    for number in range(10):
        midnight = MIDNIGHT_MS + number * DAY
        assert all(midnight <= record.at < midnight + DAY for record in city.day(number))


def test_every_record_is_valid(lived):
    for topic in TOPICS:
        own = [r for r in lived if r.topic == topic]
        chunk = decode_chunk(topic, 0, range(len(own)), [r.key for r in own], [r.value for r in own], next_offset=len(own), latest_ms=None, max_bytes=10_000)
        assert [r.detail for r in chunk.rejects] == []
    assert {r.topic for r in lived} == set(TOPICS)


def test_record_ids_are_unique(lived):
    ids = Counter(orjson.loads(r.value)["record_id"] for r in lived)
    assert [id_ for id_, number in ids.items() if number > 1] == []


def test_every_balance_is_the_one_before_and_its_change(lived):
    left: dict[str, int] = {}
    for record in map(orjson.loads, [r.value for r in lived if r.topic == "raw.billing"]):
        if record["record_type"] == "balance_change":
            before = record["balance_after"] - record["delta"]
            assert left.get(record["bucket_id"], before) == before, record
            left[record["bucket_id"]] = record["balance_after"]
    assert len(left) > 100


def test_a_line_that_has_ended_sends_nothing_more(lived):
    ended: set[str] = set()
    for record in map(orjson.loads, [r.value for r in lived]):
        assert record["subscription_id"] not in ended, record
        if record.get("attribute") == "line.status" and record["new_value"] == "terminated":
            ended.add(record["subscription_id"])
    assert ended


def test_a_line_that_is_barred_is_not_used(lived):
    barred: set[str] = set()
    times = 0
    for record in map(orjson.loads, [r.value for r in lived]):
        line = record["subscription_id"]
        assert line not in barred or record["record_type"] not in ("data_usage", "voice_usage", "message_usage", "vas_usage"), record
        if record.get("attribute") == "line.status":
            times += record["new_value"] == "suspended"
            (barred.add if record["new_value"] == "suspended" else barred.discard)(line)
    assert times


@pytest.mark.parametrize(("day", "cycle_day", "begin", "end"), [(0, 1, "2026-05-01", "2026-06-01"), (0, 2, "2026-04-02", "2026-05-02"), (245, 28, "2026-12-28", "2027-01-28")])
def test_the_bill_cycle_that_a_day_is_in(day, cycle_day, begin, end):
    assert [civil(moment).isoformat() for moment in term(MIDNIGHT_MS + day * DAY, cycle_day)] == [begin, end]


NOT_LIVED = {"device.upgrade_due"}
"""Events that the city does not make: a phone must have been in use for two years, counted from the record that named it. It has its own cases."""


def test_within_six_weeks_every_other_event_happens_and_each_promise_of_a_rate_holds(tmp_path):
    city = City(1, 270, MIDNIGHT_MS)
    city.write_reference(tmp_path)
    bench = Bench(reference=Reference.load(tmp_path))
    rates = RateTally()
    for number in range(42):
        rates.take(bench.feed([orjson.loads(r.value) for r in city.day(number)]))
    assert set(rates.days) == set(bench.catalogue.by_id) - NOT_LIVED
    measured = {one.event: one for one in rates.measured(sorted(bench.catalogue.by_id), bench.shard.rows()["customer"])}
    promised = {event.id: event.expected for event in bench.catalogue if event.expected is not None}
    assert promised, "no definition promises a rate"
    for event, rate in promised.items():  # the promises were measured in another city
        assert rate.low * 1000 <= measured[event].lowest <= measured[event].highest <= rate.high * 1000, (event, measured[event])

"""The columnar engine equals the scalar reading, for any records, cuts and restarts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from tests.engine.timelines import DAY, merged, timelines
from tests.reference.reading import Reading
from tests.shards import CATALOGUE, Bench

REFERENCE = Reference.load(Path(__file__).parent.parent / "events" / "reference_berlin")
EXAMPLES = settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
DAYS_MORE = 400
"""So many days without records stand behind each timeline."""
NEVER = 10**15
"""Rows are not freed: how long a row is kept depends on the cuts, and is never seen but in the state itself."""


def facts(detection: Any) -> tuple[Any, ...]:
    """A detection in the form of the scalar reading."""
    return (detection.event, detection.key, detection.time, detection.who.record_id, orjson.dumps(detection.detail, option=orjson.OPT_SORT_KEYS), detection.marketing_consent)


def end_of(records: list[dict[str, Any]]) -> int:
    return max(record["event_time"] for record in records) + DAYS_MORE * DAY


def read(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The scalar reading of a timeline."""
    return scalar(records, CATALOGUE, REFERENCE, DAYS_MORE)


def scalar(records: list[dict[str, Any]], catalogue: Catalogue, reference: Reference, days_more: int) -> list[tuple[Any, ...]]:
    """The scalar reading of a timeline, and of so many days without records behind it."""
    reading = Reading(catalogue, reference)
    for record in merged(records):
        reading.take(record)
    reading.advance(max(record["event_time"] for record in records) + days_more * DAY)
    return [(s.event, s.key, s.time, s.anchor, orjson.dumps(s.detail, option=orjson.OPT_SORT_KEYS), s.consent) for s in reading.found]


def bench(sweep_every_ms: int = 3_600_000) -> Bench:
    return Bench(reference=REFERENCE, sweep_every_ms=sweep_every_ms)


def by_customer(found: list[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Detections of each key, in order."""
    result: dict[str, list[tuple[Any, ...]]] = {}
    for one in found:
        result.setdefault(one[1], []).append(one)
    return result


@EXAMPLES
@given(timelines())
def test_columnar_equals_scalar(records):
    shard = bench()
    found = [facts(d) for d in shard.feed(records) + shard.advance(end_of(records))]
    assert by_customer(found) == by_customer(read(records))


@EXAMPLES
@given(timelines(), st.integers(1, 7))
def test_the_cuts_of_batches_change_nothing(records, most):
    whole, cut = bench(NEVER), bench(NEVER)
    expected = [facts(d) for d in whole.feed(records)]
    cut.queue(records)
    found = [facts(d) for d in cut.drain(most)]
    assert Counter(found) == Counter(expected)
    assert cut.counters.get("late") == whole.counters.get("late")
    assert cut.shard.ledger == whole.shard.ledger
    assert cut.shard.ledger.total() == len(records), "every record is in exactly one place of the ledger"
    assert cut.state() == whole.state(), "finer rows too"


@EXAMPLES
@given(timelines(astray=False), st.integers(1, 7))
def test_a_restart_between_any_two_batches_changes_nothing(records, most):
    whole = bench()
    expected = [(facts(d), event_id(d)) for d in whole.feed(records) + whole.advance(end_of(records))]
    ordered, found, restarted = merged(records), [], bench()
    for begin in range(0, len(ordered), most):
        found += restarted.feed(ordered[begin : begin + most])
        restarted.restart()
    found += restarted.advance(end_of(records))
    assert restarted.shard.ledger.total() == len(records), "no restart forgets or doubles any"
    assert Counter((facts(d), event_id(d)) for d in found) == Counter(expected)


@EXAMPLES
@given(timelines())
def test_event_ids_are_unique_and_the_same_again(records):
    ids = [event_id(d) for d in bench().feed(records)]
    assert len(set(ids)) == len(ids)
    again = bench(sweep_every_ms=-1)
    again.queue(records)
    assert sorted(event_id(d) for d in again.drain(1)) == sorted(ids), "one by one, and rows freed after each"

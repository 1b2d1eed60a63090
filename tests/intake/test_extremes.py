"""Extreme values in every field of every type: each record is accepted or refused for itself, and nothing raises."""

from __future__ import annotations

import json
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.raw import RECORD_TYPES, fields_of, type_name
from schemas.raw.reasons import MEANING
from streams.intake import decode
from tests.intake.test_decode import TOPIC_OF, chunk_of, encoded
from tests.shards import Bench
from tests.streams.records import GOOD, good

NUMBERS = [0, -1, 1, *(sign * 2**power + step for sign in (1, -1) for power in (31, 40, 45, 50, 53, 63, 64) for step in (-1, 0, 1)), 10**400, -(10**400)]
TIMES = [
    946_684_800_000,
    946_684_799_999,
    253_402_300_799_999,
    253_402_300_800_000,
    253_370_764_799_999,
    253_370_764_800_000,
    1_777_599_072,
    1_777_599_072_000_000,
    1_777_599_072_000_000_000,
]
TEXTS = [
    "",
    "x",
    "x" * 64,
    "x" * 65,
    "x" * 100_000,
    "C\x1e1",
    "C\x1f1",
    "C\n",
    "\x00",
    "\x7f",
    "\ufeff",
    "😀" * 64,
    "٣",
    "5",
    "null",
    "2026-02-30",
    "9999-12-31",
    "9999-12-31T23:59:59Z",
]
PLAIN = [*map(str, NUMBERS), *map(str, TIMES), *map(json.dumps, TEXTS), json.dumps("C\x7f", ensure_ascii=False)]
ODD = ["1e400", "-1e400", "-0.0", "-0", "0.0", "500.0", "5e2", "1.5", "9" * 5000, "NaN", "null", "true", "false", "[]", "{}", '{"a": {"b": []}}', '"\\ud800"', '"\\udc00"']
BROKEN = ["", "nul", '"', "[" * 3000 + "]" * 3000, '{"a":' * 3000 + "1" + "}" * 3000, '{"a":' * 3000, "1 2"]
EXTREMES = [*PLAIN, *ODD, *BROKEN]


@cache
def poisoned(record_type):
    """Every field of the type with every extreme, and the key that a producer would have used."""
    plain = good(record_type)
    values, keys = [], []
    struct = next(struct for struct in RECORD_TYPES if type_name(struct) == record_type)
    for name in ["record_type", *fields_of(struct)]:
        for number, extreme in enumerate(EXTREMES):
            customer = f"{name}-{number}"
            rest = json.dumps({**plain, "record_id": customer, "customer_id": customer} | {name: "@"})
            values.append(rest.replace('"@"', extreme).encode())
            keys.append(key_of(extreme) if name == "customer_id" else customer.encode())
    return values, keys


def key_of(extreme):
    try:
        text = json.loads(extreme)
        return text.encode() if isinstance(text, str) else b"C1"
    except (ValueError, RecursionError):
        return b"C1"


def outcome(chunk, at):
    found = [(reject.reason, reject.detail.rsplit(" (", 1)[0]) for reject in chunk.rejects if reject.offset == 100 + at]
    return found[0] if found else "accepted"


@pytest.mark.parametrize("record_type", GOOD)
def test_each_record_is_refused_or_accepted_for_itself_and_its_neighbours_are_accepted(record_type):
    values, keys = poisoned(record_type)
    neighbour = encoded(good(record_type))
    mixed = [part for value in values for part in (neighbour, value)]
    together = chunk_of(mixed, TOPIC_OF[record_type], [part for key in keys for part in (b"C1", key)])
    refused = {reject.offset - 100 for reject in together.rejects}
    assert not any(at % 2 == 0 for at in refused)
    assert sorted(refused | {int(offset) - 100 for offset in together.offset}) == list(range(len(mixed)))
    assert {reject.reason for reject in together.rejects} <= MEANING.keys() - {"undecodable", "late", "engine_failed"}
    for at in range(0, len(values), 7):
        assert outcome(chunk_of([values[at]], TOPIC_OF[record_type], [keys[at]]), 0) == outcome(together, 2 * at + 1), values[at][:300]


@pytest.mark.parametrize("record_type", GOOD)
def test_no_accepted_extreme_raises_in_a_rule_nor_makes_a_shard_unrestorable(record_type):
    """Extreme times of the event on their own: they move the clock by many years, and every year of every line passes. Elsewhere 400 days pass, so that timers fire."""
    together = [*zip(*poisoned(record_type), strict=True)]
    for timed in (False, True):
        values, keys = zip(*(one for one in together if one[1].startswith(b"event_time-") == timed), strict=True)
        bench = Bench()
        topic = TOPIC_OF[record_type]
        bench.shard.feed(topic, range(len(values)), keys, values, next_offset=len(values), caught_up=True)
        bench.offsets[topic] = len(values)
        bench.drain()
        if not timed:
            bench.advance(bench.shard.engine.clock + 400 * 86_400_000)
        assert "engine_failed" not in bench.rejects
        bench.restart()
        bench.feed([good(record_type, record_id="after")])


POOL = [
    good("balance_change"),
    good("balance_change", msisdn="+8613800000100\n+8613800000101"),
    good("balance_change", msisdn="bad"),
    good("balance_change", msisdn=...),
    good("balance_change", event_time="2026-05-01T09:31:12.123456789012+0800"),
    good("balance_change", event_time="2026-05-01 09:31:12Z"),
    good("balance_change", event_time=2**70),
    good("balance_change", valid_until=2**70),
    good("balance_change", bucket_id="b\x1e"),
    good("balance_change", currency="CN\n"),
    good("balance_change", schema_version=2**64),
    good("balance_change", delta=350),
    good("payment"),
    good("bill_issued", lines={"tax\n": 300}),
    good("bill_issued", lines={"tax": 1}),
    good("bill_issued", due_date="2026-05-20\n"),
    good("voice_usage"),
]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=12))
def test_any_batch_equals_one_by_one(records):
    values = [encoded(record) for record in records]
    together = chunk_of(values)
    alone = [chunk_of([value]) for value in values]
    assert [outcome(together, at) for at in range(len(values))] == [outcome(chunk, 0) for chunk in alone]
    assert together.event_time.tolist() == [int(time) for chunk in alone for time in chunk.event_time]
    assert together.notes == sum((chunk.notes for chunk in alone), start=together.notes.__class__())
    numbers = {record.record_id: record.msisdn for columns in together.groups.values() for record in columns.records}
    assert set(numbers.values()) <= {None, "+8613800000100"}


@pytest.mark.parametrize("place", [0, 3, 6])
def test_an_error_while_decoding_belongs_to_its_record(place, monkeypatch):
    """Whatever it is: the run is halved until the record is alone."""

    def failing(real):
        def check(columns, *limits):
            if any(record.record_id == "poison" for record in columns.records):
                raise ZeroDivisionError
            return real(columns, *limits)

        return check

    monkeypatch.setattr(decode, "check", failing(decode.check))
    monkeypatch.setattr(decode.reading, "fit", failing(decode.reading.fit))
    values = [encoded(good("balance_change", record_id=f"r-{at}")) for at in range(6)]
    values.insert(2, b"{")
    values.insert(place, encoded(good("balance_change", record_id="poison")))
    chunk = chunk_of(values)
    bad = values.index(b"{")
    assert [(reject.reason, reject.offset) for reject in chunk.rejects] == sorted([("undecodable", 100 + place), ("bad_json", 100 + bad)], key=lambda found: found[1])
    assert chunk.offset.tolist() == [100 + at for at in range(8) if at not in (place, bad)]


@pytest.mark.parametrize(
    ("way", "stage"),
    [
        *(("msgspec", stage) for stage in ("check", "repaired", "parse", "diagnose", "control_faults", "take")),
        *(("compiled", stage) for stage in ("fit", "parse", "diagnose", "take")),
    ],
)
def test_a_lack_of_memory_makes_no_record_a_reject(stage, way, monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(decode.Way, "compiled", way == "compiled")
    monkeypatch.setattr(decode.reading if stage == "fit" else decode, stage, exhausted)
    with pytest.raises(MemoryError):
        chunk_of([encoded(good("balance_change")), b"{"])


def test_a_large_bad_run_is_refused_in_time_that_grows_with_it():
    chunk = chunk_of([encoded(good("balance_change", schema_version=2**63))] * 2000)
    assert len(chunk.rejects) == 2000
    assert msgspec.json.decode(chunk.rejects[0].value)["schema_version"] == 2**63

"""Every record is taken or refused with its reason, and never touches its neighbours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.raw import RECORD_TYPES, type_name
from streams.intake.decode import decode_chunk
from tests.streams.records import GOOD, good

PROJECT = Path(__file__).resolve().parent.parent.parent
TOPIC_OF = {type_name(record): record.topic for record in RECORD_TYPES}


def chunk_of(values, topic="raw.billing", keys=None, **options):
    keys = [b"C1"] * len(values) if keys is None else keys
    return decode_chunk(topic, 3, range(100, 100 + len(values)), keys, values, next_offset=100 + len(values), **{"latest_ms": None, "max_bytes": 1_000_000, **options})


def encoded(record):
    return json.dumps(record).encode()


@pytest.mark.parametrize("record_type", GOOD)
def test_a_good_record_of_every_type_is_taken(record_type):
    chunk = chunk_of([encoded(good(record_type))], TOPIC_OF[record_type])
    assert chunk.rejects == []
    assert chunk.event_time.tolist() == [1_777_599_072_000]


B, V, D, I, O, L, C, T, X = ["balance_change", "voice_usage", "data_usage", "bill_issued", "product_order", "state_change", "interaction", "trouble_ticket", "device_change"]
BROKEN = [
    (V, {"start_time": "2026-05-01T09:32:00+08:00"}, "start_time"),
    (V, {"answer_time": ...}, "answer_time"),
    (V, {"outcome": "no_answer", "duration_s": 0}, "answer_time"),
    (V, {"outcome": "busy", "answer_time": ..., "duration_s": 5}, "duration_s"),
    (V, {"answer_time": "2026-05-01T09:29:00+08:00"}, "answer_order"),
    (V, {"currency": ...}, "charge"),
    (V, {"currency": "cny"}, "currency"),
    (V, {"other_class": "international"}, "other_country"),
    (V, {"roaming": True}, "visited_plmn"),
    (V, {"roaming": True, "visited_plmn": "4600-0"}, "visited_plmn"),
    ("message_usage", {"other_class": "onnet"}, "command"),
    (D, {"duration_s": 70}, "duration_s"),
    (D, {"total_bytes": 4}, "total_bytes"),
    (B, {"subscription_id": ...}, "subscription_id"),
    (B, {"unit": "byte", "currency": ...}, "unit"),
    (B, {"currency": ...}, "currency"),
    (B, {"delta": 350}, "delta"),
    (B, {"operation": "topup", "delta": 0}, "delta"),
    (B, {"operation": "topup", "delta": -1}, "delta"),
    (B, {"bucket_kind": "data", "unit": "byte", "bucket_initial": 10, "balance_after": -1}, "balance_after"),
    (B, {"bucket_kind": "data", "unit": "byte"}, "bucket_initial"),
    (B, {"bucket_initial": 800}, "bucket_initial"),
    (B, {"valid_from": "2026-05-02T00:00:00Z", "valid_until": "2026-05-02T00:00:00Z"}, "valid_until"),
    (B, {"charge_reason": ...}, "charge_reason"),
    (B, {"operation": "transfer_out"}, "counterpart"),
    (I, {"period_end": "2026-03-30"}, "period_end"),
    (I, {"due_date": "2026-05-01"}, "due_date"),
    (I, {"remaining_minor": 301}, "remaining_minor"),
    (I, {"amount_due_minor": -300, "remaining_minor": -299}, "remaining_minor"),
    (I, {"lines": {"Beer": 300}}, "lines"),
    (I, {"lines": {"tax\n": 300}}, "lines"),
    ("payment", {"bill_id": ...}, "bill_id"),
    (O, {"previous_offering_id": ...}, "previous_offering_id"),
    (O, {"currency": ...}, "currency"),
    (O, {"term_start": 2_000_000_000_000, "term_end": 1_999_999_999_999}, "term_end"),
    (L, {"entity_id": "S2"}, "entity_id"),
    (L, {"entity": "customer", "entity_id": "C1"}, "entity_id"),
    (L, {"new_value": "asleep"}, "new_value"),
    (L, {"old_value": "active"}, "old_value"),
    (C, {"resolution": ...}, "resolution"),
    (C, {"resolution": "accepted"}, "resolution"),
    (C, {"reason": "offer", "resolution": "accepted"}, "offering_id"),
    (C, {"start_time": "2026-05-01T09:32:00+08:00"}, "start_time"),
    (T, {"creation_date": "2026-05-01T09:32:00+08:00"}, "creation_date"),
    (T, {"expected_resolution_date": "2026-05-01T09:00:00+08:00"}, "expected_resolution_date"),
    (X, {"new_imei": ...}, "new_imei"),
    (X, {"new_imei": "490154203237519"}, "imei"),
    (X, {"new_tac": "4901542"}, "imei"),
    (X, {"old_imei": "490154203237518"}, "old_imei"),
    (X, {"old_imei": "4901542032375101"}, "old_imei"),
    (X, {"change_type": "sim"}, "new_iccid"),
    ("location_update", {"cell_id": ...}, "cell_id"),
    ("location_update", {"plmn": "46-000"}, "plmn"),
    ("network_quality", {"metric": "call_setup_failure", "value": 256}, "value"),
    (L, {"attribute": "agreement.end_date", "entity": "agreement", "old_value": ..., "new_value": "2026-02-30"}, "new_value"),
    (L, {"attribute": "customer.birth_date", "entity": "customer", "entity_id": "C1", "old_value": ..., "new_value": "1899-12-31"}, "new_value"),
    (L, {"attribute": "line.number", "old_value": ..., "new_value": "13800000100"}, "new_value"),
    (X, {"new_imei": "4901542032375181", "old_imei": "490154203237518"}, "old_imei"),
    (X, {"new_imei": "49015420323751812"}, "imei"),
]


@pytest.mark.parametrize(("record_type", "changes", "rule"), BROKEN, ids=[f"{t}: {r}: {sorted(c)}" for t, c, r in BROKEN])
def test_a_broken_rule_is_named(record_type, changes, rule):
    chunk = chunk_of([encoded(good(record_type, **changes))], TOPIC_OF[record_type])
    assert [(reject.reason, reject.detail.split(":")[0]) for reject in chunk.rejects] == [("broken_rule", rule)]


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
FIELD = '"balance_after": 840'
TEXT = json.dumps(good(B))
BAD = [
    ("null_value", None),
    ("empty_value", b""),
    ("bad_json", TEXT.encode()[:-5]),
    ("bad_json", TEXT.encode() + b"{}"),
    ("bom", b"\xef\xbb\xbf" + TEXT.encode()),
    ("bad_utf8", TEXT.replace("src", "\xff").encode("latin-1")),
    ("bad_json", TEXT.replace('"src"', '"\\ud800"').encode()),
    ("wrong_type", b"[" * 100_000),
    ("too_deep", DEEP),
    ("too_deep", TEXT.encode()[:-1] + b', "unknown": ' + DEEP + b"}"),
    ("bad_json", TEXT.replace(FIELD, '"balance_after": NaN').encode()),
    ("bad_value", TEXT.replace(FIELD, '"balance_after": 1e400').encode()),
    ("bad_value", TEXT.replace(FIELD, '"balance_after": ' + "9" * 400).encode()),
    ("wrong_type", TEXT.replace(FIELD, '"balance_after": "840"').encode()),
    ("wrong_type", TEXT.replace(FIELD, '"balance_after": true').encode()),
    ("wrong_type", TEXT.replace(FIELD, '"balance_after": 840.5').encode()),
    ("wrong_type", b"[]"),
    ("bad_value", TEXT.replace(FIELD, f'"balance_after": {2**53}').encode()),
    ("bad_value", encoded(good(B, operation="steal"))),
    ("bad_value", encoded(good(B, record_id=""))),
    ("missing_field", encoded(good(B, bucket_id=...))),
    ("missing_field", encoded({name: value for name, value in good(B).items() if name != "record_type"})),
    ("unknown_record_type", encoded(good(B) | {"record_type": "gossip"})),
    ("wrong_topic", encoded(good(V))),
    ("unsupported_version", encoded(good(B, schema_version=2))),
    ("bad_time", encoded(good(B, event_time="2026-05-01T09:31:12"))),
    ("bad_time", encoded(good(B, event_time="2026-05-01T09:31:12.0001"))),
    ("bad_time", encoded(good(B, valid_until="soon"))),
    ("bad_time", encoded(good(B, event_time=1_777_599_072))),
    ("bad_time", encoded(good(B, valid_until=10**17))),
    ("too_old", encoded(good(B, event_time="1999-12-31T23:59:59.999Z"))),
    ("bad_value", encoded(good(B, customer_id="C\x1e1"))),
    ("unsupported_version", encoded(good(B, schema_version=2**63))),
    ("doubled_field", TEXT.encode()[:-1] + b', "record_type": "voice_usage"}'),
    ("bad_json", encoded(good(V)) + b"{}"),
    ("wrong_type", encoded(good(B, customer_id=1))),
    ("correction", encoded(good(B, action="reversal", ref_record_id="r-0"))),
    ("broken_rule", encoded(good(B, action="reversal"))),
    ("key_mismatch", encoded(good(B, customer_id="C2"))),
]


@pytest.mark.parametrize(("reason", "value"), BAD, ids=[f"{reason} {number}" for number, (reason, _) in enumerate(BAD)])
def test_bad_input_is_refused_with_its_reason_and_the_next_record_is_taken(reason, value):
    neighbour = encoded(good(B, record_id="r-2"))
    chunk = chunk_of([neighbour, value, neighbour])
    (reject,) = chunk.rejects
    assert (reject.reason, reject.topic, reject.partition, reject.offset, reject.value) == (reason, "raw.billing", 3, 101, value)
    assert "(raw.billing[3]@101)" in reject.detail
    assert chunk.offset.tolist() == [100, 102]
    assert chunk.next_offset == 103


NESTED = """
import json
from tests.streams.records import good
from tests.intake.test_decode import chunk_of

whole = json.dumps(good("balance_change")).encode()
for depth in (100_000, 1_000_000):
    for begin, end in ((b"[", b"]"), (b'{"a":', b"}")):
        nested = begin * depth + b"1" + end * depth
        values = [begin * depth, nested, whole[:-1] + b', "unknown": ' + nested + b"}", whole[:-1] + b', "unknown": ' + begin * depth]
        chunk = chunk_of([whole, *values, whole], max_bytes=10_000_000)
        assert chunk.offset.tolist() == [100, 105], chunk.offset
        print(" ".join(reject.reason for reject in chunk.rejects))
"""


def test_deep_nesting_overflows_no_stack():
    """In a process of its own, since an overflow would end it without a word."""
    done = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True, timeout=60, check=False, cwd=PROJECT)
    assert done.returncode == 0, (done.returncode, done.stderr[-1000:])
    assert done.stdout.splitlines() == ["wrong_type wrong_type too_deep too_deep", "too_deep too_deep too_deep too_deep"] * 2


def test_a_null_key_a_large_record_and_one_from_the_future_are_refused():
    record = encoded(good(B))
    chunk = chunk_of([record] * 2, keys=[None, b"C1"])
    assert [(r.reason, r.offset) for r in chunk.rejects] == [("null_key", 100)]
    assert [r.reason for r in chunk_of([record, record + b" " * 1_000_000]).rejects] == ["too_large"]
    assert [r.reason for r in chunk_of([record], latest_ms=1_777_599_071_999).rejects] == ["future"]
    assert chunk_of([record], latest_ms=1_777_599_072_000).rejects == []


def test_a_reason_never_contains_a_personal_value():
    secret = "+8613912345678"
    values = [
        encoded(good(B, subscription_id=secret + "\x01")),
        encoded(good(B, operation=secret)),
        encoded(good(B, bucket_id=secret * 20)),
        encoded(good(B, customer_id=secret)),
        encoded(good(B, event_time=secret)),
    ]
    rejects = chunk_of(values).rejects
    assert len(rejects) == 5
    assert not any("139123" in reject.detail for reject in rejects)


def test_unknown_fields_are_ignored_and_numbers_may_be_epoch_ms():
    chunk = chunk_of([encoded(good(B, event_time=1_777_599_072_000, shoe_size=44))])
    assert chunk.rejects == []
    assert chunk.event_time.tolist() == [1_777_599_072_000]


def test_columns_have_unknown_values_where_a_field_is_missing():
    from schemas.codes import NULL, code

    (columns,) = chunk_of([encoded(good(B)), encoded(good(B, record_id="r-2", channel="app", bucket_initial=900))]).groups.values()
    assert columns.bucket_initial.tolist() == [NULL, 900]
    assert columns.channel.tolist() == [0, code("app")]
    assert columns.valid_until.tolist() == [NULL, NULL]
    assert columns.main.tolist() == [True, True]

"""The record formats, field by field: what is accepted and what is refused, on both sides of each bound."""

from __future__ import annotations

import pytest

from schemas.raw import RECORD_TYPES, type_name
from tests.intake.test_decode import TOPIC_OF, B, C, D, I, L, O, T, V, X, chunk_of, encoded
from tests.shards import Bench
from tests.streams.records import GOOD, good

M, S, P, W, G, Q = "message_usage", "vas_usage", "payment", "page_view", "location_update", "network_quality"
ALL = tuple(GOOD)
CHANNELS = ["ivr", "call_agent", "store", "kiosk", "web", "app", "mini_program", "sms", "email", "chat", "social", "agent_dealer", "ussd", "push", "rcs", "outbound_call"]
NO_COUNT = {"delta": 1, "operation": "topup", "charge_reason": ...}
"""A top-up instead of a charge."""


def reasons(record_type, **changes):
    value = encoded(good(record_type, **changes))
    key = str(changes.get("customer_id", "C1")).encode()
    return [reject.reason for reject in chunk_of([value], TOPIC_OF[record_type], [key]).rejects]


def bytes_of(down):
    return {"uplink_bytes": 0, "downlink_bytes": down, "total_bytes": down}


def session(seconds):
    return {"event_time": 1_777_599_072_000, "start_time": 1_777_599_072_000 - seconds * 1000, "duration_s": seconds}


def change(entity, attribute, new_value, **more):
    own = {"line": "S1", "customer": "C1", "agreement": "AG"}[entity]
    return {"entity": entity, "entity_id": own, "attribute": attribute, "old_value": None, "new_value": new_value, **more}


LINES = {"recurring": 9900, "tax": 2800, "carried_over": -100}
ACCEPTED = [
    (V, {"duration_s": 604_800}),
    (V, {"other_party": ...}),
    (V, {"other_party": None, "direction": "mt"}),
    (V, {"call_id": "ims-1"}),
    (V, {"call_id": None}),
    (V, {"cause_for_term": 255}),
    (V, {"cell_id": "c" * 32}),
    (V, {"charge_minor": 2**45}),
    (M, {"other_party": None}),
    (M, {"message_size": 5_000_000}),
    (D, session(7_776_000)),
    (D, session(86_401)),
    (D, bytes_of(2**45)),
    (D, {"duration_s": 71}),
    (D, {"duration_s": 73}),
    (S, {"quantity": 1_000_000}),
    (B, {"balance_after": 2**50, **NO_COUNT}),
    (B, {"balance_after": -(2**50)}),
    (B, {"delta": 0}),
    (B, {"bucket_kind": "data", "unit": "byte", "currency": None, "bucket_initial": 2**50, "balance_after": 2**50}),
    (I, {"amount_due_minor": -500, "lines": ...}),
    (I, {"amount_due_minor": -500, "remaining_minor": -500, "category": "normal"}),
    (I, {"amount_due_minor": 500, "category": "credit_note"}),
    (I, {"lines": LINES, "amount_due_minor": 12_600}),
    (I, {"lines": {"a" * 32: 1}}),
    (I, {"lines": {f"line_{'abcdefghijklmnopqrstuvwxyz'[at % 26]}{'_' * (at // 26)}": at for at in range(32)}}),
    (I, {"lines": {}}),
    (I, {"due_date": "2200-12-31"}),
    (I, {"period_start": "1900-01-01"}),
    (P, {"amount_minor": 2**45}),
    (O, {"price_minor": 0}),
    (L, {"valid_until": "2200-12-31"}),
    (L, change("customer", "customer.birth_date", "1900-01-01")),
    (L, change("agreement", "agreement.end_date", "2028-02-29")),
    (L, change("line", "line.owner", "C2", old_value="C1")),
    (L, change("line", "line.number", "+8613800000100")),
    (L, {"channel": "ussd"}),
    (C, {"duration_s": 86_400, "wait_s": 86_400}),
    (C, {"csat": 5}),
    (W, {"page": "p" * 128}),
    (W, {"dwell_ms": 86_400_000}),
    (X, {"new_imei": "4901542032375182", "old_imei": None}),
    (X, {"new_imei": "t:" + "x" * 62}),
    (X, {"change_type": "sim", "new_iccid": "8" * 18, "sim_form": "uicc"}),
    (X, {"change_type": "sim", "new_iccid": "8" * 20, "sim_form": "uicc"}),
    (Q, {"value": 255, "metric": "call_setup_failure"}),
    (Q, {"value": 256}),
    (Q, {"duration_s": 86_400}),
    *((record_type, {"record_id": "x" * 64, "source_system": "😀" * 64}) for record_type in ALL),
    *((record_type, {"customer_id": "C" * 64}) for record_type in ALL if record_type != L),
    *((record_type, {"msisdn": bad}) for record_type in ALL for bad in ("8613800000001", "+0123456", "+861380000010000000", "", "n/a\n", None)),
    *((record_type, {"seq": 2**53 - 1}) for record_type in ALL),
    *((record_type, {"event_time": at}) for record_type in (B, W) for at in ("2026-05-01T09:31:12.123456+08:00", "2026-05-01 09:31:12+0800", "2026-05-01T01:31:60Z")),
    *((B, {"valid_until": at}) for at in (946_684_800_000, 253_402_300_799_999, "2000-01-01T00:00:00Z", "1999-12-31T20:00:00-04:00", "9999-12-31T23:59:59.999Z", None)),
    *((B, {"event_time": at}) for at in (946_684_800_000, 253_370_764_799_999)),
    *((record_type, {"channel": channel}) for record_type in (B, P, O, L, C, T) for channel in CHANNELS),
    (P, {"channel": "third_party"}),
]
REFUSED = [
    ("bad_value", V, {"duration_s": 604_801}),
    ("bad_value", V, {"other_party": ""}),
    ("bad_value", V, {"call_id": "x" * 65}),
    ("bad_value", V, {"cause_for_term": 256}),
    ("bad_value", V, {"cell_id": "c" * 33}),
    ("bad_value", V, {"charge_minor": 2**45 + 1}),
    ("bad_value", V, {"charge_minor": -1}),
    ("bad_value", M, {"message_size": 5_000_001}),
    ("bad_value", M, {"message_size": 0}),
    ("bad_value", M, {"command": "A" * 17}),
    ("bad_value", D, session(7_776_001)),
    ("broken_rule", D, {"duration_s": 70}),
    ("broken_rule", D, {"duration_s": 74}),
    ("bad_value", D, bytes_of(2**45 + 1)),
    ("bad_value", S, {"quantity": 1_000_001}),
    ("bad_value", S, {"quantity": 0}),
    ("bad_value", B, {"balance_after": 2**50 + 1}),
    ("bad_value", B, {"delta": -(2**50) - 1}),
    ("bad_value", B, {"bucket_initial": 0}),
    ("bad_value", I, {"amount_due_minor": -(2**45) - 1}),
    ("broken_rule", I, {"amount_due_minor": -500, "remaining_minor": -499}),
    ("bad_value", I, {"lines": {"a" * 33: 1}}),
    ("bad_value", I, {"lines": {"": 1}}),
    ("broken_rule", I, {"lines": {"Tax": 1}}),
    ("bad_value", I, {"lines": {f"l{'_' * at}" if at < 30 else f"m{'_' * (at - 30)}": at for at in range(33)}}),
    ("bad_value", I, {"lines": {"tax": 2**63}}),
    ("bad_time", I, {"due_date": "2201-01-01"}),
    ("bad_time", I, {"period_start": "1899-12-31"}),
    ("bad_time", I, {"due_date": "2026-02-30"}),
    ("bad_value", P, {"amount_minor": 0}),
    ("bad_value", P, {"amount_minor": 2**45 + 1}),
    ("bad_time", L, {"valid_until": "9999-12-31"}),
    ("broken_rule", L, change("customer", "customer.birth_date", "1899-12-31")),
    ("broken_rule", L, change("agreement", "agreement.end_date", "2027-02-29")),
    ("owner_key", L, change("line", "line.owner", "C1", old_value="C0")),
    ("owner_key", L, change("line", "line.owner", "C1")),
    ("broken_rule", L, change("line", "line.number", "8613800000100")),
    ("bad_value", C, {"duration_s": 86_401}),
    ("bad_value", C, {"csat": 6}),
    ("bad_value", W, {"page": "p" * 129}),
    ("broken_rule", W, {"page": "/a?b"}),
    ("broken_rule", X, {"new_imei": "49015420323751"}),
    ("broken_rule", X, {"new_imei": "49015420323751820"}),
    ("broken_rule", X, {"change_type": "sim", "new_iccid": "8" * 17, "sim_form": "uicc"}),
    ("broken_rule", X, {"change_type": "sim", "new_iccid": "8" * 21, "sim_form": "uicc"}),
    ("broken_rule", Q, {"value": 256, "metric": "call_setup_failure"}),
    *(("bad_value", record_type, {name: "x" * 65}) for record_type in ALL for name in ("record_id", "source_system", "customer_id", "account_id", "subscription_id")),
    *(("bad_value", record_type, {name: ""}) for record_type in ALL for name in ("record_id", "source_system", "customer_id")),
    *(
        ("bad_value", record_type, {name: f"x{control}y"})
        for record_type in (B, G)
        for name in ("record_id", "source_system", "customer_id", "account_id", "subscription_id", "ref_record_id")
        for control in "\x00\x09\x0a\x1e\x1f\x7f"
    ),
    ("bad_value", B, {"customer_id": "C1\n"}),
    ("bad_value", B, {"customer_id": "C1\x7f"}),
    *(("bad_value", record_type, {"seq": 2**53}) for record_type in ALL),
    *(("unsupported_version", record_type, {"schema_version": version}) for record_type in ALL for version in (0, 2, 2**31 - 1, 2**31, 2**63)),
    *(
        ("bad_time", B, {"event_time": at})
        for at in (1_777_599_072, 1_777_599_072_000_000, 1_777_599_072_000_000_000, 253_370_764_800_000, "2026-05-01T09:31:12", "2026-05-01T09:31")
    ),
    *(
        ("bad_time", B, {"valid_until": at})
        for at in (946_684_799_999, 253_402_300_800_000, 1_777_599_072, 10**17, "1999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-00:01", -(2**63))
    ),
    *(("too_old", B, {"event_time": at}) for at in (0, 946_684_799_999, "1999-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", -(2**63))),
    *(("bad_value", record_type, {"channel": "third_party"}) for record_type in (B, O, L, C, T)),
    ("bad_value", P, {"channel": "telegram"}),
]


def name_of(case):
    *_, record_type, changes = case
    return f"{record_type}: {str(changes)[:60]}"


@pytest.mark.parametrize(("record_type", "changes"), ACCEPTED, ids=map(name_of, ACCEPTED))
def test_it_is_accepted(record_type, changes):
    assert reasons(record_type, **changes) == []


@pytest.mark.parametrize(("reason", "record_type", "changes"), REFUSED, ids=map(name_of, REFUSED))
def test_it_is_refused(reason, record_type, changes):
    assert reasons(record_type, **changes) == [reason]


def test_every_record_type_has_its_required_keys():
    """Usage, network and device records need the line; bills, payments and balances the account; a credit bucket no line."""
    need_line = {V, M, D, S, X, G, Q}
    need_account = {B, I, P}
    for record in RECORD_TYPES:
        name = type_name(record)
        wanted = {
            "subscription_id": "missing_field" if name in need_line else "broken_rule" if name in (B, L) else None,
            "account_id": "missing_field" if name in need_account else None,
        }
        assert {field: next(iter(reasons(name, **{field: ...})), None) for field in wanted} == wanted, name
    assert reasons(B, subscription_id=..., bucket_kind="credit", bucket_initial=1000) == []


def test_a_number_that_is_none_becomes_null_and_is_counted_and_the_record_stays():
    numbers = ["+8613800000100", ..., None, "8613800000001", "+86 138", "+8613800000100\n", "+8613800000100\n+8613800000101", "x" * 10_000]
    chunk = chunk_of([encoded(good(B, record_id=str(at), msisdn=number)) for at, number in enumerate(numbers)])
    assert chunk.rejects == []
    (columns,) = chunk.groups.values()
    assert [record.msisdn for record in columns.records] == ["+8613800000100"] + [None] * 7
    assert chunk.notes["bad_msisdn"] == 5


def test_bill_lines_that_do_not_add_up_are_counted():
    lines = [{"recurring": 300}, {"recurring": 299}, {}, None]
    chunk = chunk_of([encoded(good(I, record_id=str(at), lines=own)) for at, own in enumerate(lines)])
    assert chunk.rejects == []
    assert chunk.notes["bill_lines_differ"] == 2


def test_what_is_odd_is_counted_with_the_step_that_passes_it():
    bench = Bench()
    bench.feed([good(B, msisdn="n/a"), good(I, record_id="i", lines={"tax": 1})])
    assert {name: bench.counters[name] for name in ("bad_msisdn", "bill_lines_differ")} == {"bad_msisdn": 1, "bill_lines_differ": 1}
    bench.feed([good(B, record_id="r-2")])
    assert bench.counters["bad_msisdn"] == 1


def test_an_imeisv_is_the_imei_of_its_device():
    (columns,) = chunk_of([encoded(good(X, new_imei="4901542032375199", old_imei="3520990017614801"))], TOPIC_OF[X]).groups.values()
    (record,) = columns.records
    assert (record.new_imei, record.old_imei) == ("490154203237518", "352099001761481")

"""Formats that nobody here chose become the records that a person reads in them."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest

from streams.intake.decode import decode_chunk
from streams.sources.json import reader_of, values_of
from streams.sources.rows import SourceFault
from tests.sources.mappings import ASTERISK, ASTERISK_ROWS, CAMARA, RECHARGE_ROWS, RECHARGES, read, source, tmf, written


def ms(text):
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


def test_asterisk_call_records(tmp_path):
    answered, missed = read(source(tmp_path, ASTERISK), written(tmp_path, ASTERISK_ROWS, "Master.csv"))[0]
    assert answered == {
        "record_type": "voice_usage",
        "schema_version": 1,
        "source_system": "pbx",
        "record_id": "1777622400.1",
        "customer_id": "1001",
        "subscription_id": "1001",
        "event_time": ms("2026-05-01T10:02:07+02:00"),
        "start_time": ms("2026-05-01T10:00:00+02:00"),
        "answer_time": ms("2026-05-01T10:00:07+02:00"),
        "duration_s": 120,
        "outcome": "answered",
        "other_party": "+4930123456",
        "direction": "mo",
        "roaming": False,
        "other_class": "unknown",
    }
    assert (missed["outcome"], missed["duration_s"], missed["other_party"]) == ("no_answer", 0, "+49301234567")
    assert "answer_time" not in missed


def test_recharges(tmp_path):
    records, bad, _ = read(source(tmp_path, RECHARGES), written(tmp_path, RECHARGE_ROWS))
    assert not bad
    assert [(r["record_id"], r["delta"], r["balance_after"], r["event_time"]) for r in records] == [
        ("R1", 1250, 1307, ms("2026-05-01T09:30:00+00:00")),
        ("R2", 500, 500, ms("2026-05-01T09:31:00+00:00")),
    ]


def test_tm_forum_events_keep_their_amounts_exact(tmp_path):
    values = ["0.07", "19.99", "1.10", "90071992547.99"]
    lines = "".join(tmf(number, 0).replace('"value": 0', f'"value": {value}') for number, value in enumerate(values))
    records, bad, _ = read(source(tmp_path, CAMARA), written(tmp_path, lines, "events.jsonl"))
    assert not bad
    assert [r["amount_minor"] for r in records] == [int(Decimal(value) * 100) for value in values]
    assert {(r["currency"], r["purpose"], r["bill_id"], r["method"], r["channel"], r["event_time"]) for r in records} == {
        ("EUR", "bill", "B1", "bank_card", "app", ms("2026-05-01T10:00:00.250+02:00"))
    }


def test_minor_units_go_by_each_row_s_currency(tmp_path):
    lines = tmf(1, 500, unit="JPY") + tmf(2, 1.5, unit="KWD") + tmf(3, 0.5, unit="JPY")
    records, bad, _ = read(source(tmp_path, CAMARA), written(tmp_path, lines, "events.jsonl"))
    assert [r["amount_minor"] for r in records] == [500, 1500]
    assert [(one.line, one.field, one.wanted, one.got) for one in bad] == [(3, "amount_minor", "an amount, not finer than the currency", "0.5")]


def test_paths_without_places_are_read_by_a_typed_decoder(tmp_path):
    own = source(
        tmp_path, CAMARA.replace("event.payment.paymentItem[0].item.@referredType", "event.payment.description").replace("event.payment.paymentItem[0].item.id", "event.note")
    )
    lines = tmf(1, 2, description="TopupBalance") + tmf(2, 2, description=None, payer=None) + tmf(3, 2, description="CustomerBill", payer="C7") + "[1]\n{\n"
    records, bad, _ = read(own, written(tmp_path, lines, "events.jsonl"))
    assert [(r["record_id"], r["purpose"]) for r in records] == [("pay-1", "topup")]
    assert [(one.line, one.field) for one in bad] == [(2, "customer_id"), (3, "row"), (4, "row"), (5, "row")]
    assert bad[0].got == "nothing"


AVRO = """
[sources.sessions]
format = "avro"
record = "data_usage"
id = ["session", "part"]
constants = { roaming = false }
[sources.sessions.fields]
customer_id = "subscriber.id"
subscription_id = "subscriber.line"
session_id = "session"
part = "part"
event_time = { from = "closed", time = "iso" }
start_time = "= event_time - duration_s"
duration_s = { from = "seconds", unit = "s" }
uplink_bytes = { from = "up", unit = "KiB" }
downlink_bytes = { from = "down", unit = "KiB" }
total_bytes = "= uplink_bytes + downlink_bytes"
rat = { from = "rat", map = { EUTRA = "4G", NR = "5G" } }
charge_minor = { from = "charge", unit = "major" }
currency = { value = "EUR" }
"""


def avro_file(path, rows):
    import fastavro

    subscriber = {"type": "record", "name": "Subscriber", "fields": [{"name": "id", "type": "string"}, {"name": "line", "type": "string"}]}
    fields = [
        {"name": "session", "type": "long"},
        {"name": "part", "type": "int"},
        {"name": "closed", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "seconds", "type": "int"},
        {"name": "up", "type": "double"},
        {"name": "down", "type": "double"},
        {"name": "rat", "type": {"type": "enum", "name": "Rat", "symbols": ["EUTRA", "NR"]}},
        {"name": "charge", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "subscriber", "type": subscriber},
    ]
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "Session", "fields": fields}, rows)
    return path


def avro_row(part=0, **more):
    closed = dt.datetime(2026, 5, 1, 10, 0, tzinfo=dt.UTC)
    return {
        "session": 77,
        "part": part,
        "closed": closed,
        "seconds": 60,
        "up": 1.5,
        "down": 2.0,
        "rat": "NR",
        "charge": Decimal("0.07"),
        "subscriber": {"id": "C1", "line": "S1"},
    } | more


def test_avro_files_with_their_own_types(tmp_path):
    (record, _), bad, _ = read(source(tmp_path, AVRO), avro_file(tmp_path / "a.avro", [avro_row(), avro_row(1)]))
    assert not bad
    assert (record["record_id"], record["session_id"], record["rat"], record["charge_minor"]) == ("77|0", "77", "5G", 7)
    assert (record["event_time"], record["start_time"]) == (ms("2026-05-01T10:00:00+00:00"), ms("2026-05-01T09:59:00+00:00"))
    assert (record["uplink_bytes"], record["downlink_bytes"], record["total_bytes"]) == (1536, 2048, 3584)


def test_half_an_avro_file_and_one_with_another_schema_are_refused(tmp_path):
    path = avro_file(tmp_path / "a.avro", [avro_row(part) for part in range(500)])
    half = written(tmp_path, path.read_bytes()[:-40], "half.avro")
    with pytest.raises(SourceFault, match=r"half.avro: wanted a whole Avro file, got one that breaks off behind record [0-9]+ .*: have it delivered again"):
        read(source(tmp_path, AVRO), half)
    with pytest.raises(SourceFault, match=r"a.avro: wanted the fields that sources.sessions names, got a schema without sid: session, part"):
        read(source(tmp_path, AVRO.replace('"session"', '"sid"')), path)


PROTOBUF = """
[sources.moves]
format = "protobuf"
descriptor = "moves.desc"
message = "net.Move"
record = "location_update"
id = ["imsi", "at"]
constants = { update_type = "handover", roaming = false, plmn = "262-01" }
[sources.moves.fields]
customer_id = "imsi"
subscription_id = "imsi"
event_time = { from = "at", time = "epoch s" }
cell_id = "cell.id"
rat = { from = "rat", map = { LTE = "4G", NR = "5G" }, else = "UNKNOWN" }
"""


def protobuf_class(tmp_path):
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="moves.proto", package="net", syntax="proto3")
    cell = file.message_type.add(name="Cell")
    cell.field.add(name="id", number=1, type=9, label=1)
    rat = file.enum_type.add(name="Rat")
    for number, name in enumerate(("NONE", "LTE", "NR")):
        rat.value.add(name=name, number=number)
    move = file.message_type.add(name="Move")
    move.field.add(name="imsi", number=1, type=9, label=1)
    move.field.add(name="at", number=2, type=4, label=1)
    move.field.add(name="cell", number=3, type=11, label=1, type_name=".net.Cell")
    move.field.add(name="rat", number=4, type=14, label=1, type_name=".net.Rat")
    (tmp_path / "moves.desc").write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("net.Move"))


def delimited(*messages):
    def varint(number):
        return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number > 0x7F else bytes([number])

    return b"".join(varint(len(one)) + one for one in (m if isinstance(m, bytes) else m.SerializeToString() for m in messages))


def test_protobuf_messages_behind_their_lengths(tmp_path):
    move = protobuf_class(tmp_path)
    first = move(imsi="262017", at=1_777_622_400, rat=2)
    first.cell.id = "c1"
    second = move(imsi="262018", at=1_777_622_460)
    path = written(tmp_path, delimited(first, b"\xff\xff\xff", second), "moves.bin")
    records, bad, _ = read(source(tmp_path, PROTOBUF), path)
    assert [(r["customer_id"], r["event_time"], r["cell_id"], r["rat"]) for r in records] == [("262017", 1_777_622_400_000, "c1", "5G")]
    assert [(one.line, one.field) for one in bad] == [(2, "row"), (3, "cell_id")]
    with pytest.raises(SourceFault, match="half of message 3"):
        read(source(tmp_path, PROTOBUF), written(tmp_path, path.read_bytes()[:-1], "half.bin"))


FIXED = """
[sources.trunk]
format = "fixed"
columns = { who = [1, 8], at = [9, 22], talk = [23, 30] }
record = "voice_usage"
zone = "UTC"
id = ["who", "at"]
constants = { direction = "mt", roaming = false, other_class = "unknown", outcome = "answered" }
[sources.trunk.fields]
customer_id = "who"
subscription_id = "who"
start_time = { from = "at", time = "%Y%m%d%H%M%S" }
answer_time = "= start_time"
duration_s = { from = "talk", unit = "h:m:s" }
event_time = "= start_time + duration_s"
"""


def test_fixed_width(tmp_path):
    rows = "S1      20260501100000 0:01:05\nS2      2026\nS3      20260501100000   02:10\n"
    records, bad, _ = read(source(tmp_path, FIXED), written(tmp_path, rows))
    assert [(r["customer_id"], r["duration_s"], r["event_time"]) for r in records] == [("S1", 65, ms("2026-05-01T10:01:05+00:00")), ("S3", 130, ms("2026-05-01T10:02:10+00:00"))]
    assert [(one.line, one.wanted, one.got) for one in bad] == [(2, "at least 23 characters", "12")]


@pytest.mark.parametrize(("mapping", "rows", "name"), [(ASTERISK, ASTERISK_ROWS, "Master.csv"), (RECHARGES, RECHARGE_ROWS, "r.csv"), (CAMARA, tmf(1, 2) + tmf(2, 3), "e.jsonl")])
def test_every_record_is_one_that_a_worker_accepts(tmp_path, mapping, rows, name):
    from streams.sources.reading import Reading

    for _, batch in Reading(source(tmp_path, mapping)).batches([str(written(tmp_path, rows, name))]):
        assert len(batch.values) == 2
        for topic, key, value, at, _ in zip(*batch, strict=True):
            chunk = decode_chunk(topic, 0, [0], [key.encode()], [value], next_offset=1, latest_ms=None, max_bytes=10_000)
            assert not chunk.rejects
            assert chunk.event_time.tolist() == [at] == [json.loads(value)["event_time"]]


def test_paths_into_arrays_and_one_that_is_a_value_here_and_an_object_there():
    line = b'{"a":{"b":1.50},"c":[{},{"d":"x","e":[7]}],"f":null}'
    for paths, expected in (
        (["a.b", "c[1].d", "c[1].e[0]", "c[2].d", "f.g"], ["1.50", "x", 7, None, None]),
        (["a", "a.b", "c[1].d"], [{"b": "1.50"}, "1.50", "x"]),
    ):
        decoder, getters = reader_of(paths)
        assert [values_of(getters[path], [decoder.decode(line)])[0] for path in paths] == expected

"""Whatever a file holds: every row is accounted for, every record that comes out is one that a worker accepts, and cuts change nothing."""

from __future__ import annotations

import csv
import io
import json
import random

import pytest

from streams.intake.decode import decode_chunk
from streams.sources.reading import Reading
from tests.sources.mappings import ASTERISK, CAMARA, RECHARGES, source, tmf, written

NASTY = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1e400",
        "1e30",
        "NaN",
        "inf",
        "007",
        "+1",
        "9" * 30,
        "1.005",
        "0x10",
        "true",
        "None",
        "null",
        "é",
        "\u202e",
        "日本",
        "\x7f",
        "a\tb",
        "|",
        "a|b",
        "x" * 65,
    ),
    *(
        "2026-02-30 10:00:00",
        "2026-05-01 10:00:00",
        "9999-12-31 23:59:59",
        "1970-01-01 00:00:00",
        "0001-01-01 00:00:00",
        "2026-05-01 10:00:61",
        "31/12/9999 23:59",
        "01/05/2026 09:30",
    ),
    *("+4930123", "00", "+", "tel:+49301", "ANSWERED", "BUSY", "answered", '"', "a,b", "a;b", "\u00a0"),
]
DATA = """
[sources.data]
record = "data_usage"
zone = "America/New_York"
id = ["sid", "part"]
constants = { rat = "4G" }
[sources.data.fields]
customer_id = "who"
subscription_id = { from = "who", e164 = "1" }
session_id = "sid"
part = "part"
event_time = { from = "end", time = "iso" }
start_time = "= event_time - duration_s"
duration_s = { from = "span", unit = "h:m:s", default = 0 }
uplink_bytes = { from = "up", unit = "MiB" }
downlink_bytes = { from = "down", unit = "kB" }
total_bytes = "= uplink_bytes + downlink_bytes"
roaming = { from = "roam", default = false }
visited_plmn = "plmn"
charge_minor = { from = "fee", unit = "major" }
currency = "cur"
"""
GOOD = {
    "pbx": [
        "",
        "1001",
        "030123456",
        "c",
        "x",
        "s",
        "t",
        "Dial",
        "d",
        "2026-05-01 10:00:00",
        "2026-05-01 10:00:07",
        "2026-05-01 10:02:07",
        "127",
        "120",
        "ANSWERED",
        "D",
        "17.1",
        "",
    ],
    "recharges": ["0244000001", "12.50", "13.07", "01/05/2026 09:30", "R1"],
    "data": ["2125550100", "77", "0", "2026-05-01T10:00:00Z", "0:01:00", "1.5", "2", "no", "310-26", "0.07", "USD"],
}
HEADS = {
    "pbx": None,
    "recharges": ["msisdn", "amount", "new balance", "time", "receipt"],
    "data": ["who", "sid", "part", "end", "span", "up", "down", "roam", "plmn", "fee", "cur"],
}
MAPPINGS = {"pbx": ASTERISK, "recharges": RECHARGES, "data": DATA}


def table(name, seed):
    """A file of rows of which most have a nasty cell."""
    chance = random.Random(seed)
    rows = []
    for _ in range(400):
        row = list(GOOD[name])
        for at in chance.sample(range(len(row)), chance.choice((0, 1, 1, 2, len(row)))):
            row[at] = chance.choice(NASTY)
        rows.append(row[: chance.randrange(len(row))] if chance.random() < 0.02 else row)
    out = io.StringIO()
    csv.writer(out).writerows([*([HEADS[name]] if HEADS[name] else []), *rows])
    return out.getvalue()


def all_of(own, path):
    bad = []
    reading = Reading(own, bad.append)
    return [batch for _, batch in reading.batches([str(path)])], bad, reading.counts


def accepted(batches):
    """Every record goes through the decoder of a worker, and has the key and the time that were said."""
    for batch in batches:
        for topic, key, value, at, _ in zip(*batch, strict=True):
            chunk = decode_chunk(topic, 0, [0], [key.encode()], [value], next_offset=1, latest_ms=None, max_bytes=1_000_000)
            assert not chunk.rejects, (chunk.rejects, value)
            assert chunk.event_time.tolist() == [at]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", MAPPINGS)
def test_every_row_is_a_record_that_a_worker_accepts_or_a_reject(tmp_path, name, seed):
    text = table(name, seed)
    path = written(tmp_path, text)
    batches, bad, counts = all_of(source(tmp_path, MAPPINGS[name]), path)
    accepted(batches)
    expected = len([row for row in csv.reader(io.StringIO(text)) if row]) - (HEADS[name] is not None)
    assert len({*(line for batch in batches for line in batch.lines), *(one.line for one in bad)}) == counts["rows"] == expected
    assert counts["records"] + counts["bad"] == expected
    assert 20 < counts["records"] < 380
    assert all(json.loads(one.json())["where"].startswith(str(path)) for one in bad)


@pytest.mark.parametrize("name", MAPPINGS)
def test_where_rows_are_cut_into_chunks_changes_nothing(tmp_path, name, monkeypatch):
    own, path = source(tmp_path, MAPPINGS[name]), written(tmp_path, table(name, 11))
    whole, bad, _ = all_of(own, path)
    monkeypatch.setattr("streams.sources.csv.ROWS", 7)
    cut, cut_bad, _ = all_of(own, path)
    assert [value for batch in cut for value in batch.values] == [value for batch in whole for value in batch.values]
    assert [line for batch in cut for line in batch.lines] == [line for batch in whole for line in batch.lines]
    assert cut_bad == bad


@pytest.mark.parametrize("seed", range(4))
def test_any_json_is_a_record_or_a_reject(tmp_path, seed):
    chance = random.Random(seed)
    values = [None, True, 0, -1, 2**70, 1.5, 1e300, "", "x" * 70, [], {}, [1], {"id": 1}, "done", "\ud83d\ude00", "a\u0000b"]
    lines = []
    for number in range(300):
        event = json.loads(tmf(number, 2))
        payment = event["event"]["payment"]
        for node in chance.sample([event, event["event"], payment, payment["totalAmount"], payment["payer"], payment["paymentItem"]], chance.choice((0, 1, 1, 2))):
            if isinstance(node, dict):
                node[chance.choice(list(node))] = chance.choice(values)
            else:
                node[0] = chance.choice(values)
        lines.append(json.dumps(event) if chance.random() < 0.95 else json.dumps(event)[: chance.randrange(20)])
    typed = CAMARA.replace("event.payment.paymentItem[0].item.@referredType", "event.payment.status").replace("event.payment.paymentItem[0].item.id", "event.payment.account.id")
    for mapping in (CAMARA, typed.replace("CustomerBill =", "done =")):
        own = source(tmp_path, mapping)
        batches, bad, counts = all_of(own, written(tmp_path, "\n".join(lines) + "\n", "e.jsonl"))
        accepted(batches)
        assert counts["records"] + counts["bad"] == counts["rows"] == len([line for line in lines if line.strip()])
        assert counts["records"] > 20
        assert all(json.loads(one.json())["line"] for one in bad)

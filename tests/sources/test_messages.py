"""Messages of an operator's topic, with schemas from a registry, are the rows that they hold."""

from __future__ import annotations

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
import pytest

from streams.sources.convert import Converter
from streams.sources.mapping import MappingError
from streams.sources.messages import Messages
from streams.sources.rows import SourceFault
from tests.sources.mappings import ASTERISK, ASTERISK_ROWS, CAMARA, RECHARGES, source, tmf
from tests.sources.test_formats import FIXED, PROTOBUF, protobuf_class

SCHEMAS = {
    7: {"type": "record", "name": "Recharge", "fields": [{"name": "who", "type": "string"}, {"name": "cents", "type": "long"}, {"name": "at", "type": "long"}]},
    8: {
        "type": "record",
        "name": "Recharge",
        "fields": [{"name": "at", "type": "long"}, {"name": "who", "type": "string"}, {"name": "cents", "type": "long"}, {"name": "via", "type": "string"}],
    },
}
AVRO = """
[sources.recharges]
format = "avro"
registry = "URL"
topic = "operator.recharges"
record = "balance_change"
id = ["who", "at"]
constants = { bucket_id = "main", bucket_kind = "money", unit = "minor", currency = "EUR", operation = "topup" }
[sources.recharges.fields]
customer_id = "who"
account_id = "who"
subscription_id = "who"
event_time = { from = "at", time = "epoch ms" }
delta = { from = "cents", unit = "minor" }
balance_after = { from = "cents", unit = "minor" }
"""


@pytest.fixture
def registry():
    """A schema registry on this machine: its address, and the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            number = int(self.path.rpartition("/")[2])
            body = json.dumps({"schema": json.dumps(SCHEMAS[number])} if number in SCHEMAS else {"error_code": 40403}).encode()
            self.send_response(200 if number in SCHEMAS else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def avro(number, **row):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, SCHEMAS[number], {"cents": 500, "at": 1_777_622_400_000, "via": "app", **row})
    return b"\0" + number.to_bytes(4, "big") + out.getvalue()


def converted(own, values, first=100):
    rows = Messages(own).rows("operator.x[3]", range(first, first + len(values)), values)
    found = Converter(own).convert(rows)
    return [json.loads(value) for value in found.records.values], [(one.line, one.field, one.where) for one in found.bad]


def test_avro_messages_with_the_schemas_that_they_were_written_with(tmp_path, registry):
    url, asked = registry
    own = source(tmp_path, AVRO.replace("URL", url))
    records, bad = converted(own, [avro(7, who="C1"), avro(8, who="C2"), None, avro(7, who="C3")[:-3], b"{}", avro(7, who="C4", cents=-1), avro(8, who="C5")])
    assert [(r["customer_id"], r["delta"], r["record_id"]) for r in records] == [(who, 500, f"{who}|1777622400000") for who in ("C1", "C2", "C5")]
    assert [one[:2] for one in bad] == [(102, "row"), (103, "row"), (104, "row"), (105, "delta")]
    assert bad[0][2] == "operator.x[3]:102"
    assert asked == ["/schemas/ids/7", "/schemas/ids/8"]


def test_a_schema_that_is_not_there_and_a_registry_that_is_down_are_named(tmp_path, registry):
    url, _ = registry
    with pytest.raises(SourceFault, match=r"registry: wanted schema 9 at http://127.0.0.1:[0-9]+/schemas/ids/9, got status 404: is it the registry of this topic\?"):
        converted(source(tmp_path, AVRO.replace("URL", url)), [b"\0" + (9).to_bytes(4, "big") + b"x"])
    with pytest.raises(SourceFault, match=r"registry: wanted schema 7 at http://127.0.0.1:1/schemas/ids/7, got URLError: is the registry up"):
        converted(source(tmp_path, AVRO.replace("URL", "http://127.0.0.1:1")), [avro(7, who="C1")])


@pytest.mark.parametrize("indexes", [b"\x00", b"\x02\x00", b"\x04\x02\x00"])
def test_protobuf_messages_with_and_without_a_registry_s_header(tmp_path, indexes):
    move = protobuf_class(tmp_path)
    one = move(imsi="262017", at=1_777_622_400, rat=2)
    one.cell.id = "c1"
    value = one.SerializeToString()
    records, bad = converted(source(tmp_path, PROTOBUF), [value, b"\xff"])
    assert [r["rat"] for r in records] == ["5G"]
    assert [line for line, *_ in bad] == [101]
    with_registry = source(tmp_path, PROTOBUF.replace("record =", 'registry = "http://127.0.0.1:1"\nrecord =', 1))
    records, bad = converted(with_registry, [b"\0\0\0\0\7" + indexes + value, value])
    assert [r["cell_id"] for r in records] == ["c1"]
    assert [line for line, *_ in bad] == [101]


def test_json_csv_and_fixed_width_messages(tmp_path):
    records, bad = converted(source(tmp_path, CAMARA), [tmf(1, 2).encode(), b"{", tmf(2, 3.5).encode()])
    assert [r["amount_minor"] for r in records] == [200, 350]
    assert [line for line, *_ in bad] == [101]
    records, bad = converted(source(tmp_path, ASTERISK), [*map(str.encode, ASTERISK_ROWS.splitlines()), b"a,b", b"\xff"])
    assert [r["outcome"] for r in records] == ["answered", "no_answer"]
    assert [line for line, *_ in bad] == [102, 103]
    records, bad = converted(source(tmp_path, FIXED), [b"S1      20260501100000 0:01:05", b"S2"])
    assert [r["duration_s"] for r in records] == [65]
    assert [line for line, *_ in bad] == [101]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        (RECHARGES, "sources.recharges.header: wanted header = false, since messages have no header, got true"),
        (AVRO.replace('registry = "URL"\n', ""), "sources.recharges.registry: wanted the address of the registry that has the schemas of Avro messages, got none"),
        (AVRO.replace("URL", "ftp://x"), "sources.recharges.registry: wanted an http or https address without a password, got 'ftp://x'"),
        (AVRO.replace("URL", "http://u:p@x"), "sources.recharges.registry: wanted an http or https address without a password"),
        (AVRO.replace("URL", "http://x").replace("operator.recharges", "raw.usage"), "sources.recharges.topic: wanted a topic of your own, got 'raw.usage'"),
        (CAMARA.replace("record =", 'order = "sorted"\nrecord ='), "sources.payments.order: wanted as-is: a topic has its order, got sorted"),
    ],
)
def test_what_messages_cannot_be_is_refused(tmp_path, mapping, says):
    with pytest.raises(MappingError) as caught:
        Messages(source(tmp_path, mapping))
    assert says in str(caught.value)

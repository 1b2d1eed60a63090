"""Mappings of formats that nobody here chose, as an operator would write them, and small files in these formats."""

from __future__ import annotations

import json

from streams import settings
from streams.sources.mapping import load_source
from streams.sources.reading import Reading

ASTERISK = """
[sources.pbx]
record = "voice_usage"
header = false
columns = ["accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration", "billsec", "disposition",
  "amaflags", "uniqueid", "userfield"]
zone = "Europe/Berlin"
id = ["uniqueid"]
constants = { direction = "mo", roaming = false, other_class = "unknown" }
[sources.pbx.fields]
customer_id = "src"
subscription_id = "src"
event_time = { from = "end", time = "%Y-%m-%d %H:%M:%S" }
start_time = { from = "start", time = "%Y-%m-%d %H:%M:%S" }
answer_time = { from = "answer", time = "%Y-%m-%d %H:%M:%S" }
duration_s = { from = "billsec", unit = "s" }
other_party = { from = "dst", e164 = "49" }
outcome = { from = "disposition", map = { ANSWERED = "answered", "NO ANSWER" = "no_answer", BUSY = "busy", FAILED = "failed", CONGESTION = "failed" } }
"""
"""`Master.csv` of Asterisk's cdr_csv: no header, 18 columns, texts in quotes."""
ASTERISK_ROWS = (
    '"","1001","030123456","from-internal","""Ann"" <1001>","SIP/1001-1","SIP/trunk-2","Dial","SIP/trunk/030123456,30","2026-05-01 10:00:00","2026-05-01 10:00:07",'
    '"2026-05-01 10:02:07",127,120,"ANSWERED","DOCUMENTATION","1777622400.1",""\n'
    '"","1001","0049301234567","from-internal","""Ann"" <1001>","SIP/1001-3","","Dial","SIP/trunk/x","2026-05-01 10:05:00","","2026-05-01 10:05:20",20,0,'
    '"NO ANSWER","DOCUMENTATION","1777622700.2",""\n'
)
RECHARGES = """
[sources.recharges]
record = "balance_change"
zone = "Africa/Lome"
id = ["receipt"]
constants = { bucket_id = "main", bucket_kind = "money", unit = "minor", currency = "GHS", operation = "topup" }
[sources.recharges.fields]
customer_id = "msisdn"
account_id = "msisdn"
subscription_id = "msisdn"
event_time = { from = "time", time = "%d/%m/%Y %H:%M" }
delta = { from = "amount", unit = "major" }
balance_after = { from = "new balance", unit = "major" }
"""
RECHARGE_ROWS = "msisdn,amount,new balance,time,receipt\n0244000001,12.50,13.07,01/05/2026 09:30,R1\n0244000002,5,5.00,01/05/2026 09:31,R2\n"
CAMARA = """
[sources.payments]
format = "json"
record = "payment"
id = ["event.payment.id"]
constants = { kind = "payment" }
[sources.payments.fields]
customer_id = "event.payment.payer.id"
account_id = "event.payment.account.id"
payment_id = "event.payment.id"
event_time = { from = "eventTime", time = "iso" }
status = { from = "event.payment.status", map = "same" }
amount_minor = { from = "event.payment.totalAmount.value", unit = "major" }
currency = "event.payment.totalAmount.unit"
purpose = { from = "event.payment.paymentItem[0].item.@referredType", map = { CustomerBill = "bill", TopupBalance = "topup" } }
bill_id = "event.payment.paymentItem[0].item.id"
method = { from = "event.payment.paymentMethod.@type", map = { bankCard = "bank_card", digitalWallet = "wallet" } }
channel = { from = "event.payment.channel.name", map = { selfcare = "app" } }
"""
"""A TM Forum event: TMF676 PaymentStateChangeEvent."""


def tmf(number: int, value: float, *, unit: str = "EUR", kind: str = "CustomerBill", **more):
    payment = {
        "id": f"pay-{number}",
        "status": "done",
        "totalAmount": {"unit": unit, "value": value},
        "account": {"id": "A7"},
        "payer": {"id": "C7", "role": "payer"},
        "paymentItem": [{"id": "1", "item": {"id": "B1", "@referredType": kind}}],
        "paymentMethod": {"@type": "bankCard"},
        "channel": {"name": "selfcare"},
    }
    return json.dumps({"eventId": f"e{number}", "eventTime": "2026-05-01T10:00:00.250+02:00", "eventType": "PaymentStateChangeEvent", "event": {"payment": payment | more}}) + "\n"


def source(tmp_path, text, name=None):
    """The source of a mapping, loaded from a settings file as an operator has it."""
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    tables = settings.load(None, str(path), {}).sources
    return load_source(name or next(iter(tables)), tables, str(path))


def read(own, *paths):
    """Records as objects, rows that cannot be used, and the reading itself."""
    bad = []
    reading = Reading(own, bad.append)
    records = [json.loads(value) for _, batch in reading.batches([str(path) for path in paths]) for value in batch.values]
    return records, bad, reading


def written(tmp_path, text, name="in.csv"):
    """A file with a text, or with bytes."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path

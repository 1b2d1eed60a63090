"""The public tables as mappings: the same records as `adapters.py` makes of them, without Python."""

from __future__ import annotations

CONSTANTS = 'bucket_id = "main", bucket_kind = "money", unit = "minor", currency = "XOF"'
WHO = """
customer_id = "{who}"
account_id = "{who}"
subscription_id = "{who}"
"""
MONEY = """
[[sources.{name}.records]]
record = "balance_change"
when = {{ {when} }}
constants = {{ {constants} }}
[sources.{name}.records.fields]
balance_after = {{ from = "{side}_balance_after", unit = "major", round = true }}
_before = {{ from = "{side}_balance_before", unit = "major", round = true }}
delta = "= balance_after - _before"
"""


def momo(side, who):
    """One side of the transfers: it pays, or it gets."""
    differs = f'{side}_balance_after = {{ differs = "{side}_balance_before", given = true }}'
    kinds = {"sender": ('txn_type = { not = "cashin" }', 'txn_type = "cashin"'), "recipient": ('txn_type = "none"', "")}[side]
    parts = [(kinds[0], f'{CONSTANTS}, operation = "charge", charge_reason = "purchase"'), (kinds[1], f'{CONSTANTS}, operation = "adjust_credit"')]
    records = "".join(
        MONEY.format(name=f"momo-{side}", side=side, constants=constants, when=", ".join(filter(None, (differs, kind)))) + WHO.format(who=who) for kind, constants in parts
    )
    event = 'event_time = { from = "timestamp", time = "%Y-%m-%d %H:%M:%S" }'
    return f'[sources.momo-{side}]\nzone = "UTC"\ndecimals = 2\nid = ["@line"]\n[sources.momo-{side}.fields]\n{event}\n{records}'


RECHARGES = f"""
[sources.recharges]
record = "balance_change"
zone = "UTC"
decimals = 2
id = ["@line"]
when = {{ amount = {{ above = 0 }} }}
constants = {{ {CONSTANTS}, operation = "topup" }}
[sources.recharges.fields]
event_time = {{ from = "timestamp", time = "%Y-%m-%d %H:%M:%S" }}
delta = {{ from = "amount", unit = "major" }}
balance_after = "= delta"
{WHO.format(who="caller_id")}
"""
MOBILEDATA = f"""
[sources.mobiledata]
record = "data_usage"
zone = "UTC"
id = ["@line"]
constants = {{ duration_s = 0, rat = "4G", roaming = false, uplink_bytes = 0 }}
[sources.mobiledata.fields]
session_id = "@line"
event_time = {{ from = "timestamp", time = "%Y-%m-%d %H:%M:%S" }}
start_time = "= event_time"
downlink_bytes = {{ from = "volume", unit = "MB" }}
total_bytes = "= downlink_bytes"
{WHO.format(who="caller_id")}
"""
CALLS = f"""
[sources.cdr]
record = "voice_usage"
zone = "UTC"
id = ["@line"]
constants = {{ direction = "mo", outcome = "answered", roaming = false, other_class = "fixed" }}
[sources.cdr.fields]
start_time = {{ from = ["startDate", "startTime"], time = "%d/%m/%Y %H:%M:%S" }}
event_time = {{ from = ["endDate", "endTime"], time = "%d/%m/%Y %H:%M:%S" }}
answer_time = "= start_time"
duration_s = "= event_time - start_time"
other_party = "destPhoneNumber"
{WHO.format(who="phoneNumber")}
"""
PHONE_LOG = """
[sources.bandicoot]
zone = "UTC"
id = ["@line"]
[sources.bandicoot.constants]
customer_id = "ego"
account_id = "ego"
subscription_id = "ego"
other_class = "onnet"
roaming = false
kind = "sms"
result = "delivered"
outcome = "answered"
update_type = "periodic"
plmn = "310-26"
[sources.bandicoot.fields]
direction = { from = "direction", map = { in = "mt", out = "mo" } }
other_party = "correspondent_id"
cell_id = "antenna_id"
_start = { from = "datetime", time = "iso" }
_length = { from = "call_duration", unit = "s", default = 0 }
event_time = "= _start + _length"
[[sources.bandicoot.records]]
record = "voice_usage"
when = { interaction = "call" }
[sources.bandicoot.records.fields]
start_time = "= _start"
answer_time = "= _start"
duration_s = { from = "call_duration", unit = "s" }
[[sources.bandicoot.records]]
record = "message_usage"
when = { interaction = "text" }
[[sources.bandicoot.records]]
record = "location_update"
"""
COMPLAINTS = """
[sources.fcc]
record = "trouble_ticket"
zone = "UTC"
id = ["Ticket #"]
constants = { ticket_type = "complaint", status = "acknowledged", category = "service" }
[sources.fcc.fields]
customer_id = "Ticket #"
account_id = "Ticket #"
subscription_id = "Ticket #"
ticket_id = "Ticket #"
event_time = { from = ["Date_month_year", "Time"], time = "%d-%b-%y %I:%M:%S %p" }
creation_date = "= event_time"
"""
MAPPINGS = {
    "recharges": (RECHARGES, "cider_synthetic/recharges.csv"),
    "mobiledata": (MOBILEDATA, "cider_synthetic/mobiledata.csv"),
    "momo-sender": (momo("sender", "caller_id"), "cider_synthetic/mobilemoney.csv"),
    "momo-recipient": (momo("recipient", "recipient_id"), "cider_synthetic/mobilemoney.csv"),
    "cdr": (CALLS, "np_dl_telco_cdr/cdr.csv"),
    "bandicoot": (PHONE_LOG, "bandicoot/demo__data__ego.csv"),
    "fcc": (COMPLAINTS, "comcast_complaints/Comcast_telecom_complaints_data.csv"),
}
"""By source, its mapping and the table that it reads."""

"""Raw records for the cases of definitions: each builder gives a whole valid record of line S1 (customer C1, account A1).

Line S2 of the same customer is in no reference table: its home is unknown. Moments are `[DAY ]HH:MM[:SS[.mmm]]` in May 2026, +08:00;
without a day it is the first. Cases are run with `events/reference`: S1 lives in 310000 and is prepaid since 2026-04-01, cells are named after their city (`310000-1`).
"""

from itertools import count
from typing import Any

Record = dict[str, Any]
_numbers = count(1)


def moment(at: str) -> str:
    """RFC 3339 of a moment in the short form above."""
    day, _, clock = at.rpartition(" ")
    parts = clock.split(":")
    seconds = parts[2] if len(parts) > 2 else "00"
    return f"2026-05-{int(day or 1):02d}T{parts[0]}:{parts[1]}:{seconds}+08:00"


def record(record_type: str, at: str, **fields: Any) -> Record:
    """Any record, with the envelope."""
    envelope = {
        "record_id": f"{record_type}-{next(_numbers)}",
        "record_type": record_type,
        "schema_version": 1,
        "source_system": "story",
        "event_time": moment(at),
        "customer_id": "C1",
        "account_id": "A1",
        "subscription_id": "S1",
    }
    return {**envelope, **fields}


def balance(before: int, after: int, at: str, operation: str, **more: Any) -> Record:
    """The main balance goes from `before` to `after`, minor units."""
    bucket = {"bucket_id": "main", "bucket_kind": "money", "unit": "minor", "currency": "CNY"}
    return record("balance_change", at, **{**bucket, "operation": operation, "delta": after - before, "balance_after": after, **more})


def charge(before: int, after: int, at: str = "10:00", **more: Any) -> Record:
    """Use is paid from the main balance."""
    return balance(before, after, at, "charge", **{"charge_reason": "data", **more})


def topup(before: int, after: int, at: str = "10:00", **more: Any) -> Record:
    """A recharge."""
    return balance(before, after, at, "topup", **more)


def call(at: str = "10:00", outcome: str = "answered", duration_s: int = 60, **more: Any) -> Record:
    """A call that ends at `at`."""
    answered = {"answer_time": moment(at)} if outcome in ("answered", "dropped") else {}
    seconds = duration_s if answered else 0
    basics = {"direction": "mo", "other_party": "t:1", "other_class": "onnet", "roaming": False, "start_time": moment("1 00:00")}
    return record("voice_usage", at, **{**basics, "outcome": outcome, "duration_s": seconds, **answered, **more})


def session(at: str = "10:00", total_bytes: int = 2_000_000, **more: Any) -> Record:
    """A data session without length that ends at `at`."""
    volume = {"uplink_bytes": 0, "downlink_bytes": total_bytes, "total_bytes": total_bytes}
    return record("data_usage", at, **{"session_id": at, "start_time": moment(at), "duration_s": 0, "rat": "4G", "roaming": False, **volume, **more})


def seen(city: str, at: str, **more: Any) -> Record:
    """The line is seen at a cell of `city`."""
    return record("location_update", at, update_type="periodic", plmn="460-00", roaming=False, cell_id=f"{city}-1", **more)


def roaming(plmn: str, at: str) -> Record:
    """The line is seen in a network abroad."""
    return record("location_update", at, update_type="attach", plmn=plmn, roaming=True)


def contact(at: str = "10:00", status: str = "opened", **more: Any) -> Record:
    """The customer contacts the operator."""
    ended = {"resolution": "unresolved"} if status == "completed" else {}
    basics = {"interaction_id": f"IN-{at}", "direction": "inbound", "channel": "call_agent", "reason": "billing", "start_time": moment("1 00:00")}
    return record("interaction", at, **{**basics, "status": status, **ended, **more})


def phone(old_tac: str | None, new_tac: str | None, at: str = "10:00", **more: Any) -> Record:
    """Another phone is used."""
    return record("device_change", at, **{"change_type": "device", "old_imei": "t:a", "new_imei": "t:b", "old_tac": old_tac, "new_tac": new_tac, **more})


def status(old: str | None, new: str, at: str = "10:00", line: str = "S1", **more: Any) -> Record:
    """The line's status changes."""
    return record("state_change", at, subscription_id=line, entity="line", entity_id=line, attribute="line.status", old_value=old, new_value=new, **more)


# Payments, bills, messages


def payment(amount: int, at: str = "10:00", status: str = "done", **more: Any) -> Record:
    """The account pays bill BL-1 from a wallet, in minor units."""
    basics = {"payment_id": f"PY-{at}", "kind": "payment", "amount_minor": amount, "currency": "CNY", "purpose": "bill", "method": "wallet", "channel": "app", "bill_id": "BL-1"}
    return record("payment", at, **{**basics, "status": status, **more})


def bill(amount: int, at: str = "10:00", bill_id: str = "BL-1", **more: Any) -> Record:
    """The bill of April, due on 20 May, in minor units."""
    dates = {"bill_date": "2026-05-01", "period_start": "2026-04-01", "period_end": "2026-04-30", "due_date": "2026-05-20"}
    return record("bill_issued", at, **{**dates, "bill_id": bill_id, "category": "normal", "amount_due_minor": amount, "currency": "CNY", **more})


def message(at: str = "10:00", to: str = "t:1", **more: Any) -> Record:
    """The line sends an SMS."""
    basics = {"kind": "sms", "direction": "mo", "other_party": to, "other_class": "onnet", "result": "delivered", "roaming": False}
    return record("message_usage", at, **{**basics, **more})


def call_abroad(at: str = "10:00", country: str = "US", **more: Any) -> Record:
    """The line calls a number of another country."""
    return call(at, **{"other_class": "international", "other_country": country, **more})

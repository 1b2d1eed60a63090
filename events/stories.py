"""Raw records for the cases of definitions: each builder gives a whole valid record of line S1 (customer C1, account A1).

Line S2 of the same customer is in no reference table: its home is unknown. Moments are `[DAY ]HH:MM[:SS[.mmm]]` in May 2026, +08:00;
without a day it is the first, and days beyond 31 are of June. Cases are run with `events/reference`: S1 lives in 310000 and is prepaid since 2026-04-01, cells are named after their city (`310000-1`).
"""

from datetime import date, timedelta
from itertools import count
from typing import Any

Record = dict[str, Any]
_numbers = count(1)


def moment(at: str) -> str:
    """RFC 3339 of a moment in the short form above."""
    day, _, clock = at.rpartition(" ")
    parts = clock.split(":")
    seconds = parts[2] if len(parts) > 2 else "00"
    return f"{date(2026, 5, 1) + timedelta(days=int(day or 1) - 1)}T{parts[0]}:{parts[1]}:{seconds}+08:00"


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


def bought(at: str = "10:00", charge_minor: int = 200, **more: Any) -> Record:
    """Content is used, for `charge_minor`."""
    return record("vas_usage", at, **{"service_code": "songs", "service_category": "music", "quantity": 1, "charge_minor": charge_minor, "currency": "CNY", **more})


def ticket(at: str = "10:00", status: str = "acknowledged", **more: Any) -> Record:
    """A ticket is at `status`: a complaint of 09:00 of the first about the network."""
    return record("trouble_ticket", at, **{"ticket_id": "T1", "ticket_type": "complaint", "status": status, "category": "network", "creation_date": moment("09:00"), **more})


def offer(at: str, resolution: str | None, **more: Any) -> Record:
    """An offer is answered; without a resolution it is only opened."""
    answer = {"status": "completed", "resolution": resolution} if resolution else {"status": "opened"}
    return contact(at, **{"direction": "outbound", "channel": "sms", "reason": "offer", "offering_id": "o-1", **answer, **more})


def help_page(at: str, page: str = "/help/roaming", page_category: str = "help", **more: Any) -> Record:
    """A page is looked at in the app."""
    return record("page_view", at, platform="app", page=page, page_category=page_category, **more)


def failure(at: str, metric: str = "call_setup_failure", **more: Any) -> Record:
    """A probe saw something fail."""
    return record("network_quality", at, **{"metric": metric, "value": 34, "plmn": "460-00", "cell_id": "310000-1", **more})


# order, device, web, churn


def order(state: str, at: str = "10:00", **more: Any) -> Record:
    """An item of an order is in a state; by default a data pack of 10.00 is added."""
    basics = {"order_id": "OR-1", "item_id": "1", "item_action": "add", "offering_id": "pack-1", "offering_kind": "data_pack", "channel": "app"}
    return record("product_order", at, **{**basics, "order_state": state, "price_minor": 1000, "currency": "CNY", **more})


def sim(at: str = "10:00", **more: Any) -> Record:
    """Another SIM is in use."""
    return record("device_change", at, **{"change_type": "sim", "new_iccid": "t:c", "sim_form": "uicc", "reason": "lost", **more})


def view(category: str, at: str = "10:00", **more: Any) -> Record:
    """A page is seen in the app."""
    return record("page_view", at, **{"platform": "app", "page": f"/{category}", "page_category": category, **more})


def state_change(attribute: str, old: str | None, new: str, at: str = "10:00", **more: Any) -> Record:
    """An attribute of the customer or of the line changes."""
    entity = attribute.partition(".")[0]
    basics = {"entity": entity, "entity_id": "C1" if entity == "customer" else "S1", "attribute": attribute, "old_value": old, "new_value": new}
    return record("state_change", at, **{**basics, **more})


def service(at: str = "10:00", **more: Any) -> Record:
    """A value-added service is used, for nothing."""
    return record("vas_usage", at, **{"service_code": "vs-1", "service_category": "music", "quantity": 1, "charge_minor": 0, "currency": "CNY", **more})


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


def agreement(end: str | None, at: str = "10:00", entity_id: str = "AG-1", **more: Any) -> Record:
    """An agreement of the line ends on `end`; with None it is terminated."""
    given = {"attribute": "agreement.status", "new_value": "terminated"} if end is None else {"attribute": "agreement.end_date", "new_value": end}
    return record("state_change", at, **{"entity": "agreement", "entity_id": entity_id, "old_value": None, **given, **more})


# Allowances


def allowance(before: int, after: int, at: str = "10:00", operation: str = "charge", **more: Any) -> Record:
    """The data allowance of May, 10,000 bytes until the 31st at 00:00, goes from `before` to `after`."""
    reason = {"charge_reason": "data"} if operation == "charge" else {}
    term = {"valid_from": moment("1 00:00"), "valid_until": moment("31 00:00")}
    bucket = {"bucket_id": "quota", "bucket_kind": "data", "unit": "byte", "bucket_initial": 10_000, **term, **reason}
    return record("balance_change", at, **{**bucket, "operation": operation, "delta": after - before, "balance_after": after, **more})


def minutes(before: int, after: int, at: str = "10:00", operation: str = "charge", **more: Any) -> Record:
    """The voice allowance of May, 100 minutes, goes from `before` to `after`, in seconds."""
    return allowance(before, after, at, operation, **{"bucket_kind": "voice", "unit": "second", "bucket_initial": 6000, **more})

"""One good record of every type."""

from __future__ import annotations

from typing import Any

AT = "2026-05-01T09:31:12.000+08:00"
ENVELOPE = {
    "record_id": "r-1",
    "schema_version": 1,
    "source_system": "src",
    "event_time": AT,
    "customer_id": "C1",
    "account_id": "A1",
    "subscription_id": "S1",
    "msisdn": "+8613800000100",
}
EARLIER = "2026-05-01T09:30:00+08:00"

GOOD: dict[str, dict[str, Any]] = {
    "voice_usage": {"direction": "mo", "other_party": "t:1", "other_class": "offnet", "start_time": EARLIER, "answer_time": EARLIER, "duration_s": 63,
        "outcome": "dropped", "roaming": False, "charge_minor": 0, "currency": "CNY"},
    "message_usage": {"kind": "sms", "direction": "mo", "other_party": "10086", "other_class": "own_hotline", "command": "YE", "message_size": 8,
        "result": "delivered", "roaming": False},
    "data_usage": {"session_id": "s", "start_time": EARLIER, "duration_s": 72, "uplink_bytes": 1, "downlink_bytes": 2, "total_bytes": 3, "rat": "5G", "roaming": False},
    "vas_usage": {"service_code": "x", "service_category": "music", "quantity": 1, "charge_minor": 200, "currency": "CNY"},
    "balance_change": {"bucket_id": "b", "bucket_kind": "money", "unit": "minor", "currency": "CNY", "operation": "charge", "delta": -350, "balance_after": 840,
        "charge_reason": "voice"},
    "bill_issued": {"bill_id": "b", "category": "normal", "bill_date": "2026-05-02", "period_start": "2026-04-01", "period_end": "2026-04-30",
        "due_date": "2026-05-20", "amount_due_minor": 300, "currency": "CNY", "lines": {"recurring": 100, "data": 200}},
    "payment": {"payment_id": "p", "kind": "payment", "status": "done", "amount_minor": 1, "currency": "CNY", "purpose": "bill", "method": "wallet",
        "channel": "third_party", "bill_id": "b"},
    "product_order": {"order_id": "o", "order_state": "completed", "item_action": "modify", "offering_id": "n", "offering_kind": "plan",
        "previous_offering_id": "p", "price_minor": 1, "currency": "CNY", "channel": "app"},
    "state_change": {"entity": "line", "entity_id": "S1", "attribute": "line.status", "old_value": "created", "new_value": "active"},
    "interaction": {"interaction_id": "i", "direction": "inbound", "channel": "ivr", "status": "completed", "reason": "billing", "start_time": EARLIER,
        "resolution": "resolved", "csat": 2},
    "trouble_ticket": {"ticket_id": "t", "ticket_type": "complaint", "status": "acknowledged", "category": "network", "creation_date": EARLIER, "expected_resolution_date": AT},
    "page_view": {"platform": "app", "page": "/plans", "page_category": "plan_list", "dwell_ms": 8200, "referrer_category": "external"},
    "device_change": {"change_type": "device", "old_imei": "t:1", "new_imei": "490154203237518", "old_tac": "35331109", "new_tac": "49015420"},
    "location_update": {"update_type": "attach", "plmn": "460-00", "roaming": False, "cell_id": "c"},
    "network_quality": {"metric": "data_stall", "value": 1, "plmn": "460-00"},
}  # fmt: skip


def good(record_type: str, **changes: Any) -> dict[str, Any]:
    """A good record with some fields changed; `...` leaves a field out."""
    record = {**ENVELOPE, "record_type": record_type, **GOOD[record_type], **changes}
    return {name: value for name, value in record.items() if value is not ...}

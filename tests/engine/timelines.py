"""Random small timelines of raw records, crowded around the moments where rules change their mind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from schemas.raw import TOPICS
from tests.shards import TOPIC_OF

START_MS = 1_793_059_200_000
"""2026-10-27T00:00Z; shifted back so that the autumn change of Berlin lies within."""
HOUR = 3_600_000
DAY = 24 * HOUR
MONTH = 31 * DAY
STEPS = (0, 0, 1, 500, 60_000, 10 * 60_000, 30 * 60_000 - 1, 30 * 60_000, HOUR - 1, HOUR, HOUR + 1, 5 * HOUR, 12 * HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 7 * DAY - 1, 7 * DAY)
BACK = (0, 0, 0, 0, 0, 1, 60_000, 3 * HOUR, 47 * HOUR, 49 * HOUR)
KINDS = ("B", "B", "B", "V", "V", "D", "D", "G", "G", "G", "C", "X", "L")
LINES = (("C1", "S1"), ("C1", "S2"), ("C2", "S3"))

ASTRAY = (0,) * 30 + (40 * DAY, 3650 * DAY)
"""Wrong dates."""


@st.composite
def bodies(draw: Any, at: int, line: str, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """What one record says beside its envelope."""
    kind = draw(st.sampled_from(kinds))
    match kind:
        case "B":
            operation = draw(st.sampled_from(("charge", "charge", "topup")))
            size = draw(st.sampled_from((1, 500, 999, 1000, 1800, 2000, 2001, 3000, 5200)))
            after = draw(st.sampled_from((-10, 0, 1, 900, 999, 1000, 1999, 2000, 5000)))
            reason = {"charge_reason": draw(st.sampled_from(("voice", "data", "sms")))} if operation == "charge" else {}
            currency = draw(st.sampled_from(("CNY", "CNY", "CNY", "USD")))
            return {"record_type": "balance_change", "bucket_id": "b", "bucket_kind": "money", "main": draw(st.sampled_from((True, True, True, False))),
                    "unit": "minor", "currency": currency,
                    "operation": operation, "delta": -size if operation == "charge" else size, "balance_after": after, **reason}  # fmt: skip
        case "V":
            outcome = draw(st.sampled_from(("answered", "no_answer", "dropped", "dropped")))
            talked = outcome != "no_answer"
            answer = {"answer_time": at} if talked else {}
            return {"record_type": "voice_usage", "direction": draw(st.sampled_from(("mo", "mt", "mt"))), "other_party": draw(st.sampled_from(("a", "b"))),
                    "other_class": "onnet", "start_time": at,
                    "duration_s": draw(st.sampled_from((0, 1799, 1800))) if talked else 0, "outcome": outcome, "roaming": False,
                    "cell_id": draw(st.sampled_from((None, "x", "y"))), **answer}  # fmt: skip
        case "D":
            size = draw(st.sampled_from((0, 1, 1_048_576, 2 * 1024**3, 3 * 1024**3)))
            return {"record_type": "data_usage", "session_id": "s", "start_time": at, "duration_s": 0, "uplink_bytes": 0, "downlink_bytes": size, "total_bytes": size,
                    "rat": draw(st.sampled_from(("4G", "5G"))), "roaming": False, "app_category": draw(st.sampled_from(("video", "game", "other")))}  # fmt: skip
        case "G":
            if draw(st.integers(0, 5)) == 0:
                return {"record_type": "location_update", "update_type": "attach", "plmn": draw(st.sampled_from(("208-01", "440-10", "999-99"))), "roaming": True}
            return {
                "record_type": "location_update",
                "update_type": "periodic",
                "plmn": "460-00",
                "roaming": False,
                "cell_id": draw(st.sampled_from(("310000-1", "110000-1", "110000-1", "440100-1", "330100-1", "990000-1", "nowhere"))),
            }
        case "C":
            status = draw(st.sampled_from(("opened", "completed", "completed")))
            ended = {"resolution": "resolved"} if status == "completed" else {}
            return {"record_type": "interaction", "interaction_id": draw(st.sampled_from(("i1", "i2"))), "direction": "inbound",
                    "channel": draw(st.sampled_from(("ivr", "chat"))), "status": status,
                    "reason": draw(st.sampled_from(("billing", "billing", "praise"))), "start_time": at, **ended}  # fmt: skip
        case "X":
            old, new = draw(
                st.sampled_from(
                    (("35331109", "35407115"), ("35407115", "86012305"), (None, "35407115"), ("35331109", "35331109"), ("35331109", "99999999"), ("99999999", "35407115"))
                )
            )
            return {"record_type": "device_change", "change_type": "device", "new_imei": "t:b", "old_tac": old, "new_tac": new}
    old, new = draw(st.sampled_from((("pendingActive", "active"), (None, "active"), (None, "suspended"), ("created", "active"), ("active", "terminated"))))
    if draw(st.booleans()):
        return {
            "record_type": "state_change",
            "entity": "line",
            "entity_id": line,
            "attribute": "line.status",
            "old_value": old,
            "new_value": new if new != "terminated" or draw(st.booleans()) else "suspended",
        }
    return {
        "record_type": "state_change",
        "entity": "customer",
        "entity_id": "",
        "attribute": "customer.marketing_consent",
        "old_value": None,
        "new_value": draw(st.sampled_from(("granted", "withdrawn"))),
    }


def enveloped(body: dict[str, Any], number: int, moment: int, customer: str, line: str) -> dict[str, Any]:
    """The record with this body; a change of a customer's state names the customer."""
    if body.get("entity") == "customer":
        body["entity_id"] = customer
    return {
        "record_id": f"r{number}",
        "schema_version": 1,
        "source_system": "s",
        "event_time": moment,
        "customer_id": customer,
        "account_id": "A" + customer,
        "subscription_id": line,
        **body,
    }


@st.composite
def timelines(draw: Any, most: int = 40, *, astray: bool = True) -> list[dict[str, Any]]:
    """Records in the order in which each topic has them; some are late, some come twice."""
    at = START_MS - draw(st.sampled_from((0, 3, 5, 30))) * DAY
    records: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, most))):
        at += draw(st.sampled_from(STEPS))
        customer, line = draw(st.sampled_from(LINES))
        moment = at - draw(st.sampled_from(BACK)) + (draw(st.sampled_from(ASTRAY)) if astray else 0)
        body = draw(bodies(moment, line))
        records.append(enveloped(body, number, moment, customer, line))
        if draw(st.integers(0, 9)) == 0:
            records.append(draw(st.sampled_from(records)))
    return records


def misdated(times: list[int], at: int) -> bool:
    """Whether the record is a month ahead of all before it that are not misdated, and of most of the eight behind it."""
    if not most_behind(times, at):
        return False
    before = [time for place, time in enumerate(times[:at]) if not misdated(times, place)]
    return not before or times[at] - max(before) > MONTH


def most_behind(times: list[int], at: int) -> bool:
    after = times[at + 1 : at + 9]
    return len(after) > 1 and 2 * sum(times[at] - time > MONTH for time in after) > len(after)


def merged(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The four topics merged by their heads: the earliest event time first, of equal ones the lower rank; a misdated head at once."""
    queues = []
    for topic in TOPICS:
        own = [r for r in records if TOPIC_OF[r["record_type"]] == topic]
        times = [r["event_time"] for r in own]
        queues.append([(0 if misdated(times, at) else r["event_time"], r) for at, r in enumerate(own)])
    result = []
    while any(queues):
        rank = min((rank for rank, queue in enumerate(queues) if queue), key=lambda rank: (queues[rank][0][0], rank))
        result.append(queues[rank].pop(0)[1])
    return result

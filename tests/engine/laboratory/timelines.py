"""Random timelines for the laboratory: crowded hours, and years with few records, so that rows are freed on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.engine.timelines import ASTRAY, BACK, DAY, HOUR, KINDS, LINES, START_MS, STEPS, bodies, enveloped

LONG = (1, HOUR, DAY, 29 * DAY, 30 * DAY, 40 * DAY, 200 * DAY, 399 * DAY, 400 * DAY - 1, 400 * DAY, 401 * DAY)
MIXED = ("V", "V", "V", "V", "V", "V", "V", "B", "B", "B", "C", "C", "D", "L", "L", "X", "G", "G", "other")
NETWORKS = ({"roaming": False}, {"roaming": False}, {"roaming": True, "visited_plmn": "208-01"})
LASTS = (0, 0, 1, HOUR, HOUR, 5 * HOUR, 8 * DAY)
"""How long a data session lasted."""
ENDS = (-DAY, -1, 0, 1, HOUR, 5 * HOUR, DAY, 3 * DAY, 4 * DAY, 30 * DAY, 300 * DAY)
"""When what a record speaks of ends, from the record on."""


@st.composite
def laboratory_bodies(draw: Any, at: int, customer: str, line: str) -> dict[str, Any]:
    """What one record says beside its envelope."""
    kind = draw(st.sampled_from(MIXED))
    match kind:
        case "V":
            outcome = draw(st.sampled_from(("answered", "no_answer", "dropped")))
            charge = draw(st.sampled_from(((), (0,), (30,), (50,), (100,))))
            priced = {"charge_minor": charge[0], "currency": draw(st.sampled_from(("CNY", "USD")))} if charge else {}
            talked = {"answer_time": at, "duration_s": draw(st.sampled_from((0, 60, 61)))} if outcome != "no_answer" else {"duration_s": 0}
            return {"record_type": "voice_usage", "direction": draw(st.sampled_from(("mo", "mt"))), "other_party": draw(st.sampled_from(("a", "a", "b", "b", None))),
                    "other_class": "onnet", "start_time": at - draw(st.sampled_from((0, 0, 1, 60_000, HOUR, 5 * HOUR))),
                    "outcome": outcome, "cell_id": draw(st.sampled_from((None, "x", "y"))), "call_id": draw(st.sampled_from((None, "k", "l"))),
                    "cause_for_term": draw(st.sampled_from((None, 0, 16, 60))), **draw(st.sampled_from(NETWORKS)), **talked, **priced}  # fmt: skip
        case "C":
            status = draw(st.sampled_from(("opened", "completed")))
            ended = {"resolution": "resolved"} if status == "completed" else {}
            return {"record_type": "interaction", "interaction_id": draw(st.sampled_from(("i1", "i2"))), "direction": "inbound",
                    "channel": draw(st.sampled_from(("ivr", "chat"))), "status": status,
                    "reason": draw(st.sampled_from(("billing", "praise"))), "start_time": at, **ended}  # fmt: skip
        case "L":
            if draw(st.integers(0, 3)) == 0:
                return {"record_type": "state_change", "entity": "line", "entity_id": line, "attribute": "line.owner", "old_value": customer, "new_value": "C9"}
            old, new = draw(st.sampled_from((("active", "terminated"), ("terminated", "active"), ("pendingActive", "active"))))
            return {"record_type": "state_change", "entity": "line", "entity_id": line, "attribute": "line.status", "old_value": old, "new_value": new}
    body: dict[str, Any] = draw(bodies(at, line, KINDS if kind == "other" else (kind,)))
    if body["record_type"] == "balance_change":
        body["bucket_id"] = draw(st.sampled_from(("b", "b", "c")))
        if draw(st.booleans()):
            body["valid_until"] = at + draw(st.sampled_from(ENDS))
        body["delta"] *= draw(st.sampled_from((1, 1, 1, 0))) if body["operation"] == "charge" else 1
    if body["record_type"] == "data_usage":
        lasts = draw(st.sampled_from(LASTS))
        body["start_time"], body["duration_s"] = at - lasts, -(-lasts // 1000)
    return body


@st.composite
def laboratory_timelines(draw: Any, most: int = 24) -> list[dict[str, Any]]:
    """Records in the order in which each topic has them; some are late, some come twice, some are misdated; C2 may lag behind the others."""
    at = START_MS - 30 * DAY
    steps = draw(st.sampled_from((STEPS, (*STEPS, *LONG), LONG, (0, 1, HOUR, HOUR, 5 * HOUR))))
    behind = draw(st.sampled_from((0, 0, 20 * DAY, 60 * DAY)))
    records: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, most))):
        at += draw(st.sampled_from(steps))
        customer, line = draw(st.sampled_from(LINES))
        moment = at - (behind if customer == "C2" else 0) - draw(st.sampled_from(BACK)) + draw(st.sampled_from(ASTRAY))
        body = draw(laboratory_bodies(moment, customer, line))
        record = enveloped(body, number, moment, customer, line)
        if draw(st.integers(0, 5)) == 0:
            record["account_id"] = draw(st.sampled_from(("A2", "A2" if body["record_type"] == "balance_change" else None)))
        if body["record_type"] == "interaction" and draw(st.booleans()):
            del record["subscription_id"]
        records.append(record)
        if draw(st.integers(0, 9)) == 0:
            records.append(draw(st.sampled_from(records)))
    return records

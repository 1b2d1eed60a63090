"""care.*: complaints, and calls to the hotline."""


def complaint_filed(data):
    for who, mine in data.of("trouble_ticket", where=lambda r: r["ticket_type"] == "complaint" and r["status"] == "acknowledged"):
        for r in mine:
            yield who, r["event_time"], {"source": "trouble_ticket", "category": r["category"], "ticket_id": r["ticket_id"]}


def call_started(data):
    for who, mine in data.of("interaction", where=lambda r: r["direction"] == "inbound" and r["channel"] in ("ivr", "call_agent") and r["status"] == "opened"):
        for r in mine:
            yield who, r["event_time"], {"interaction_id": r["interaction_id"], "reason": r["reason"]}


COUNTS = {"care.complaint_filed": complaint_filed, "care.call_started": call_started}

"""Complaints to an American operator, 2015."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tests.real_input.adapters import rows
from tests.real_input.worlds.records import NEW_YORK, World, instant, record, released

if TYPE_CHECKING:
    from pathlib import Path


def complaints(folder: Path) -> World:
    """Tickets, and calls for those that came by telephone. The table names no customer, so each ticket is one's own."""
    records = []
    for row in rows(folder / "comcast_complaints" / "Comcast_telecom_complaints_data.csv"):
        at = instant(datetime.strptime(f"{row['Date_month_year']} {row['Time']}", "%d-%b-%y %I:%M:%S %p"), NEW_YORK)
        ticket, who = row["Ticket #"], f"T{row['Ticket #']}"
        records.append(record("trouble_ticket", "tickets", ticket, at, who, ticket_id=ticket, ticket_type="complaint", status="acknowledged", category="service", creation_date=at))
        if row["Received Via"] == "Customer Care Call":
            contact = {"direction": "inbound", "channel": "call_agent", "status": "opened", "reason": "complaint", "start_time": at}
            records.append(record("interaction", "calls", ticket, at, who, interaction_id=ticket, **contact))
    return World(released(records), {}, NEW_YORK.key, "US", {}, "2016-01-01T00:00:00Z")

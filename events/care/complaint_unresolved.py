"""A complaint is still open after two days: escalate it, with a goodwill credit."""

from events.stories import moment, ticket
from events.words import T, ended_tickets, tickets
from streams.define import Case, Detail, Event, Param, once_per


class ComplaintUnresolved(Event, by="customer"):
    patience = Param("48h", name="T", ge="1h", doc="how long a complaint may stay open")

    complaints = tickets.where(T.ticket_type == "complaint", T.status == "acknowledged")
    when = complaints.without(ended_tickets, within=patience)
    rearm = once_per(T.ticket_id)
    detail = Detail(ticket_id=T.ticket_id, category=T.category, age_h=patience.hours)


OPEN = {"ticket_id": "T1", "category": "network", "age_h": 48}
CASES = [
    Case("two days", [ticket("1 10:00"), ticket("1 11:00", "inProgress"), ticket("3 09:00", "pending")], [OPEN], until=moment("3 10:00:05")),
    Case("not before", [ticket("1 10:00")], [], until=moment("3 10:00:04")),
    *(
        Case(f"{end} at the very end is in time", [ticket("1 10:00"), ticket("3 10:00", end)], [], until=moment("9 10:00"))
        for end in ("resolved", "closed", "cancelled", "rejected")
    ),
    Case("a moment later is not", [ticket("1 10:00"), ticket("3 10:00:00.001", "resolved")], [OPEN]),
    Case("another ticket's end is none", [ticket("1 10:00"), ticket("2 10:00", "resolved", ticket_id="T2")], [OPEN], until=moment("3 10:00:05")),
    Case("an incident", [ticket("1 10:00", ticket_type="incident")], [], until=moment("9 10:00")),
    Case("acknowledged twice: the first counts", [ticket("1 10:00"), ticket("2 10:00")], [OPEN], until=moment("3 10:00:05")),
    Case(
        "once for each ticket",
        [ticket("1 10:00"), ticket("1 11:00", ticket_id="T2"), ticket("4 10:00"), ticket("5 10:00", "resolved", ticket_id="T2")],
        [OPEN, {**OPEN, "ticket_id": "T2"}],
        until=moment("9 10:00"),
    ),
    Case("acknowledged again after its end", [ticket("1 10:00"), ticket("2 10:00", "resolved"), ticket("2 11:00")], [OPEN], until=moment("4 11:00:05")),
]

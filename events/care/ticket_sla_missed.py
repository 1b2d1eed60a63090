"""The promised date has passed and the ticket is open: compensate."""

from events.stories import moment, ticket
from events.words import T, ended_tickets, tickets
from streams.define import Case, Detail, Event, once_per


class TicketSlaMissed(Event, by="customer"):
    # survives: .where(T.status.isin("acknowledged", "inProgress", "pending", "held")) → nothing: what has ended calls it off itself
    # survives: T.status.isin("acknowledged", "inProgress", "pending", "held") → T.status.isin("acknowledged", "inProgress", "pending", "held", "cancelled"): the same
    open_ = tickets.where(T.status.isin("acknowledged", "inProgress", "pending", "held"))
    when = open_.at(T.expected_resolution_date).unless(ended_tickets)
    rearm = once_per(T.ticket_id)
    detail = Detail(ticket_id=T.ticket_id, promised=T.expected_resolution_date, category=T.category)


PROMISED = moment("3 12:00")
MISSED = {"ticket_id": "T1", "promised": "2026-05-03T04:00:00.000Z", "category": "network"}
LATER = "2026-05-20T00:00:00+08:00"
CASES = [
    Case("nothing was done", [ticket("1 10:00", expected_resolution_date=PROMISED)], [MISSED], until=LATER),
    Case("solved at the promised moment", [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("3 12:00", "resolved")], [], until=LATER),
    Case("solved a moment later", [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("3 12:00:00.001", "resolved")], [MISSED], until=LATER),
    Case(
        "another promise",
        [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("2 10:00", "inProgress", expected_resolution_date=moment("4 12:00"))],
        [{**MISSED, "promised": "2026-05-04T04:00:00.000Z"}],
        until=LATER,
    ),
    Case("a word without a date keeps it", [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("2 10:00", "inProgress")], [MISSED], until=LATER),
    Case("nothing was promised", [ticket("1 10:00")], [], until=LATER),
    Case("cancelled", [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("2 10:00", "cancelled")], [], until=LATER),
    Case(
        "each ticket",
        [ticket("1 10:00", expected_resolution_date=PROMISED), ticket("1 11:00", ticket_id="T2", expected_resolution_date=PROMISED)],
        [MISSED, {**MISSED, "ticket_id": "T2"}],
        until=LATER,
    ),
    Case(
        "waiting for the customer, or for others",
        [ticket("1 10:00", "pending", expected_resolution_date=PROMISED), ticket("1 11:00", "held", ticket_id="T2", expected_resolution_date=PROMISED)],
        [MISSED, {**MISSED, "ticket_id": "T2"}],
        until=LATER,
    ),
    Case(
        "promised again at that moment when it was said",
        [
            ticket("1 10:00", expected_resolution_date=PROMISED),
            ticket("3 12:00:10", ticket_id="T9", customer_id="C2"),
            ticket("3 12:00", "inProgress", expected_resolution_date=PROMISED),
        ],
        [MISSED],
        until=LATER,
    ),
]

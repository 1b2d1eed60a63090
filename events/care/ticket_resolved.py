"""The problem is solved: a survey, then a gentle offer."""

from events.stories import ticket
from events.words import T, tickets
from streams.define import Case, Detail, Event, any_of, event_time, once_per


class TicketResolved(Event, by="customer"):
    moved = tickets.moves(T.status)
    first = tickets.where(tickets.count() == 1)  # what was never seen open is solved all the same
    when = any_of(moved=moved, first=first).where(T.status.isin("resolved", "closed"))
    rearm = once_per(T.ticket_id)
    detail = Detail(ticket_id=T.ticket_id, category=T.category, hours=(event_time - T.creation_date).hours)


DONE = {"ticket_id": "T1", "category": "network", "hours": 24}
CASES = [
    Case("a day later", [ticket("1 10:00"), ticket("2 09:00", "resolved")], [DONE]),
    Case("hours are cut off", [ticket("1 10:00"), ticket("2 09:59:59.999", "resolved")], [DONE]),
    Case("closed without a word before", [ticket("1 10:00"), ticket("2 09:00", "closed")], [DONE]),
    Case("first seen when it is over", [ticket("2 09:00", "closed")], [DONE]),
    Case("first seen when it is solved, then closed", [ticket("2 09:00", "resolved"), ticket("2 10:00", "closed")], [DONE]),
    Case("not solved", [ticket("1 10:00"), ticket("1 11:00", "inProgress"), ticket("1 12:00", "held"), ticket("1 13:00", "cancelled")], []),
    Case("first seen when it is rejected", [ticket("1 10:00", "rejected")], []),
    Case("solved once, though the problem came back", [ticket("1 10:00"), ticket("2 09:00", "resolved"), ticket("2 10:00", "inProgress"), ticket("3 10:00", "resolved")], [DONE]),
    Case("each ticket", [ticket("2 09:00", "resolved"), ticket("2 09:00", "resolved", ticket_id="T2")], [DONE, {**DONE, "ticket_id": "T2"}]),
    Case("learnt late, when it is known to go on", [ticket("1 10:00"), ticket("1 12:00", "inProgress"), ticket("1 11:00", "resolved")], []),
]

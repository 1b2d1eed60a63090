"""A complaint is registered: no marketing now, an apology."""

from events.stories import contact, ticket
from events.words import C, T, contacts
from streams.define import Case, Detail, Event, any_of, cool, each, once_per


class ComplaintFiled(Event, by="customer"):
    filed = any_of(
        trouble_ticket=T.where(T.ticket_type == "complaint", T.status == "acknowledged"),
        interaction=contacts.where(C.status == "completed", C.reason == "complaint"),
    )
    when = filed
    rearm = once_per(T.ticket_id).or_if_unknown(each), cool("10min")
    detail = Detail(source=filed.name, category=T.category, ticket_id=T.ticket_id)


TICKET = {"source": "trouble_ticket", "category": "network", "ticket_id": "T1"}
CONTACT = {"source": "interaction", "category": None, "ticket_id": None}
CASES = [
    Case("a ticket", [ticket()], [TICKET]),
    Case("a contact", [contact("10:00", "completed", reason="complaint")], [CONTACT]),
    Case("an incident is no complaint", [ticket(ticket_type="incident")], []),
    Case("a ticket that goes on is not filed", [ticket(status="inProgress")], []),
    Case("a contact that is only opened", [contact("10:00", "opened", reason="complaint")], []),
    Case("the operator calls about a complaint", [contact("10:00", "completed", reason="complaint", direction="outbound")], []),
    Case("a ticket and a contact together count once", [ticket("10:00"), contact("10:09:59.999", "completed", reason="complaint")], [TICKET]),
    Case("a contact and a ticket too", [contact("10:00", "completed", reason="complaint"), ticket("10:09:59.999")], [CONTACT]),
    Case("ten minutes apart are two", [ticket("10:00"), contact("10:10", "completed", reason="complaint")], [TICKET, CONTACT]),
    Case("a ticket is filed once", [ticket("10:00"), ticket("11:00")], [TICKET]),
    Case("two contacts are two complaints", [contact(at, "completed", reason="complaint") for at in ("10:00", "10:20")], [CONTACT, CONTACT]),
    Case("a ticket lost in the ten minutes may be filed later", [contact("10:00", "completed", reason="complaint"), ticket("10:05"), ticket("11:00")], [CONTACT, TICKET]),
    Case("a contact about a bill", [contact("10:00", "completed")], []),
]

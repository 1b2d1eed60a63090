"""A cut call, then a complaint: explain what happened, and compensate."""

from events.care.complaint_filed import ComplaintFiled
from events.stories import call, contact, session, status, ticket
from events.words import V, dropped_calls
from streams.define import Case, Detail, Event, Param


class DropThenComplaint(Event, by="line"):
    soon = Param("24h", name="T", ge="1min", doc="so soon after the cut it may be the reason")

    legs = dropped_calls.same(V.call_id).within("24h")
    cuts = dropped_calls.where(V.call_id.is_unknown() | (legs.count() == 1))  # legs of one call are one cut
    when = cuts.then(ComplaintFiled, within=soon)
    detail = Detail(gap_s=when.gap.seconds, cell_id=when.earlier(V.cell_id), ticket_id=ComplaintFiled.detail.ticket_id)


def complaint(at: str, **more: object) -> dict[str, object]:
    """The customer complains to an agent."""
    return contact(at, "completed", reason="complaint", **more)


CASES = [
    Case("24 hours to the moment", [call("1 10:00", "dropped", cell_id="a"), complaint("2 10:00")], [{"gap_s": 86400, "cell_id": "a", "ticket_id": None}]),
    Case("a moment later", [call("1 10:00", "dropped"), complaint("2 10:00:00.001")], []),
    Case("a ticket", [call("10:00", "dropped"), ticket("10:00:59.999")], [{"gap_s": 59, "cell_id": None, "ticket_id": "T1"}]),
    Case("about another line", [call("10:00", "dropped"), complaint("11:00", subscription_id="S2")], []),
    Case("about no line: the only one", [call("10:00", "dropped"), complaint("11:00", subscription_id=None)], [{"gap_s": 3600, "cell_id": None, "ticket_id": None}]),
    Case("about no line, and there are two", [session("09:00", subscription_id="S2"), call("10:00", "dropped"), complaint("11:00", subscription_id=None)], []),
    Case(
        "about no line, and the other one is not active",
        [session("09:00", subscription_id="S2"), status("active", "suspended", "09:30", "S2"), call("10:00", "dropped"), complaint("11:00", subscription_id=None)],
        [{"gap_s": 3600, "cell_id": None, "ticket_id": None}],
    ),
    Case(
        "the latest cut that is free, each once",
        [call("10:00", "dropped", cell_id="a"), call("10:10", "dropped", cell_id="b"), complaint("11:00"), complaint("12:00"), complaint("13:00")],
        [{"gap_s": 3000, "cell_id": "b", "ticket_id": None}, {"gap_s": 7200, "cell_id": "a", "ticket_id": None}],
    ),
    Case(
        "legs of one call are one",
        [call("10:00", "dropped", cell_id="a", call_id="k"), call("10:00", "dropped", cell_id="b", call_id="k"), complaint("11:00"), complaint("12:00")],
        [{"gap_s": 3600, "cell_id": "a", "ticket_id": None}],
    ),
    Case("one complaint in ten minutes", [complaint("09:58"), call("10:00", "dropped"), complaint("10:05")], []),
    Case(
        "a call that is cut 24 hours later is another one",
        [call("1 10:00", "dropped", call_id="k"), call("2 10:00", "dropped", cell_id="b", call_id="k"), complaint("2 11:00")],
        [{"gap_s": 3600, "cell_id": "b", "ticket_id": None}],
    ),
    Case("half an hour less, and it is a leg", [call("1 10:00", "dropped", call_id="k"), call("2 09:30", "dropped", call_id="k"), complaint("2 11:00")], []),
    Case(
        "two calls are two cuts",
        [call("10:00", "dropped", cell_id="a", call_id="k"), call("10:10", "dropped", cell_id="b", call_id="m"), complaint("11:00"), complaint("12:00")],
        [{"gap_s": 3000, "cell_id": "b", "ticket_id": None}, {"gap_s": 7200, "cell_id": "a", "ticket_id": None}],
    ),
]

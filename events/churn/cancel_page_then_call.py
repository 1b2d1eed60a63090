"""Looked at how to leave, then called: to an agent who can make an offer."""

from events.stories import contact, view
from events.web.cancel_page import CancelPage
from events.words import C, hotline_calls
from streams.define import Case, Detail, Event, Param


class CancelPageThenCall(Event, by="customer"):
    window = Param("24h", name="T", ge="1s", doc="so soon after the page the call is about leaving")

    when = CancelPage.where().then(hotline_calls, within=window)
    detail = Detail(gap_s=when.gap.seconds, reason=C.reason)


CASES = [
    Case("within the day", [view("cancel", "1 10:00"), contact("1 10:01:30.999")], [{"gap_s": 90, "reason": "billing"}]),
    Case("24 hours to the moment", [view("port_out", "1 10:00"), contact("2 10:00", channel="ivr", reason="cancel")], [{"gap_s": 86400, "reason": "cancel"}]),
    Case("a moment later", [view("cancel", "1 10:00"), contact("2 10:00:00.001")], []),
    Case("called before", [contact("1 09:00"), view("cancel", "1 10:00")], []),
    Case("another page", [view("bill", "1 10:00"), contact("1 11:00")], []),
    Case("a chat is no call, nor is the end of one", [view("cancel", "1 10:00"), contact("1 11:00", channel="chat"), contact("1 12:00", "completed")], []),
    Case("two calls about one look", [view("cancel", "1 10:00"), contact("1 11:00"), contact("1 12:00")], [{"gap_s": 3600, "reason": "billing"}]),
    Case("two looks in a day are one", [view("cancel", "1 10:00"), contact("1 11:00"), view("cancel", "1 12:00"), contact("1 13:00")], [{"gap_s": 3600, "reason": "billing"}]),
]

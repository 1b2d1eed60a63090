"""Looked for help online, then contacted us: the agent should see the page."""

from events.stories import contact, help_page
from events.words import C, W, contacts
from streams.define import Case, Detail, Event, Param


class WebThenCall(Event, by="customer"):
    soon = Param("30min", name="T", ge="1s", doc="so soon after the page it is the same matter")

    calls = contacts.where(C.status == "opened", C.channel.isin("ivr", "call_agent", "chat"))
    pair = W.where(W.page_category == "help").then(calls, within=soon)
    when = pair
    detail = Detail(page=pair.earlier(W.page), reason=C.reason, gap_s=pair.gap.seconds)


CASES = [
    Case("half an hour later", [help_page("10:00"), contact("10:30")], [{"page": "/help/roaming", "reason": "billing", "gap_s": 1800}]),
    Case("a moment more", [help_page("10:00"), contact("10:30:00.001")], []),
    Case(
        "a chat is a call, a store is none",
        [help_page("10:00"), contact("10:01", channel="store"), contact("10:02", channel="chat")],
        [{"page": "/help/roaming", "reason": "billing", "gap_s": 120}],
    ),
    Case("another page", [help_page("10:00", "/plans", "plan_list"), contact("10:01")], []),
    Case("a call, then the page", [contact("10:00"), help_page("10:01")], []),
    Case("the operator calls", [help_page("10:00"), contact("10:01", direction="outbound")], []),
    Case(
        "one page serves one call: the latest that is free",
        [help_page("10:00", "/help/a"), help_page("10:01", "/help/b"), contact("10:02"), contact("10:03"), contact("10:04")],
        [{"page": "/help/b", "reason": "billing", "gap_s": 60}, {"page": "/help/a", "reason": "billing", "gap_s": 180}],
    ),
    Case("seconds are cut off", [help_page("10:00"), contact("10:00:59.999")], [{"page": "/help/roaming", "reason": "billing", "gap_s": 59}]),
    Case(
        "a voice menu is a call, a dealer is none",
        [help_page("10:00"), contact("10:01", channel="agent_dealer"), contact("10:02", channel="ivr")],
        [{"page": "/help/roaming", "reason": "billing", "gap_s": 120}],
    ),
    Case("a call that ends", [help_page("10:00"), contact("10:01", "completed")], []),
]

"""Looks at how to leave: the moment to keep the customer."""

from events.stories import view
from events.words import W
from streams.define import Case, Detail, Event, cool


class CancelPage(Event, by="customer"):
    when = W.where(W.page_category.isin("cancel", "port_out"))
    rearm = cool("24h")
    detail = Detail(page=W.page, category=W.page_category)


CASES = [
    Case("how to cancel", [view("cancel")], [{"page": "/cancel", "category": "cancel"}]),
    Case("another page", [view("plan_detail")], []),
    Case(
        "once in 24 hours, whichever page",
        [view("cancel", "1 10:00"), view("port_out", "2 09:59:59.999"), view("port_out", "2 10:00")],
        [{"page": "/cancel", "category": "cancel"}, {"page": "/port_out", "category": "port_out"}],
    ),
    Case("the own account", [view("account")], []),
    Case("a moment before the 24 hours are over", [view("cancel", "1 10:00"), view("cancel", "2 09:59:59.999")], [{"page": "/cancel", "category": "cancel"}]),
]

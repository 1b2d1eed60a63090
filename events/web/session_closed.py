"""The visit ended: come back to what was of interest."""

from events.stories import view
from events.words import W, visit
from streams.define import Case, Detail, Event, Param


class SessionClosed(Event, by="customer", expect="88-380 per 1,000 customers a day"):
    least = Param(2, name="n", unit="views", ge=1, doc="one view is no visit")

    when = visit.closed.where(visit.count() >= least)
    detail = Detail(session_start=visit.start, session_end=visit.end, views=visit.count(), categories=visit.list(W.page_category), submitted=visit.any(W.outcome == "submit"))


VISIT = {"session_start": "2026-05-01T02:00:00.000Z", "session_end": "2026-05-01T02:10:00.000Z", "views": 2, "categories": ["home", "plan_detail"], "submitted": False}
CASES = [
    Case("two views", [view("home", "10:00"), view("plan_detail", "10:10")], [VISIT], until="2026-05-01T10:40:05+08:00"),
    Case("not before the gap is over", [view("home", "10:00"), view("plan_detail", "10:10")], [], until="2026-05-01T10:40:04+08:00"),
    Case("one view is no visit", [view("home", "10:00")], [], until="2026-05-02T00:00:00+08:00"),
    Case(
        "a view at the end of the gap still belongs",
        [view("home", "10:00"), view("home", "10:30", outcome="submit")],
        [{**VISIT, "session_end": "2026-05-01T02:30:00.000Z", "categories": ["home"], "submitted": True}],
        until="2026-05-01T11:00:05+08:00",
    ),
    Case(
        "a millisecond later two visits",
        [view("home", "10:00"), view("plan_detail", "10:10"), view("home", "10:40:00.001"), view("promo", "10:40:00.001")],
        [VISIT, {**VISIT, "session_start": "2026-05-01T02:40:00.001Z", "session_end": "2026-05-01T02:40:00.001Z", "categories": ["home", "promo"]}],
        until="2026-05-02T00:00:00+08:00",
    ),
    Case(
        "a late view moves the start back",
        [view("home", "10:10"), view("home", "10:00")],
        [{**VISIT, "categories": ["home"]}],
        until="2026-05-02T00:00:00+08:00",
    ),
    Case(
        "one from more than the gap before is of no visit",
        [view("home", "10:00"), view("plan_detail", "10:10"), view("home", "09:29:59.999")],
        [VISIT],
        until="2026-05-02T00:00:00+08:00",
    ),
    Case("two customers", [view("home", "10:00"), view("home", "10:05", customer_id="C2", account_id="A2")], [], until="2026-05-02T00:00:00+08:00"),
]

"""Several different signs of leaving: first in the queue for a save."""

from events.bill.shock import Shock
from events.care.complaint_repeat import ComplaintRepeat
from events.churn.activity_decay import ActivityDecay
from events.churn.all_silence_7 import AllSilence7
from events.churn.competitor_hotline import CompetitorHotline, theirs
from events.churn.port_code_requested import PortCodeRequested
from events.contract.expiring_30 import Expiring30
from events.plan.downgraded import Downgraded
from events.stories import agreement, bill, call, contact, moment, order, seen, session, state_change, status, view
from events.web.cancel_page import CancelPage
from streams.define import Case, Detail, Event, Param, any_of, cool, edge, event_time


class MultiSignal(Event, by="line"):
    window = Param("14d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="signs", ge=2, doc="so many different signs")

    signs = any_of(
        CompetitorHotline,
        PortCodeRequested,
        ActivityDecay,
        AllSilence7,
        CancelPage.each_line(),
        ComplaintRepeat.each_line(),
        Downgraded,
        Shock.each_line(),
        Expiring30,
    )
    recent = signs.within(window)
    when = signs.where(recent.distinct(signs.name) >= n)
    rearm = edge, cool("30d")
    # survives: .or_(event_time) → nothing: there is always a first one; it says that the field is never null
    detail = Detail(signals=recent.list(signs.name), first_at=recent.first(signs.time).or_(event_time))


def porting(at: str, line: str = "S1") -> dict[str, object]:
    """The line asks for its porting code."""
    return state_change("line.port", None, "auth_code_issued", at, subscription_id=line, entity_id=line)


SIGNALS = ["churn.competitor_hotline", "churn.port_code_requested", "web.cancel_page"]
FOUND = {"signals": SIGNALS, "first_at": "2026-05-01T02:00:00.000Z"}
BEFORE = [theirs("1 10:00"), porting("2 10:00")]


def found(third: str) -> dict[str, object]:
    """What the event shows of the two before and a third sign."""
    return {**FOUND, "signals": [*SIGNALS[:2], third]}


CASES = [
    Case("three signs, one of them the customer's", [theirs("1 10:00"), porting("2 10:00"), view("cancel", "3 10:00", subscription_id=None)], [FOUND]),
    Case("on the fourteenth civil day", [theirs("1 10:00"), porting("2 10:00"), view("cancel", "14 23:59:59.999")], [FOUND]),
    Case("the fifteenth is too late", [theirs("1 10:00"), porting("2 10:00"), view("cancel", "15 00:00")], []),
    Case("one sign three times", [porting("1 10:00"), porting("2 10:00"), porting("3 10:00")], []),
    Case("two signs", [theirs("1 10:00"), porting("2 10:00"), porting("3 10:00")], []),
    Case(
        "the page counts for the other line too",
        [theirs("1 10:00"), porting("2 10:00"), session("2 11:00", subscription_id="S2"), porting("2 12:00", "S2"), view("cancel", "3 10:00"), view("cancel", "5 10:00")],
        [FOUND],
    ),
    Case(
        "not for one that is not active",
        [theirs("1 10:00"), porting("2 10:00"), status("active", "suspended", "2 11:00"), view("cancel", "3 10:00")],
        [],
    ),
    Case(
        "a smaller plan",
        [*BEFORE, order("completed", "3 10:00", item_action="modify", offering_kind="plan", previous_offering_id="plan-m", offering_id="plan-s")],
        [found("plan.downgraded")],
    ),
    Case("two complaints", [*BEFORE, *(contact(f"{date} 10:00", "completed", reason="complaint") for date in (3, 4))], [found("care.complaint_repeat")]),
    Case("a bill far above the usual", [*BEFORE, *(bill(4000, f"3 1{at}:00", f"BL-{at}") for at in range(3)), bill(9000, "4 10:00", "BL-4")], [found("bill.shock")]),
    Case("the agreement ends in 30 days", [*BEFORE, agreement("2026-06-03", "2 12:00")], [found("contract.expiring_30")], until=moment("4 10:00:05")),
    Case("a week without use", [*(theirs(f"{date} 10:00") for date in range(1, 6)), porting("6 10:00")], [found("churn.all_silence_7")], until=moment("12 10:00:05")),
    Case(
        "use has halved",
        [seen("310000", "3 23:00"), *(call(f"{date} 10:00", duration_s=1200) for date in (5, 12, 19, 26)), theirs("33 10:00"), porting("34 10:00")],
        [{**found("churn.activity_decay"), "first_at": "2026-06-02T02:00:00.000Z"}],
        until=moment("39 00:00:05"),
    ),
    Case(
        "again after 30 civil days",
        [*BEFORE, view("cancel", "3 10:00"), theirs("30 10:00"), porting("31 10:00"), view("cancel", "33 10:00")],
        [FOUND, {**FOUND, "first_at": "2026-05-30T02:00:00.000Z"}],
    ),
    Case(
        "a day before, and what began before them is no news",
        [*BEFORE, view("cancel", "3 10:00"), theirs("30 10:00"), porting("31 10:00"), view("cancel", "32 10:00"), porting("33 10:00")],
        [FOUND],
    ),
]

"""Several different signs of leaving: first in the queue for a save."""

from events.bill.shock import Shock
from events.care.complaint_repeat import ComplaintRepeat
from events.churn.activity_decay import ActivityDecay
from events.churn.all_silence_7 import AllSilence7
from events.churn.competitor_hotline import CompetitorHotline, theirs
from events.churn.port_code_requested import PortCodeRequested
from events.contract.expiring_30 import Expiring30
from events.plan.downgraded import Downgraded
from events.stories import session, state_change, status, view
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
    detail = Detail(signals=recent.list(signs.name), first_at=recent.first(signs.time).or_(event_time))


def porting(at: str, line: str = "S1") -> dict[str, object]:
    """The line asks for its porting code."""
    return state_change("line.port", None, "auth_code_issued", at, subscription_id=line, entity_id=line)


SIGNALS = ["churn.competitor_hotline", "churn.port_code_requested", "web.cancel_page"]
FOUND = {"signals": SIGNALS, "first_at": "2026-05-01T02:00:00.000Z"}
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
]

"""An account has several active lines and no family plan: offer one."""

from events.stories import order, session, status
from events.words import L, O, completed, families, line_status
from streams.define import Case, Detail, Event, Param, active_lines, any_of, cool, edge


class FamilyCandidate(Event, by="account"):
    n = Param(2, unit="lines", ge=2, doc="so many active lines are a family")

    # survives: O.account_id.known() in where → nothing: what is of no account is left out anyway
    orders = completed.where(O.offering_kind == "family", O.account_id.known())
    # survives: .where(L.account_id.known()) → nothing: what is of no account is left out anyway
    when = any_of(status=line_status.where(L.account_id.known()), order=orders).where(active_lines >= n, families.count() == 0)
    rearm = edge, cool("90d")
    detail = Detail(lines=active_lines)


def plan(at: str, **more: object) -> dict[str, object]:
    """A family plan is ordered."""
    return order("completed", at, **{"offering_kind": "family", "offering_id": "family-1", **more})


TWO = [status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2")]
CASES = [
    Case("the second active line", [status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2")], [{"lines": 2}]),
    Case("one line", [status("pendingActive", "active", "10:00")], []),
    Case("a line that was only used", [session("10:00", subscription_id="S2"), status("pendingActive", "active", "11:00")], [{"lines": 2}]),
    Case("suspended is not active", [status("pendingActive", "active", "10:00"), status("active", "suspended", "11:00", "S2")], []),
    Case(
        "a third one",
        [status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2"), status("pendingActive", "active", "12:00", "S3")],
        [{"lines": 2}],
    ),
    Case("with a family plan", [plan("09:00"), status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2")], []),
    Case(
        "the plan is given up, within the cool-down and without one before",
        [plan("09:00"), status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2"), plan("12:00", order_id="OR-2", item_action="delete")],
        [{"lines": 2}],
    ),
    Case(
        "the plan is over: found at the next status",
        [
            plan("09:00", term_end="2026-05-02T00:00:00+08:00"),
            status("pendingActive", "active", "10:00"),
            status("pendingActive", "active", "11:00", "S2"),
            status("pendingActive", "active", "2 12:00", "S3"),
        ],
        [{"lines": 3}],
    ),
    Case("of two accounts", [status("pendingActive", "active", "10:00"), status("pendingActive", "active", "11:00", "S2", account_id="A2")], []),
    Case("another order is no reason to look", [session("10:00"), session("10:01", subscription_id="S2"), order("completed", "11:00")], []),
    Case("a third line when the 90 days are over: they were two all the time", [*TWO, status("pendingActive", "active", "92 10:00", "S3")], [{"lines": 2}]),
    Case(
        "one line again, and two on the last of the 90 days",
        [*TWO, status("active", "suspended", "50 10:00", "S2"), status("suspended", "active", "90 10:00", "S2")],
        [{"lines": 2}],
    ),
    Case("a day later", [*TWO, status("active", "suspended", "50 10:00", "S2"), status("suspended", "active", "91 10:00", "S2")], [{"lines": 2}, {"lines": 2}]),
]

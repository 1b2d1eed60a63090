"""The line was barred: pay, and it is back."""

from events.stories import status
from events.words import L, line_status
from streams.define import Case, Detail, Event


class Suspended(Event, by="line"):
    state = line_status.moves(L.new_value, old=L.old_value)
    when = state.where(state.to == "suspended")
    detail = Detail(reason=L.reason)


CASES = [
    Case("barred", [status("active", "suspended", reason="nonpayment")], [{"reason": "nonpayment"}]),
    Case("known from the record before", [status(None, "active", "10:00"), status(None, "suspended", "11:00")], [{"reason": None}]),
    Case("the first that is known of the line", [status(None, "suspended")], []),
    Case("barred already", [status("active", "suspended", "10:00", reason="a"), status("active", "suspended", "11:00", reason="b")], [{"reason": "a"}]),
    Case(
        "each time",
        [status("active", "suspended", "10:00"), status("suspended", "active", "11:00"), status("active", "suspended", "12:00")],
        [{"reason": None}, {"reason": None}],
    ),
    Case("going to be closed", [status("active", "pendingTerminate")], []),
]

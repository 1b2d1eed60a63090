"""The line was closed: messages stop, and it is noted for a win-back."""

from events.stories import status
from events.words import L, line_status
from streams.define import Case, Detail, Event, day, once, ref


class Terminated(Event, by="line"):
    state = line_status.moves(L.new_value, old=L.old_value.or_("active"))  # an end is an event even where nothing was known before
    when = state.where(state.to == "terminated")
    rearm = once
    detail = Detail(reason=L.reason, tenure_days=day - ref.line.activation_date(L.subscription_id))


CASES = [
    Case("after a month", [status("active", "terminated", "2 23:59:59.999", reason="moved away")], [{"reason": "moved away", "tenure_days": 31}]),
    Case("the first that is known of the line", [status(None, "terminated")], [{"reason": None, "tenure_days": 30}]),
    Case("a line in no table", [status("active", "terminated", line="S2")], [{"reason": None, "tenure_days": None}]),
    Case("going to be", [status("active", "pendingTerminate")], []),
    Case("reported twice", [status("active", "terminated", "10:00", reason="a"), status("active", "terminated", "11:00", reason="b")], [{"reason": "a", "tenure_days": 30}]),
    Case(
        "once in its life",
        [status("active", "terminated", "1 10:00"), status("terminated", "active", "3 10:00"), status("active", "terminated", "20 10:00")],
        [{"reason": None, "tenure_days": 30}],
    ),
]

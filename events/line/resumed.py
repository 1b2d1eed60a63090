"""The line is back: auto-pay keeps it so."""

from events.stories import status
from events.words import L, line_status
from streams.define import Case, Detail, Event


class Resumed(Event, by="line"):
    state = line_status.moves(L.new_value, old=L.old_value)
    barred = line_status.moves(L.new_value, old=L.old_value.or_("unknown")).where(L.new_value == "suspended")  # the first state that is known counts too
    when = state.where(state.to == "active", state.was == "suspended")
    detail = Detail(suspended_h=(L.event_time - barred.latest(L.event_time)).hours)


CASES = [
    Case("within two hours", [status("active", "suspended", "10:00"), status("suspended", "active", "11:59:59.999")], [{"suspended_h": 1}]),
    Case("since when was not seen", [status("suspended", "active")], [{"suspended_h": None}]),
    Case("reported twice", [status("active", "suspended", "10:00"), status("active", "suspended", "11:00"), status("suspended", "active", "13:00")], [{"suspended_h": 3}]),
    Case("known from the first record of the line", [status(None, "suspended", "10:00"), status(None, "active", "12:00")], [{"suspended_h": 2}]),
    Case(
        "from the last time on",
        [status("active", "suspended", "10:00"), status("suspended", "active", "12:00"), status("active", "suspended", "14:00"), status("suspended", "active", "15:00")],
        [{"suspended_h": 2}, {"suspended_h": 1}],
    ),
    Case("was not barred", [status("pendingActive", "active", "10:00"), status("suspended", "active", "11:00")], []),
    Case("barred, and not live", [status("active", "suspended", "10:00"), status("suspended", "created", "11:00")], []),
]

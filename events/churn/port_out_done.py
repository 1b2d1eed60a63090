"""Left to a competitor: win back after a month."""

from events.stories import state_change, status
from events.words import L, port
from streams.define import Case, Detail, Event, day, once, ref


class PortOutDone(Event, by="line"):
    when = port.where(L.new_value == "out_done")
    rearm = once
    detail = Detail(tenure_days=day - ref.line.activation_date(L.subscription_id))


CASES = [
    Case("after a month", [state_change("line.port", "out_requested", "out_done", "2 10:00")], [{"tenure_days": 31}]),
    Case("a line in no table", [state_change("line.port", None, "out_done", subscription_id="S2", entity_id="S2")], [{"tenure_days": None}]),
    Case("closed before", [status("active", "terminated", "1 10:00"), state_change("line.port", None, "out_done", "1 11:00")], [{"tenure_days": 30}]),
    Case("once", [state_change("line.port", None, "out_done", "1 10:00"), state_change("line.port", None, "out_done", "2 10:00")], [{"tenure_days": 30}]),
    Case("asked for, or called off", [state_change("line.port", None, "out_requested"), state_change("line.port", None, "out_cancelled", "11:00")], []),
]

"""The line goes live: start the welcome journey."""

from events.stories import status
from events.words import L
from streams.define import Case, Detail, Event, once, ref


class Activated(Event, by="line"):
    # survives: .where(L.attribute == "line.status") → nothing: no other attribute has these values
    status = L.where(L.attribute == "line.status").moves(L.new_value, old=L.old_value)
    when = status.where(status.to == "active", status.was.isin("created", "pendingActive"))
    rearm = once
    detail = Detail(channel=L.channel, payment_type=ref.line.payment_type(L.subscription_id))


CASES = [
    Case("goes live", [status("pendingActive", "active", channel="store")], [{"channel": "store", "payment_type": "prepaid"}]),
    Case("known from the record before", [status(None, "created", "10:00"), status(None, "active", "11:00")], [{"channel": None, "payment_type": "prepaid"}]),
    Case("a line in no table: how it is paid is unknown", [status("pendingActive", "active", line="S2")], [{"channel": None, "payment_type": None}]),
    Case("back from a suspension", [status("suspended", "active")], []),
    Case("nothing known of the state before", [status(None, "active")], []),
    Case("goes live once", [status("pendingActive", "active", "1 10:00"), status("pendingActive", "active", "2 10:00")], [{"channel": None, "payment_type": "prepaid"}]),
    Case("not live yet", [status("created", "pendingActive")], []),
    Case(
        "goes live again",
        [status("pendingActive", "active", "1 10:00"), status("active", "created", "2 10:00"), status("created", "active", "3 10:00")],
        [{"channel": None, "payment_type": "prepaid"}],
    ),
]

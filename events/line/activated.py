"""The line goes live: start the welcome journey."""

from events.words import L
from streams.define import Event, Field, line, once, unknown


class Activated(Event, by="line", number=132):
    status = L.where(L.attribute == "line.status").changes(L.new_value, old=L.old_value)
    when = status.moved.where(L.new_value == "active", status.before.isin("created", "pendingActive"))
    rearm = once()

    channel: Field[str | None] = unknown
    payment_type: Field[str] = line.payment_type(L.subscription_id)

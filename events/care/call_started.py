"""The customer contacts the hotline: the agent should see the best offer now."""

from events.words import C, contacts
from streams.define import Event, Field, per


class CallStarted(Event, by="customer", number=100):
    when = contacts.where(C.channel.isin("ivr", "call_agent"), C.status == "opened")
    rearm = per(C.interaction_id)

    interaction_id: Field[str] = C.interaction_id
    reason: Field[str] = C.reason

"""The customer contacts the hotline: the agent should see the best offer now."""

from events.stories import contact
from events.words import C, contacts
from streams.define import Case, Event, Field, per


class CallStarted(Event, by="customer"):
    when = contacts.where(C.channel.isin("ivr", "call_agent"), C.status == "opened")
    rearm = per(C.interaction_id)

    interaction_id: Field[str] = C.interaction_id
    reason: Field[str] = C.reason


CASES = [
    Case("calls the hotline", [contact("10:00", interaction_id="IN-1"), contact("10:00:01", interaction_id="IN-1")], [{"interaction_id": "IN-1", "reason": "billing"}]),
    Case("a chat is no call", [contact(channel="chat")], []),
    Case("the end of a call is no start", [contact(status="completed")], []),
]

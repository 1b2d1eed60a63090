"""The customer contacts the hotline: the agent should see the best offer now."""

from events.stories import contact
from events.words import C, contacts
from streams.define import Case, Detail, Event, once_per


class CallStarted(Event, by="customer"):
    when = contacts.where(C.channel.isin("ivr", "call_agent"), C.status == "opened")
    rearm = once_per(C.interaction_id)
    detail = Detail(interaction_id=C.interaction_id, reason=C.reason)


CASES = [
    Case("calls the hotline", [contact("10:00", interaction_id="IN-1"), contact("10:00:01", interaction_id="IN-1")], [{"interaction_id": "IN-1", "reason": "billing"}]),
    Case("a chat is no call", [contact(channel="chat")], []),
    Case("the end of a call is no start", [contact(status="completed")], []),
    Case("a voice menu is a call", [contact(channel="ivr", interaction_id="IN-1")], [{"interaction_id": "IN-1", "reason": "billing"}]),
    Case("a dealer is none", [contact(channel="agent_dealer")], []),
]

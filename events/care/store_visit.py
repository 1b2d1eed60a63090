"""The customer stands in a store: the clerk should see the best offer now."""

from events.stories import contact
from events.words import C, contacts
from streams.define import Case, Detail, Event, once_per


class StoreVisit(Event, by="customer"):
    when = contacts.where(C.channel.isin("store", "kiosk", "agent_dealer"), C.status == "opened")
    rearm = once_per(C.interaction_id)
    detail = Detail(interaction_id=C.interaction_id, city=C.city_code, reason=C.reason)


VISIT = {"interaction_id": "IN-1", "city": None, "reason": "billing"}
CASES = [
    Case(
        "store, kiosk, dealer",
        [
            contact("10:00", channel="store", interaction_id="IN-1", city_code="310000"),
            contact("11:00", channel="kiosk", interaction_id="IN-2"),
            contact("12:00", channel="agent_dealer", interaction_id="IN-3"),
        ],
        [{**VISIT, "city": "310000"}, {**VISIT, "interaction_id": "IN-2"}, {**VISIT, "interaction_id": "IN-3"}],
    ),
    Case("one visit, reported twice", [contact("10:00", channel="store", interaction_id="IN-1"), contact("10:20", channel="kiosk", interaction_id="IN-1")], [VISIT]),
    Case("a call is no visit", [contact()], []),
    Case("the end of a visit is no start", [contact(status="completed", channel="store")], []),
    Case("the operator goes to the customer", [contact(channel="store", direction="outbound")], []),
    Case("in the app", [contact(channel="app")], []),
]
